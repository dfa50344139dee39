"""What staff do to links: asked for a reason first, and written into the history of each link."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Model
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from .. import exceptions, issuing, outbox
from ..mails import page_url
from ..models import DigitalLink
from ..purchases import PurchasedOrder, purchased
from ..staff import carry_out, entry_with, left_in_words, note_each, what_was_done
from ..storefront import completion_of, get_storefront
from .common import WhyForm
from .serving import send

TEMPLATES = "admin/spree_digitals/digitallink"
NO_PAGES = _(
    "%(link)s was not copied: include spree_digitals.pages.urls in the project's URLs, where buyers' pages are."
)
NAMED = 10  # so many links are named with what came of it, and as many that were left alone with the reason


class ExtendForm(WhyForm):
    """By how much."""

    days = forms.IntegerField(
        label=_("More days"), required=False, min_value=0, max_value=issuing.MAX_EXTENSION_DAYS, initial=0
    )
    uses = forms.IntegerField(
        label=_("More downloads"), required=False, min_value=0, max_value=issuing.MAX_EXTENSION_USES, initial=0
    )
    field_order = ("days", "uses", "why")

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        data |= {name: data.get(name) or 0 for name in ("days", "uses")}
        if not self.errors and not (data["days"] or data["uses"]):
            raise forms.ValidationError(_("Both numbers are 0. Give a number of days, or of downloads, or both."))
        return data


class LinkAction(ABC):
    """One thing that staff do to links they have chosen, with what the form asked for."""

    name: ClassVar[str]
    label: ClassVar[str | Promise]
    meaning: ClassVar[str | Promise]
    permission: ClassVar[str]
    form_class: ClassVar[type[WhyForm]] = WhyForm
    of_many: ClassVar[bool] = True
    do_not_call_in_templates = True  # Django's templates otherwise make an instance of a class they show

    def __init__(self, request: HttpRequest, data: dict[str, Any], context: dict[str, Any]) -> None:
        self.request = request
        self.data = data
        self.context = context  # of its pages
        self.reasons: dict[Any, str] = {}  # why a link was left alone, by its key

    @abstractmethod
    def run(self, links: Sequence[DigitalLink]) -> HttpResponseBase | None:
        """Do it and tell how it went. None: back to where it was asked for."""

    def left_alone(self, link: DigitalLink) -> str:
        """Why nothing was done to this link."""
        return gettext("%(link)s stayed as it was.") % {"link": link}

    def entry(self, link: DigitalLink) -> str:
        return entry_with(what_was_done(self.name, link), self.data["why"])

    def tell_left_alone(self, links: Iterable[DigitalLink], done: set[Any]) -> None:
        left = [link for link in links if link.pk not in done]
        for link in left[:NAMED]:
            messages.warning(self.request, self.reasons.get(link.pk) or self.left_alone(link))
        if (more := len(left) - NAMED) > 0:
            told = ngettext("%d more link stayed as it was.", "%d more links stayed as they were.", more)
            messages.warning(self.request, told % more)

    @classmethod
    def allowed(cls, user: Any) -> bool:
        may: bool = user.has_perm(f"spree_digitals.{cls.permission}")
        return may

    @classmethod
    def fits(cls, link: DigitalLink) -> bool:
        """Whether its button stands on the page of this link."""
        return True


class Change(LinkAction):
    """Changes the links and their histories, or neither."""

    def run(self, links: Sequence[DigitalLink]) -> HttpResponseBase | None:
        changed = carry_out(self.request.user, links, self.change, self.entry)
        if changed:
            self.tell_done(changed)
        self.tell_left_alone(links, {link.pk for link in changed})
        return None

    @abstractmethod
    def change(self, links: Collection[DigitalLink]) -> list[DigitalLink]:
        """Returns the links that were changed."""

    @abstractmethod
    def done(self, count: int) -> str:
        """What staff are told."""

    def tell_done(self, changed: Sequence[DigitalLink]) -> None:
        messages.success(self.request, self.done(len(changed)))


class Reset(Change):
    name = "reset"
    label = _("Reset")
    meaning = _("No download is counted any more, and the days count from now. Earlier downloads stay on record.")
    permission = "reset_digitallink"

    def change(self, links: Collection[DigitalLink]) -> list[DigitalLink]:
        return issuing.reset(links)

    def done(self, count: int) -> str:
        return ngettext("%(count)d link was reset.", "%(count)d links were reset.", count) % {"count": count}


class Extend(Change):
    name = "extend"
    label = _("Extend…")
    meaning = _("More downloads or more days, on top of the limits. What is over begins anew.")
    permission = "extend_digitallink"
    form_class = ExtendForm

    def change(self, links: Collection[DigitalLink]) -> list[DigitalLink]:
        return issuing.extend(links, uses=self.data["uses"], days=self.data["days"])

    def done(self, count: int) -> str:
        return ngettext("%(count)d link was extended.", "%(count)d links were extended.", count) % {"count": count}

    def tell_done(self, changed: Sequence[DigitalLink]) -> None:
        super().tell_done(changed)
        for link in changed[:NAMED]:
            told = gettext("%(link)s: %(left)s") % {"link": link, "left": left_in_words(link)}
            messages.success(self.request, told)

    def left_alone(self, link: DigitalLink) -> str:
        return gettext("%(link)s was not extended: it has no such limit, or its days have not begun.") % {"link": link}


class Revoke(Change):
    name = "revoke"
    label = _("Revoke")
    meaning = _("Every download is refused until somebody restores the link.")
    permission = "revoke_digitallink"

    def change(self, links: Collection[DigitalLink]) -> list[DigitalLink]:
        return issuing.revoke(links)

    def done(self, count: int) -> str:
        return ngettext("%(count)d link was revoked.", "%(count)d links were revoked.", count) % {"count": count}

    def left_alone(self, link: DigitalLink) -> str:
        return gettext("%(link)s was revoked already.") % {"link": link}

    @classmethod
    def fits(cls, link: DigitalLink) -> bool:
        return link.revoked_at is None


class Restore(Change):
    name = "restore"
    label = _("Restore")
    meaning = _("A revoked link works again, with what is left of its downloads and days.")
    permission = "restore_digitallink"

    def change(self, links: Collection[DigitalLink]) -> list[DigitalLink]:
        """All at once, or else one after the other, with the reasons of those that may not come back."""
        try:
            return issuing.restore(links)
        except exceptions.EntitlementExceeded as error:
            if len(links) == 1:
                self.reasons |= {link.pk: str(error) for link in links}
                return []
        return [restored for link in links for restored in self.change([link])]

    def done(self, count: int) -> str:
        return ngettext("%(count)d link was restored.", "%(count)d links were restored.", count) % {"count": count}

    def left_alone(self, link: DigitalLink) -> str:
        return gettext("%(link)s was not revoked.") % {"link": link}

    @classmethod
    def fits(cls, link: DigitalLink) -> bool:
        return link.revoked_at is not None


class Rotate(Change):
    name = "rotate"
    label = _("New token")
    meaning = _(
        "The link gets another address, and the one that the buyer has leads nowhere: for a link that has come into "
        "the wrong hands. Mail it again afterwards, or copy it for the buyer."
    )
    permission = "rotate_digitallink"

    def change(self, links: Collection[DigitalLink]) -> list[DigitalLink]:
        return issuing.rotate(links)

    def done(self, count: int) -> str:
        done = ngettext("%(count)d link has a new token.", "%(count)d links have new tokens.", count)
        return done % {"count": count}


class MailAgain(Change):
    name = "mail"
    label = _("Mail again")
    meaning = _("The buyer gets the mail with all download links of the order once more.")
    permission = "mail_digitallink"

    def change(self, links: Collection[DigitalLink]) -> list[DigitalLink]:
        storefront = get_storefront()
        orders = {link.pk: order for link in links if (order := self.order_of(link)) is not None}
        different = {order.pk: order for order in orders.values()}
        worth = {found.pk for found in purchased(list(different.values())) if _something_to_tell(found)}
        told = {pk: order for pk, order in different.items() if pk in worth and storefront.email(order)}
        outbox.files_ready_again(told.values())
        self.mails = len(told)
        return [link for link in links if link.pk in orders and orders[link.pk].pk in told]

    def order_of(self, link: DigitalLink) -> Model | None:
        """The completed order of the link; else the reason is noted."""
        order = None if link.line_item is None else get_storefront().order(link.line_item)
        if order is None:
            self.reasons[link.pk] = gettext("%(link)s was not mailed: its order was deleted.") % {"link": link}
        elif completion_of(link.line_item) is None:
            self.reasons[link.pk] = gettext("%(link)s was not mailed: its order is not completed.") % {"link": link}
        else:
            return order
        return None

    def done(self, count: int) -> str:
        return ngettext("%(count)d mail is on its way.", "%(count)d mails are on their way.", self.mails) % {
            "count": self.mails
        }

    def left_alone(self, link: DigitalLink) -> str:
        return gettext("%(link)s was not mailed: its order has no e-mail address, or no link that works.") % {
            "link": link
        }


class Copy(LinkAction):
    name = "copy"
    label = _("Copy link")
    meaning = _("Shows the address of the buyer's page, to be sent by hand. Whoever has it may download.")
    permission = "copy_digitallink"

    def run(self, links: Sequence[DigitalLink]) -> HttpResponseBase | None:
        addresses = [(link, address) for link in links if (address := self.address(link))]
        self.tell_left_alone(links, {link.pk for link, _address in addresses})
        if not addresses:
            return None
        note_each(self.request.user, [link for link, _address in addresses], self.entry)
        return TemplateResponse(self.request, f"{TEMPLATES}/copied.html", {**self.context, "addresses": addresses})

    def address(self, link: DigitalLink) -> str | None:
        storefront = get_storefront()
        order = None if link.line_item is None else storefront.order(link.line_item)
        if order is None:
            self.reasons[link.pk] = gettext("%(link)s was not copied: its order was deleted.") % {"link": link}
            return None
        try:
            return page_url(order, link)
        except NoReverseMatch:
            self.reasons[link.pk] = NO_PAGES % {"link": link}
        except ImproperlyConfigured as error:
            self.reasons[link.pk] = gettext("%(link)s was not copied: %(error)s") % {"link": link, "error": error}
        return None


class Download(LinkAction):
    name = "download"
    label = _("Download as staff")
    meaning = _("The file as the buyer gets it. Nothing is counted, whatever the link allows.")
    permission = "download_digital"
    of_many = False

    def run(self, links: Sequence[DigitalLink]) -> HttpResponseBase | None:
        (link,) = links
        return send(self.request, link.digital, about=link, entry=self.entry)


ACTIONS: dict[str, type[LinkAction]] = {
    action.name: action for action in (Reset, Extend, Revoke, Restore, Rotate, Copy, Download, MailAgain)
}


def _something_to_tell(found: PurchasedOrder) -> bool:
    return any(link.standing.authorizable for line in found.line_items for link in line.digital_links)
