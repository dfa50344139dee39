"""How often sign-in links may be asked for. Counted in Django's cache, where only keyed hashes are kept."""

from __future__ import annotations

import unicodedata
from typing import Any

from django.utils.crypto import salted_hmac
from rest_framework.throttling import SimpleRateThrottle

from ..clients import address_of, household
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
        address = address_of(request.META)
        return self.key_of(household(address)) if address else None


class AddressThrottle(SignInThrottle):
    """One e-mail address, however it is spelt."""

    scope = "address"

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = unicodedata.normalize("NFKC", address).casefold()

    def get_cache_key(self, request: Any, view: Any) -> str:
        return self.key_of(self.address)
