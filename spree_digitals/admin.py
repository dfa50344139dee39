"""Django's admin for shop staff: the limits of stores, the files that are sold, and the links that buyers hold."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any, ClassVar

from django import forms
from django.apps import apps
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.options import BaseModelAdmin, IncorrectLookupParameters
from django.contrib.admin.utils import lookup_spawns_duplicates
from django.contrib.admin.widgets import ForeignKeyRawIdWidget
from django.contrib.auth import get_permission_codename
from django.db import router, transaction
from django.db.models import Count, Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from . import exceptions, issuing
from .conf import conf
from .limits import Limits
from .models import Digital, DigitalLink, Download, Refusal, StoreLimits
from .models.fields import AttachmentField
from .policy import Standing, standing_of
from .storefront import get_storefront

RECORDS_SHOWN = 20
LIMITS = ("authorized_clicks", "unlimited_clicks", "authorized_days", "unlimited_days")
FACTS = ("filename", "content_type", "size", "sha256", "version", "attached_at")

STATES: dict[str, str | Promise] = {
    exceptions.FileWithdrawn.code: _("file withdrawn"),
    exceptions.LinkRevoked.code: _("revoked"),
    exceptions.OrderNotEntitled.code: _("order not entitled"),
    exceptions.LinkExpired.code: _("expired"),
    exceptions.LimitReached.code: _("used up"),
}
REFUSALS = {refusal.code: refusal.message for refusal in exceptions.DownloadRefused.__subclasses__()}


# What staff may see


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


class ChangedFieldsOnly(admin.ModelAdmin):  # type: ignore[type-arg]
    """Writes what was changed in the form and nothing else: what was counted or stored meanwhile stays."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.save()
        elif form.changed_data:
            obj.save(update_fields=form.changed_data)


# Limits of stores


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


class ShopInline(admin.StackedInline):  # type: ignore[type-arg]
    """An inline for the admin page of a model of the shop."""

    def check(self, **kwargs: Any) -> list[Any]:
        # Django's own checks break on a foreign key to a model that is not installed; E001 tells what to type.
        installed = all(isinstance(field.related_model, type) for field in self.model._meta.fields if field.is_relation)
        return super().check(**kwargs) if installed else []


