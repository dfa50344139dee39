"""The filters beside the list of links. Each is a subquery: what is counted for the list is never a join."""

from __future__ import annotations

from datetime import MAXYEAR, MINYEAR
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext_lazy as _

from ..conf import conf
from ..models import Digital, DigitalLink
from ..staff import of_staff
from ..storefront import get_storefront


def in_calendar(value: str) -> bool:
    """Whether a date, if it is one, stays one in every time zone."""
    try:
        found = parse_datetime(value) or parse_date(value)
    except ValueError:  # Django tells
        return True
    return found is None or MINYEAR < found.year < MAXYEAR


class StateFilter(admin.SimpleListFilter):
    """As far as links and files tell; what an order gives a right to is asked for each link of the page."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [
            ("active", _("active")),
            ("expired", _("expired")),
            ("used_up", _("used up")),
            ("never_used", _("never used")),
            ("revoked", _("revoked")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        links = DigitalLink.objects.order_by()
        match self.value():
            case "active":
                return queryset.filter(pk__in=links.active().values("pk"))
            case "expired":
                return queryset.filter(pk__in=links.expired().values("pk"))
            case "used_up":
                return queryset.filter(pk__in=links.used_up().values("pk"))
            case "never_used":
                return queryset.filter(pk__in=links.never_used().values("pk"))
            case "revoked":
                return queryset.exclude(revoked_at=None)
        return queryset


class StoreFilter(admin.SimpleListFilter):
    """Left out where the adapter has no path to the store, or staff have only one to choose."""

    title = _("store")
    parameter_name = "store"
    link_path = "pk__in"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:
        if get_storefront().store_path is None:
            return []
        stores = of_staff(apps.get_model(conf.STORE_MODEL)._default_manager.all(), request.user)
        return [(str(store.pk), str(store)) for store in stores]

    def has_output(self) -> bool:
        return len(self.lookup_choices) > 1

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() is None:
            return queryset
        if self.value() not in {key for key, _ in self.lookup_choices}:
            raise IncorrectLookupParameters
        sold = DigitalLink.objects.filter(**{f"line_item__{get_storefront().store_path}": self.value()})
        return queryset.filter(**{self.link_path: sold.order_by().values("pk")})


class DigitalFilter(admin.SimpleListFilter):
    """The newest files, and the one that the page of a file leads here with: a shop may have thousands."""

    title = _("digital")
    parameter_name = "digital__id__exact"
    OFFERED = 15

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:
        files = of_staff(Digital.objects.order_by("-pk"), request.user)
        newest = dict(files.values_list("pk", "filename")[: self.OFFERED])
        chosen = self.chosen()
        if chosen is not None and chosen not in newest:
            newest |= dict(files.filter(pk=chosen).values_list("pk", "filename"))
        return [(str(pk), filename) for pk, filename in newest.items()]

    def chosen(self) -> int | None:
        """The key in the address, unless that is no key at all."""
        try:
            return int(Digital._meta.pk.to_python(self.value()))
        except (TypeError, ValueError, ValidationError):
            return None

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() is None:
            return queryset
        if self.value() not in {key for key, _ in self.lookup_choices}:
            raise IncorrectLookupParameters
        return queryset.filter(digital=self.value())
