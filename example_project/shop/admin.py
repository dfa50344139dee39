"""The shop's back office. spree_digitals adds the limits of a store and the files of a product to its pages."""

from __future__ import annotations

from typing import Any

from django.contrib import admin

from spree_digitals.admin import DigitalInline, StoreLimitsInline
from spree_digitals.issuing import issue_links

from .models import LineItem, Order, Store, Variant


@admin.register(Store)
class StoreAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "domain")
    search_fields = ("name", "domain")
    inlines = (StoreLimitsInline,)


@admin.register(Variant)
class VariantAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "sku", "price", "store")
    list_filter = ("store",)
    list_select_related = ("store",)
    search_fields = ("name", "sku")
    inlines = (DigitalInline,)


class LineItemInline(admin.TabularInline):  # type: ignore[type-arg]
    model = LineItem
    extra = 0
    raw_id_fields = ("variant",)


@admin.register(Order)
class OrderAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("number", "email", "state", "display_total", "completed_at")
    list_filter = ("store",)
    search_fields = ("number", "email")
    date_hierarchy = "completed_at"
    fields = ("number", "store", "email", "user", "currency", "total", "completed_at", "cancelled_at")
    raw_id_fields = ("user",)
    readonly_fields = ("total",)
    inlines = (LineItemInline,)

    def save_related(self, request: Any, form: Any, formsets: Any, change: bool) -> None:
        """Lines were added, or units: the buyer gets the links for them."""
        super().save_related(request, form, formsets, change)
        if form.instance.completed_at is not None:
            issue_links(form.instance)


@admin.register(LineItem)
class LineItemAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """From which staff choose one, when they make a download link by hand."""

    list_display = ("order", "name", "quantity", "refunded_units")
    list_display_links = ("name",)
    list_select_related = ("order",)
    search_fields = ("order__number", "order__email", "name")
    raw_id_fields = ("order", "variant")
