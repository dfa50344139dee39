"""How the marketplace opens, is stocked and sells."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from spree_digitals.issuing import issue_links

from .models import Article, Channel, Customer, Parcel, Purchase, PurchaseLine, Shopfront

ADDRESS = "https://market.example"


def open_store(address: str) -> Shopfront:
    return Shopfront.objects.create(hostname=address.removeprefix("https://"))


def stock(shopfront: Shopfront) -> tuple[Article, list[Article]]:
    """A child article is sold; one file hangs on its parent, one on itself."""
    novel = Article.objects.create(title="A novel")
    illustrated = Article.objects.create(title="A novel, illustrated", parent=novel)
    return illustrated, [novel, illustrated]


def sell(
    shopfront: Shopfront, *articles: Article, quantity: int = 1, user: Any = None, completed: bool = True, **fields: Any
) -> Purchase:
    channel, _ = Channel.objects.get_or_create(shopfront=shopfront, title="Web")
    purchase = Purchase.objects.create(
        channel=channel,
        customer=Customer.objects.get_or_create(login=user)[0] if user else None,
        serial=1000 + Purchase.objects.count(),
        settled_at=timezone.now() if completed else None,
        **fields,
    )
    parcel = Parcel.objects.create(purchase=purchase)
    for position, article in enumerate(articles):
        PurchaseLine.objects.create(parcel=parcel, article=article, position=position, pieces=quantity)
    issue_links(purchase)
    return purchase
