"""Where a link stands, in words that staff can read to a buyer."""

from __future__ import annotations

from typing import Any

from django.utils import formats, timezone
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.timesince import timesince
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from .. import exceptions, issuing
from ..models import DigitalLink
from ..pages.wording import WAITING
from ..policy import Standing, standing_of

# The name of each state, which is also that of its colour, with its words.
STATES: dict[str, str | Promise] = {
    "active": _("active"),
    "pending": _("pending"),
    "order_changed": _("order changed"),
    exceptions.FileWithdrawn.code: _("file withdrawn"),
    exceptions.LinkRevoked.code: _("revoked"),
    exceptions.OrderNotEntitled.code: _("order not entitled"),
    exceptions.LinkExpired.code: _("expired"),
    exceptions.LimitReached.code: _("used up"),
}


def standing(link: DigitalLink) -> Standing:
    """Where the link stands, asked once for all columns of a page."""
    row: Any = link
    if not hasattr(row, "shown_standing"):
        row.shown_standing = standing_of(link)
    found: Standing = row.shown_standing
    return found


def state(link: DigitalLink) -> str:
    """Which of ``STATES`` the link is in."""
    refusal = standing(link).refusal
    if issuing.out_of_step(link) and not isinstance(refusal, exceptions.FileWithdrawn):
        return "order_changed"
    if refusal is None:
        return "active"
    return "pending" if _pending(link) else refusal.code


def _pending(link: DigitalLink) -> bool:
    """Whether its order is still to be completed."""
    found = standing(link)
    return link.line_item is not None and found.activated_at is None and not found.revoked


def _may_work(link: DigitalLink) -> bool:
    """As on the pages of buyers: nothing is left of a link that only the shop brings back."""
    refusal = standing(link).refusal
    return (
        refusal is None
        or refusal.code in WAITING
        or (isinstance(refusal, exceptions.OrderNotEntitled) and _pending(link))
    )


def badge(link: DigitalLink) -> str:
    """The state in words and in a colour."""
    name = state(link)
    return format_html('<span class="link-badge link-badge-{}">{}</span>', name, STATES[name])


def uses(link: DigitalLink) -> str:
    """What was counted since the last reset: "2 of 5"."""
    limit = standing(link).limits.uses
    shown = gettext("unlimited") if limit is None else limit
    return gettext("%(used)s of %(limit)s") % {"used": link.access_counter, "limit": shown}


def what_is_left(link: DigitalLink) -> str:
    """Downloads and time, on a line each: "3 of 5 left, until 30 Nov 2026, 14:00"."""
    if not _may_work(link):
        return "–"
    return format_html("{},<br> {}", _downloads(standing(link)), _time(standing(link)))


def _downloads(found: Standing) -> str:
    limit, left = found.limits.uses, found.uses_left
    if limit is None or left is None:
        return gettext("unlimited downloads")
    return gettext("%(left)s of %(limit)s left") % {"left": left, "limit": limit}


def _time(found: Standing) -> str:
    lifetime, expires_at = found.limits.lifetime, found.expires_at
    if lifetime is None:
        return gettext("at any time")
    if expires_at is None:
        days = ngettext("for %(days)d day once it begins", "for %(days)d days once it begins", lifetime.days)
        return days % {"days": lifetime.days}
    if found.expired:
        return gettext("expired %(time)s ago") % {"time": timesince(expires_at, found.now, depth=1)}
    return gettext("until %(date)s") % {"date": formats.localize(timezone.localtime(expires_at))}
