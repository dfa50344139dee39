"""How the example shop opens, is stocked and sells."""

from __future__ import annotations

from typing import Any

from example_project.shop.checkout import complete
from example_project.shop.models import LineItem, Order, Store, Variant
from spree_digitals.issuing import issue_links

ADDRESS = "https://shop.example"


def open_store(address: str) -> Store:
    return Store.objects.create(name=address, domain=address)


def stock(store: Store) -> tuple[Variant, list[Variant]]:
    novel = Variant.objects.create(store=store, sku="novel", name="A novel", price="9.90")
    return novel, [novel, novel]


def sell(store: Store, variant: Variant, *, quantity: int = 1, user: Any = None, completed: bool = True) -> Order:
    order = Order.objects.create(store=store, user=user, email="buyer@example.com")
    LineItem.objects.create(order=order, variant=variant, name=variant.name, price=variant.price, quantity=quantity)
    issue_links(order)
    if completed:
        complete(order)
    return order
