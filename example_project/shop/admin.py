"""The shop's back office. spree_digitals adds the limits of a store and the files of a product to its pages."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from spree_digitals.admin import DigitalInline, OwnStores, StoreLimitsInline
from spree_digitals.issuing import issue_links, reconcile
from spree_digitals.staff import note

from .models import LineItem, Order, Store, Variant

# What Order.state is called.
STATES = {"cart": _("not completed"), "complete": _("complete"), "canceled": _("cancelled")}


@admin.register(Store)
class StoreAdmin(OwnStores, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "domain")
    search_fields = ("name", "domain")
    inlines = (StoreLimitsInline,)


@admin.register(Variant)
class VariantAdmin(OwnStores, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("thumbnail", "name", "kind", "sku", "price", "store")
    list_display_links = ("thumbnail", "name")
    list_filter = (("store", admin.RelatedOnlyFieldListFilter),)  # no name of another store
    list_select_related = ("store",)
    search_fields = ("name", "sku")
    inlines = (DigitalInline,)

    @admin.display(description=_("picture"))
    def thumbnail(self, variant: Variant) -> str:
        return format_html('<img src="{}" alt="" width="40" height="50">', variant.picture_url)


class LineItemInline(OwnStores, admin.TabularInline):  # type: ignore[type-arg]
    model = LineItem
    extra = 0
    raw_id_fields = ("variant",)


@admin.register(Order)
class OrderAdmin(OwnStores, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("number", "email", "state_in_words", "amount", "completed_at")
    list_filter = (("store", admin.RelatedOnlyFieldListFilter),)  # no name of another store
    search_fields = ("number", "email")
    date_hierarchy = "completed_at"
    fields = ("number", "store", "email", "user", "currency", "total", "completed_at", "cancelled_at")
    raw_id_fields = ("user",)
    readonly_fields = ("total",)
    inlines = (LineItemInline,)
    actions = ("cancel",)
    view_on_site = False  # its address is the buyer's secret

    @admin.display(description=_("state"))
    def state_in_words(self, order: Order) -> str:
        return str(STATES[order.state])

    @admin.display(description=_("total"), ordering="total")
    def amount(self, order: Order) -> str:
        return f"{number_format(order.total, decimal_pos=2)} {order.currency}"

    @admin.action(description=_("Cancel the selected orders"), permissions=["change"])
    def cancel(self, request: HttpRequest, orders: QuerySet[Order]) -> None:
        """From now on they give a right to nothing: their links are refused at the next click."""
        cancelled = list(orders.filter(cancelled_at=None))
        orders.filter(cancelled_at=None).update(cancelled_at=timezone.now())
        note(request.user, cancelled, "Cancelled.")
        count = len(cancelled)
        done = ngettext("%(count)d order was cancelled.", "%(count)d orders were cancelled.", count)
        self.message_user(request, done % {"count": count})

    def save_related(self, request: Any, form: Any, formsets: Any, change: bool) -> None:
        """Lines were added, or units: the buyer gets the links for them."""
        super().save_related(request, form, formsets, change)
        if form.instance.completed_at is not None:
            issue_links(form.instance)


@admin.register(LineItem)
class LineItemAdmin(OwnStores, admin.ModelAdmin):  # type: ignore[type-arg]
    """From which staff choose one, when they make a download link by hand."""

    list_display = ("order", "name", "quantity", "refunded_units")
    list_display_links = ("name",)
    list_select_related = ("order",)
    search_fields = ("order__number", "order__email", "name")
    raw_id_fields = ("order", "variant")
    actions = ("refund_one_unit",)

    @admin.action(description=_("Refund one unit of the selected lines"), permissions=["change"])
    def refund_one_unit(self, request: HttpRequest, lines: QuerySet[LineItem]) -> None:
        """One unit fewer gives a right to download: the link that was used least stops."""
        chosen = list(lines.select_related("order"))
        refunded = [line for line in chosen if line.refund_unit()]
        reconcile(*refunded)
        note(request.user, refunded, "One unit was refunded.")
        count = len(refunded)
        done = ngettext("One unit of %(count)d line was refunded.", "One unit of %(count)d lines was refunded.", count)
        self.message_user(request, done % {"count": count})
        if count < len(chosen):
            self.message_user(request, _("Lines without a unit left were skipped."), messages.WARNING)
