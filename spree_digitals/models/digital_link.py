from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Case, ExpressionWrapper, F, OuterRef, Q, Subquery, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Right
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..limits import MAX_CLICKS, MAX_DAYS, Limits
from ..storefront import get_storefront
from .digital import Digital
from .fields import TOKEN_LENGTH, SettingForeignKey, TokenField, generate_token
from .override import LimitsOverride
from .store_limits import StoreLimits, default_limits

TAIL_LENGTH = 4

_LIFETIME = ExpressionWrapper(F("limit_days") * Value(timedelta(days=1)), models.DurationField())


class RevokeReason(models.TextChoices):
    """Who took a link away. Only what ``ENTITLEMENT`` took comes back by itself."""

    ENTITLEMENT = "entitlement", _("the order gives a right to fewer units")
    SHOP = "shop", _("the shop revoked the order's links")
    STAFF = "staff", _("staff revoked the link")


class DigitalLinkQuerySet(models.QuerySet["DigitalLink"]):
    """Links by what they allow: the numbers of the policy, worked out by the database."""

    def with_limits(self) -> DigitalLinkQuerySet:
        """
        Annotate the cascade link → digital → store → settings, extensions included.

        ``limit_uses`` and ``limit_days`` are numbers, or None without limit; ``limit_expires_at`` is the first dead
        instant; ``limit_link_expire_time`` is in seconds. ``DigitalLink.limits`` is built from them.
        """
        default = default_limits()
        days = None if default.lifetime is None else default.lifetime.days
        store_columns = {f"store_{field.name}": _store_column(field.name) for field in LimitsOverride._meta.fields}
        return (
            self.alias(**store_columns)
            .annotate(
                limit_uses=_in_force("clicks", default.uses) + F("extra_uses"),
                limit_days=_in_force("days", days) + F("extra_days"),
                limit_link_expire_time=Coalesce(
                    _store_column("digital_asset_link_expire_time"), int(default.link_expire_time.total_seconds())
                ),
            )
            .annotate(limit_expires_at=ExpressionWrapper(F("activated_at") + _LIFETIME, models.DateTimeField()))
        )

    def with_live_units(self) -> DigitalLinkQuerySet:
        """Annotate ``live_units``: how many links for units of the same line and file are not revoked."""
        siblings = DigitalLink.objects.filter(
            line_item=OuterRef("line_item"), digital=OuterRef("digital"), unit__isnull=False, revoked_at=None
        )
        counted = siblings.order_by().values("digital").annotate(units=models.Count("pk")).values("units")
        return self.annotate(live_units=Coalesce(Subquery(counted), 0))

    def with_standing(self) -> DigitalLinkQuerySet:
        """Everything a decision about a link needs, in one query."""
        joins = get_storefront().line_item_joins("line_item__")
        return self.select_related("digital", "line_item", *joins).with_limits().with_live_units()

    def active(self, now: datetime | None = None) -> DigitalLinkQuerySet:
        """Links that a download could use at ``now``, as far as links and files tell; the order is asked elsewhere."""
        now = now or timezone.now()
        return (
            self.with_limits()
            .filter(revoked_at=None, activated_at__isnull=False)
            .filter(Q(digital__withdrawn_at=None) | Q(digital__withdrawn_at__gt=now))
            .filter(Q(limit_uses=None) | Q(access_counter__lt=F("limit_uses")))
            .filter(Q(limit_days=None) | Q(limit_expires_at__gt=now))
        )

    def expired(self, now: datetime | None = None) -> DigitalLinkQuerySet:
        """Links whose time is over at ``now``."""
        return self.with_limits().filter(Q(limit_expires_at__lte=now or timezone.now()))

    def used_up(self) -> DigitalLinkQuerySet:
        """Links that were used as often as their limit allows, or more often before it was lowered."""
        return self.with_limits().filter(Q(access_counter__gte=F("limit_uses")))

    def never_used(self) -> DigitalLinkQuerySet:
        """Links that nobody has downloaded with until now: a reset zeroes the counter, but keeps the records."""
        return self.filter(access_counter=0, downloads=None)


def _store_column(name: str) -> Combinable:
    """A column of the store's row of limits, reached from a link; NULL where the store has no row."""
    storefront = get_storefront()
    if storefront.store_path is not None:
        return F(f"line_item__{storefront.store_path}__digital_limits__{name}")
    return Subquery(StoreLimits.objects.filter(store=storefront.single_store_pk()).values(name))


def _in_force(kind: str, default: int | None) -> Case:
    """The first level that gives a number, or no limit, which is NULL. ``kind`` is "clicks" or "days"."""
    cases = []
    for level in ("", "digital__", "store_"):
        cases.append(When(**{f"{level}unlimited_{kind}": True}, then=Value(None)))
        cases.append(When(**{f"{level}authorized_{kind}__isnull": False}, then=F(f"{level}authorized_{kind}")))
    return Case(*cases, default=Value(default), output_field=models.IntegerField())


