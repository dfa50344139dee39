from __future__ import annotations

import secrets

from django.conf import settings
from django.db import models


class Variant(models.Model):
    name = models.CharField(max_length=200)

    def __str__(self) -> str:
        return self.name


class Order(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    number = models.CharField(max_length=64, unique=True, default=secrets.token_hex)
    token = models.CharField(max_length=64, default=secrets.token_urlsafe)
    email = models.EmailField()
    completed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.number


class LineItem(models.Model):
    order = models.ForeignKey(Order, on_delete=models.CASCADE)
    variant = models.ForeignKey(Variant, on_delete=models.PROTECT)
    quantity = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.quantity} × {self.variant}"
