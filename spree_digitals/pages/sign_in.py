"""Guests sign in with a link that is mailed to the address of their orders: whoever reads that mail may have them."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from django.contrib.sessions.backends.base import SessionBase
from django.core.exceptions import ImproperlyConfigured
from django.core.signing import BadSignature, TimestampSigner
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone, translation

from .. import mails
from ..conf import conf
from ..storefront import get_storefront

logger = logging.getLogger(__name__)

SALT = "spree_digitals.sign_in"
SESSION_KEY = "spree_digitals_guest"
STAY = timedelta(hours=12)  # from signing in, however busy the guest is


def send_link(typed: str) -> None:
    """
    Mail a sign-in link to the address that completed orders have, if any do; never to what was typed.

    What was typed may look like that address and belong to somebody else.
    """
    storefront = get_storefront()
    addresses = storefront.emails_like(typed)
    newest = storefront.orders_with_email(typed).first()
    if not addresses or newest is None:
        return
    shown = storefront.email(newest)
    address = shown if shown in addresses else min(addresses)
    signed = sign(address)
    try:
        _mail(address, newest, signed)
    except Exception as error:
        # Not the exception itself: mail servers and their libraries quote what they refuse, and with it the link.
        told = f"{type(error).__name__}: {error}".replace(signed, "***")
        logger.error("A sign-in link could not be mailed: %s", told)


def _mail(address: str, order: Model, signed: str) -> None:
    storefront = get_storefront()
    with translation.override(storefront.language(order)):
        path = reverse("spree_digitals_pages:sign_in_link", kwargs={"signed": signed})
        context = {
            "shop": storefront.store_name(order),
            "url": storefront.absolute_url(order, path),
            "minutes": conf.SIGN_IN_MINUTES,
        }
        mails.render("sign_in", context, to=address, sender=storefront.from_email(order)).send()


def sign(address: str) -> str:
    signed: str = _signer().sign_object(address)
    return signed


def address_of(signed: str) -> str | None:
    """The address a link was mailed to; None when the link is not ours, or too old."""
    try:
        address: str = _signer().unsign_object(signed, max_age=timedelta(minutes=conf.SIGN_IN_MINUTES))
    except BadSignature:
        return None
    return address


def _signer() -> Any:
    # Dots: some mail programs and firewalls cut an address at a colon.
    return TimestampSigner(salt=SALT, sep=".")


def remember(request: HttpRequest, address: str) -> None:
    """Sign the guest in, under a new session key: one that somebody has planted is worth nothing."""
    session = session_of(request)
    session.cycle_key()
    session[SESSION_KEY] = {
        "address": address,
        "until": (timezone.now() + STAY).timestamp(),
        "account": _account(request),
    }


def remembered(request: HttpRequest) -> str | None:
    """The address of the guest who signed in, for as long as nobody else has logged in to an account since."""
    guest = getattr(request, "session", {}).get(SESSION_KEY)
    if guest is None or guest["until"] <= timezone.now().timestamp() or guest["account"] != _account(request):
        return None
    address: str = guest["address"]
    return address


def forget(request: HttpRequest) -> None:
    session_of(request).pop(SESSION_KEY, None)


def session_of(request: HttpRequest) -> SessionBase:
    if not hasattr(request, "session"):
        raise ImproperlyConfigured(
            "The pages on which guests sign in need sessions. Add "
            '"django.contrib.sessions.middleware.SessionMiddleware" to MIDDLEWARE.'
        )
    return request.session


def _account(request: HttpRequest) -> str | None:
    user = getattr(request, "user", None)
    return str(user.pk) if user is not None and user.is_authenticated else None
