"""What several pages have in common."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

LIMITS = ("authorized_clicks", "unlimited_clicks", "authorized_days", "unlimited_days")


class ChangedFieldsOnly(admin.ModelAdmin):  # type: ignore[type-arg]
    """Writes what was changed in the form and nothing else: what was counted or stored meanwhile stays."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.save()
        elif form.changed_data:
            obj.save(update_fields=form.changed_data)


class ShopInline(admin.StackedInline):  # type: ignore[type-arg]
    """An inline for the admin page of a model of the shop."""

    def check(self, **kwargs: Any) -> list[Any]:
        # Django's own checks break on a foreign key to a model that is not installed; E001 tells what to type.
        installed = all(isinstance(field.related_model, type) for field in self.model._meta.fields if field.is_relation)
        return super().check(**kwargs) if installed else []
