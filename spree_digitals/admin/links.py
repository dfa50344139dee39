"""The links that buyers hold: where each stands, and what staff may do about it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.utils import lookup_spawns_duplicates
from django.contrib.auth import get_permission_codename
from django.db import router, transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import formats, timezone
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from .. import exceptions, issuing
from ..models import DigitalLink, Download, Refusal
from ..policy import Standing, standing_of
from ..storefront import completion_of, get_storefront
from .common import LIMITS, ChangedFieldsOnly
from .filters import StateFilter, StoreFilter
from .scope import OwnStores

RECORDS_SHOWN = 20

STATES: dict[str, str | Promise] = {
    exceptions.FileWithdrawn.code: _("file withdrawn"),
    exceptions.LinkRevoked.code: _("revoked"),
    exceptions.OrderNotEntitled.code: _("order not entitled"),
    exceptions.LinkExpired.code: _("expired"),
    exceptions.LimitReached.code: _("used up"),
}
REFUSALS = {refusal.code: refusal.message for refusal in exceptions.DownloadRefused.__subclasses__()}


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
            obj.activated_at = None if completion_of(obj.line_item) is None else timezone.now()
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
