"""What staff do to files that are sold: confirmed first, with a reason, and written into the history of each file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from datetime import datetime
from typing import Any, ClassVar

from django.contrib import messages
from django.db import transaction
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, pgettext, pgettext_lazy

from .. import outbox
from ..mails import links_to_announce
from ..models import Digital, Mail, MailKind
from ..staff import DONE, entry_with, note_each, of_staff
from ..storefront import get_storefront
from ..transactions import alias, retried
from .serving import send

NOTHING_TO_ANNOUNCE = _("%(file)s: nobody is told about a first version, nor about a file that is withdrawn.")
CHUNK = 500  # keys compared at a time, however many buyers there are


class DigitalAction(ABC):
    """One thing that staff do to files they have chosen, once they have confirmed it."""

    name: ClassVar[str]
    label: ClassVar[str | Promise]
    meaning: ClassVar[str | Promise]
    permission: ClassVar[str]

    def fits(self, digital: Digital, now: datetime) -> bool:
        """Whether its button stands on the page of this file, and whether it would change anything."""
        return True

    def consequence(self, user: Any, digitals: Collection[Digital]) -> str:
        """What would happen, in numbers, where that is worth counting."""
        return ""

    @abstractmethod
    def run(self, request: HttpRequest, digitals: Collection[Digital], why: str) -> HttpResponseBase | None:
        """Do it, and tell how it went. None: back to where it was asked for."""

    def allowed(self, user: Any) -> bool:
        may: bool = user.has_perm(f"spree_digitals.{self.permission}")
        return may


class SaleChange(DigitalAction):
    """Sets or empties one of the moments from which a file is retired or withdrawn."""

    permission = "change_digital"
    column: ClassVar[str]
    entry: ClassVar[str | Promise]
    ends: ClassVar[bool]  # whether the moment is set, to now, or taken back

    def fits(self, digital: Digital, now: datetime) -> bool:
        moment = getattr(digital, self.column)
        return moment is None or moment > now if self.ends else moment is not None

    def run(self, request: HttpRequest, digitals: Collection[Digital], why: str) -> HttpResponseBase | None:
        pks = [digital.pk for digital in digitals]
        changed = retried(lambda: self._change(request.user, pks, why))
        if changed:
            messages.success(request, self.done(len(changed)))
        if left := len(pks) - len(changed):
            told = ngettext("%(count)d file stayed as it was.", "%(count)d files stayed as they were.", left)
            messages.warning(request, told % {"count": left})
        return None

    def _change(self, user: Any, pks: Collection[Any], why: str) -> list[Digital]:
        chosen, now = Digital.objects.using(alias()).filter(pk__in=pks), timezone.now()
        chosen.update(version=F("version"))  # locks them on every database: each change is noted once
        changed = [digital for digital in chosen.order_by("pk") if self.fits(digital, now)]
        moment = {self.column: now if self.ends else None}
        Digital.objects.using(alias()).filter(pk__in=[digital.pk for digital in changed]).update(**moment)
        note_each(user, changed, lambda digital: entry_with(str(self.entry), why))
        return changed

    @abstractmethod
    def done(self, count: int) -> str:
        """What staff are told."""


class Retire(SaleChange):
    name = "retire"
    label = _("Retire")
    meaning = _("Nobody gets new links from now on. Links that were sold go on working.")
    entry = pgettext_lazy("history", "Retired")
    column = "retired_at"
    ends = True

    def done(self, count: int) -> str:
        return ngettext("%(count)d file was retired.", "%(count)d files were retired.", count) % {"count": count}


class PutOnSale(SaleChange):
    name = "put_on_sale"
    label = _("Put back on sale")
    meaning = _("Orders get links again. Those that completed meanwhile get theirs by the command issue_digital_links.")
    entry = pgettext_lazy("history", "Put back on sale")
    column = "retired_at"
    ends = False

    def done(self, count: int) -> str:
        done = ngettext("%(count)d file was put back on sale.", "%(count)d files were put back on sale.", count)
        return done % {"count": count}


class Withdraw(SaleChange):
    name = "withdraw"
    label = _("Withdraw")
    meaning = _("Nobody can download it any more, buyers neither, until the withdrawal is lifted. No new links either.")
    entry = pgettext_lazy("history", "Withdrawn")
    column = "withdrawn_at"
    ends = True

    def done(self, count: int) -> str:
        return ngettext("%(count)d file was withdrawn.", "%(count)d files were withdrawn.", count) % {"count": count}


class LiftWithdrawal(SaleChange):
    name = "lift_withdrawal"
    label = _("Lift the withdrawal")
    meaning = _("Links that were sold work again, with what is left of their downloads and days.")
    entry = pgettext_lazy("history", "Withdrawal lifted")
    column = "withdrawn_at"
    ends = False

    def done(self, count: int) -> str:
        done = ngettext(
            "The withdrawal of %(count)d file was lifted.", "The withdrawal of %(count)d files was lifted.", count
        )
        return done % {"count": count}


class Download(DigitalAction):
    name = "download"
    label = _("Download as staff")
    meaning = _("The file as buyers get it. Nothing is counted.")
    permission = "download_digital"

    def run(self, request: HttpRequest, digitals: Collection[Digital], why: str) -> HttpResponseBase | None:
        (digital,) = digitals
        return send(request, digital, entry=lambda about: entry_with(str(DONE["download"]), why))


class Announce(DigitalAction):
    name = "announce"
    label = _("Tell buyers about the new version")
    meaning = _(
        "Everybody who bought an earlier version, and can still use the link, gets one mail about the present one."
    )
    permission = "announce_digital"

    def fits(self, digital: Digital, now: datetime) -> bool:
        return digital.version > 1 and not digital.withdrawn(now)

    def consequence(self, user: Any, digitals: Collection[Digital]) -> str:
        (digital,) = digitals
        if not self.fits(digital, timezone.now()):
            return NOTHING_TO_ANNOUNCE % {"file": digital}
        told, untold = self._told(user, digital)
        mails = ngettext("%(count)d buyer would be mailed now.", "%(count)d buyers would be mailed now.", untold)
        if not told:
            return mails % {"count": untold}
        others = ngettext(
            "%(count)d has been told about version %(version)d already and gets no second mail.",
            "%(count)d have been told about version %(version)d already and get no second mail.",
            told,
        )
        return f"{mails % {'count': untold}} {others % {'count': told, 'version': digital.version}}"

    def run(self, request: HttpRequest, digitals: Collection[Digital], why: str) -> HttpResponseBase | None:
        (digital,) = digitals
        if not self.fits(digital, timezone.now()):
            messages.warning(request, NOTHING_TO_ANNOUNCE % {"file": digital})
            return None
        _told, untold = self._told(request.user, digital)
        with transaction.atomic(using=alias()):
            # Written first: on SQLite nobody else can write between reading the buyers and writing their mails.
            note_each(request.user, [digital], lambda digital: self._entry(digital, why))
            outbox.new_version(digital, buyers(request.user, digital).iterator(chunk_size=CHUNK))
        told = ngettext("%(count)d mail is on its way.", "%(count)d mails are on their way.", untold)
        messages.success(request, told % {"count": untold})
        return None

    def _entry(self, digital: Digital, why: str) -> str:
        told = pgettext("history", "Told buyers about version %(version)d") % {"version": digital.version}
        return entry_with(told, why)

    def _told(self, user: Any, digital: Digital) -> tuple[int, int]:
        """How many buyers have a mail about the present version, and how many have none."""
        mails = Mail.objects.filter(kind=MailKind.NEW_VERSION, digital=digital, created_at__gte=digital.attached_at)
        told = total = 0
        chunk: list[str] = []
        for pk in buyers(user, digital).iterator(chunk_size=CHUNK):
            chunk.append(str(pk))
            if len(chunk) == CHUNK:
                told += mails.filter(order_pk__in=chunk).count()
                chunk = []
            total += 1
        told += mails.filter(order_pk__in=chunk).count()
        return told, total - told


def buyers(user: Any, digital: Digital) -> QuerySet[Any, Any]:
    """The keys of the orders, in the stores of this member of staff, that the file's present version concerns."""
    order = f"line_item__{get_storefront().order_path}"
    return of_staff(links_to_announce(digital), user).order_by(order).values_list(order, flat=True).distinct()


ACTIONS: dict[str, DigitalAction] = {
    action.name: action for action in (Retire(), PutOnSale(), Withdraw(), LiftWithdrawal(), Download(), Announce())
}
OF_MANY = [action for action in ACTIONS.values() if isinstance(action, SaleChange)]
