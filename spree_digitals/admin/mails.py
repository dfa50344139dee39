"""The mails that buyers got, or were to get."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import Any

from django.apps import apps
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_permission_codename
from django.db import connections, router, transaction
from django.db.models import CharField, F, Model, Q, QuerySet, UUIDField, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Replace
from django.http import HttpRequest
from django.utils.text import Truncator
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from ..conf import conf
from ..mails import one_line, try_again
from ..models import Mail
from ..staff import note_each, of_staff
from ..storefront import get_storefront


class MailList(ChangeList):
    """The mails of a page with their orders, which no foreign key leads to, in one query."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        orders = _orders_of(self.result_list)
        for mail in self.result_list:
            mail.shown_order = orders.get(mail.order_pk)


@admin.register(Mail)
class MailAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Mails are written by what happens in the shop. Staff read them, and have them tried again."""

    actions = ("send_again",)
    list_display = ("order", "what", "state", "to", "attempts", "problem")
    list_filter = ("state", "kind")
    list_select_related = ("digital",)
    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    sortable_by = ()
    ordering = ("-pk",)
    search_fields = ("sent_to",)
    search_help_text = _("An order number, or an e-mail address.")
    fields = ("order", "kind", "digital", "state", "to", "attempts", "created_at", "tried_at", "sent_at", "error")

    # What is found

    def get_queryset(self, request: HttpRequest) -> Any:
        """Those about orders of the stores of the member of staff who asks."""
        mails = super().get_queryset(request)
        storefront = get_storefront()
        if storefront.staff_stores(request.user) is None:
            return mails
        lines = of_staff(apps.get_model(conf.LINE_ITEM_MODEL)._default_manager.all(), request.user)
        return _with_written_key(mails).filter(written_key__in=_keys(lines, f"{storefront.order_path}__pk"))

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """Every word must be found: in the order's number or addresses, or in the address the mail went to."""
        storefront = get_storefront()
        paths = (storefront.number_path, *storefront.email_paths)
        for word in search_term.split():
            like = reduce(or_, (Q(**{f"{path}__icontains": word}) for path in paths))
            orders = _keys(storefront.order_model._default_manager.filter(like), "pk")
            queryset = _with_written_key(queryset).filter(Q(written_key__in=orders) | Q(sent_to__icontains=word))
        return queryset, False

    def lookup_allowed(self, lookup: str, value: str, request: Any = None) -> bool:
        return lookup in {"state__exact", "kind__exact"}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return MailList

    # What is shown

    @admin.display(description=_("order"))
    def order(self, mail: Mail) -> str:
        order = self._order(mail)
        return gettext("deleted") if order is None else get_storefront().number(order)

    @admin.display(description=_("mail"))
    def what(self, mail: Mail) -> str:
        kind = mail.get_kind_display()
        return kind if mail.digital is None else f"{kind}: {mail.digital.filename}"

    @admin.display(description=_("last error"))
    def problem(self, mail: Mail) -> str:
        """So much of it that the list stays one; the page of the mail has all."""
        return Truncator(one_line(mail.error)).chars(60) or "–"

    @admin.display(description=_("to"))
    def to(self, mail: Mail) -> str:
        """The address it went to; as long as it has not been sent, the one that the order has now."""
        order = self._order(mail)
        return mail.sent_to or (get_storefront().email(order) if order is not None else "") or "–"

    def _order(self, mail: Mail) -> Model | None:
        row: Any = mail
        if not hasattr(row, "shown_order"):
            row.shown_order = _orders_of([mail]).get(mail.order_pk)
        order: Model | None = row.shown_order
        return order

    # What may be done

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) or self.has_send_again_permission(request)

    def has_send_again_permission(self, request: Any) -> bool:
        codename = get_permission_codename("change", self.opts)
        allowed: bool = request.user.has_perm(f"{self.opts.app_label}.{codename}")
        return allowed

    @admin.action(description=_("Send again: what waits or was given up"), permissions=["send_again"])
    def send_again(self, request: Any, queryset: QuerySet[Mail]) -> None:
        chosen = list(queryset.order_by("pk"))
        with transaction.atomic(using=router.db_for_write(Mail)):
            trying = try_again(chosen)
            note_each(request.user, trying, lambda mail: gettext("Sent again."))
        message = ngettext("%(count)d mail is tried again.", "%(count)d mails are tried again.", len(trying))
        self.message_user(request, message % {"count": len(trying)}, messages.SUCCESS if trying else messages.INFO)
        if left := len(chosen) - len(trying):
            message = ngettext(
                "%(count)d mail was left alone: it was sent already, is being sent, or has nothing to tell. To mail a "
                "buyer once more, choose the links of the order.",
                "%(count)d mails were left alone: they were sent already, are being sent, or have nothing to tell. To "
                "mail a buyer once more, choose the links of the order.",
                left,
            )
            self.message_user(request, message % {"count": left}, messages.WARNING)


def _orders_of(mails: Iterable[Mail]) -> dict[str, Model]:
    orders = get_storefront().orders().filter(pk__in={mail.order_pk for mail in mails})
    return {str(order.pk): order for order in orders}


def _with_written_key(mails: Any) -> Any:
    """With the key of the order as the database would write it as text."""
    key = get_storefront().order_model._meta.pk
    written: Combinable = F("order_pk")
    if isinstance(key, UUIDField) and not connections[mails.db].features.has_native_uuid_field:
        written = Replace("order_pk", Value("-"))
    return mails.alias(written_key=written)


def _keys(rows: QuerySet[Any], path: str) -> QuerySet[Any]:
    """The keys of the orders at the end of ``path``, as text; for a subquery."""
    as_text = Cast(path, CharField(max_length=255))
    keys: QuerySet[Any] = rows.order_by().annotate(spree_digitals_key=as_text).values("spree_digitals_key")
    return keys
