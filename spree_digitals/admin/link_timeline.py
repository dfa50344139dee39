"""What happened to a link, from all that is kept about it, in one list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q, QuerySet
from django.template.defaultfilters import filesizeformat
from django.utils import formats, timezone
from django.utils.dateparse import parse_datetime
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..models import DigitalLink, Download, Mail, MailState, Refusal, RevokeReason
from ..storefront import get_storefront
from ..wording import REASONS

SHOWN = 50
# Rows that bear the time of the last one that is shown are shown with it: the next page begins before them.
AT_ONCE = 10

MAILS: dict[str, str | Promise] = {
    MailState.WAITING: gettext_lazy("Mail waiting"),
    MailState.SENT: gettext_lazy("Mail sent"),
    MailState.FAILED: gettext_lazy("Mail failed"),
    MailState.POINTLESS: gettext_lazy("Mail left out"),
}


@dataclass(frozen=True, kw_only=True)
class Event:
    """One line: when, what, by whom or from where, and what else is known."""

    at: datetime
    kind: str  # gives it its colour
    what: str | Promise
    who: str = ""
    detail: str | Promise = ""


@dataclass(frozen=True)
class Timeline:
    """A page of events, newest first. ``older`` is the time before which the next page begins; empty on the last."""

    events: list[Event]
    newest: bool
    older: str


def timeline(link: DigitalLink, user: Any, before: str | None) -> Timeline:
    """What this member of staff may see of it; ``before`` is the time that another page ended with."""
    until = _time(before)
    found = sorted(_events(link, user, until), key=lambda event: event.at, reverse=True)
    shown = found[:SHOWN]
    shown += [event for event in found[SHOWN:] if event.at == shown[-1].at]
    older = shown[-1].at.isoformat() if len(found) > len(shown) else ""
    return Timeline(shown, newest=until is None, older=older)


def _time(text: str | None) -> datetime | None:
    try:
        found = parse_datetime(text or "")
        return found.astimezone(UTC) if found is not None and timezone.is_aware(found) else None
    except (ValueError, OverflowError):  # well formed, but no day of any month, or out of the calendar
        return None


def _events(link: DigitalLink, user: Any, before: datetime | None) -> Iterator[Event]:
    own = (event for event in _of_link(link) if before is None or event.at < before)
    return chain(own, *(events for events in _of_rows(link, user, before)))


def _of_rows(link: DigitalLink, user: Any, before: datetime | None) -> Iterator[Iterable[Event]]:
    sees_downloads = user.has_perm("spree_digitals.view_download")
    if sees_downloads:
        yield (_download(row, link) for row in _newest(link.downloads.all(), "created_at", before))
    if user.has_perm("spree_digitals.view_refusal"):
        yield (_refusal(row, sees_downloads) for row in _newest(link.refusals.all(), "refused_at", before))
    if user.has_perm("spree_digitals.view_mail"):
        yield (_mail(row) for row in _newest(_mails(link), "created_at", before))
    yield (_deed(row) for row in _newest(_deeds(link), "action_time", before))


def _newest(rows: QuerySet[Any], time: str, before: datetime | None) -> QuerySet[Any]:
    earlier = rows if before is None else rows.filter(**{f"{time}__lt": before})
    return earlier.order_by(f"-{time}")[: SHOWN + AT_ONCE]


def _of_link(link: DigitalLink) -> Iterator[Event]:
    origin = _("Made by hand, as a favour.") if link.unit is None else _("For unit %d of the line.") % link.unit
    if link.activated_at is not None:
        yield Event(at=link.activated_at, kind="link", what=_("Activated"), detail=_("The days count from here."))
    yield Event(at=link.created_at, kind="link", what=_("Issued"), detail=origin)
    # What staff did stands in the history, with their name.
    if link.revoked_at is not None and link.revoke_reason != RevokeReason.STAFF:
        reason = link.get_revoke_reason_display()
        yield Event(at=link.revoked_at, kind="refusal", what=_("Revoked"), detail=reason)


def _download(row: Download, link: DigitalLink) -> Event:
    earlier = row.generation != link.generation
    what = _("Downloaded (before a reset)") if earlier else _("Downloaded")
    return Event(
        at=row.created_at, kind="earlier" if earlier else "download", what=what, who=_client(row), detail=_how_much(row)
    )


def _how_much(row: Download) -> str:
    """All of it, unless the client broke off: where the application streams, what did not leave was given back."""
    facts = {"version": row.version, "size": filesizeformat(row.byte_size), "sent": filesizeformat(row.bytes_granted)}
    if row.last_granted_at is None or row.bytes_granted >= row.byte_size:
        return _("version %(version)d, %(size)s") % facts
    return _("version %(version)d, %(sent)s of %(size)s") % facts


def _refusal(row: Refusal, sees_clients: bool) -> Event:
    reason = REASONS.get(row.code, row.code)
    who = _client(row) if sees_clients else ""
    return Event(at=row.refused_at, kind="refusal", what=_("Refused"), who=who, detail=reason)


def _client(row: Download | Refusal) -> str:
    """Where it came from. The hash tells whether two rows are of the same client."""
    known = [row.address or "", row.user_agent, row.client and _("client %s") % row.client[:8]]
    return " · ".join(part for part in known if part)


def _mails(link: DigitalLink) -> QuerySet[Mail]:
    order = None if link.line_item is None else get_storefront().order(link.line_item)
    if order is None:
        return Mail.objects.none()
    return Mail.objects.filter(Q(digital=None) | Q(digital=link.digital_id), order_pk=str(order.pk))


def _mail(row: Mail) -> Event:
    # It stands where it was due; pages are cut by that time.
    sent = row.sent_at and _("sent on %s") % formats.localize(timezone.localtime(row.sent_at))
    detail = ", ".join(part for part in (row.get_kind_display(), sent, row.error) if part)
    kind = "refusal" if row.state == MailState.FAILED else "mail"
    return Event(at=row.created_at, kind=kind, what=MAILS[row.state], who=row.sent_to, detail=detail)


def _deeds(link: DigitalLink) -> QuerySet[LogEntry]:
    history = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(DigitalLink))
    return history.filter(object_id=str(link.pk)).select_related("user")


def _deed(row: LogEntry) -> Event:
    what = row.get_change_message() or row.get_action_flag_display()
    return Event(at=row.action_time, kind="staff", what=what, who=row.user.get_username())
