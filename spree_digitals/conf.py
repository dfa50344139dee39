"""Every setting of the app: its type, its default and what it means. Read when used, never cached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

PREFIX = "SPREE_DIGITALS_"
# Nothing from elsewhere: a page whose address is a secret must not tell it to others.
DEFAULT_CSP = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"


class Settings:
    """The ``SPREE_DIGITALS_*`` settings; ``conf.STOREFRONT`` is ``settings.SPREE_DIGITALS_STOREFRONT``."""

    @property
    def STORE_MODEL(self) -> str:
        """The shop's store model, as ``"app_label.ModelName"``. Required; without stores: ``"sites.Site"``."""
        return self._model("STORE_MODEL", "shop.Store")

    @property
    def VARIANT_MODEL(self) -> str:
        """The model of what is sold and has files, as ``"app_label.ModelName"``. Required."""
        return self._model("VARIANT_MODEL", "shop.Variant")

    @property
    def LINE_ITEM_MODEL(self) -> str:
        """The model of one line of an order, as ``"app_label.ModelName"``. Required."""
        return self._model("LINE_ITEM_MODEL", "shop.LineItem")

    @property
    def STOREFRONT(self) -> str:
        """Dotted path of the shop's :class:`~spree_digitals.storefront.Storefront` subclass."""
        path: str = self._get("STOREFRONT", "spree_digitals.storefront.Storefront")
        return path

    @property
    def DEFAULT_AUTHORIZED_CLICKS(self) -> int | None:
        """How many times one link may be used where neither link, file nor store says. None: without limit."""
        clicks: int | None = self._get("DEFAULT_AUTHORIZED_CLICKS", 5)
        return clicks

    @property
    def DEFAULT_AUTHORIZED_DAYS(self) -> int | None:
        """For how many days of 24 hours a link works where neither link, file nor store says. None: for ever."""
        days: int | None = self._get("DEFAULT_AUTHORIZED_DAYS", 7)
        return days

    @property
    def DEFAULT_LINK_EXPIRE_TIME(self) -> int:
        """How many seconds a presigned storage URL lives where the store does not say."""
        seconds: int = self._get("DEFAULT_LINK_EXPIRE_TIME", 300)
        return seconds

    @property
    def AUTHENTICATION_CLASSES(self) -> Sequence[Any]:
        """
        How customers identify themselves to ``account/orders``, and staff to ``platform/``.

        Default: the project's REST_FRAMEWORK classes.
        """
        from rest_framework.settings import api_settings

        classes: Sequence[Any] = self._get("AUTHENTICATION_CLASSES", api_settings.DEFAULT_AUTHENTICATION_CLASSES)
        return classes

    @property
    def CLIENT_ADDRESS(self) -> str:
        """What is kept of the address a download comes from: its "network" (IPv4 /24, IPv6 /48), "full", or "none"."""
        kept: str = self._get("CLIENT_ADDRESS", "network")
        return kept

    @property
    def TRUSTED_PROXIES(self) -> Sequence[str]:
        """
        Addresses and networks of the proxies in front, whose X-Forwarded-For is believed; "unix" for a unix socket.

        By default none: a client is who REMOTE_ADDR says.
        """
        proxies: Sequence[str] = self._get("TRUSTED_PROXIES", ())
        return proxies

    @property
    def RESUME_WINDOW(self) -> timedelta:
        """How long after its last grant a download may be resumed without counting again (longer for large files)."""
        window: timedelta = self._get("RESUME_WINDOW", timedelta(minutes=30))
        return window

    @property
    def RESUME_BUDGET(self) -> int:
        """How many times the size of its file one download may take where the app does not see the bytes travel."""
        times: int = self._get("RESUME_BUDGET", 20)
        return times

    @property
    def ONE_STATEMENT(self) -> bool:
        """Whether PostgreSQL counts and records a use in one statement; False: in a transaction, as elsewhere."""
        whether: bool = self._get("ONE_STATEMENT", True)
        return whether

    @property
    def DELIVERY(self) -> Mapping[str, Any]:
        """How files travel, as an entry of STORAGES is written: BACKEND, the path of a Delivery, and its OPTIONS."""
        delivery: Mapping[str, Any] = self._get("DELIVERY", {"BACKEND": "spree_digitals.delivery.stream.Stream"})
        return delivery

    @property
    def MAILS(self) -> Sequence[str]:
        """Which mails buyers get by themselves: "files_ready" after completion, "new_version" after a replacement."""
        kinds: Sequence[str] = self._get("MAILS", ["files_ready"])
        return kinds

    @property
    def SIGN_IN_MINUTES(self) -> int:
        """For how many minutes the link works that is mailed to guests who ask for their downloads."""
        minutes: int = self._get("SIGN_IN_MINUTES", 30)
        return minutes

    @property
    def SIGN_IN_RATES(self) -> Mapping[str, str]:
        """How many sign-in mails may be asked for: by one "client", and for one e-mail "address"."""
        rates: Mapping[str, str] = self._get("SIGN_IN_RATES", {"client": "10/hour", "address": "3/hour"})
        return rates

    @property
    def PAGES_CSP(self) -> str | None:
        """The Content-Security-Policy of the customer pages. None: the project sends its own."""
        policy: str | None = self._get("PAGES_CSP", DEFAULT_CSP)
        return policy

    def _get(self, name: str, default: Any) -> Any:
        return getattr(settings, PREFIX + name, default)

    def _model(self, name: str, example: str) -> str:
        label = self._get(name, None)
        if not isinstance(label, str) or label.count(".") != 1:
            problem = "is not set" if label is None else f"is {label!r}, which names no model"
            raise ImproperlyConfigured(
                f'{PREFIX}{name} {problem}. Name your model as "app_label.ModelName" in the settings, '
                f'for example: {PREFIX}{name} = "{example}"'
            )
        return label


conf = Settings()

NAMES = [name for name in vars(Settings) if name.isupper()]
