"""Completed orders with their lines and links, in a fixed number of queries."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import router
from django.db.models import Model

from . import issuing
from .models import Digital, DigitalLink
from .policy import Standing, standing_of
from .storefront import get_storefront


@dataclass(frozen=True)
class PurchasedLink:
    """A link as its buyer sees it."""

    standing: Standing
    line_item: Model | None

    @property
    def pk(self) -> Any:
        return self.standing.link.pk

    @property
    def digital(self) -> Digital:
        return self.standing.link.digital


@dataclass(frozen=True)
class PurchasedLine:
    """A line of an order with the links of its files."""

    line_item: Model
    digital_links: list[PurchasedLink]

    @property
    def pk(self) -> Any:
        return self.line_item.pk

    @property
    def variant(self) -> Model | None:
        return next(iter(get_storefront().variants(self.line_item)), None)


@dataclass(frozen=True)
class PurchasedOrder:
    """A completed order with everything that was bought in it."""

    order: Model
    line_items: list[PurchasedLine]

    @property
    def pk(self) -> Any:
        return self.order.pk


def purchased(orders: Sequence[Model]) -> list[PurchasedOrder]:
    """These orders with what was bought in them, links brought in step with what the orders give a right to."""
    storefront = get_storefront()
    lines_of = defaultdict(list)
    for line in storefront.line_items(orders):
        lines_of[getattr(storefront.order(line), "pk", None)].append(line)
    links_of = purchased_links([line for lines in lines_of.values() for line in lines])
    return [
        PurchasedOrder(order, [PurchasedLine(line, links_of[line.pk]) for line in lines_of[order.pk]])
        for order in orders
    ]


def purchased_links(lines: Iterable[Model]) -> dict[Any, list[PurchasedLink]]:
    """The links of these lines by the line's key; an empty list for a line that has none."""
    pks = [line.pk for line in lines]
    links = _load(pks)
    changing = {link.line_item_id: link.line_item for link in links if issuing.out_of_step(link)}
    if changing:
        issuing.reconcile(*(line for line in changing.values() if line is not None))
        links = _load(pks)
    found: dict[Any, list[PurchasedLink]] = {pk: [] for pk in pks}
    for link in links:
        found[link.line_item_id].append(PurchasedLink(standing_of(link), link.line_item))
    return found


def copies(links: Sequence[PurchasedLink]) -> Iterator[tuple[PurchasedLink, int | None]]:
    """These links, each with the number that tells it from others to the same file; None where there is no other."""
    alike, seen = Counter(link.digital.pk for link in links), Counter[Any]()
    for link in links:
        seen[link.digital.pk] += 1
        yield link, seen[link.digital.pk] if alike[link.digital.pk] > 1 else None


def _load(line_pks: Sequence[Any]) -> list[DigitalLink]:
    # From where downloads are decided: a replica that lags behind would show something else.
    links = DigitalLink.objects.using(router.db_for_write(DigitalLink))
    return list(links.with_standing().filter(line_item__in=line_pks).order_by("pk"))
