"""The links that buyers hold: the list, the page of one, and what staff may do about them."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import or_
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
)
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..models import DigitalLink
from ..models.override import LIMITS
from ..staff import entry_with, language_of_history, what_was_done
from ..storefront import completion_of, get_storefront
from . import link_standing
from .common import ActedOn, ChangedFieldsForm, ChangedFieldsOnly, WhyField
from .filters import DigitalFilter, StateFilter, StoreFilter, in_calendar
from .link_actions import ACTIONS, TEMPLATES, LinkAction
from .link_timeline import timeline
from .scope import OwnStores

AT_ONCE = 500  # links that one action takes
EXTRAS = ("extra_uses", "extra_days")  # written by those who may extend
LISTED = 20  # of them, on the page that asks for a reason


class LinkList(ChangeList):
    """Where links stand is worked out for those on the page, and neither joined nor sorted for all that were found."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        found: Any = self.result_list
        pks = list(found.values_list("pk", flat=True))
        links = DigitalLink.objects.with_standing().in_bulk(pks)
        self.result_list = [links[pk] for pk in pks if pk in links]


def _of_many(action: type[LinkAction]) -> Callable[..., HttpResponseBase | None]:
    """The action of the list; Django asks ``has_<name>_permission``."""

    label: Any = action.label

    @admin.action(description=label, permissions=[action.name])
    def act(page: DigitalLinkAdmin, request: HttpRequest, queryset: Any) -> HttpResponseBase | None:
        count = queryset.count()
        if count > AT_ONCE:
            messages.error(request, gettext("Choose at most %d links at a time; nothing was done.") % AT_ONCE)
            return None
        if not count:
            messages.warning(request, gettext("Nothing was done: the links you chose are not in this list any more."))
            return None
        return page.act(request, action, list(queryset.with_standing().order_by("pk")), back=request.get_full_path())

    act.__name__ = action.name
    return act


class LinkForm(ChangedFieldsForm):
    """Limits of its own for one link, and why it gets them."""

    why = WhyField()


