"""Issue links, keep them in step with what the order gives a right to, take them away and give them back.

Every function may be called twice, or by several processes at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import partial
from math import ceil
from typing import Any

from django.db import connections, transaction
from django.db.models import Case, DateTimeField, F, Model, Q, When
from django.dispatch import Signal
from django.utils import timezone
from django.utils.translation import gettext as _

from . import outbox, signals
from .exceptions import EntitlementExceeded
from .limits import MAX_CLICKS, MAX_DAYS
from .models import Digital, DigitalLink, RevokeReason
from .models.digital_link import DigitalLinkQuerySet
from .models.fields import generate_token
from .storefront import completion_of, get_storefront
from .transactions import alias, retried

TRIES = 5  # a generated token that exists already is made anew
MAX_EXTENSION_USES = 10_000
MAX_EXTENSION_DAYS = 3_650


def issue_links(order: Model) -> list[DigitalLink]:
    """
    Issue one link for each file and unit of ``order`` that has none yet, and return the new ones that may be used.

    Call it when the order completes, and again whenever its lines change. Called before that, the links exist but are
    refused until the order counts as completed. A line with no entitled unit gets none. A fixed number of queries,
    however many lines the order has.
    """
    return issue_links_of([order])


def issue_links_of(orders: Sequence[Model], digitals: Iterable[Digital] | None = None) -> list[DigitalLink]:
    """:func:`issue_links` for several orders, in the same number of queries; of only these ``digitals``, if given."""
    lines = list(get_storefront().line_items(orders))
    sold = _sold_files(lines, digitals)
    issued: set[str] = set()
    for _try in range(TRIES):
        links = list(_unit_links(lines))
        missing = _missing(sold, links)
        if not missing:
            break
        # ON CONFLICT DO NOTHING: whoever comes second to a unit leaves the first one's link alone.
        DigitalLink.objects.bulk_create(missing, ignore_conflicts=True)
        issued.update(link.token for link in missing)
    begun = _activate(lines, links)
    try:
        if changing := _out_of_step(lines, links):
            reconcile(*changing)
            links = list(_unit_links(lines))
    finally:  # whatever happens, the buyer hears of links that are there
        new = [link for link in links if link.token in issued and link.revoked_at is None]
        _tell_issued(lines, new)
        _announce(lines, begun | {link.line_item_id for link in new})
    return new


def missing_links(orders: Sequence[Model], digitals: Iterable[Digital] | None = None) -> list[DigitalLink]:
    """The links that :func:`issue_links_of` would issue now, not saved."""
    lines = list(get_storefront().line_items(orders))
    return _missing(_sold_files(lines, digitals), list(_unit_links(lines)))


def reconcile(*line_items: Model) -> None:
    """
    Make the live unit links of each line match ``entitled_units``, for each of its files.

    Fewer units: the least used links are revoked, unused ones first. More: what a reconciliation revoked comes back,
    never what staff or the shop revoked. 0 units writes nothing: the order's own state stops those links already.
    """
    storefront = get_storefront()
    entitled = {line.pk: storefront.entitled_units(line) for line in line_items}
    entitled = {pk: units for pk, units in entitled.items() if units > 0}
    if not entitled:
        return
    retried(lambda: _reconcile(entitled))


def revoke(links: Iterable[DigitalLink], reason: RevokeReason = RevokeReason.STAFF) -> list[DigitalLink]:
    """Take these links away until somebody restores them. Returns those that were not revoked before."""
    pks = _pks(links)
    return retried(lambda: _revoke(_locked(pk__in=pks).filter(revoked_at=None), reason))


def revoke_links(order: Model) -> list[DigitalLink]:
    """Take every link of ``order`` away, those made by staff too. Returns those that were not revoked before."""
    lines = [line.pk for line in get_storefront().line_items([order])]
    return revoke(DigitalLink.objects.using(alias()).filter(line_item__in=lines), RevokeReason.SHOP)


def restore(links: Iterable[DigitalLink]) -> list[DigitalLink]:
    """
    Give revoked links back: all of them, or none. Returns those that were revoked.

    Raises:
        EntitlementExceeded: the order does not give a right to that many units; nothing was changed.
    """
    pks = _pks(links)
    chosen = DigitalLink.objects.using(alias()).filter(pk__in=pks)
    lines = list(chosen.exclude(line_item=None).values_list("line_item", flat=True))
    return retried(lambda: _restore_entitled(pks, lines))


def reset(links: Iterable[DigitalLink]) -> list[DigitalLink]:
    """
    Let these links be used anew: no use counted, the days counting from now. Earlier downloads stay on record.

    The days of a link whose order is not completed go on waiting for that.
    """
    pks = _pks(links)
    return retried(lambda: _reset(pks))


def extend(links: Iterable[DigitalLink], *, uses: int = 0, days: int = 0) -> list[DigitalLink]:
    """
    Let these links be used ``uses`` more times and ``days`` days longer, on top of whatever limits hold or will hold.

    What is over begins anew: an expired link works for ``days`` days from now, and as its days are whole, up to one
    more; a used-up one ``uses`` more times. Unlimited links, and days that have not begun, stay as they are. Returns
    the links that were changed, with their new limits.

    Raises ValueError for numbers below 0, or beyond what a link may hold.
    """
    _refuse_bad_extension(uses, days)
    pks = _pks(links)
    return retried(lambda: _extend(pks, uses, days))


def rotate(links: Iterable[DigitalLink]) -> list[DigitalLink]:
    """Give these links new tokens: whoever has an old one has nothing. Counted uses and days stay as they are."""
    pks = _pks(links)
    return retried(lambda: _rotate(pks))


def out_of_step(link: DigitalLink) -> bool:
    """Whether ``reconcile`` would change this link or one beside it. Needs ``with_live_units()``; no query."""
    if link.unit is None or link.line_item is None:
        return False
    units = get_storefront().entitled_units(link.line_item)
    if link.revoked_at is None:
        return 0 < units < link.units_alive
    return link.revoke_reason == RevokeReason.ENTITLEMENT and units > link.units_alive


def _reconcile(entitled: dict[Any, int]) -> None:
    surplus, returning = [], []
    for (line_pk, _digital), group in _by_line_and_file(_locked(line_item__in=entitled, unit__isnull=False)).items():
        revoke, restore = _difference(group, entitled[line_pk])
        surplus += revoke
        returning += restore
    _revoke(surplus, RevokeReason.ENTITLEMENT)
    _restore(returning)


def _restore_entitled(pks: Sequence[Any], lines: Sequence[Any]) -> list[DigitalLink]:
    # All links of these lines: another one that is restored meanwhile must be counted.
    locked = _locked(Q(line_item__in=lines) | Q(pk__in=pks))
    revoked = list(locked.filter(pk__in=pks).exclude(revoked_at=None).with_standing())
    for link in revoked:
        _refuse_beyond_entitlement(link, [other for other in revoked if _same_line_and_file(link, other)])
    return _restore(revoked)


def _reset(pks: Sequence[Any]) -> list[DigitalLink]:
    links = _locked(pk__in=pks)
    now = Case(When(activated_at=None, then=None), default=timezone.now(), output_field=DateTimeField())
    links.update(generation=F("generation") + 1, access_counter=0, purged_uses=0, activated_at=now)
    done = list(links)
    _tell(signals.link_reset, done)
    return done


def _refuse_bad_extension(uses: int, days: int) -> None:
    for name, number, most in (("uses", uses, MAX_EXTENSION_USES), ("days", days, MAX_EXTENSION_DAYS)):
        if not 0 <= number <= most:
            raise ValueError(f"{name} is {number!r}; a link is extended by 0 to {most:,} {name} at a time.")


def _extend(pks: Sequence[Any], uses: int, days: int) -> list[DigitalLink]:
    extended = [link for link in _locked(pk__in=pks).with_standing() if _add_to(link, uses, days)]
    DigitalLink.objects.using(alias()).bulk_update(extended, ["extra_uses", "extra_days"], batch_size=200)
    done = list(DigitalLink.objects.using(alias()).filter(pk__in=_pks(extended)).with_standing().order_by("pk"))
    _tell(signals.link_extended, done)
    return done


def _add_to(link: DigitalLink, uses: int, days: int) -> bool:
    """Add to the extras of a link in memory; whether that changed anything."""
    before = (link.extra_uses, link.extra_days)
    limits, expires_at = link.limits, link.limits.expires_at(link.activated_at)
    if uses and limits.uses is not None:
        overdrawn = max(0, link.access_counter - limits.uses)
        link.extra_uses = min(MAX_CLICKS, link.extra_uses + overdrawn + uses)
    if days and expires_at is not None:
        overdue = max(0, ceil((timezone.now() - expires_at) / timedelta(days=1)))
        link.extra_days = min(MAX_DAYS, link.extra_days + overdue + days)
    return before != (link.extra_uses, link.extra_days)


def _rotate(pks: Sequence[Any]) -> list[DigitalLink]:
    links = list(_locked(pk__in=pks))
    for link in links:
        link.token = generate_token()
    DigitalLink.objects.using(alias()).bulk_update(links, ["token"], batch_size=200)
    _tell(signals.link_rotated, links)
    return links


def _unit_links(lines: Sequence[Model]) -> DigitalLinkQuerySet:
    pks = [line.pk for line in lines]
    links = DigitalLink.objects.using(alias()).filter(line_item__in=pks, unit__isnull=False)
    return links.select_related("digital").order_by("pk")


def _missing(sold: Sequence[tuple[Model, Digital]], links: Sequence[DigitalLink]) -> list[DigitalLink]:
    storefront = get_storefront()
    existing = {(link.line_item_id, link.digital_id, link.unit) for link in links}
    begun = {(link.line_item_id, link.digital_id) for link in links if link.activated_at is not None}
    missing = []
    for line, digital in sold:
        completed_at = completion_of(line)
        late = (line.pk, digital.pk) in begun or (completed_at is not None and digital.created_at > completed_at)
        # What was added after completion, a file or a unit, has all its days still before it.
        activated_at = timezone.now() if completed_at is not None and late else completed_at
        units = storefront.quantity(line) if storefront.entitled_units(line) > 0 else 0
        for unit in range(1, units + 1):
            if (line.pk, digital.pk, unit) not in existing:
                link = DigitalLink(digital=digital, line_item_id=line.pk, unit=unit, activated_at=activated_at)
                missing.append(link)
    return missing


def _sold_files(lines: Sequence[Model], only: Iterable[Digital] | None) -> list[tuple[Model, Digital]]:
    """Each line with each file it sells, once, in an order that is the same in every process."""
    variants = {line.pk: get_storefront().variants(line) for line in lines}
    wanted = {variant.pk for found in variants.values() for variant in found}
    files = Digital.objects.using(alias()).for_sale().filter(variant__in=wanted).order_by("pk")
    if only is not None:
        files = files.filter(pk__in=[digital.pk for digital in only])
    digitals = defaultdict(list)
    for digital in files:
        digitals[digital.variant_id].append(digital)
    return [
        (line, digital)
        for line in lines
        for variant_pk in dict.fromkeys(variant.pk for variant in variants[line.pk])
        for digital in digitals[variant_pk]
    ]


def _activate(lines: Sequence[Model], links: Sequence[DigitalLink]) -> set[Any]:
    """Start the days of links that were issued before their order completed. Returns the keys of their lines."""
    waiting = {link.line_item_id for link in links if link.activated_at is None}
    begin = defaultdict(list)
    for line in lines:
        completed_at = completion_of(line)
        if line.pk in waiting and completed_at is not None:
            begin[completed_at].append(line.pk)
    for completed_at, pks in begin.items():
        pending = DigitalLink.objects.using(alias()).filter(line_item__in=pks, activated_at=None)
        retried(partial(pending.update, activated_at=completed_at))
    return {pk for pks in begin.values() for pk in pks}


def _announce(lines: Sequence[Model], changed: set[Any]) -> None:
    """The files of these lines can be downloaded from now on, where the order is completed: its buyer is told once."""
    storefront = get_storefront()
    orders = [storefront.order(line) for line in lines if line.pk in changed and completion_of(line) is not None]
    outbox.files_ready({order.pk: order for order in orders if order is not None}.values())


def _out_of_step(lines: Sequence[Model], links: Sequence[DigitalLink]) -> list[Model]:
    storefront = get_storefront()
    units = {line.pk: storefront.entitled_units(line) for line in lines}
    groups = _by_line_and_file(links)
    changing = {pk for (pk, _digital), group in groups.items() if units[pk] > 0 and any(_difference(group, units[pk]))}
    return [line for line in lines if line.pk in changing]


def _by_line_and_file(links: Iterable[DigitalLink]) -> dict[tuple[Any, Any], list[DigitalLink]]:
    groups: dict[tuple[Any, Any], list[DigitalLink]] = defaultdict(list)
    for link in links:
        groups[link.line_item_id, link.digital_id].append(link)
    return groups


def _difference(group: Sequence[DigitalLink], units: int) -> tuple[list[DigitalLink], list[DigitalLink]]:
    """Which links of one line and file to revoke, and which to restore, so that ``units`` are live."""
    live = [link for link in group if link.revoked_at is None]
    taken = [link for link in group if link.revoke_reason == RevokeReason.ENTITLEMENT]
    least_used = sorted(live, key=lambda link: (link.access_counter, -(link.unit or 0)))
    first_units = sorted(taken, key=lambda link: link.unit or 0)
    return least_used[: max(0, len(live) - units)], first_units[: max(0, units - len(live))]


def _refuse_beyond_entitlement(link: DigitalLink, returning: Sequence[DigitalLink]) -> None:
    units = 0 if link.line_item is None else get_storefront().entitled_units(link.line_item)
    live = 0 if link.unit is None else link.units_alive + len(returning)
    if units == 0 or live > units:
        raise EntitlementExceeded(
            _(
                "%(link)s was not restored: units its order gives a right to: %(units)d, live links to this file: "
                "%(live)d. Give the order back its units in the shop, or revoke another link first."
            )
            % {"link": link, "units": units, "live": link.units_alive}
        )


def _same_line_and_file(link: DigitalLink, other: DigitalLink) -> bool:
    key = (link.line_item_id, link.digital_id)
    return other.unit is not None and key == (other.line_item_id, other.digital_id)


def _pks(links: Iterable[DigitalLink]) -> list[Any]:
    return [link.pk for link in links]


def _locked(*which: Q, **columns: Any) -> DigitalLinkQuerySet:
    """These links, locked until the transaction ends; always in the same order, so that no two wait for each other."""
    links = DigitalLink.objects.using(alias()).filter(*which, **columns).order_by("pk")
    if connections[alias()].features.has_select_for_update:
        list(links.select_for_update().values_list("pk"))
    else:  # SQLite locks all or nothing, and only a write that comes first does
        links.update(generation=F("generation"))
    return links.select_related("digital")


def _revoke(found: Iterable[DigitalLink], reason: RevokeReason) -> list[DigitalLink]:
    links, now = list(found), timezone.now()
    if links:
        DigitalLink.objects.using(alias()).filter(pk__in=_pks(links)).update(revoked_at=now, revoke_reason=reason)
    for link in links:
        link.revoked_at, link.revoke_reason = now, reason
    _tell(signals.link_revoked, links)
    return links


def _restore(links: list[DigitalLink]) -> list[DigitalLink]:
    if links:
        DigitalLink.objects.using(alias()).filter(pk__in=_pks(links)).update(revoked_at=None, revoke_reason="")
    for link in links:
        link.revoked_at, link.revoke_reason = None, ""
    _tell(signals.link_restored, links)
    return links


def _tell(signal: Signal, links: Iterable[DigitalLink]) -> None:
    for link in links:
        transaction.on_commit(partial(signal.send_robust, DigitalLink, link=link), using=alias())


def _tell_issued(lines: Sequence[Model], links: Sequence[DigitalLink]) -> None:
    storefront = get_storefront()
    of_line = {line.pk: storefront.order(line) for line in lines}
    orders = {order.pk: order for order in of_line.values() if order is not None}
    for pk, order in orders.items():
        issued = [link for link in links if getattr(of_line[link.line_item_id], "pk", None) == pk]
        if issued:
            tell = partial(signals.links_issued.send_robust, DigitalLink, order=order, links=issued)
            transaction.on_commit(tell, using=alias())
