"""Google Cloud Storage, through ``storages.backends.gcloud.GoogleCloudStorage``."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from google.cloud.exceptions import NotFound

from .base import Overrides

CHUNK = 1024 * 1024  # bytes that the package's reader fetches at a time; its own 40 MiB would be held in memory


def read(storage: Any, name: str, start: int, stop: int) -> tuple[Any, int]:
    try:
        blob = storage._get_blob(storage._normalize_name(name))
    except NotFound as error:
        raise FileNotFoundError(f"{name}: {error}") from error
    body = blob.open("rb", chunk_size=CHUNK)
    body.seek(start)
    return body, blob.size


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
