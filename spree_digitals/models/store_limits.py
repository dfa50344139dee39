from __future__ import annotations

from datetime import timedelta

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from ..conf import conf
from ..limits import Limits, cascade
from .fields import SettingOneToOneField
from .override import LimitsOverride

WEEK = 604_800  # S3 signs no URL for longer


def default_limits() -> Limits:
    """The ``SPREE_DIGITALS_DEFAULT_*`` settings: the last level of the cascade."""
    days = conf.DEFAULT_AUTHORIZED_DAYS
    return Limits(
        uses=conf.DEFAULT_AUTHORIZED_CLICKS,
        lifetime=None if days is None else timedelta(days=days),
        link_expire_time=timedelta(seconds=conf.DEFAULT_LINK_EXPIRE_TIME),
    )


class StoreLimits(LimitsOverride):
    """How often and how long the links of one store may be used. A change holds for every link of the store at once."""

    store = SettingOneToOneField(
        "SPREE_DIGITALS_STORE_MODEL", on_delete=models.CASCADE, related_name="digital_limits", verbose_name=_("store")
    )
    digital_asset_link_expire_time = models.PositiveIntegerField(
        _("life of a storage URL"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(WEEK)],
        help_text=_("In seconds; only where files travel by a redirect to the storage. Empty: the site's default."),
    )

    class Meta(LimitsOverride.Meta):
        verbose_name = _("store limits")
        verbose_name_plural = _("store limits")
        constraints = [
            *LimitsOverride.Meta.constraints,
            models.CheckConstraint(
                condition=models.Q(digital_asset_link_expire_time__isnull=True)
                | models.Q(digital_asset_link_expire_time__range=(1, WEEK)),
                name="spree_digitals_storelimits_expire_time_in_range",
                violation_error_message=_("A storage URL lives from 1 to 604,800 seconds."),
            ),
        ]

    def __str__(self) -> str:
        return str(self.store)

    @property
    def limits(self) -> Limits:
        """What a link of this store gets that has no limits of its own, on a file that has none either."""
        return cascade(self, default=default_limits())
