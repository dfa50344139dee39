"""The limits of a store: a page, and an inline for the page of the store."""

from __future__ import annotations

from typing import Any, ClassVar

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from ..conf import conf
from ..limits import Limits
from ..models import StoreLimits
from .common import LIMITS, ChangedFieldsOnly, ShopInline
from .scope import OwnStores, of_staff


def in_words(limits: Limits) -> str:
    """What a buyer may do: "5 downloads within 7 days of purchase"."""
    downloads = gettext("Unlimited downloads")
    if limits.uses is not None:
        downloads = ngettext("%(count)d download", "%(count)d downloads", limits.uses) % {"count": limits.uses}
    if limits.lifetime is None:
        return gettext("%(downloads)s, at any time") % {"downloads": downloads}
    days = limits.lifetime.days
    within = ngettext(
        "%(downloads)s within %(days)d day of purchase", "%(downloads)s within %(days)d days of purchase", days
    )
    return within % {"downloads": downloads, "days": days}


class StoreLimitsFields(OwnStores):
    """What the page and the inline have in common."""

    readonly_fields: ClassVar[Any] = ("now",)
    fieldsets: ClassVar[Any] = (
        (
            None,
            {
                "fields": (*LIMITS, "digital_asset_link_expire_time", "now"),
                "description": _(
                    "A change holds at once, also for links that were sold before. "
                    "Where nothing is given here, the site's default holds."
                ),
            },
        ),
    )

    @admin.display(description=_("what it means"))
    def now(self, limits: StoreLimits) -> str:
        return in_words(limits.limits)


@admin.register(StoreLimits)
class StoreLimitsAdmin(StoreLimitsFields, ChangedFieldsOnly):
    list_display = ("store", "now")
    list_select_related = ("store",)
    fieldsets = ((None, {"fields": ("store",)}), *StoreLimitsFields.fieldsets)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.readonly_fields if obj is None else ("store", *self.readonly_fields)


class StoreLimitsInline(StoreLimitsFields, ShopInline):
    """For the admin page of a shop's own store model."""

    model = StoreLimits

    def get_extra(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> int:
        return int(self.has_add_permission(request, obj))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        stores = apps.get_model(conf.STORE_MODEL)._default_manager.all()
        own = obj is None or obj.pk is None or of_staff(stores, request.user).filter(pk=obj.pk).exists()
        return own and super().has_add_permission(request, obj)
