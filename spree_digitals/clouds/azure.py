"""Azure Blob Storage, through ``storages.backends.azure_storage.AzureStorage``."""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import parse_qs, urlsplit

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError

from .base import Overrides

# Bytes of one request. Azure's package takes nine times as much memory for them, and by itself asks for 32 MiB.
PIECE = 512 * 1024


class Pieces:
    """Bytes of a blob, fetched piece by piece as they are read."""

    def __init__(self, blob: Any, start: int, stop: int, **options: Any) -> None:
        self.blob, self.position, self.stop, self.options = blob, start, stop, options
        self.piece = io.BytesIO()

    def fetch(self) -> Any:
        """Azure's answer to the request for the next piece."""
        length = min(PIECE, self.stop - self.position)
        found = self.blob.download_blob(offset=self.position, length=length, max_concurrency=1, **self.options)
        self.piece = io.BytesIO(found.readall())
        self.position += length
        return found

    def read(self, size: int) -> bytes:
        block = self.piece.read(size)
        if not block and self.position < self.stop:
            self.fetch()
            block = self.piece.read(size)
        return block

    def close(self) -> None:
        self.position, self.piece = self.stop, io.BytesIO()


def size(storage: Any, name: str) -> int:
    try:
        return int(_blob(storage, name).get_blob_properties(timeout=storage.timeout).size)
    except HttpResponseError as error:
        raise _translated(error, name) from error


def read(storage: Any, name: str, start: int, stop: int) -> tuple[Any, int]:
    body = Pieces(_blob(storage, name), start, stop, timeout=storage.timeout)
    try:
        found = body.fetch().properties
    except HttpResponseError as error:
        raise _translated(error, name) from error
    # All pieces are of the same blob.
    body.options |= {"etag": found.etag, "match_condition": MatchConditions.IfNotModified}
    return body, int(found.content_range.rpartition("/")[2])


def signed_url(storage: Any, name: str, lifetime: int, overrides: Overrides) -> str:
    parameters = {
        "content_disposition": overrides.disposition,
        "content_type": overrides.content_type,
        "cache_control": overrides.cache_control,
    }
    url: str = storage.url(name, expire=lifetime, parameters=parameters)
    return url


def is_signed(url: str) -> bool:
    return "sig" in parse_qs(urlsplit(url).query)


def _blob(storage: Any, name: str) -> Any:
    return storage.client.get_blob_client(storage._get_valid_path(name))


def _translated(error: HttpResponseError, name: str) -> Exception:
    return FileNotFoundError(f"{name}: {error}") if error.status_code in (404, 416) else error
