"""What every page of the shop shows, those of spree_digitals included."""

from __future__ import annotations

from decimal import Decimal

from django import template
from django.http import HttpRequest
from django.utils.formats import number_format
from django.utils.translation import pgettext

from example_project.shop.basket import Basket

register = template.Library()


@register.filter
def price(amount: Decimal) -> str:
    return pgettext("a price", "€ %(amount)s") % {"amount": number_format(amount, decimal_pos=2)}


@register.filter
def units_in_basket(request: HttpRequest) -> int:
    """None are, where the project has no sessions."""
    return len(Basket(request.session)) if hasattr(request, "session") else 0
