"""The customer pages: whether they are included where something leads to them, and have what they need."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.checks import Tags, Warning, register  # noqa: A004
from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string

from ..conf import PREFIX, conf
from .common import TAG, Messages


@register(TAG, Tags.urls)
def check_mails_have_pages_to_lead_to(**kwargs: Any) -> Messages:
    if not conf.MAILS or has_pages() is not False:
        return []
    return [
        Warning(
            f"{PREFIX}MAILS is {conf.MAILS!r}, but spree_digitals.pages.urls is not included in the URLconf: no mail "
            "can be sent, as each leads to the page of a link.",
            hint='Add to urlpatterns: path("downloads/", include("spree_digitals.pages.urls")). '
            f"A shop that writes all mails itself sets {PREFIX}MAILS = []",
            id="spree_digitals.W006",
        )
    ]


@register(TAG, Tags.urls)
def check_pages_have_sessions(**kwargs: Any) -> Messages:
    if not has_pages() or any(is_session_middleware(path) for path in settings.MIDDLEWARE):
        return []
    return [
        Warning(
            "spree_digitals.pages.urls is included, but MIDDLEWARE has no SessionMiddleware: guests cannot sign in to "
            "their downloads.",
            hint='Add to MIDDLEWARE: "django.contrib.sessions.middleware.SessionMiddleware", and to INSTALLED_APPS: '
            '"django.contrib.sessions"',
            id="spree_digitals.W007",
        )
    ]


@register(TAG, Tags.urls)
def check_pages_have_downloads_to_lead_to(**kwargs: Any) -> Messages:
    if not has_pages() or included("spree_digitals:download", token="x") is not False:  # noqa: S106
        return []
    return [
        Warning(
            "spree_digitals.pages.urls is included, but spree_digitals.urls is not: the button of the pages leads "
            "nowhere.",
            hint='Add to urlpatterns: path("api/v2/", include("spree_digitals.urls"))',
            id="spree_digitals.W008",
        )
    ]


def has_pages() -> bool | None:
    return included("spree_digitals_pages:link", token="x")  # noqa: S106


def included(name: str, **kwargs: str) -> bool | None:
    """Whether the project's URLconf has this; None if it is broken, which Django tells."""
    try:
        reverse(name, kwargs=kwargs)
    except NoReverseMatch:
        return False
    except Exception:  # whatever the project's modules do
        return None
    return True


def is_session_middleware(path: str) -> bool:
    try:
        found: object = import_string(path)
    except Exception:  # Django tells when it starts to serve
        return False
    return isinstance(found, type) and issubclass(found, SessionMiddleware)
