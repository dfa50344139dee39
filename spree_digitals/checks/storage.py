"""The storage of the sold files: whether there is one, and whether it is private."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import global_settings, settings
from django.core.checks import Error, Tags, register
from django.core.files.storage import FileSystemStorage, Storage, storages

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
    if not getattr(storage, "querystring_auth", True):
        problem, remedy = "querystring_auth=False", '"querystring_auth": True'
    elif getattr(storage, "custom_domain", None) and not getattr(storage, "cloudfront_signer", True):
        problem = f"custom_domain={getattr(storage, 'custom_domain', None)!r} and no CloudFront key"
        remedy = '"cloudfront_key_id" and "cloudfront_key", or remove "custom_domain"'
    else:
        return []
    return [
        Error(
            f'STORAGES["{ALIAS}"] has {problem}: its URLs are not signed, and whoever has one may download for ever.',
            hint=f"Set in its OPTIONS: {remedy}",
            id="spree_digitals.E019",
        )
    ]


@register(TAG, Tags.files, Tags.security)
def check_stored_objects_are_private(**kwargs: Any) -> Messages:
    acl = getattr(storage_of(ALIAS), "default_acl", None)
    if not isinstance(acl, str) or not acl.lower().startswith(("public", "authenticated")):
        return []
    return [
        Error(
            f'STORAGES["{ALIAS}"] has default_acl={acl!r}: strangers could download the sold files without a link.',
            hint='Set in its OPTIONS: "default_acl": "private"',
            id="spree_digitals.E020",
        )
    ]


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
