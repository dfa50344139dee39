"""Which links follow the limits of a store, and which of them a change lets work or stops."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.db.models import Case, CharField, Count, F, Q, QuerySet, Value, When
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from ..models import DigitalLink
from ..storefront import get_storefront

MOST = 100_000  # links of one store that a change of its limits is followed up for
ACTIVE, EXPIRED, USED_UP = "active", "expired", "used_up"

CLICKS = Q(
    authorized_clicks=None,
    unlimited_clicks=False,
    digital__authorized_clicks=None,
    digital__unlimited_clicks=False,
)
DAYS = Q(authorized_days=None, unlimited_days=False, digital__authorized_days=None, digital__unlimited_days=False)


@dataclass(frozen=True)
class Followers:
    """How many links follow the limits of a store: for both numbers, or for one of them only."""

    both: int = 0
    clicks: int = 0
    days: int = 0

    def __str__(self) -> str:
        """As in "312 links follow this, and 12 only for the number of downloads"."""
        words = ngettext("%(count)d link follows this", "%(count)d links follow this", self.both)
        parts = [words % {"count": self.both}]
        if self.clicks:
            parts.append(gettext("%(count)d only for the number of downloads") % {"count": self.clicks})
        if self.days:
            parts.append(gettext("%(count)d only for the days") % {"count": self.days})
        return gettext(", and ").join(parts)


def followers(stores: Collection[Any]) -> dict[Any, Followers]:
    """What follows the limits of each of these stores, in one query."""
    path = get_storefront().store_path
    numbers = {
        "both": Count("pk", filter=CLICKS & DAYS),
        "clicks": Count("pk", filter=CLICKS & ~DAYS),
        "days": Count("pk", filter=DAYS & ~CLICKS),
    }
    if path is None:
        single = get_storefront().single_store_pk()
        return (
            {single: Followers(**DigitalLink.objects.filter(revoked_at=None).aggregate(**numbers))}
            if single in stores
            else {}
        )
    store = f"line_item__{path}"
    links = DigitalLink.objects.filter(revoked_at=None, **{f"{store}__in": stores}).order_by()
    counted = links.values(store).annotate(**numbers).values_list(store, *numbers)
    return {pk: Followers(*found) for pk, *found in counted}


@contextmanager
def told(request: HttpRequest, store: Any) -> Iterator[None]:
    """Tell staff which links of the store a change in here let work again, or stopped."""
    links, now = _links_of(store), timezone.now()
    if links[: MOST + 1].count() > MOST:
        yield
        return
    before = _states(links, now)
    yield
    after = _states(links, now)
    changed = Counter((before[pk], state) for pk, state in after.items() if before.get(pk, state) != state)
    for change, count in sorted(changed.items()):
        if change in CHANGES:
            messages.info(request, CHANGES[change](count) % {"count": count})


def _links_of(store: Any) -> QuerySet[DigitalLink]:
    path = get_storefront().store_path
    kept = Q(digital__withdrawn_at=None) | Q(digital__withdrawn_at__gt=timezone.now())
    links = DigitalLink.objects.filter(CLICKS | DAYS, kept, revoked_at=None, activated_at__isnull=False)
    if path is not None:
        return links.filter(**{f"line_item__{path}": store})
    return links if store == get_storefront().single_store_pk() else links.none()


def _states(links: Any, now: datetime) -> dict[Any, str]:
    """Each link by its key, as far as limits tell; in the order in which a download asks."""
    state = Case(
        When(limit_expires_at__lte=now, then=Value(EXPIRED)),
        When(access_counter__gte=F("limit_uses"), then=Value(USED_UP)),
        default=Value(ACTIVE),
        output_field=CharField(),
    )
    return dict(links.with_limits().annotate(limit_state=state).values_list("pk", "limit_state"))


CHANGES: dict[tuple[str, str], Callable[[int], str]] = {
    (USED_UP, ACTIVE): lambda count: ngettext(
        "%(count)d link that was used up may be used again.",
        "%(count)d links that were used up may be used again.",
        count,
    ),
    (EXPIRED, ACTIVE): lambda count: ngettext(
        "%(count)d link that had expired may be used again.",
        "%(count)d links that had expired may be used again.",
        count,
    ),
    (ACTIVE, USED_UP): lambda count: ngettext(
        "%(count)d link is used up now.", "%(count)d links are used up now.", count
    ),
    (ACTIVE, EXPIRED): lambda count: ngettext(
        "%(count)d link has expired now.", "%(count)d links have expired now.", count
    ),
}
