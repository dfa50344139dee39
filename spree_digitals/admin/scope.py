"""What staff may choose in the admin: what belongs to their stores."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.admin.options import BaseModelAdmin
from django.contrib.admin.widgets import ForeignKeyRawIdWidget
from django.db.models import QuerySet
from django.http import HttpRequest

from ..staff import of_staff


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
    """
    Shows and offers what belongs to the stores of the member of staff who asks.

    Also for the shop's own pages and inlines of stores, variants, orders and line items: name it before ``ModelAdmin``.
    """

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return of_staff(super().get_queryset(request), request.user)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        choosable = of_staff(db_field.related_model._default_manager.all(), request.user)
        if db_field.name in self.raw_id_fields:
            kwargs["widget"] = OwnRawIdWidget(db_field.remote_field, self.admin_site)
            kwargs["widget"].choosable = choosable
        return super().formfield_for_foreignkey(db_field, request, queryset=choosable, **kwargs)
