"""From a basket to a completed order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from spree_digitals.issuing import issue_links

from .models import LineItem, Order, Store, Variant


@transaction.atomic
def place_order(*, store: Store, email: str, basket: Mapping[Variant, int], user: Any = None) -> Order:
    """Write the order with its lines and complete it; nothing is paid in this example."""
    order = Order.objects.create(store=store, email=email, user=user)
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
