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
from django.utils.translation import gettext_lazy as _

PLAIN_PICTURE = "plain"


class Store(models.Model):
    name = models.CharField(_("name"), max_length=100)
    domain = models.CharField(_("domain"), max_length=200, help_text=_("With scheme, unless it is https."))

    class Meta:
        verbose_name = _("store")
        verbose_name_plural = _("stores")

    def __str__(self) -> str:
        return self.name


class Variant(models.Model):
    store = models.ForeignKey(Store, on_delete=models.CASCADE, related_name="variants", verbose_name=_("store"))
    sku = models.CharField(_("SKU"), max_length=50, unique=True)
    name = models.CharField(_("name"), max_length=200)
    description = models.TextField(_("description"), blank=True)
    price = models.DecimalField(_("price"), max_digits=8, decimal_places=2)
    kind = models.CharField(
        _("kind"), max_length=50, blank=True, help_text=_("What it is, in a word: e-book, poster, single.")
    )
    picture = models.SlugField(
        _("picture"),
        blank=True,
        help_text=_("The name of a drawing in static/shop/pictures, without .svg. Empty: a plain one."),
    )

    class Meta:
        verbose_name = _("variant")
        verbose_name_plural = _("variants")

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
    store = models.ForeignKey(Store, on_delete=models.PROTECT, related_name="orders", verbose_name=_("store"))
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, verbose_name=_("user")
    )
    number = models.CharField(
        _("number"), max_length=20, unique=True, default=generate_order_number, validators=[validate_slug]
    )
    token = models.CharField(max_length=64, unique=True, default=generate_order_token)
    email = models.EmailField(_("email"))
    currency = models.CharField(_("currency"), max_length=3, default="EUR")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    completed_at = models.DateTimeField(_("completed at"), null=True, blank=True)
    cancelled_at = models.DateTimeField(_("cancelled at"), null=True, blank=True)
    total = models.DecimalField(_("total"), max_digits=10, decimal_places=2, default=Decimal(0))
    # Which showing of the checkout form it comes from: sent twice, the form still makes one order.
    checkout_key = models.UUIDField(unique=True, null=True, editable=False)

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")

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
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="line_items", verbose_name=_("order"))
    variant = models.ForeignKey(
        Variant, null=True, on_delete=models.SET_NULL, related_name="line_items", verbose_name=_("variant")
    )
    name = models.CharField(_("name"), max_length=200)
    price = models.DecimalField(_("price"), max_digits=8, decimal_places=2)
    quantity = models.PositiveIntegerField(_("quantity"), default=1)
    refunded_units = models.PositiveIntegerField(_("refunded units"), default=0)

    class Meta:
        verbose_name = _("line item")
        verbose_name_plural = _("line items")

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
