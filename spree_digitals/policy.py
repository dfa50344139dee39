"""Where a link stands at one moment. Downloads are decided by it and pages show it, so that the two never disagree."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from .exceptions import DownloadRefused, FileWithdrawn, LimitReached, LinkExpired, LinkRevoked, OrderNotEntitled
from .limits import Limits
from .models import DigitalLink
from .storefront import completion_of, get_storefront


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A link's limits, what is left of them, and why it cannot be used, if so."""

    link: DigitalLink
    limits: Limits
    activated_at: datetime | None
    entitled: bool
    now: datetime

    @property
    def uses_left(self) -> int | None:
        return self.limits.uses_left(self.link.access_counter)

    @property
    def limit_reached(self) -> bool:
        return self.limits.reached(self.link.access_counter)

    @property
    def expires_at(self) -> datetime | None:
        return self.limits.expires_at(self.activated_at)

    @property
    def url_lifetime(self) -> timedelta:
        """For how long an address may give the file away: never longer than the link itself."""
        lifetime = self.limits.link_expire_time
        return lifetime if self.expires_at is None else min(lifetime, self.expires_at - self.now)

    @property
    def expired(self) -> bool:
        return self.limits.expired(activated_at=self.activated_at, now=self.now)

    @property
    def revoked(self) -> bool:
        return self.link.revoked_at is not None

    @property
    def refusal(self) -> DownloadRefused | None:
        """Why a download would be refused now; None when it would be counted."""
        if self.link.digital.withdrawn(self.now):
            return FileWithdrawn()
        if self.revoked:
            return LinkRevoked()
        if not self.entitled:
            return OrderNotEntitled()
        if self.expired:
            return LinkExpired(expired_at=self.expires_at)
        if self.limit_reached:
            return LimitReached(limit=self.limits.uses, used=self.link.access_counter)
        return None

    @property
    def authorizable(self) -> bool:
        return self.refusal is None


def standing_of(link: DigitalLink, *, now: datetime | None = None) -> Standing:
    """``link`` must have been loaded ``with_standing()``. The order is asked anew at every call."""
    storefront = get_storefront()
    line_item = link.line_item
    completed_at = completion_of(line_item)
    return Standing(
        link=link,
        limits=link.limits,
        activated_at=link.activated_at or completed_at,
        entitled=line_item is not None and completed_at is not None and storefront.entitled_units(line_item) > 0,
        now=now or timezone.now(),
    )
