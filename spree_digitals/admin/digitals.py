"""The files that are sold: a page, and an inline for the page of the product."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import Count, DateTimeField
from django.forms.models import BaseInlineFormSet
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
)
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from ..models import Digital, DigitalLink
from ..models.fields import AttachmentField
from ..models.override import LIMITS
from . import digital_facts
from .common import ActedOn, ChangedFieldsOnly, ShopInline, WhyForm
from .digital_actions import ACTIONS, OF_MANY, DigitalAction
from .digital_filters import FileStoreFilter, SaleFilter
from .scope import OwnStores
from .upload import UploadInput

FACTS = ("filename", "content_type", "size", "sha256", "version", "attached_at")
TEMPLATES = "admin/spree_digitals/digital"
AT_ONCE = 500  # files that one action takes
LISTED = 20  # of them, on the page that asks for a reason


class DigitalList(ChangeList):
    """Links and downloads are counted for the page that is shown, not for every file of the shop."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        shown: Any = list(self.result_list)
        digital_facts.add_sales(shown, request.user)
        self.result_list = shown


class DigitalFields(OwnStores):
    """What the page and the inline have in common: a file is uploaded, and no page links to it."""

    raw_id_fields: ClassVar[Any] = ("variant",)
    formfield_overrides = {AttachmentField: {"widget": UploadInput}}

    @admin.display(description=_("size"))
    def size(self, digital: Digital) -> str:
        return filesizeformat(digital.byte_size)


def _of_many(action: DigitalAction) -> Callable[..., HttpResponseBase | None]:
    """The action of the list."""

    label: Any = action.label

    @admin.action(description=label, permissions=["change"])
    def act(page: DigitalAdmin, request: HttpRequest, queryset: Any) -> HttpResponseBase | None:
        if queryset.count() > AT_ONCE:
            messages.error(request, gettext("Choose at most %d files at a time; nothing was done.") % AT_ONCE)
            return None
        return page.act(request, action, list(queryset.order_by("pk")), back=request.get_full_path())

    act.__name__ = action.name
    return act


@admin.register(Digital)
class DigitalAdmin(DigitalFields, ActedOn, ChangedFieldsOnly):
    known_actions = ACTIONS
    actions = tuple(_of_many(action) for action in OF_MANY)
    list_display = ("filename", "variant", "sale", "links_issued", "downloads_counted", "attached_at")
    list_filter = (SaleFilter, FileStoreFilter)
    list_select_related = ("variant",)
    search_fields = ("filename", "=sha256")
    search_help_text = _("A file name, or a whole SHA-256 checksum.")
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # each would count all files of the shop
    ordering = ("-pk",)
    readonly_fields = (*FACTS, "what_holds")
    change_form_template = f"{TEMPLATES}/change_form.html"

    class Media:
        css = {"all": ("spree_digitals/admin/upload.css",)}

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Django writes "Date:" and "Time:" before the halves of a moment, and labels neither."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(db_field, DateTimeField) and field is not None:
            for half, name in zip(field.widget.widgets, (_("date"), _("time")), strict=True):
                half.attrs["aria-label"] = f"{capfirst(db_field.verbose_name)}: {name}"
        return field

    # What is found

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return DigitalList

    def lookup_allowed(self, lookup: str, value: str, request: Any = None) -> bool:
        return lookup in {SaleFilter.parameter_name, FileStoreFilter.parameter_name, "variant__id__exact"}

    # What is shown

    @admin.display(description=_("sale"))
    def sale(self, digital: Digital) -> str:
        now = timezone.now()
        if digital.withdrawn(now):
            return gettext("withdrawn")
        retired = digital.retired_at is not None and digital.retired_at <= now
        return gettext("retired") if retired else gettext("for sale")

    @admin.display(description=_("links"))
    def links_issued(self, digital: Any) -> int:
        issued: int = digital.links_issued
        return issued

    @admin.display(description=_("downloads"))
    def downloads_counted(self, digital: Any) -> int:
        counted: int = digital.downloads_counted
        return counted

    @admin.display(description=_("what holds now"))
    def what_holds(self, digital: Digital) -> str:
        return digital_facts.limits_in_words(digital)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        # To those who may not change it, Django would show the attachment as a link to the file.
        upload = ("attachment",) if obj is None or self.has_change_permission(request, obj) else ()
        sale: dict[str, Any] = {"fields": ("variant", *upload, "retired_at", "withdrawn_at")}
        limits = {"fields": LIMITS, "description": _("Where nothing is given here, the store decides.")}
        if obj is None:
            return [(None, sale), (_("Limits"), limits)]
        sale["description"] = _("Another file replaces this one, for those who have bought it too.")
        limits["fields"] = (*LIMITS, "what_holds")
        return [(None, sale), (_("The file"), {"fields": FACTS}), (_("Limits"), limits)]

    def render_change_form(
        self, request: Any, context: Any, add: bool = False, change: bool = False, form_url: str = "", obj: Any = None
    ) -> HttpResponse:
        """With what may be done about the file, its versions, where it is used, and how it sells."""
        if obj is not None:
            context |= self.known(request, obj)
        return super().render_change_form(request, context, add, change, form_url, obj)

    def known(self, request: HttpRequest, digital: Digital) -> dict[str, Any]:
        store = digital_facts.store_of(digital)
        links = (
            reverse(f"{self.admin_site.name}:spree_digitals_digitallink_changelist")
            + f"?digital__id__exact={digital.pk}"
        )
        return {
            "buttons": self.buttons(request, digital),
            "versions": digital_facts.versions(digital, request.user),
            "sales": digital_facts.sales(digital, request.user),
            "links_page": links if request.user.has_perm("spree_digitals.view_digitallink") else "",
            "variant_page": digital_facts.page_of(digital.variant, self.admin_site, request),
            "store": store,
            "store_page": digital_facts.page_of(store, self.admin_site, request),
        }

    def buttons(self, request: HttpRequest, digital: Digital) -> list[tuple[DigitalAction, str]]:
        """The actions of this file, with their addresses."""
        now = timezone.now()
        found = [action for action in ACTIONS.values() if action.allowed(request.user) and action.fits(digital, now)]
        return [(action, self.address("act", digital.pk, action.name)) for action in found]

    # What is changed

    def act(
        self, request: HttpRequest, action: DigitalAction, chosen: list[Digital], *, back: str
    ) -> HttpResponseBase | None:
        """Ask why, and do it once that was answered. None: it was done."""
        form = WhyForm(request.POST if "confirmed" in request.POST else None)
        if form.is_valid():
            return action.run(request, chosen, form.cleaned_data["why"])
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": action.label,
            "action": action,
            "consequence": action.consequence(request.user, chosen),
            "chosen": chosen,
            "listed": chosen[:LISTED],
            "form": form,
            "back": back,
            "media": self.media + form.media,
        }
        return TemplateResponse(request, f"{TEMPLATES}/confirm.html", context)

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


class DigitalFormSet(BaseInlineFormSet):  # type: ignore[type-arg]
    """Writes the file that was uploaded and nothing else: while it travels, somebody may withdraw it."""

    def save_existing(self, form: Any, obj: Any, commit: bool = True) -> Any:
        if commit:
            form.instance.save(update_fields=form.changed_data)
        return form.instance


class DigitalInline(DigitalFields, ShopInline):
    """For the admin page of a shop's own variant model: upload where the product is."""

    model = Digital
    formset = DigitalFormSet
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
