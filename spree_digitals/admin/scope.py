"""What staff may see and choose: what belongs to their stores."""

from __future__ import annotations

from typing import Any

from django import forms
from django.apps import apps
from django.contrib.admin.options import BaseModelAdmin
from django.contrib.admin.widgets import ForeignKeyRawIdWidget
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from ..conf import conf
from ..models import Digital, DigitalLink, StoreLimits
from ..storefront import get_storefront


def of_staff(queryset: QuerySet[Any], user: Any) -> QuerySet[Any]:
    """
    Those rows that belong to the stores of this member of staff.

    Variants that lead to no store are everybody's, and their files too. Where orders lead to none, all belong to the
    only store there is. A link whose line item was deleted belongs to no store.
    """
    storefront = get_storefront()
    stores = storefront.staff_stores(user)
    if stores is None:
        return queryset
    if path := _path_to_store(queryset.model):
        # A subquery: a path through several rows must not repeat any.
        own = queryset.model._default_manager.filter(**{f"{path}__in": stores})
        return queryset.filter(pk__in=own.values("pk"))
    if queryset.model in (DigitalLink, apps.get_model(conf.LINE_ITEM_MODEL)):
        return queryset if stores.filter(pk=storefront.single_store_pk()).exists() else queryset.none()
    return queryset


def _path_to_store(model: type[Model]) -> str | None:
    of_line_item, of_variant = get_storefront().store_path, _variant_store()
    paths = {
        apps.get_model(conf.STORE_MODEL): "pk",
        StoreLimits: "store",
        apps.get_model(conf.VARIANT_MODEL): of_variant,
        Digital: of_variant and f"variant__{of_variant}",
        apps.get_model(conf.LINE_ITEM_MODEL): of_line_item,
        DigitalLink: of_line_item and f"line_item__{of_line_item}",
    }
    return paths.get(model)


def _variant_store() -> str | None:
    """The variant model's relation to the store model, if it has one."""
    store = apps.get_model(conf.STORE_MODEL)
    relations = apps.get_model(conf.VARIANT_MODEL)._meta.get_fields()
    return next((field.name for field in relations if field.concrete and field.related_model is store), None)


class OwnRawIdWidget(ForeignKeyRawIdWidget):
    """Django's own names whatever object a key belongs to; this one only those that may be chosen."""

    choosable: QuerySet[Any]

    def label_and_url_for_value(self, value: Any) -> tuple[str, str]:
        try:
            known = self.choosable.filter(pk=value).exists()
        except (ValueError, forms.ValidationError):
            known = False
        return super().label_and_url_for_value(value) if known else ("", "")


class OwnStores(BaseModelAdmin):  # type: ignore[type-arg]
    """Shows and offers what belongs to the stores of the member of staff who asks."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return of_staff(super().get_queryset(request), request.user)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        choosable = of_staff(db_field.related_model._default_manager.all(), request.user)
        if db_field.name in self.raw_id_fields:
            kwargs["widget"] = OwnRawIdWidget(db_field.remote_field, self.admin_site)
            kwargs["widget"].choosable = choosable
        return super().formfield_for_foreignkey(db_field, request, queryset=choosable, **kwargs)
