"""
What each object storage does in a way of its own: finding and reading an object, and signing an address for it.

The storages are those of django-storages, recognised by name: none of their packages is imported before it is used.
"""

from __future__ import annotations

from importlib import import_module

from django.core.files.storage import Storage

from .base import Cloud, Overrides

CLOUDS = {
    "storages.backends.s3.S3Storage": "spree_digitals.clouds.s3",
    "storages.backends.azure_storage.AzureStorage": "spree_digitals.clouds.azure",
    "storages.backends.gcloud.GoogleCloudStorage": "spree_digitals.clouds.google",
}


def cloud_of(storage: Storage) -> Cloud | None:
    """How to ask this storage; None when it is none of the object storages that are known here."""
    for kind in storage.__class__.__mro__:
        module = CLOUDS.get(f"{kind.__module__}.{kind.__qualname__}")
        if module is not None:
            cloud: Cloud = import_module(module)
            return cloud
    return None


__all__ = ["Cloud", "Overrides", "cloud_of"]
