"""The files that are sold: a page, and an inline for the page of the product."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Count
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ..models import Digital, DigitalLink
from ..models.fields import AttachmentField
from .common import LIMITS, ChangedFieldsOnly, ShopInline
from .scope import OwnStores

FACTS = ("filename", "content_type", "size", "sha256", "version", "attached_at")


class DigitalFields(OwnStores):
    """What the page and the inline have in common: a file is uploaded, and no page links to it."""

    raw_id_fields: ClassVar[Any] = ("variant",)
    # Django's own widget links to what the storage calls the file's public address.
    formfield_overrides = {AttachmentField: {"widget": forms.FileInput}}

    @admin.display(description=_("size"))
    def size(self, digital: Digital) -> str:
        return filesizeformat(digital.byte_size)

    @admin.display(description=_("download links"))
    def links(self, digital: Digital) -> str:
        address = reverse(f"{self.admin_site.name}:spree_digitals_digitallink_changelist")
        return format_html('<a href="{}?digital__id__exact={}">{}</a>', address, digital.pk, _("Show"))


@admin.register(Digital)
class DigitalAdmin(DigitalFields, ChangedFieldsOnly):
    list_display = ("filename", "variant", "size", "version", "attached_at", "retired_at", "withdrawn_at")
    list_select_related = ("variant",)
    search_fields = ("filename", "=sha256")
    search_help_text = _("A file name, or a whole SHA-256 checksum.")
    show_full_result_count = False
    ordering = ("-pk",)
    readonly_fields = (*FACTS, "links")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        # To those who may not change it, Django would show the attachment as a link to the file.
        upload = ("attachment",) if obj is None or self.has_change_permission(request, obj) else ()
        sale: dict[str, Any] = {"fields": ("variant", *upload, "retired_at", "withdrawn_at")}
        limits = {"fields": LIMITS, "description": _("Where nothing is given here, the store decides.")}
        if obj is None:
            return [(None, sale), (_("Limits"), limits)]
        sale["description"] = _("Another file replaces this one, for those who have bought it too.")
        return [(None, sale), (_("The file"), {"fields": (*FACTS, "links")}), (_("Limits"), limits)]

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        sold = DigitalLink.objects.filter(digital__in=list(objs)).order_by()
        counted = sold.values_list("digital__filename").annotate(Count("pk"))
        protected = [
            ngettext(
                "%(count)d download link to %(file)s. Retire or withdraw the file instead.",
                "%(count)d download links to %(file)s. Retire or withdraw the file instead.",
                count,
            )
            % {"count": count, "file": file}
            for file, count in counted
        ]
        return ([], {}, set(), protected) if protected else super().get_deleted_objects(objs, request)


class DigitalInline(DigitalFields, ShopInline):
    """For the admin page of a shop's own variant model: upload where the product is."""

    model = Digital
    extra = 0
    show_change_link = True
    can_delete = False
    readonly_fields = ("filename", "size", "version")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        upload = ("attachment",) if obj is None or self._editable(request, obj) else ()
        return (*upload, *self.readonly_fields)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return (obj is None or self._editable(request, obj)) and super().has_add_permission(request, obj)

    def _editable(self, request: HttpRequest, variant: Any) -> bool:
        """Whether Django shows inputs; where it shows values, the attachment would be a link to the file."""
        page: Any = self.admin_site.get_model_admin(self.parent_model)
        return self.has_change_permission(request) and page.has_change_permission(request, variant)
