from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .digital import Digital


class MailKind(models.TextChoices):
    """What a buyer is told."""

    FILES_READY = "files_ready", _("your files are ready")
    NEW_VERSION = "new_version", _("a new version is here")


class MailState(models.TextChoices):
    """How far a mail has come. Only what is ``WAITING`` will be tried (again)."""

    WAITING = "waiting", _("waiting")
    SENT = "sent", _("sent")
    FAILED = "failed", _("given up")
    POINTLESS = "pointless", _("nothing to tell any more")


class Mail(models.Model):
    """
    A mail to the buyer of an order: written in the transaction that is its reason, sent once that was committed.

    ``key`` names the reason, so that nobody gets the same mail twice. Whom it goes to is asked when it is sent.
    """

    kind = models.CharField(_("kind"), max_length=16, choices=MailKind.choices)
    key = models.CharField(max_length=255, unique=True)
    order_pk = models.CharField(_("order"), max_length=255, help_text=_("The key of the shop's order, as text."))
    digital = models.ForeignKey(
        Digital, null=True, on_delete=models.PROTECT, related_name="mails", verbose_name=_("digital")
    )
    state = models.CharField(_("state"), max_length=16, choices=MailState.choices, default=MailState.WAITING)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    tried_at = models.DateTimeField(_("tried at"), null=True)
    sent_at = models.DateTimeField(_("sent at"), null=True)
    sent_to = models.CharField(_("sent to"), max_length=320, blank=True)
    error = models.CharField(_("last error"), max_length=500, blank=True)
    created_at = models.DateTimeField(_("due since"), default=timezone.now)

    class Meta:
        verbose_name = _("mail")
        verbose_name_plural = _("mails")
        indexes = [
            models.Index(fields=["order_pk"], name="spree_digitals_mail_order"),
            models.Index(fields=["state", "tried_at"], name="spree_digitals_mail_state"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.get_state_display()})"
