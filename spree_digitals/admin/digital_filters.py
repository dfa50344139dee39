"""The filters beside the list of files."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..conf import conf
from ..models import Digital
from ..staff import of_staff, path_to_store


class SaleFilter(admin.SimpleListFilter):
    """A file that was retired first and withdrawn then is found under both."""

    title = _("sale")
    parameter_name = "sale"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [("on", _("for sale")), ("retired", _("retired")), ("withdrawn", _("withdrawn"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        match self.value():
            case "on":
                return queryset.for_sale()
            case "retired":
                return queryset.filter(retired_at__lte=timezone.now())
            case "withdrawn":
                return queryset.filter(withdrawn_at__lte=timezone.now())
        return queryset


class FileStoreFilter(admin.SimpleListFilter):
    """Left out where variants have no store, or staff have only one to choose."""

    title = _("store")
    parameter_name = "store"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:
        if path_to_store(Digital) is None:
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
        # A subquery: the list is counted without a join.
        of_store = Digital.objects.filter(**{f"{path_to_store(Digital)}": self.value()})
        return queryset.filter(pk__in=of_store.values("pk"))
