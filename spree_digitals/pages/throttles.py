"""How often sign-in links may be asked for. Counted in Django's cache, where only keyed hashes are kept."""

from __future__ import annotations

import unicodedata
from ipaddress import IPv4Address, IPv6Network, ip_address
from typing import Any

from django.utils.crypto import salted_hmac
from rest_framework.settings import api_settings
from rest_framework.throttling import SimpleRateThrottle

from ..conf import conf


class SignInThrottle(SimpleRateThrottle):
    """A rate of ``SPREE_DIGITALS_SIGN_IN_RATES``; without limit where it is not named there."""

    cache_format = "spree_digitals.sign_in.%(scope)s.%(ident)s"
    scope: str

    def get_rate(self) -> str | None:
        return conf.SIGN_IN_RATES.get(self.scope)

    def key_of(self, value: str) -> str:
        ident = salted_hmac("spree_digitals.throttle", value, algorithm="sha256").hexdigest()
        return self.cache_format % {"scope": self.scope, "ident": ident}


class ClientThrottle(SignInThrottle):
    """One client, where it can be told from others."""

    scope = "client"

    def get_cache_key(self, request: Any, view: Any) -> str | None:
        # Without NUM_PROXIES, REST framework believes whatever X-Forwarded-For says.
        proxied = api_settings.NUM_PROXIES is not None
        address = self.get_ident(request) if proxied else request.META.get("REMOTE_ADDR")
        return self.key_of(network(address)) if address else None


class AddressThrottle(SignInThrottle):
    """One e-mail address, however it is spelt."""

    scope = "address"

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = unicodedata.normalize("NFKC", address).casefold()

    def get_cache_key(self, request: Any, view: Any) -> str:
        return self.key_of(self.address)


def network(address: str) -> str:
    """An IPv4 address as it is; of IPv6 the /64, of which a household has as many addresses as it likes."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv4Address):
        return str(found)
    return str(found.ipv4_mapped or IPv6Network((int(found), 64), strict=False))
