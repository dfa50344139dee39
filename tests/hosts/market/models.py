"""A marketplace: purchases are packed into parcels, keys are UUIDs, and nothing is called what Spree calls it."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models


class Record(models.Model):
    key = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)

    class Meta:
        abstract = True


class Shopfront(Record):
    hostname = models.CharField(max_length=200, unique=True)

    def __str__(self) -> str:
        return self.hostname


class Channel(Record):
    """A way to buy at a shopfront: its web pages, its app."""

    shopfront = models.ForeignKey(Shopfront, on_delete=models.PROTECT)
    title = models.CharField(max_length=50)

    def __str__(self) -> str:
        return self.title


class Article(Record):
    """A child is sold, with its own files and those of its parent."""

    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="children")
    title = models.CharField(max_length=200)

    def __str__(self) -> str:
        return self.title


class Customer(Record):
    login = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)

    def __str__(self) -> str:
        return str(self.login)


class Purchase(Record):
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT)
    customer = models.ForeignKey(Customer, null=True, on_delete=models.SET_NULL)
    serial = models.PositiveBigIntegerField(unique=True)
    contact = models.EmailField(blank=True)
    settled_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"Purchase {self.serial}"


class Parcel(Record):
    purchase = models.ForeignKey(Purchase, on_delete=models.CASCADE)

    def __str__(self) -> str:
        return f"Parcel of {self.purchase}"


class PurchaseLine(Record):
    parcel = models.ForeignKey(Parcel, on_delete=models.CASCADE)
    article = models.ForeignKey(Article, on_delete=models.PROTECT)
    position = models.PositiveIntegerField(default=1)
    pieces = models.PositiveIntegerField()
    returned = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["position"]

    def __str__(self) -> str:
        return f"{self.pieces} × {self.article}"
