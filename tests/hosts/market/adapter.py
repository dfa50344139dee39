"""All that spree_digitals has to be told about a shop that fits none of its defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django.utils.crypto import salted_hmac

from spree_digitals.storefront import Storefront


class MarketStorefront(Storefront):
    order_path = "parcel__purchase"
    store_path = "parcel__purchase__channel__shopfront"
    variant_paths = ("article", "article__parent")
    quantity_path = "pieces"

    number_path = "serial"
    email_paths = ("contact", "customer__login__email")
    user_path = "customer__login"
    completed_at_path = "settled_at"
    token_path = None

    domain_path = "hostname"
    variant_attribute_names = ("title",)

    def order_token(self, order: Any) -> str:
        return salted_hmac("market.purchase", order.pk.hex, algorithm="sha256").hexdigest()

    def entitled_units(self, line_item: Any) -> int:
        return max(0, line_item.pieces - line_item.returned)

    def line_item_attributes(self, line_item: Any) -> Mapping[str, Any]:
        return {"name": line_item.article.title, **super().line_item_attributes(line_item)}

    def orders(self) -> QuerySet[Any]:
        return super().orders().select_related("customer__login")