class DigitalLink(LimitsOverride):
    """
    One buyer's right to one file, for one unit of one line item.

    Whoever has the ``token`` may download; it is a secret and stays out of ``str()``, lists and logs.
    """

    digital = models.ForeignKey(Digital, on_delete=models.PROTECT, related_name="links", verbose_name=_("digital"))
    line_item = SettingForeignKey(
        "SPREE_DIGITALS_LINE_ITEM_MODEL",
        on_delete=models.SET_NULL,
        null=True,
        related_name="digital_links",
        verbose_name=_("line item"),
    )
    unit = models.PositiveIntegerField(
        _("unit"), null=True, editable=False, help_text=_("Which of the units bought, from 1. Empty: made by staff.")
    )
    token = TokenField(_("token"), max_length=TOKEN_LENGTH, unique=True, default=generate_token, editable=False)
    token_tail = models.GeneratedField(
        expression=Right("token", TAIL_LENGTH),
        output_field=TokenField(max_length=TAIL_LENGTH),
        db_persist=True,
        db_index=True,
    )
    access_counter = models.PositiveBigIntegerField(_("downloads"), default=0, editable=False)
    purged_uses = models.PositiveBigIntegerField(
        default=0, editable=False, help_text=_("Uses of this generation whose records were deleted.")
    )
    generation = models.PositiveIntegerField(default=1, editable=False, help_text=_("Grows with every reset."))
    extra_uses = models.PositiveIntegerField(
        _("extra downloads"), default=0, validators=[MaxValueValidator(MAX_CLICKS)], help_text=_("On top of the limit.")
    )
    extra_days = models.PositiveIntegerField(
        _("extra days"), default=0, validators=[MaxValueValidator(MAX_DAYS)], help_text=_("On top of the limit.")
    )
    activated_at = models.DateTimeField(
        _("activated at"), null=True, editable=False, help_text=_("The days count from here.")
    )
    revoked_at = models.DateTimeField(_("revoked at"), null=True, editable=False)
    revoke_reason = models.CharField(
        _("revoked by"), max_length=16, blank=True, choices=RevokeReason.choices, editable=False
    )
    created_at = models.DateTimeField(_("issued at"), default=timezone.now, editable=False)

    objects = DigitalLinkQuerySet.as_manager()

    class Meta(LimitsOverride.Meta):
        verbose_name = _("digital link")
        verbose_name_plural = _("digital links")
        permissions = [
            ("reset_digitallink", _("Can reset digital links")),
            ("extend_digitallink", _("Can extend digital links")),
            ("revoke_digitallink", _("Can revoke digital links")),
            ("restore_digitallink", _("Can restore digital links")),
            ("rotate_digitallink", _("Can give digital links a new token")),
            ("copy_digitallink", _("Can see the whole token of digital links")),
            ("mail_digitallink", _("Can mail buyers their digital links")),
        ]
        constraints = [
            *LimitsOverride.Meta.constraints,
            models.UniqueConstraint(
                fields=["line_item", "digital", "unit"], name="spree_digitals_digitallink_one_per_unit"
            ),
            models.CheckConstraint(condition=~Q(token=""), name="spree_digitals_digitallink_has_token"),
            models.CheckConstraint(
                condition=Q(unit__isnull=True) | Q(unit__gte=1), name="spree_digitals_digitallink_unit_from_one"
            ),
            models.CheckConstraint(
                condition=Q(access_counter__gte=F("purged_uses")), name="spree_digitals_digitallink_counts_purged_uses"
            ),
            models.CheckConstraint(
                condition=Q(extra_uses__lte=MAX_CLICKS, extra_days__lte=MAX_DAYS),
                name="spree_digitals_digitallink_extras_in_range",
            ),
            models.CheckConstraint(
                condition=Q(revoked_at__isnull=True, revoke_reason="")
                | (Q(revoked_at__isnull=False) & ~Q(revoke_reason="")),
                name="spree_digitals_digitallink_revoked_with_reason",
            ),
        ]
        indexes = [models.Index(fields=["created_at"], name="spree_digitals_link_created")]

    def __str__(self) -> str:
        return f"{self.digital} ({self.masked_token})"

    def clean(self) -> None:
        """A retired file may still be given by hand; a withdrawn one would be refused at every download."""
        super().clean()
        if self._state.adding and self.digital_id is not None and self.digital.withdrawn(timezone.now()):
            raise ValidationError(
                _("%(file)s is withdrawn: nobody can download it. Lift its withdrawal first."),
                params={"file": self.digital},
            )

    @property
    def masked_token(self) -> str:
        return f"…{self.token[-TAIL_LENGTH:]}"

    @property
    def units_alive(self) -> int:
        """How many units of its line and file are not revoked; only on links loaded through ``with_live_units()``."""
        annotated: Any = self
        units: int = annotated.live_units
        return units

    @property
    def limits(self) -> Limits:
        """The limits in force; only on links that were loaded through ``with_limits()``."""
        annotated: Any = self
        days = annotated.limit_days
        return Limits(
            uses=annotated.limit_uses,
            lifetime=None if days is None else timedelta(days=days),
            link_expire_time=timedelta(seconds=annotated.limit_link_expire_time),
        )
