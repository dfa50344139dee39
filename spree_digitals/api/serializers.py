"""Orders, line items and links as JSON:API resources, and the mixin for shops with an order API of their own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from types import SimpleNamespace
from typing import Any, cast

from django.db.models.manager import BaseManager
from django.urls import reverse
from rest_framework import ISO_8601
from rest_framework import serializers as rest_serializers
from rest_framework_json_api import serializers
from rest_framework_json_api.relations import ResourceRelatedField

from ..models import Digital
from ..purchases import PurchasedLine, PurchasedLink, PurchasedOrder, purchased_links
from ..storefront import get_storefront


class Relation(ResourceRelatedField):
    """A read-only relationship whose type is ours to name, whatever the shop's models are called."""

    def __init__(self, resource_name: str, **kwargs: Any) -> None:
        self.JSONAPIMeta = SimpleNamespace(resource_name=resource_name)
        super().__init__(read_only=True, **kwargs)

    def use_pk_only_optimization(self) -> bool:
        return False

    def to_representation(self, value: Any) -> dict[str, str]:
        return {"type": self.JSONAPIMeta.resource_name, "id": str(value.pk)}


class ShopObjectSerializer(serializers.Serializer):
    """An object of the shop: relationships are declared, attributes are what the adapter shows of it."""

    def to_representation(self, instance: Any) -> dict[str, Any]:
        relationships: dict[str, Any] = super().to_representation(instance)
        shown = self.shown(instance)
        wanted = self.context["request"].query_params.get(f"fields[{self.Meta.resource_name}]")
        names = shown if wanted is None else shown.keys() & wanted.split(",")
        return {**{name: shown[name] for name in names}, **relationships}

    def shown(self, instance: Any) -> Mapping[str, Any]:
        raise NotImplementedError


class DigitalSerializer(serializers.ModelSerializer):
    class Meta:
        model = Digital
        resource_name = "digital"
        fields = ("filename", "content_type", "byte_size")


class VariantSerializer(ShopObjectSerializer):
    class Meta:
        resource_name = "variant"

    def shown(self, instance: Any) -> Mapping[str, Any]:
        return get_storefront().variant_attributes(instance)


class UTCDateTimeField(rest_serializers.DateTimeField):
    """``2026-11-30T12:00:00Z``, whatever the project sets for its own API."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format=ISO_8601, default_timezone=UTC, **kwargs)


class LinkFields(rest_serializers.Serializer):  # type: ignore[type-arg]
    """What a buyer may know of a link. Every number comes from the policy that decides downloads."""

    token = rest_serializers.CharField(source="standing.link.token")
    filename = rest_serializers.CharField(source="digital.filename")
    content_type = rest_serializers.CharField(source="digital.content_type")
    byte_size = rest_serializers.IntegerField(source="digital.byte_size")
    download_url = rest_serializers.SerializerMethodField()
    access_counter = rest_serializers.IntegerField(source="standing.link.access_counter")
    downloads_remaining = rest_serializers.IntegerField(source="standing.uses_left", allow_null=True)
    expires_at = UTCDateTimeField(source="standing.expires_at", allow_null=True)
    authorizable = rest_serializers.BooleanField(source="standing.authorizable")
    expired = rest_serializers.BooleanField(source="standing.expired")
    access_limit_exceeded = rest_serializers.BooleanField(source="standing.limit_reached")
    revoked = rest_serializers.BooleanField(source="standing.revoked")

    def get_download_url(self, purchased: PurchasedLink) -> str:
        storefront = get_storefront()
        order = None if purchased.line_item is None else storefront.order(purchased.line_item)
        path = reverse("spree_digitals:download", kwargs={"token": purchased.standing.link.token})
        return storefront.absolute_url(order, path)


class DigitalLinkSerializer(LinkFields, serializers.Serializer):
    line_item = Relation("line_item")
    digital = Relation("digital")

    included_serializers = {"digital": DigitalSerializer}

    class Meta:
        resource_name = "digital_link"


class LineItemSerializer(ShopObjectSerializer):
    variant = Relation("variant")
    digital_links = Relation("digital_link", many=True)

    included_serializers = {"variant": VariantSerializer, "digital_links": DigitalLinkSerializer}

    class Meta:
        resource_name = "line_item"

    def shown(self, instance: PurchasedLine) -> Mapping[str, Any]:
        return get_storefront().line_item_attributes(instance.line_item)


class OrderSerializer(ShopObjectSerializer):
    line_items = Relation("line_item", many=True)

    included_serializers = {"line_items": LineItemSerializer}

    class Meta:
        resource_name = "order"

    def shown(self, instance: PurchasedOrder) -> Mapping[str, Any]:
        return get_storefront().order_attributes(instance.order)


class CartSerializer(OrderSerializer):
    """The order as ``order_status`` shows it: Spree calls it a cart there."""

    class Meta:
        resource_name = "cart"


class DigitalLinksList(rest_serializers.ListSerializer):  # type: ignore[type-arg]
    """Reads the links of all its lines at once."""

    def to_representation(self, data: Any) -> list[Any]:
        lines = list(data.all() if isinstance(data, BaseManager) else data)
        cast("DigitalLinksMixin", self.child).links_of = purchased_links(lines)
        return super().to_representation(lines)


class DigitalLinksMixin(rest_serializers.Serializer):  # type: ignore[type-arg]
    """
    Adds ``digital_links`` to the line-item serializer of a shop's own order API.

    A list of objects with the attributes of ``digital_link``, empty for a line without files. Let the serializer's
    ``Meta`` inherit from this one's, so that ``many=True`` reads the links of all lines at once.
    """

    digital_links = rest_serializers.SerializerMethodField()
    links_of: Mapping[Any, list[PurchasedLink]] | None = None

    class Meta:
        list_serializer_class = DigitalLinksList

    def get_digital_links(self, line_item: Any) -> Any:
        links_of = self.links_of or purchased_links([line_item])
        return LinkFields(links_of[line_item.pk], many=True).data