class StoreLimitsInline(StoreLimitsFields, ShopInline):
    """For the admin page of a shop's own store model."""

    model = StoreLimits

    def get_extra(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> int:
        return int(self.has_add_permission(request, obj))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        stores = apps.get_model(conf.STORE_MODEL)._default_manager.all()
        own = obj is None or obj.pk is None or of_staff(stores, request.user).filter(pk=obj.pk).exists()
        return own and super().has_add_permission(request, obj)


# Files


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


# Links


class StateFilter(admin.SimpleListFilter):
    """As far as links and files tell; what an order gives a right to is asked for each link of the page."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [
            ("active", _("active")),
            ("expired", _("expired")),
            ("used_up", _("used up")),
            ("revoked", _("revoked")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        match self.value():
            case "active":
                return queryset.active()
            case "expired":
                return queryset.expired()
            case "used_up":
                return queryset.used_up()
            case "revoked":
                return queryset.exclude(revoked_at=None)
        return queryset


class StoreFilter(admin.SimpleListFilter):
    """Left out where the adapter has no path to the store, or staff have only one to choose."""

    title = _("store")
    parameter_name = "store"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:
        if get_storefront().store_path is None:
            return []
        stores = of_staff(apps.get_model(conf.STORE_MODEL)._default_manager.all(), request.user)
        return [(str(store.pk), str(store)) for store in stores]

    def has_output(self) -> bool:
        return len(self.lookup_choices) > 1

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() is None:
            return queryset
        if self.value() not in {key for key, _ in self.lookup_choices}:
            raise IncorrectLookupParameters
        return queryset.filter(**{f"line_item__{get_storefront().store_path}": self.value()})


@admin.register(DigitalLink)
class DigitalLinkAdmin(OwnStores, ChangedFieldsOnly):
    """Links are issued by orders, or by hand as a favour; they are revoked, never deleted."""

    actions = ("reset", "revoke", "restore")
    list_display = ("file", "purchase", "masked", "state", "uses", "uses_left", "expires_at")
    list_filter = (StateFilter, StoreFilter)
    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # each would count all links of the shop
    sortable_by = ()
    ordering = ("-pk",)
    search_help_text = _("An order number, an e-mail address, a whole token, or exactly its last four characters.")
    raw_id_fields = ("digital", "line_item")

    LIMITS = (*LIMITS, "extra_uses", "extra_days")
    STANDING = (
        *("file", "purchase", "masked", "state", "uses", "uses_left"),
        *("activated_at", "expires_at", "created_at", "revoked_at", "revoke_reason"),
    )

    # What is found

    def get_queryset(self, request: HttpRequest) -> Any:
        queryset: Any = super().get_queryset(request)
        return queryset.with_standing()

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        storefront = get_storefront()
        paths = (storefront.number_path, *storefront.email_paths)
        return [f"line_item__{storefront.order_path}__{path}" for path in paths]

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """Every word must be found. A part of a token finds nothing: it would let staff guess the rest."""
        paths = self.get_search_fields(request)
        for word in search_term.split():
            found = Q(token=word) | Q(token_tail=word)
            for path in paths:
                found |= Q(**{f"{path}__icontains": word})
            queryset = queryset.filter(found)
        return queryset, any(lookup_spawns_duplicates(self.opts, path) for path in paths)

    def lookup_allowed(self, lookup: str, value: str, request: Any = None) -> bool:
        """Django allows ``?token__startswith=`` and the like to all who may see the list."""
        return lookup in {StateFilter.parameter_name, StoreFilter.parameter_name, "digital__id__exact"}

    # What is shown

    def standing(self, link: DigitalLink) -> Standing:
        """Where the link stands, asked once for all columns."""
        row: Any = link
        if not hasattr(row, "shown_standing"):
            row.shown_standing = standing_of(link)
        standing: Standing = row.shown_standing
        return standing

    @admin.display(description=_("file"))
    def file(self, link: DigitalLink) -> str:
        return link.digital.filename

    @admin.display(description=_("purchase"))
    def purchase(self, link: DigitalLink) -> str:
        storefront = get_storefront()
        order = None if link.line_item is None else storefront.order(link.line_item)
        if order is None:
            return gettext("deleted")
        return f"{storefront.number(order)}: {link.line_item}"

    @admin.display(description=_("token"))
    def masked(self, link: DigitalLink) -> str:
        return format_html('<span class="nowrap">{}</span>', link.masked_token)

    @admin.display(description=_("state"))
    def state(self, link: DigitalLink) -> str | Promise:
        standing = self.standing(link)
        refusal = standing.refusal
        if issuing.out_of_step(link) and not isinstance(refusal, exceptions.FileWithdrawn):
            return _("order changed")
        if refusal is None:
            return _("active")
        if link.line_item is not None and standing.activated_at is None and not standing.revoked:
            return _("pending")
        return STATES[refusal.code]

    @admin.display(description=_("downloads"))
    def uses(self, link: DigitalLink) -> str:
        limit = self.standing(link).limits.uses
        shown = gettext("unlimited") if limit is None else limit
        return gettext("%(used)s of %(limit)s") % {"used": link.access_counter, "limit": shown}

    @admin.display(description=_("left"))
    def uses_left(self, link: DigitalLink) -> int | str:
        left = self.standing(link).uses_left
        return gettext("unlimited") if left is None else left

    @admin.display(description=_("expires at"))
    def expires_at(self, link: DigitalLink) -> Any:
        standing = self.standing(link)
        if standing.limits.lifetime is None:
            return gettext("never")
        return standing.expires_at and formats.localize(timezone.localtime(standing.expires_at))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        limits = {
            "fields": self.LIMITS,
            "description": _("Where nothing is given here, the file decides, then the store."),
        }
        first = {"fields": ("digital", "line_item")} if obj is None else {"fields": self.STANDING}
        return [(None, first), (_("Limits"), limits)]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else self.STANDING

    def render_change_form(
        self, request: Any, context: Any, add: bool = False, change: bool = False, form_url: str = "", obj: Any = None
    ) -> HttpResponse:
        """With the last downloads and refusals, for those who may see them."""
        if obj is not None and request.user.has_perm("spree_digitals.view_download"):
            context["downloads"] = _last_downloads(obj)
        if obj is not None and request.user.has_perm("spree_digitals.view_refusal"):
            context["refusals"] = _last_refusals(obj)
        return super().render_change_form(request, context, add, change, form_url, obj)

    # What is changed

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            storefront = get_storefront()
            order = storefront.order(obj.line_item)
            completed = order is not None and storefront.completed_at(order) is not None
            obj.activated_at = timezone.now() if completed else None
        super().save_model(request, obj, form, change)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_reset_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "reset")

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "revoke")

    def has_restore_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "restore")

    def _may(self, request: Any, action: str) -> bool:
        codename = get_permission_codename(action, self.opts)
        allowed: bool = request.user.has_perm(f"{self.opts.app_label}.{codename}")
        return allowed

    @admin.action(description=_("Reset: no download counted, the days count from now"), permissions=["reset"])
    def reset(self, request: HttpRequest, queryset: QuerySet[DigitalLink]) -> None:
        count = self._carry_out(request, queryset, issuing.reset, gettext("Reset."))
        message = ngettext("%(count)d link was reset.", "%(count)d links were reset.", count)
        self.message_user(request, message % {"count": count}, messages.SUCCESS)

    @admin.action(description=_("Revoke: refuse downloads until restored"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[DigitalLink]) -> None:
        count = self._carry_out(request, queryset, issuing.revoke, gettext("Revoked."))
        message = ngettext("%(count)d link was revoked.", "%(count)d links were revoked.", count)
        self.message_user(request, message % {"count": count}, messages.SUCCESS)

    @admin.action(description=_("Restore: allow revoked links again"), permissions=["restore"])
    def restore(self, request: HttpRequest, queryset: QuerySet[DigitalLink]) -> None:
        refusals: list[str] = []
        count = self._carry_out(
            request, queryset, lambda links: _restore_what_may_be(links, refusals), gettext("Restored.")
        )
        message = ngettext("%(count)d link was restored.", "%(count)d links were restored.", count)
        self.message_user(request, message % {"count": count}, messages.SUCCESS if count else messages.INFO)
        for refusal in refusals:
            self.message_user(request, refusal, messages.ERROR)

    def _carry_out(
        self,
        request: Any,
        queryset: QuerySet[DigitalLink],
        change: Callable[[Collection[DigitalLink]], list[DigitalLink]],
        entry: str,
    ) -> int:
        """Change the links and write it into the history of each, or neither. How many were changed."""
        with transaction.atomic(using=router.db_for_write(DigitalLink)):
            changed = change(list(queryset.order_by("pk")))
            LogEntry.objects.log_actions(request.user.pk, changed, CHANGE, entry)
        return len(changed)


def _restore_what_may_be(links: Collection[DigitalLink], refusals: list[str]) -> list[DigitalLink]:
    """All links at once, or else one after the other, with the reasons of those that may not come back."""
    try:
        return issuing.restore(links)
    except exceptions.EntitlementExceeded as error:
        if len(links) == 1:
            refusals.append(str(error))
            return []
    return [restored for link in links for restored in _restore_what_may_be([link], refusals)]


def _last_downloads(link: DigitalLink) -> Iterable[Download]:
    return link.downloads.order_by("-generation", "-created_at")[:RECORDS_SHOWN]


def _last_refusals(link: DigitalLink) -> list[tuple[Refusal, str | Promise]]:
    refusals = link.refusals.order_by("-minute")[:RECORDS_SHOWN]
    return [(refusal, REFUSALS.get(refusal.code, refusal.code)) for refusal in refusals]
