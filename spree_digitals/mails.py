"""Mails to buyers: what they say, and that each is sent once, later if it cannot be now."""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import Any

from django.core.mail import EmailMultiAlternatives
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import F, Model, Q, QuerySet
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import formats, timezone, translation
from django.utils.crypto import salted_hmac
from django.utils.encoding import punycode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from . import outbox
from .models import Digital, DigitalLink, DigitalVersion, Mail, MailState
from .models.fields import BASE58, TOKEN_LENGTH
from .policy import Standing
from .purchases import PurchasedLink, copies, purchased_links
from .storefront import get_storefront, read_store_once
from .transactions import alias, retried

logger = logging.getLogger(__name__)

ATTEMPTS = 8
CLAIM = timedelta(minutes=10)  # who has not come back by then is taken for dead
CHUNK = 500  # rows read at a time, however many there are

HEADERS = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}  # RFC 3834 §5; Exchange

TOKEN = re.compile(rf"[{BASE58}]{{{TOKEN_LENGTH}}}")
CREDENTIALS = re.compile(r"(?<=://)[^/\s@]+(?=@)")
BLANKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")


@dataclass(frozen=True, kw_only=True)
class LinkInMail:
    """A link as the templates of mails get it. ``url`` is the page of the link: opening it costs no download."""

    product: str
    filename: str
    byte_size: int
    limits: str
    url: str
    copy: int | None


# Sending


def deliver(pk: int) -> MailState | None:
    """
    Send one mail of the outbox and return how far it came; None if it is not due, or somebody else is at it.

    Once its mail server has a mail, and before that is noted, this process may die, or be so slow that :data:`CLAIM` is
    over: then the mail is sent twice, with one Message-ID.
    """
    mail = _claim(pk)
    if mail is None:
        return None
    if mail.attempts > ATTEMPTS:
        return _note(mail, MailState.FAILED, error=_("Broken off at every attempt."))
    try:
        message = compose(mail)
        if message is not None:
            _send(message)
    except Exception as error:
        return _put_off(mail, error)
    if message is None:
        return _note(mail, MailState.POINTLESS)
    return _note(mail, MailState.SENT, sent_at=timezone.now(), sent_to=message.to[0])


def due() -> QuerySet[Mail]:
    """Mails to be tried now: new ones; failed ones after a pause; those whose sender has not come back."""
    now = timezone.now()
    rested = Q()
    for attempts in range(1, ATTEMPTS + 1):
        rested |= Q(attempts=attempts, tried_at__lte=now - pause(attempts))
    over = Q(error__gt="") | Q(tried_at__lte=now - CLAIM)
    return Mail.objects.using(alias()).filter(Q(tried_at=None) | (rested & over), state=MailState.WAITING)


def pause(attempts: int) -> timedelta:
    """How long a mail rests after so many attempts: 2 minutes, then 4, 8 …, a good four hours in all."""
    return timedelta(minutes=2**attempts)


def try_again(mails: Iterable[Mail]) -> list[Mail]:
    """Let mails that wait or were given up be tried anew, as if never before. Returns them, without those underway."""
    underway = Q(error="", tried_at__gt=timezone.now() - CLAIM, state=MailState.WAITING)
    unsent = Mail.objects.using(alias()).filter(state__in=[MailState.WAITING, MailState.FAILED]).exclude(underway)
    anew = {"state": MailState.WAITING, "attempts": 0, "tried_at": None, "error": ""}
    with transaction.atomic(using=alias()):
        chosen = [mail for mail in mails if unsent.filter(pk=mail.pk).update(**anew)]
        outbox.tell(mail.key for mail in chosen[: outbox.AT_ONCE])
    return chosen


def scrubbed(text: str) -> str:
    """Without the tokens of links and the passwords in addresses, which messages of errors may quote."""
    return CREDENTIALS.sub("***", TOKEN.sub("***", text))


def _claim(pk: int) -> Mail | None:
    # What decides is the UPDATE: of several who want the same mail, it finds a row for one.
    claimed = {"tried_at": timezone.now(), "attempts": F("attempts") + 1, "error": ""}
    if not retried(lambda: due().filter(pk=pk).update(**claimed)):
        return None
    return Mail.objects.using(alias()).select_related("digital").get(pk=pk)


def _send(message: EmailMultiAlternatives) -> None:
    if message.send() == 0:
        raise OSError(_("The mail backend sent nothing."))


def _put_off(mail: Mail, error: Exception) -> MailState:
    told = scrubbed("".join(traceback.format_exception(error)))
    logger.error("Mail %s could not be sent (attempt %s of %s).\n%s", mail.pk, mail.attempts, ATTEMPTS, told)
    state = MailState.FAILED if mail.attempts >= ATTEMPTS else MailState.WAITING
    return _note(mail, state, error=scrubbed(f"{type(error).__name__}: {error}")[:500])


def _note(mail: Mail, state: MailState, **outcome: Any) -> MailState:
    rows = Mail.objects.using(alias()).filter(pk=mail.pk)
    if state != MailState.SENT:  # that is true whoever took over meanwhile; anything else is theirs to tell
        rows = rows.filter(state=MailState.WAITING, tried_at=mail.tried_at)
    retried(lambda: rows.update(**{"state": state, "error": "", **outcome}))
    return state


