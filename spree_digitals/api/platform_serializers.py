"""What staff see of files and links, and what they may write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError as ModelValidationError
from django.db.models import DateTimeField, Model
from django.urls import reverse
from django.utils.translation import gettext as _
from rest_framework import ISO_8601
from rest_framework import serializers as rest_serializers
from rest_framework_json_api import serializers

from ..conf import conf
from ..issuing import MAX_EXTENSION_DAYS, MAX_EXTENSION_USES
from ..models import Digital, DigitalLink
from ..models.override import LIMITS
from ..purchases import PurchasedLink
from ..staff import WHY_LENGTH, of_staff
from ..storefront import get_storefront
from .querying import find
from .serializers import LinkFields, Relation, ShopObjectSerializer, UTCDateTimeField, VariantSerializer

SEE_TOKENS = "spree_digitals.copy_digitallink"


# What is shown


class LimitsFields(rest_serializers.Serializer):  # type: ignore[type-arg]
    """What one level of the cascade says; null and false: the next level decides."""

    authorized_clicks = rest_serializers.IntegerField(allow_null=True)
    unlimited_clicks = rest_serializers.BooleanField()
    authorized_days = rest_serializers.IntegerField(allow_null=True)
    unlimited_days = rest_serializers.BooleanField()


class StaffDigitalSerializer(LimitsFields, serializers.Serializer):
    """A file that is sold. Its ``url`` opens to staff only and counts nothing."""

    url = rest_serializers.SerializerMethodField()
    filename = rest_serializers.CharField()
    content_type = rest_serializers.CharField()
    byte_size = rest_serializers.IntegerField()
    sha256 = rest_serializers.CharField()
    version = rest_serializers.IntegerField()
    attached_at = UTCDateTimeField()
    created_at = UTCDateTimeField()
    retired_at = UTCDateTimeField(allow_null=True)
    withdrawn_at = UTCDateTimeField(allow_null=True)
    variant = Relation("variant")

    included_serializers = {"variant": VariantSerializer}

    class Meta:
        resource_name = "digital"

    def get_url(self, digital: Digital) -> str:
        return reverse("spree_digitals:platform_digital_file", kwargs={"pk": digital.pk})


class VariantOfLine(Relation):
    """The first variant that a line of the shop sells."""

    def get_attribute(self, instance: Any) -> Any:
        return next(iter(get_storefront().variants(instance)), None)


class StaffLineItemSerializer(ShopObjectSerializer):
    """A line of an order, without the links, which are what is listed."""

    variant = VariantOfLine("variant")

    included_serializers = {"variant": VariantSerializer}

    class Meta:
        resource_name = "line_item"

    def shown(self, instance: Model) -> Mapping[str, Any]:
        return get_storefront().line_item_attributes(instance)


class StaffDigitalLinkSerializer(LinkFields, serializers.Serializer):
    """A link as its buyer sees it, and what is behind it. The whole token only for those who may copy it."""

    token = rest_serializers.CharField(source="standing.link.token", allow_null=True)
    download_url = rest_serializers.SerializerMethodField("get_address")
    masked_token = rest_serializers.CharField(source="standing.link.masked_token")
    unit = rest_serializers.IntegerField(source="standing.link.unit", allow_null=True)
    authorized_clicks = rest_serializers.IntegerField(source="standing.link.authorized_clicks", allow_null=True)
    unlimited_clicks = rest_serializers.BooleanField(source="standing.link.unlimited_clicks")
    authorized_days = rest_serializers.IntegerField(source="standing.link.authorized_days", allow_null=True)
    unlimited_days = rest_serializers.BooleanField(source="standing.link.unlimited_days")
    extra_uses = rest_serializers.IntegerField(source="standing.link.extra_uses")
    extra_days = rest_serializers.IntegerField(source="standing.link.extra_days")
    activated_at = UTCDateTimeField(source="standing.activated_at", allow_null=True)
    revoked_at = UTCDateTimeField(source="standing.link.revoked_at", allow_null=True)
    revoke_reason = rest_serializers.CharField(source="standing.link.revoke_reason")
    created_at = UTCDateTimeField(source="standing.link.created_at")
    digital = Relation("digital")
    line_item = Relation("line_item")

    included_serializers = {"digital": StaffDigitalSerializer, "line_item": StaffLineItemSerializer}

    class Meta:
        resource_name = "digital_link"

    def get_address(self, purchased: PurchasedLink) -> str | None:
        """None where the line item was deleted, and with it which shop's address it is."""
        return None if purchased.line_item is None else self.get_download_url(purchased)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        shown: dict[str, Any] = super().to_representation(instance)
        if not self.context["request"].user.has_perm(SEE_TOKENS):
            shown.update(dict.fromkeys(shown.keys() & {"token", "download_url"}))
        return shown


