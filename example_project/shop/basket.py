"""What somebody means to buy. The session remembers products and units; names and prices stay with the products."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.contrib.sessions.backends.base import SessionBase

from .models import Variant

KEY = "basket"
MOST_UNITS = 20  # of one product in one order


@dataclass(frozen=True)
class BasketLine:
    variant: Variant
    quantity: int

    @property
    def total(self) -> Decimal:
        return self.variant.price * self.quantity


class Basket:
    def __init__(self, session: SessionBase) -> None:
        self.session = session

    @property
    def _units(self) -> dict[str, int]:
        return dict(self.session.get(KEY, {}))  # JSON has text for keys

    @property
    def lines(self) -> list[BasketLine]:
        """Products that are still there, in the order in which they were chosen."""
        found = Variant.objects.in_bulk([int(pk) for pk in self._units])
        return [BasketLine(found[int(pk)], units) for pk, units in self._units.items() if int(pk) in found]

    @property
    def total(self) -> Decimal:
        return sum((line.total for line in self.lines), Decimal(0))

    def __len__(self) -> int:
        return sum(self._units.values())

    def units_of(self, variant: Variant) -> int:
        return self._units.get(str(variant.pk), 0)

    def set(self, variant: Variant, units: int) -> None:
        """Buy this many of it; 0 takes it out."""
        kept = {**self._units, str(variant.pk): units}
        self.session[KEY] = {pk: number for pk, number in kept.items() if number}

    def clear(self) -> None:
        self.session.pop(KEY, None)
