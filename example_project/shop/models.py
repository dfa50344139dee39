"""A plain shop. It knows nothing of downloads: spree_digitals points at it, not the other way round."""

from __future__ import annotations

import secrets
from decimal import Decimal

from django.conf import settings
from django.core.validators import validate_slug
from django.db import models
from django.db.models import F
from django.templatetags.static import static
from django.urls import reverse

PLAIN_PICTURE = "plain"


class Store(models.Model):
    name = models.CharField(max_length=100)
    domain = models.CharField(max_length=200, help_text="With scheme, unless it is https.")

    def __str__(self) -> str:
        return self.name


class Variant(models.Model):
    store = models.ForeignKey(Store, on_delete=models.CASCADE, related_name="variants")
    sku = models.CharField(max_length=50, unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    price = models.DecimalField(max_digits=8, decimal_places=2)
    kind = models.CharField(max_length=50, blank=True, help_text="What it is, in a word: e-book, poster, single.")
    picture = models.SlugField(
        blank=True, help_text="The name of a drawing in static/shop/pictures, without .svg. Empty: a plain one."
    )

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("shop:product", args=[self.pk])

    @property
    def picture_url(self) -> str:
        return static(f"shop/pictures/{self.picture or PLAIN_PICTURE}.svg")


def generate_order_number() -> str:
    return f"R{secrets.randbelow(10**9):09d}"


def generate_order_token() -> str:
    return secrets.token_urlsafe(24)


class Order(models.Model):
    store = models.ForeignKey(Store, on_delete=models.PROTECT, related_name="orders")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    number = models.CharField(max_length=20, unique=True, default=generate_order_number, validators=[validate_slug])
    token = models.CharField(max_length=64, unique=True, default=generate_order_token)
    email = models.EmailField()
    currency = models.CharField(max_length=3, default="EUR")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    total = models.DecimalField(max_digits=10, decimal_places=2, default=Decimal(0))
    # Which showing of the checkout form it comes from: sent twice, the form still makes one order.
    checkout_key = models.UUIDField(unique=True, null=True, editable=False)

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        return reverse("shop:order", args=[self.number, self.token])

    @property
    def state(self) -> str:
        if self.cancelled_at:
            return "canceled"
        return "complete" if self.completed_at else "cart"

    @property
    def display_total(self) -> str:
        return f"{self.total:.2f} {self.currency}"


class LineItem(models.Model):
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="line_items")
    variant = models.ForeignKey(Variant, null=True, on_delete=models.SET_NULL, related_name="line_items")
    name = models.CharField(max_length=200)
    price = models.DecimalField(max_digits=8, decimal_places=2)
    quantity = models.PositiveIntegerField(default=1)
    refunded_units = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.quantity} × {self.name}"

    @property
    def total(self) -> Decimal:
        return self.price * self.quantity

    def refund_unit(self) -> bool:
        """Pay one unit back; False when none is left."""
        left = LineItem.objects.filter(pk=self.pk, refunded_units__lt=F("quantity"))
        done = left.update(refunded_units=F("refunded_units") + 1) > 0
        self.refresh_from_db(fields=["refunded_units"])
        return done
