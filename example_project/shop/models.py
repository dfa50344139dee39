"""A plain shop. It knows nothing of downloads: spree_digitals points at it, not the other way round."""

from __future__ import annotations

import secrets
from decimal import Decimal

from django.conf import settings
from django.db import models


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

    def __str__(self) -> str:
        return self.name


def generate_order_number() -> str:
    return f"R{secrets.randbelow(10**9):09d}"


def generate_order_token() -> str:
    return secrets.token_urlsafe(24)


class Order(models.Model):
    store = models.ForeignKey(Store, on_delete=models.PROTECT, related_name="orders")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    number = models.CharField(max_length=20, unique=True, default=generate_order_number)
    token = models.CharField(max_length=64, unique=True, default=generate_order_token)
    email = models.EmailField()
    currency = models.CharField(max_length=3, default="EUR")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    total = models.DecimalField(max_digits=10, decimal_places=2, default=Decimal(0))

    def __str__(self) -> str:
        return self.number

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
