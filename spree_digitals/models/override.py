from __future__ import annotations

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from ..limits import MAX_CLICKS, MAX_DAYS

LIMITS = ("authorized_clicks", "unlimited_clicks", "authorized_days", "unlimited_days")


class LimitsOverride(models.Model):
    """What one level of the cascade says about limits. Column names are Spree's."""

    authorized_clicks = models.PositiveIntegerField(
        _("downloads"),
        null=True,
        blank=True,
        validators=[MaxValueValidator(MAX_CLICKS)],
        help_text=_("How many times one link may be used; 0 allows none. Empty: not decided here."),
    )
    unlimited_clicks = models.BooleanField(_("unlimited downloads"), default=False)
    authorized_days = models.PositiveIntegerField(
        _("days"),
        null=True,
        blank=True,
        validators=[MaxValueValidator(MAX_DAYS)],
        help_text=_("For how many days of 24 hours from purchase a link works. Empty: not decided here."),
    )
    unlimited_days = models.BooleanField(_("unlimited time"), default=False)

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=Q(authorized_clicks__isnull=True)
                | Q(unlimited_clicks=False, authorized_clicks__lte=MAX_CLICKS),
                name="spree_digitals_%(class)s_clicks_number_or_unlimited",
                violation_error_message=_("Give a number of downloads up to 1,000,000,000, or unlimited, not both."),
            ),
            models.CheckConstraint(
                condition=Q(authorized_days__isnull=True) | Q(unlimited_days=False, authorized_days__lte=MAX_DAYS),
                name="spree_digitals_%(class)s_days_number_or_unlimited",
                violation_error_message=_("Give a number of days up to 36,500, or unlimited, not both."),
            ),
        ]
