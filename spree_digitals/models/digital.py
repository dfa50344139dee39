from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import models, router, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..storage import FileFacts, StoredFile, digitals_storage
from .fields import AttachmentField, SettingForeignKey, in_calendar
from .override import LimitsOverride

FACTS = ("filename", "content_type", "byte_size", "sha256", "version", "attached_at")


class DigitalQuerySet(models.QuerySet["Digital"]):
    """Files by whether they are sold."""

    def for_sale(self) -> DigitalQuerySet:
        """Files that new links are issued for."""
        now = timezone.now()
        kept = Q(withdrawn_at=None) | Q(withdrawn_at__gt=now)
        return self.filter(Q(retired_at=None) | Q(retired_at__gt=now), kept)


class Digital(LimitsOverride):
    """A file that is sold with a variant. Storing another ``attachment`` makes a new version; old objects stay."""

    variant = SettingForeignKey(
        "SPREE_DIGITALS_VARIANT_MODEL",
        on_delete=models.SET_NULL,
        null=True,
        related_name="digitals",
        verbose_name=_("variant"),
    )
    # Stands before the columns that storing it fills in: Django reads values in this order.
    attachment = AttachmentField(_("file"), max_length=255)
    filename = models.CharField(_("file name"), max_length=255, editable=False)
    content_type = models.CharField(_("media type"), max_length=255, editable=False)
    byte_size = models.PositiveBigIntegerField(_("size in bytes"), editable=False)
    sha256 = models.CharField("SHA-256", max_length=64, editable=False)
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)
    attached_at = models.DateTimeField(_("uploaded at"), editable=False)
    retired_at = models.DateTimeField(
        _("retired at"),
        null=True,
        blank=True,
        validators=[in_calendar],
        help_text=_("From then on no new links are issued; old ones work."),
    )
    withdrawn_at = models.DateTimeField(
        _("withdrawn at"),
        null=True,
        blank=True,
        validators=[in_calendar],
        help_text=_("From then on nobody can download the file."),
    )
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    objects = DigitalQuerySet.as_manager()
    _replaced = False  # a file was stored that no version is noted for yet

    class Meta(LimitsOverride.Meta):
        verbose_name = _("digital")
        verbose_name_plural = _("digitals")
        permissions = [
            ("download_digital", _("Can download digitals as staff, uncounted")),
            ("announce_digital", _("Can tell buyers about a new version")),
        ]
        constraints = [
            *LimitsOverride.Meta.constraints,
            models.CheckConstraint(condition=~Q(attachment=""), name="spree_digitals_digital_has_attachment"),
        ]

    def __str__(self) -> str:
        return self.filename

    def save(self, *, update_fields: Iterable[str] | None = None, using: str | None = None, **kwargs: Any) -> None:
        if update_fields is None or "attachment" in update_fields:
            # Before the transaction begins: a large file must not hold a lock while it travels to the storage.
            attachment: Any = self.attachment
            attachment.store()
            update_fields = update_fields and {*update_fields, *FACTS}
        using = using or router.db_for_write(Digital, instance=self)
        with transaction.atomic(using=using):
            super().save(update_fields=update_fields, using=using, **kwargs)
            if self._replaced:
                self._add_version(using)

    def take_facts(self, facts: FileFacts) -> None:
        """Note what a newly stored attachment is."""
        if not self._state.adding:
            self.version = F("version") + 1  # counted by the database: somebody else may replace the file too
        self.filename = facts.filename
        self.content_type = facts.content_type
        self.byte_size = facts.byte_size
        self.sha256 = facts.sha256
        self.attached_at = timezone.now()
        self._replaced = True

    def withdrawn(self, now: datetime) -> bool:
        """Whether nobody may download the file at ``now``."""
        return self.withdrawn_at is not None and now >= self.withdrawn_at

    def _add_version(self, using: str) -> None:
        self.refresh_from_db(fields=["version"], using=using)
        facts = {name: getattr(self, name) for name in FACTS}
        DigitalVersion.objects.using(using).create(digital=self, stored_name=self.attachment.name or "", **facts)
        self._replaced = False

    @property
    def stored_file(self) -> StoredFile:
        return _stored_file(self, self.attachment.name or "")


class DigitalVersion(models.Model):
    """One of the files that a digital was, the present one included. Only ``to_announce`` ever changes."""

    digital = models.ForeignKey(Digital, on_delete=models.CASCADE, related_name="versions", verbose_name=_("digital"))
    version = models.PositiveIntegerField(_("version"))
    stored_name = models.CharField(_("stored file"), max_length=255)
    filename = models.CharField(_("file name"), max_length=255)
    content_type = models.CharField(_("media type"), max_length=255)
    byte_size = models.PositiveBigIntegerField(_("size in bytes"))
    sha256 = models.CharField("SHA-256", max_length=64)
    attached_at = models.DateTimeField(_("uploaded at"))
    to_announce = models.BooleanField(default=False, help_text=_("Buyers are still to be told of it."))

    class Meta:
        verbose_name = _("version of a file")
        verbose_name_plural = _("versions of files")
        constraints = [
            models.UniqueConstraint(fields=["digital", "version"], name="spree_digitals_digitalversion_once")
        ]

    def __str__(self) -> str:
        return f"{self.filename}, {self.version}"

    @property
    def stored_file(self) -> StoredFile:
        return _stored_file(self, self.stored_name)


def _stored_file(file: Digital | DigitalVersion, name: str) -> StoredFile:
    return StoredFile(
        storage=digitals_storage,
        name=name,
        filename=file.filename,
        content_type=file.content_type,
        byte_size=file.byte_size,
        sha256=file.sha256,
        version=file.version,
        modified_at=file.attached_at,
    )
