"""Amazon S3 and what speaks its protocol, through ``storages.backends.s3.S3Storage``."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from botocore.exceptions import ClientError
from storages.utils import clean_name

from .base import Overrides

SIGNATURES = ("X-Amz-Signature", "Signature")  # version 4; version 2 and CloudFront


def size(storage: Any, name: str) -> int:
    return int(_ask(storage, "head_object", name)["ContentLength"])


def read(storage: Any, name: str, start: int, stop: int) -> tuple[Any, int]:
    found = _ask(storage, "get_object", name, Range=f"bytes={start}-{stop - 1}")
    return found["Body"], int(found["ContentRange"].rpartition("/")[2])


def signed_url(storage: Any, name: str, lifetime: int, overrides: Overrides) -> str:
    parameters = {
        "response-content-disposition": overrides.disposition,
        "response-content-type": overrides.content_type,
        "response-cache-control": overrides.cache_control,
    }
    if storage.custom_domain:  # CloudFront hands them on as they are
        url: str = storage.url(name, parameters=parameters, expire=lifetime)
    else:
        url = _presigned(storage, name, lifetime, parameters)
    return url


def is_signed(url: str) -> bool:
    return any(name in parse_qs(urlsplit(url).query) for name in SIGNATURES)


def _presigned(storage: Any, name: str, lifetime: int, parameters: dict[str, str]) -> str:
    # Of a storage that is not to sign, the address without a signature: the error of the shop has to be seen.
    client = _client(storage) if storage.querystring_auth else storage.unsigned_connection.meta.client
    # botocore calls them ResponseContentDisposition …
    asked = {header.title().replace("-", ""): value for header, value in parameters.items()}
    url: str = client.generate_presigned_url("get_object", Params=_place(storage, name) | asked, ExpiresIn=lifetime)
    return url


def _ask(storage: Any, operation: str, name: str, **parameters: str) -> Any:
    try:
        return getattr(_client(storage), operation)(**_place(storage, name), **parameters)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] in (404, 416):
            raise FileNotFoundError(f"{name}: {error}") from error
        raise


def _client(storage: Any) -> Any:
    """
    One client for all threads, as botocore allows.

    ``storage.connection`` is made anew for each thread, which takes a quarter of a second and megabytes; under ASGI
    each request has a thread of its own.
    """
    return storage.bucket.meta.client


def _place(storage: Any, name: str) -> dict[str, str]:
    return {"Bucket": storage.bucket_name, "Key": storage._normalize_name(clean_name(name))}
