"""All that spree_digitals has to be told about this shop; everything else fits its defaults."""

from typing import Any

from spree_digitals.storefront import Storefront


class ShopStorefront(Storefront):
    def entitled_units(self, line_item: Any) -> int:
        units: int = line_item.quantity - line_item.refunded_units
        return 0 if line_item.order.cancelled_at else max(0, units)
