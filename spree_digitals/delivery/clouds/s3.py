"""Amazon S3 and what speaks its protocol, through ``storages.backends.s3.S3Storage``."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from botocore.exceptions import ClientError

from .base import Overrides

SIGNATURES = ("X-Amz-Signature", "Signature")  # version 4; version 2 and CloudFront


def read(storage: Any, name: str, start: int, stop: int) -> tuple[Any, int]:
    key = storage._normalize_name(name)
    try:
        found = storage.bucket.Object(key).get(Range=f"bytes={start}-{stop - 1}")
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] in (404, 416):
            raise FileNotFoundError(f"{name}: {error}") from error
        raise
    return found["Body"], int(found["ContentRange"].rpartition("/")[2])


def signed_url(storage: Any, name: str, lifetime: int, overrides: Overrides) -> str:
    parameters = {
        "ResponseContentDisposition": overrides.disposition,
        "ResponseContentType": overrides.content_type,
        "ResponseCacheControl": overrides.cache_control,
    }
    if storage.custom_domain:  # CloudFront hands on what S3 calls by these names
        parameters = {
            "response-content-disposition": overrides.disposition,
            "response-content-type": overrides.content_type,
            "response-cache-control": overrides.cache_control,
        }
    url: str = storage.url(name, parameters=parameters, expire=lifetime)
    return url


def is_signed(url: str) -> bool:
    return any(name in parse_qs(urlsplit(url).query) for name in SIGNATURES)
