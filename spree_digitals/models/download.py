from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .digital_link import DigitalLink


class Download(models.Model):
    """
    One counted use of a link by one client, and which bytes it was granted.

    Rows are added; only ``bytes_granted`` and ``last_granted_at`` of a running download ever change.
    """

    # Made before the row is written, so that it can be looked up when the answer to COMMIT is lost.
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    link = models.ForeignKey(
        DigitalLink,
        on_delete=models.CASCADE,
        related_name="downloads",
        verbose_name=_("link"),
        db_index=False,  # the indexes below begin with it
    )
    generation = models.PositiveIntegerField(help_text=_("The link's generation when it was counted."))
    version = models.PositiveIntegerField(_("version of the file"))
    stored_name = models.CharField(_("stored file"), max_length=255)
    byte_size = models.PositiveBigIntegerField(_("size in bytes"))
    sha256 = models.CharField("SHA-256", max_length=64)
    client = models.CharField(
        _("client"), max_length=64, blank=True, help_text=_("A keyed hash of address and browser; empty if unknown.")
    )
    user_agent = models.CharField(_("user agent"), max_length=200, blank=True)
    address = models.GenericIPAddressField(
        _("address"), null=True, help_text=_("Of the network the client is in, as SPREE_DIGITALS_CLIENT_ADDRESS says.")
    )
    bytes_granted = models.PositiveBigIntegerField(
        default=0, help_text="What its requests were given, less what did not reach them."
    )
    last_granted_at = models.DateTimeField(null=True, help_text="When it was begun or resumed; empty: never to be.")
    created_at = models.DateTimeField(_("counted at"), default=timezone.now)

    joined = False  # whether this request resumed it, instead of being counted

    class Meta:
        verbose_name = _("download")
        verbose_name_plural = _("downloads")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(generation__gte=1), name="spree_digitals_download_generation_from_one"
            )
        ]
        indexes = [
            models.Index(fields=["link", "generation", "created_at"], name="spree_digitals_download_link"),
            models.Index(fields=["link", "client"], name="spree_digitals_download_client"),
            models.Index(fields=["created_at"], name="spree_digitals_download_time"),
        ]

    def __str__(self) -> str:
        return f"{self.created_at:%Y-%m-%d %H:%M:%S} UTC"
