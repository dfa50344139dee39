"""The limits of a store: a page, and an inline for the page of the store."""

from __future__ import annotations

from typing import Any, ClassVar

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ..conf import conf
from ..models import StoreLimits
from ..models.override import LIMITS
from ..staff import of_staff
from ..wording import in_words
from .common import ChangedFieldsOnly, ShopInline
from .limits_followed import Followers, followers, told
from .scope import OwnStores


class StoreLimitsList(ChangeList):
    """Which links follow the limits is asked once, for all stores of the page."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        shown: Any = list(self.result_list)
        found = followers([limits.store_id for limits in shown])
        for limits in shown:
            limits.followers = found.get(limits.store_id, Followers())
        self.result_list = shown


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
    def now(self, limits: Any) -> str:
        """What a buyer may do, and how many links that holds for."""
        words = in_words(limits.limits)
        if limits.store_id is None:
            return words
        if not hasattr(limits, "followers"):
            limits.followers = followers([limits.store_id]).get(limits.store_id, Followers())
        return f"{words}; {limits.followers}"


@admin.register(StoreLimits)
class StoreLimitsAdmin(StoreLimitsFields, ChangedFieldsOnly):
    list_display = ("store", "now")
    list_select_related = ("store",)
    fieldsets = ((None, {"fields": ("store",)}), *StoreLimitsFields.fieldsets)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return StoreLimitsList

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.readonly_fields if obj is None else ("store", *self.readonly_fields)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if set(LIMITS).isdisjoint(form.changed_data):
            super().save_model(request, obj, form, change)
            return
        with told(request, obj.store_id):
            super().save_model(request, obj, form, change)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Without limits of the store, the site's default holds."""
        with told(request, obj.store_id):
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for limits in queryset:
            self.delete_model(request, limits)


class StoreLimitsFormSet(BaseInlineFormSet):  # type: ignore[type-arg]
    """Tells, after saving, which links work again and which no longer."""

    request: ClassVar[HttpRequest]

    def save(self, commit: bool = True) -> Any:
        if not self.has_changed():
            return super().save(commit)
        with told(self.request, self.instance.pk):
            return super().save(commit)


class StoreLimitsInline(StoreLimitsFields, ShopInline):
    """For the admin page of a shop's own store model."""

    model = StoreLimits
    formset = StoreLimitsFormSet

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        class Formset(StoreLimitsFormSet):
            """Of this request."""

        Formset.request = request
        return super().get_formset(request, obj, **{"formset": Formset, **kwargs})

    def get_extra(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> int:
        return int(self.has_add_permission(request, obj))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        stores = apps.get_model(conf.STORE_MODEL)._default_manager.all()
        own = obj is None or obj.pk is None or of_staff(stores, request.user).filter(pk=obj.pk).exists()
        return own and super().has_add_permission(request, obj)
