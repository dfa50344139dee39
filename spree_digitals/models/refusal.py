from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .digital_link import DigitalLink


class Refusal(models.Model):
    """A refused attempt to use a link. At most one row a link, reason and minute, whatever a client does."""

    link = models.ForeignKey(DigitalLink, on_delete=models.CASCADE, related_name="refusals", verbose_name=_("link"))
    code = models.CharField(_("reason"), max_length=32)
    minute = models.DateTimeField(help_text="In which no other row is added.")
    refused_at = models.DateTimeField(
        _("refused at"), default=timezone.now, help_text=_("The first attempt of this minute.")
    )
    client = models.CharField(_("client"), max_length=64, blank=True)
    user_agent = models.CharField(_("user agent"), max_length=200, blank=True)
    address = models.GenericIPAddressField(
        _("address"), null=True, help_text=_("Of the network the client is in, as SPREE_DIGITALS_CLIENT_ADDRESS says.")
    )

    class Meta:
        verbose_name = _("refusal")
        verbose_name_plural = _("refusals")
        constraints = [
            # Also the index by which the refusals of a link are read.
            models.UniqueConstraint(fields=["link", "minute", "code"], name="spree_digitals_refusal_once_a_minute"),
            models.CheckConstraint(condition=~models.Q(code=""), name="spree_digitals_refusal_has_code"),
        ]
        indexes = [models.Index(fields=["refused_at"], name="spree_digitals_refusal_time")]

    def __str__(self) -> str:
        return f"{self.code}, {self.refused_at:%Y-%m-%d %H:%M} UTC"
