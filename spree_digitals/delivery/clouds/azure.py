"""Azure Blob Storage, through ``storages.backends.azure_storage.AzureStorage``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

from azure.core.exceptions import HttpResponseError

from .base import Overrides


class Chunks:
    """The chunks that Azure's package fetches one after the other, read as a file is."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.chunks = chunks
        self.rest = b""

    def read(self, size: int) -> bytes:
        if not self.rest:
            self.rest = next(self.chunks, b"")
        block, self.rest = self.rest[:size], self.rest[size:]
        return block

    def close(self) -> None:
        self.rest, self.chunks = b"", iter(())


def read(storage: Any, name: str, start: int, stop: int) -> tuple[Any, int]:
    blob = storage.client.get_blob_client(storage._get_valid_path(name))
    try:
        found = blob.download_blob(offset=start, length=stop - start, max_concurrency=1, timeout=storage.timeout)
    except HttpResponseError as error:
        if error.status_code in (404, 416):
            raise FileNotFoundError(f"{name}: {error}") from error
        raise
    return Chunks(found.chunks()), int(found.properties.content_range.rpartition("/")[2])


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
