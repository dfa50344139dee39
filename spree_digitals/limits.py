"""The policy as arithmetic: how often and how long a link may be used. No database, no clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

MAX_CLICKS = 1_000_000_000
MAX_DAYS = 36_500  # a hundred years: further away, dates leave the calendar


class Override(Protocol):
    """What one level of the cascade says: a number, without limit, or nothing (None: ask the next level)."""

    authorized_clicks: int | None
    unlimited_clicks: bool
    authorized_days: int | None
    unlimited_days: bool


@dataclass(frozen=True, kw_only=True)
class Limits:
    """
    How often and how long one link may be used. ``None`` means no limit.

    The defaults are Spree's. ``link_expire_time`` is how long a presigned storage URL lives.
    """

    uses: int | None = 5
    lifetime: timedelta | None = timedelta(days=7)
    link_expire_time: timedelta = timedelta(seconds=300)

    def uses_left(self, used: int) -> int | None:
        """How many more times the link may be used; None when it may be used for ever."""
        return None if self.uses is None else max(0, self.uses - used)

    def reached(self, used: int) -> bool:
        return self.uses is not None and used >= self.uses

    def expires_at(self, activated_at: datetime | None) -> datetime | None:
        """The first instant at which the link is dead; None when that instant never comes or is not known yet."""
        if self.lifetime is None or activated_at is None:
            return None
        return activated_at + self.lifetime

    def expired(self, *, activated_at: datetime | None, now: datetime) -> bool:
        expires_at = self.expires_at(activated_at)
        return expires_at is not None and now >= expires_at


def cascade(*levels: Override | None, default: Limits) -> Limits:
    """The limits in force: for uses and for days alike, the first of ``levels`` that says something wins."""
    uses, lifetime = default.uses, default.lifetime
    for level in reversed([level for level in levels if level is not None]):
        if level.unlimited_clicks:
            uses = None
        elif level.authorized_clicks is not None:
            uses = level.authorized_clicks
        if level.unlimited_days:
            lifetime = None
        elif level.authorized_days is not None:
            lifetime = timedelta(days=level.authorized_days)
    return Limits(uses=uses, lifetime=lifetime, link_expire_time=default.link_expire_time)
