"""Google Cloud Storage, through ``storages.backends.gcloud.GoogleCloudStorage``."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

from storages.utils import clean_name

from .base import Overrides

# Seconds to connect, and for each answer. No setting reaches the package's own: a minute, and then it asks again.
PATIENCE = (2, 4)


def size(storage: Any, name: str) -> int:
    blob = storage.bucket.get_blob(_key(storage, name), timeout=PATIENCE, retry=None)
    if blob is None:
        raise FileNotFoundError(name)
    return int(blob.size)


def read(storage: Any, name: str, start: int, stop: int) -> tuple[Any, int]:
    """The package has no way to read from one answer while it comes: its readers ask anew for every few MiB."""
    path = storage.bucket.blob(_key(storage, name)).path
    found = storage.client._http.get(
        f"{storage.client.api_endpoint}/download/storage/v1{path}?alt=media",
        # The bytes as they are stored: Google unpacks for those who cannot.
        headers={"Range": f"bytes={start}-{stop - 1}", "Accept-Encoding": "gzip"},
        stream=True,
        timeout=PATIENCE,
    )
    if found.status_code == HTTPStatus.PARTIAL_CONTENT:
        return found.raw, int(found.headers["Content-Range"].rpartition("/")[2])
    found.close()
    if found.status_code in (HTTPStatus.NOT_FOUND, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE):
        raise FileNotFoundError(f"{name}: {found.status_code} {found.reason}")
    raise OSError(f"Google Cloud Storage answered {found.status_code} {found.reason}.")


def signed_url(storage: Any, name: str, lifetime: int, overrides: Overrides) -> str:
    parameters = {
        "expiration": timedelta(seconds=lifetime),
        "response_disposition": overrides.disposition,
        "response_type": overrides.content_type,
        # Google's way of naming a header that has no argument of its own.
        "query_parameters": {"response-cache-control": overrides.cache_control},
    }
    url: str = storage.url(name, parameters=parameters)
    return url


def is_signed(url: str) -> bool:
    query = parse_qs(urlsplit(url).query)
    return "X-Goog-Signature" in query or "Signature" in query


def _key(storage: Any, name: str) -> str:
    key: str = storage._normalize_name(clean_name(name))
    return key
