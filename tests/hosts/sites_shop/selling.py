"""How the shop without stores opens, is stocked and sells."""

from __future__ import annotations

from typing import Any

from django.contrib.sites.models import Site
from django.utils import timezone

from spree_digitals.issuing import issue_links

from .models import LineItem, Order, Variant

ADDRESS = "https://example.com"  # the site that Django makes for SITE_ID


def open_store(address: str) -> Site:
    return Site.objects.get_or_create(domain=address.removeprefix("https://"))[0]


def stock(site: Site) -> tuple[Variant, list[Variant]]:
    novel = Variant.objects.create(name="A novel")
    return novel, [novel, novel]


def sell(site: Site, variant: Variant, *, quantity: int = 1, user: Any = None, completed: bool = True) -> Order:
    completed_at = timezone.now() if completed else None
    order = Order.objects.create(user=user, email="buyer@example.com", completed_at=completed_at)
    LineItem.objects.create(order=order, variant=variant, quantity=quantity)
    issue_links(order)
    return order