@admin.register(DigitalLink)
class DigitalLinkAdmin(OwnStores, ActedOn, ChangedFieldsOnly):
    """Links are issued by orders, or by hand as a favour; they are revoked, never deleted."""

    form = LinkForm
    known_actions = ACTIONS
    actions = tuple(_of_many(action) for action in ACTIONS.values() if action.of_many)
    list_display = ("file", "purchase", "masked", "state", "left")
    list_filter = (StateFilter, StoreFilter, DigitalFilter, ("created_at", admin.DateFieldListFilter))
    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # each would count all links of the shop
    sortable_by = ()
    ordering = ("-pk",)
    search_help_text = _("An order number, an e-mail address, a whole token, or exactly its last four characters.")
    raw_id_fields = ("digital", "line_item")
    change_form_template = f"{TEMPLATES}/change_form.html"

    LIMITS = (*LIMITS, *EXTRAS)
    STANDING = (
        *("state", "left", "uses", "file", "purchase", "buyer", "masked"),
        *("activated_at", "created_at", "revoked_at", "revoke_reason"),
    )

    class Media:
        css = {"all": ("spree_digitals/admin/links.css",)}

    # What is found

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return LinkList

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> DigitalLink | None:
        found = super().get_object(request, object_id, from_field)
        links: Any = self.get_queryset(request)
        return None if found is None else links.with_standing().get(pk=found.pk)

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        storefront = get_storefront()
        paths = (storefront.number_path, *storefront.email_paths)
        return [f"line_item__{storefront.order_path}__{path}" for path in paths]

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """Every word must be found. A part of a token finds nothing: it would let staff guess the rest."""
        fields = self.get_search_fields(request)
        for word in search_term.split():
            ordered = reduce(or_, (Q(**{f"{field}__icontains": word}) for field in fields))
            # A subquery: counting what was found joins nothing, and finds each link once.
            by_order = DigitalLink.objects.filter(ordered).order_by().values("pk")
            queryset = queryset.filter(Q(token=word) | Q(token_tail=word) | Q(pk__in=by_order))
        return queryset, False

    def lookup_allowed(self, lookup: str, value: str, request: Any = None) -> bool:
        """Django allows ``?token__startswith=`` and the like to all who may see the list."""
        own = {found.parameter_name for found in (StateFilter, StoreFilter, DigitalFilter)}
        return lookup in own | {"created_at__gte", "created_at__lt"} and in_calendar(value)

    # What is shown

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

    @admin.display(description=_("buyer"))
    def buyer(self, link: DigitalLink) -> str | None:
        order = None if link.line_item is None else get_storefront().order(link.line_item)
        return None if order is None else get_storefront().email(order)

    @admin.display(description=_("token"))
    def masked(self, link: DigitalLink) -> str:
        return format_html('<span class="nowrap">{}</span>', link.masked_token)

    @admin.display(description=_("state"))
    def state(self, link: DigitalLink) -> str:
        return link_standing.badge(link)

    @admin.display(description=_("downloads"))
    def uses(self, link: DigitalLink) -> str:
        return link_standing.uses(link)

    @admin.display(description=_("left"))
    def left(self, link: DigitalLink) -> str:
        return link_standing.what_is_left(link)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        why = ("why",) if obj is None or self.has_change_permission(request, obj) else ()
        limits: dict[str, Any] = {
            "fields": (*self.LIMITS, *why),
            "description": _("Where nothing is given here, the file decides, then the store."),
        }
        if obj is None:
            return [(None, {"fields": ("digital", "line_item")}), (_("Limits"), limits)]
        return [(None, {"fields": self.STANDING}), (_("Limits"), {**limits, "classes": ("collapse",)})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ()
        return self.STANDING if ACTIONS["extend"].allowed(request.user) else (*self.STANDING, *EXTRAS)

    def render_change_form(
        self, request: Any, context: Any, add: bool = False, change: bool = False, form_url: str = "", obj: Any = None
    ) -> HttpResponse:
        """With what this member of staff may do about the link, and may see of what happened to it."""
        if obj is not None:
            context["buttons"] = self.buttons(request, obj)
            context["timeline"] = timeline(obj, request.user, request.GET.get("before"))
        return super().render_change_form(request, context, add, change, form_url, obj)

    def buttons(self, request: HttpRequest, link: DigitalLink) -> list[tuple[type[LinkAction], str]]:
        """The actions of this link, with their addresses."""
        found = [action for action in ACTIONS.values() if action.allowed(request.user) and action.fits(link)]
        return [(action, self.address("act", link.pk, action.name)) for action in found]

    # What is changed

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.activated_at = None if completion_of(obj.line_item) is None else timezone.now()
        super().save_model(request, obj, form, change)

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        """What holds now, and why: "Limits changed (3 downloads within 7 days of purchase): was ill"."""
        if not add and not form.changed_data:
            return super().construct_change_message(request, form, formsets, add)
        done = "make" if add else "note" if form.changed_data == ["why"] else "limit"
        with language_of_history():
            return entry_with(what_was_done(done, form.instance), form.cleaned_data.get("why", ""))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_reset_permission(self, request: HttpRequest) -> bool:
        return ACTIONS["reset"].allowed(request.user)

    def has_extend_permission(self, request: HttpRequest) -> bool:
        return ACTIONS["extend"].allowed(request.user)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return ACTIONS["revoke"].allowed(request.user)

    def has_restore_permission(self, request: HttpRequest) -> bool:
        return ACTIONS["restore"].allowed(request.user)

    def has_rotate_permission(self, request: HttpRequest) -> bool:
        return ACTIONS["rotate"].allowed(request.user)

    def has_copy_permission(self, request: HttpRequest) -> bool:
        return ACTIONS["copy"].allowed(request.user)

    def has_mail_permission(self, request: HttpRequest) -> bool:
        return ACTIONS["mail"].allowed(request.user)

    def act(
        self, request: HttpRequest, action: type[LinkAction], chosen: list[DigitalLink], *, back: str
    ) -> HttpResponseBase | None:
        """Ask for what the action needs, and do it once that was given. None: it was done."""
        form = action.form_class(request.POST if "confirmed" in request.POST else None)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": action.label,
            "back": back,
            "media": self.media + form.media,
        }
        if form.is_valid():
            return action(request, form.cleaned_data, context).run(chosen)
        context |= {"action": action, "form": form, "chosen": chosen, "listed": chosen[:LISTED]}
        return TemplateResponse(request, f"{TEMPLATES}/confirm.html", context)
