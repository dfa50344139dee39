"""What was downloaded and refused, as it was recorded. Nobody changes any of it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..models import Download, Refusal
from ..reports import of_own_links, with_purchases
from ..storefront import get_storefront
from ..wording import REASONS
from .filters import StoreFilter, in_calendar


class RecordStoreFilter(StoreFilter):
    """The store a record's link was sold in."""

    link_path = "link__in"


class ReasonFilter(admin.SimpleListFilter):
    """Why it was refused, in words."""

    title = _("reason")
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return REASONS.items()

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset if self.value() is None else queryset.filter(code=self.value())


class RecordAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Records of what happened: everybody with the permission may read them, and nobody write."""

    actions = None
    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # each would count all records of the shop
    sortable_by = ()
    lookups: ClassVar[set[str]] = {"link__id__exact", RecordStoreFilter.parameter_name}

    def get_queryset(self, request: HttpRequest) -> Any:
        return of_own_links(with_purchases(super().get_queryset(request)), request.user)

    def lookup_allowed(self, lookup: str, value: str, request: Any = None) -> bool:
        """Django allows to ask for any part of any column, also of hashes that no page shows, and for any year."""
        return lookup in self.lookups and in_calendar(value)

    def get_list_display(self, request: Any) -> list[Any]:
        """An order leads to its link, for those who may see links."""
        linked = request.user.has_perm("spree_digitals.view_digitallink")
        return ["purchase_link" if linked and column == "purchase" else column for column in self.list_display]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=_("file"))
    def file(self, record: Download | Refusal) -> str:
        return record.link.digital.filename

    @admin.display(description=_("order"))
    def purchase(self, record: Download | Refusal) -> str:
        storefront = get_storefront()
        order = record.link.line_item and storefront.order(record.link.line_item)
        return gettext("deleted") if order is None else storefront.number(order)

    @admin.display(description=_("order"))
    def purchase_link(self, record: Download | Refusal) -> str:
        address = reverse(f"{self.admin_site.name}:spree_digitals_digitallink_change", args=[record.link.pk])
        return format_html('<a href="{}">{}</a>', address, self.purchase(record))

    @admin.display(description=_("token"))
    def masked(self, record: Download | Refusal) -> str:
        return format_html('<span class="nowrap">{}</span>', record.link.masked_token)


@admin.register(Refusal)
class RefusalAdmin(RecordAdmin):
    """Where a refused attempt came from is for those who may see where downloads did."""

    list_display = ("refused_at", "reason", "file", "purchase", "masked", "address")
    list_filter = (("refused_at", admin.DateFieldListFilter), ReasonFilter, RecordStoreFilter)
    ordering = ("-refused_at", "-pk")
    fields = ("refused_at", "reason", "file", "link", "purchase", "address", "user_agent")
    lookups = RecordAdmin.lookups | {"refused_at__gte", "refused_at__lt", ReasonFilter.parameter_name}

    def get_list_display(self, request: Any) -> list[Any]:
        return self._visible(request, super().get_list_display(request))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self._visible(request, self.fields)

    def _visible(self, request: Any, names: Any) -> list[Any]:
        hidden = () if request.user.has_perm("spree_digitals.view_download") else ("address", "user_agent")
        return [name for name in names if name not in hidden]

    @admin.display(description=_("reason"))
    def reason(self, refusal: Refusal) -> str | Promise:
        return REASONS.get(refusal.code, refusal.code)
