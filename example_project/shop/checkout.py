"""From a basket to a completed order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from spree_digitals.issuing import issue_links

from .models import LineItem, Order, Store, Variant


def place_order_once(key: UUID, **order: Any) -> Order:
    """The order of this checkout, however often, and however simultaneously, its button is pressed."""
    try:
        return place_order(**order, checkout_key=key)
    except IntegrityError:
        placed = Order.objects.filter(checkout_key=key).first()
        if placed is None:  # it was something else
            raise
        return placed


@transaction.atomic
def place_order(
    *, store: Store, email: str, basket: Mapping[Variant, int], user: Any = None, checkout_key: UUID | None = None
) -> Order:
    """Write the order with its lines and complete it; nothing is paid in this example."""
    order = Order.objects.create(store=store, email=email, user=user, checkout_key=checkout_key)
    for variant, quantity in basket.items():
        LineItem.objects.create(order=order, variant=variant, name=variant.name, price=variant.price, quantity=quantity)
    complete(order)
    return order


def complete(order: Order) -> None:
    """The moment at which the buyer gets the files."""
    order.total = sum(line.total for line in order.line_items.all())
    order.completed_at = timezone.now()
    order.save()
    issue_links(order)
