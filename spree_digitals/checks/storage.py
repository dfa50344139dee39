"""The storage of the sold files: whether there is one, and whether it is private."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import global_settings, settings
from django.core.checks import Error, Tags, register
from django.core.files.storage import FileSystemStorage, Storage, storages

from ..conf import PREFIX
from ..delivery import get_delivery
from ..delivery.base import Delivery
from ..delivery.redirect import SignedRedirect
from ..storage import ALIAS
from .common import TAG, Messages, reason

PRIVATE_DIRECTORY = (
    '{"BACKEND": "django.core.files.storage.FileSystemStorage", '
    f'"OPTIONS": {{"location": BASE_DIR / "{ALIAS}", "file_permissions_mode": 0o600}}}}'
)
STORAGE_TO_PASTE = f'STORAGES["{ALIAS}"] = {PRIVATE_DIRECTORY}'


@register(TAG, Tags.files)
def check_storage_is_configured(**kwargs: Any) -> Messages:
    if ALIAS in settings.STORAGES:
        return []
    to_paste = STORAGE_TO_PASTE
    if settings.STORAGES == global_settings.STORAGES:  # the project's settings have none to add to
        to_paste = f'STORAGES = {str(settings.STORAGES)[:-1]}, "{ALIAS}": {PRIVATE_DIRECTORY}}}'
    return [
        Error(
            f"STORAGES has no {ALIAS!r}, only {', '.join(map(repr, settings.STORAGES)) or 'nothing'}: "
            "the sold files have no place.",
            hint=f"Add a private place that no web server serves: {to_paste}",
            id="spree_digitals.E016",
        )
    ]


@register(TAG, Tags.files)
def check_storage_can_be_used(**kwargs: Any) -> Messages:
    if ALIAS not in settings.STORAGES:  # E016
        return []
    try:
        storages[ALIAS]
    except Exception as error:  # every storage has exceptions of its own
        return [
            Error(
                f'STORAGES["{ALIAS}"] is {backend_of(settings.STORAGES[ALIAS])!r}, which cannot be used: '
                f"{reason(error)}",
                hint=f"Correct BACKEND and OPTIONS, for example: {STORAGE_TO_PASTE}",
                id="spree_digitals.E017",
            )
        ]
    return []


@register(TAG, Tags.files, Tags.security)
def check_storage_directory_is_private(**kwargs: Any) -> Messages:
    storage = storage_of(ALIAS)
    if not isinstance(storage, FileSystemStorage) or not storage.location:
        return []
    overlapping = [name for name, place in public_places(storage) if overlap(str(storage.location), place)]
    if not overlapping:
        return []
    return [
        Error(
            f'STORAGES["{ALIAS}"] keeps the sold files in {str(storage.location)!r}, which is inside or around '
            f"{', '.join(overlapping)}: they could be downloaded without a link.",
            hint=f"Give them a directory that no web server serves: {STORAGE_TO_PASTE}",
            id="spree_digitals.E018",
        )
    ]


@register(TAG, Tags.files, Tags.security)
def check_storage_urls_are_signed(**kwargs: Any) -> Messages:
    storage = storage_of(ALIAS)
    for_ever = "its URLs are not signed, and whoever has one may download for ever."
    if not getattr(storage, "querystring_auth", True):
        problem, remedy = f"querystring_auth=False: {for_ever}", '"querystring_auth": True'
    elif getattr(storage, "custom_domain", None) and not getattr(storage, "cloudfront_signer", True):
        problem = f"custom_domain={getattr(storage, 'custom_domain', None)!r} and no CloudFront key: {for_ever}"
        remedy = '"cloudfront_key_id" and "cloudfront_key", or remove "custom_domain"'
    elif isinstance(delivery(), SignedRedirect) and (lacking := lacks_to_sign(storage)):
        problem = f"{lacking[0]}, but {PREFIX}DELIVERY sends buyers to signed URLs: they will get none."
        remedy = lacking[1]
    else:
        return []
    return [
        Error(
            f'STORAGES["{ALIAS}"] has {problem}',
            hint=f"Set in its OPTIONS: {remedy}",
            id="spree_digitals.E019",
        )
    ]


@register(TAG, Tags.files, Tags.security)
def check_stored_objects_are_private(**kwargs: Any) -> Messages:
    return [
        Error(
            f'STORAGES["{ALIAS}"] has {option}={acl!r}: strangers could download the sold files without a link.',
            hint=f"Set in its OPTIONS: {remedy}",
            id="spree_digitals.E020",
        )
        for option, acl, remedy in access_lists(storage_of(ALIAS))
        if isinstance(acl, str) and acl.lower().startswith(("public", "authenticated"))
    ]


def access_lists(storage: Storage | None) -> Iterator[tuple[str, Any, str]]:
    """What new objects are opened to: the option, its value, and what to write in its place."""
    yield "default_acl", getattr(storage, "default_acl", None), '"default_acl": "private"'
    parameters = getattr(storage, "object_parameters", None) or {}
    for name in ("ACL", "acl"):  # S3; Google
        yield f"object_parameters[{name!r}]", parameters.get(name), f'"object_parameters" without {name!r}'


def lacks_to_sign(storage: Any) -> tuple[str, str] | None:
    """What an Azure or Google storage would need to sign with, and how to give it; None where it has that."""
    if hasattr(storage, "account_key") and not (storage.account_key or storage.token_credential):
        return "no account_key and no token_credential", '"account_key", or "token_credential"'
    credentials = getattr(storage, "credentials", None)
    if credentials is not None and not hasattr(credentials, "sign_bytes") and not storage.iam_sign_blob:
        return "credentials that cannot sign", '"iam_sign_blob": True, or the key of a service account as "credentials"'
    return None


def delivery() -> Delivery | None:
    try:
        return get_delivery()
    except Exception:  # anything may be written there
        return None


def storage_of(alias: str) -> Storage | None:
    try:
        return storages[alias]
    except Exception:  # every storage has exceptions of its own
        return None


def backend_of(configuration: Any) -> Any:
    """Without the options, which may hold passwords."""
    return configuration.get("BACKEND") if isinstance(configuration, dict) else configuration


def public_places(storage: FileSystemStorage) -> Iterator[tuple[str, str]]:
    """The directories that web servers are told to serve, each with the setting it comes from."""
    # An empty MEDIA_ROOT is the working directory of whoever starts the process, and then nobody serves it.
    if settings.MEDIA_ROOT or not storage.base_location:
        yield f"MEDIA_ROOT ({str(settings.MEDIA_ROOT)!r})", str(settings.MEDIA_ROOT)
    if settings.STATIC_ROOT:
        yield f"STATIC_ROOT ({str(settings.STATIC_ROOT)!r})", str(settings.STATIC_ROOT)
    for entry in settings.STATICFILES_DIRS:
        directory = str(entry[1] if isinstance(entry, list | tuple) else entry)
        yield f"STATICFILES_DIRS ({directory!r})", directory
    for alias in ("default", "staticfiles"):
        other = storage_of(alias)
        if isinstance(other, FileSystemStorage) and other.base_location:
            yield f'STORAGES["{alias}"] ({str(other.location)!r})', str(other.location)


def overlap(one: str, other: str) -> bool:
    first, second = Path(os.path.realpath(one)), Path(os.path.realpath(other))
    return first.is_relative_to(second) or second.is_relative_to(first)