# What is written


class OwnObjectField(rest_serializers.Field):  # type: ignore[type-arg]
    """The key of an object that belongs to the stores of the member of staff who asks."""

    def __init__(self, model: Callable[[], type[Model]], **kwargs: Any) -> None:
        self.model = model
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> Model:
        choosable = of_staff(self.model()._default_manager.all(), self.context["request"].user)
        found: Model | None = find(choosable, data)
        if found is None:
            shown = str(data)[:50] if isinstance(data, (int, str)) else type(data).__name__
            raise rest_serializers.ValidationError(_("Nothing with the id %(id)s is there.") % {"id": shown})
        return found


class MomentField(rest_serializers.DateTimeField):
    """ISO 8601, whatever the project reads in its own API; UTC where no zone is given."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(input_formats=[ISO_8601], default_timezone=UTC, **kwargs)


class LimitsWriter(rest_serializers.ModelSerializer):  # type: ignore[type-arg]
    """Holds new limits together with those that stay to the constraints of the table."""

    serializer_field_mapping = {
        **rest_serializers.ModelSerializer.serializer_field_mapping,
        DateTimeField: MomentField,
    }

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        model: Any = self.Meta.model
        kept = {name: getattr(self.instance, name) for name in LIMITS} if self.instance else {}
        changed = {name: attrs[name] for name in LIMITS if name in attrs}
        others = {field.name for field in model._meta.fields} - set(LIMITS)
        try:
            model(**kept | changed).validate_constraints(exclude=others)
        except ModelValidationError as error:
            raise rest_serializers.ValidationError(rest_serializers.as_serializer_error(error)) from error
        return attrs


class DigitalWriter(LimitsWriter):
    variant = OwnObjectField(lambda: apps.get_model(conf.VARIANT_MODEL))

    class Meta:
        model = Digital
        fields = ("attachment", "variant", "retired_at", "withdrawn_at", *LIMITS)


class LinkWriter(LimitsWriter):
    class Meta:
        model = DigitalLink
        fields: tuple[str, ...] = LIMITS


class NewLinkWriter(LinkWriter):
    digital = OwnObjectField(lambda: Digital)
    line_item = OwnObjectField(lambda: apps.get_model(conf.LINE_ITEM_MODEL))

    class Meta(LinkWriter.Meta):
        fields = ("digital", "line_item", *LIMITS)

    def validate_digital(self, digital: Digital) -> Digital:
        DigitalLink(digital=digital).clean()
        return digital


class Reason(rest_serializers.Serializer):  # type: ignore[type-arg]
    """Why something is done to a link, for its history."""

    why = rest_serializers.CharField(max_length=WHY_LENGTH, allow_blank=True, default="")


class Extension(Reason):
    """How much more a link may be used."""

    uses = rest_serializers.IntegerField(min_value=0, max_value=MAX_EXTENSION_USES, default=0)
    days = rest_serializers.IntegerField(min_value=0, max_value=MAX_EXTENSION_DAYS, default=0)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not (attrs["uses"] or attrs["days"]):
            raise rest_serializers.ValidationError(_("Give uses or days, or both, above 0."))
        return attrs
