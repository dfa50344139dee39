"""All that spree_digitals has to be told about this shop; everything else fits its defaults."""

from django.db.models import Model

from spree_digitals.storefront import Storefront

from .models import LineItem


class ShopStorefront(Storefront):
    def entitled_units(self, line_item: Model) -> int:
        assert isinstance(line_item, LineItem)
        if line_item.order.cancelled_at:
            return 0
        return max(0, line_item.quantity - line_item.refunded_units)