# Writing


@read_store_once()
def compose(mail: Mail) -> EmailMultiAlternatives | None:
    """The mail as it would be sent now; None when there is nothing to tell, or nobody to tell it to."""
    storefront = get_storefront()
    # From where the order was written: a replica that lags behind would not have it yet.
    order = storefront.orders().using(alias()).filter(pk=mail.order_pk).first()
    email = None if order is None else storefront.email(order)
    if order is None or not email or storefront.completed_at(order) is None:
        return None
    links = _links_to_tell(mail, order)
    if not links:
        return None
    validate_email(email)
    with translation.override(storefront.language(order)), timezone.override(timezone.get_default_timezone()):
        context = {
            "shop": one_line(storefront.store_name(order)),
            "number": one_line(storefront.number(order)),
            "links": [_told(order, link, copy) for link, copy in copies(links)],
        }
        message = render(mail.kind, context, to=email, sender=storefront.from_email(order))
    message.extra_headers["Message-ID"] = _message_id(mail, message)
    return message


def render(kind: str, context: dict[str, Any], *, to: str, sender: str) -> EmailMultiAlternatives:
    """Text and HTML of one template; a header is one line, whatever a product or a store is called."""
    template = f"spree_digitals/mails/{kind}"
    subject = one_line(render_to_string(f"{template}.subject.txt", context))
    text = render_to_string(f"{template}.txt", context).strip() + "\n"
    message = EmailMultiAlternatives(subject, text, one_line(sender), [to], headers={**HEADERS})
    message.attach_alternative(render_to_string(f"{template}.html", context), "text/html")
    return message


def page_url(order: Model, link: DigitalLink) -> str:
    """The address of the page of a link, at the domain of the order's store."""
    path = reverse("spree_digitals_pages:link", kwargs={"token": link.token})
    return get_storefront().absolute_url(order, path)


def limits_in_words(standing: Standing) -> str:
    """What a buyer may still do: "5 downloads until Nov. 30, 2026, 9 a.m. (Europe/Berlin)"."""
    left, expires_at = standing.uses_left, standing.expires_at
    downloads = _("Unlimited downloads")
    if left is not None:
        downloads = ngettext("%(count)d download", "%(count)d downloads", left) % {"count": left}
    if expires_at is None:
        return _("%(downloads)s, at any time") % {"downloads": downloads}
    return _("%(downloads)s until %(moment)s") % {"downloads": downloads, "moment": moment_in_words(expires_at)}


def moment_in_words(moment: datetime) -> str:
    """In the time zone of the project, which is named: that of the buyer is unknown."""
    local = timezone.localtime(moment, timezone.get_default_timezone())
    written = formats.date_format(local, "DATETIME_FORMAT")
    return _("%(moment)s (%(zone)s)") % {"moment": written, "zone": timezone.get_default_timezone_name()}


def one_line(text: str) -> str:
    return BLANKS.sub(" ", text).strip()


def _told(order: Model, link: PurchasedLink, copy: int | None) -> LinkInMail:
    attributes = get_storefront().line_item_attributes(link.line_item) if link.line_item is not None else {}
    return LinkInMail(
        product=one_line(str(attributes.get("name") or "")),
        filename=one_line(link.digital.filename),
        byte_size=link.digital.byte_size,
        limits=limits_in_words(link.standing),
        url=page_url(order, link.standing.link),
        copy=copy,
    )


def _message_id(mail: Mail, message: EmailMultiAlternatives) -> str:
    """The same at every attempt: where a mail arrives twice after all, many mailboxes show it once."""
    domain = punycode(parseaddr(message.from_email)[1].rpartition("@")[2] or "localhost")
    return f"<{salted_hmac('spree_digitals.mails', mail.key, algorithm='sha256').hexdigest()[:40]}@{domain}>"


# Whom to tell


def buyers_of(digital: Digital) -> Iterator[Any]:
    """The keys of the orders whose buyers a new version of this file concerns, each once."""
    key = f"line_item__{get_storefront().order_path}__pk"
    yield from links_to_announce(digital).order_by().values_list(key, flat=True).distinct().iterator(CHUNK)


def links_to_announce(digital: Digital) -> QuerySet[DigitalLink]:
    """Links that were issued for an earlier version of this file and could still be used."""
    order = f"line_item__{get_storefront().order_path}__isnull"
    links = DigitalLink.objects.using(alias()).active()
    return links.filter(digital=digital, created_at__lt=digital.attached_at, **{order: False})


def announce_new_versions() -> None:
    """Tell buyers of the versions that they are still to be told of. Broken off, it is finished the next time."""
    pending = DigitalVersion.objects.using(alias()).filter(to_announce=True)
    for version in pending.select_related("digital"):
        if version.version < version.digital.version or outbox.new_version(version.digital, buyers_of(version.digital)):
            pending.filter(pk=version.pk).update(to_announce=False)


def _links_to_tell(mail: Mail, order: Model) -> list[PurchasedLink]:
    lines = get_storefront().line_items([order]).using(alias())
    links = [link for found in purchased_links(lines).values() for link in found]
    wanted = [link for link in links if mail.digital_id in (None, link.digital.pk)]
    return [link for link in wanted if link.standing.authorizable]
