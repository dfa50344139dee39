"""What the checks ask. None or nothing: it is broken, and another check says so."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Model

from ..conf import conf
from ..models import Digital, DigitalLink, StoreLimits
from ..storefront import Storefront, get_storefront

Messages = list[CheckMessage]

TAG = "spree_digitals"

# The setting that names a model, and the foreign key of ours that points at it.
FOREIGN_KEYS: dict[str, tuple[type[Model], str]] = {
    "STORE_MODEL": (StoreLimits, "store"),
    "VARIANT_MODEL": (Digital, "variant"),
    "LINE_ITEM_MODEL": (DigitalLink, "line_item"),
}


def shop_model(name: str) -> type[Model] | None:
    try:
        return apps.get_model(getattr(conf, name))
    except (LookupError, ValueError, ImproperlyConfigured):
        return None


def adapter() -> Storefront | None:
    try:
        found: object = get_storefront()
    except Exception:  # E002
        return None
    return found if isinstance(found, Storefront) else None


def name_of(storefront: Storefront) -> str:
    return f"{type(storefront).__module__}.{type(storefront).__qualname__}"


def overrides(storefront: Storefront, method: str) -> bool:
    return getattr(type(storefront), method) is not getattr(Storefront, method)


def reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def did_you_mean(value: Any, choices: Collection[str]) -> str:
    by_case = {choice.casefold(): choice for choice in choices}
    near = get_close_matches(str(value).casefold(), by_case, n=1)
    return f' Did you mean "{by_case[near[0]]}"?' if near else ""
