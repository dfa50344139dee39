"""The adapter: whether it can be asked, whether its paths lead somewhere, and what its methods must answer instead."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.checks import Error, Tags, Warning, register  # noqa: A004
from django.db.models import DateTimeField, Model
from django.db.models.constants import LOOKUP_SEP

from ..conf import PREFIX, conf
from ..storefront import Storefront, get_storefront
from .common import TAG, Messages, adapter, did_you_mean, name_of, overrides, reason, shop_model
from .paths import PATHS, is_foreign_key, is_kind_of, is_path, paths

# What has nothing to follow where a path is None or empty, and must be overridden.
STAND_INS = {
    "variant_paths": ("variants(self, line_item)",),
    "user_path": ("orders_of(self, user)",),
    "completed_at_path": ("completed_at(self, order)", "orders_of(self, user)"),
    "domain_path": ("absolute_url(self, order, path)",),
}


@register(TAG)
def check_storefront_can_be_imported(**kwargs: Any) -> Messages:
    try:
        get_storefront()
    except Exception as error:  # whatever the shop's module does
        return [
            Error(
                f"{PREFIX}STOREFRONT is {conf.STOREFRONT!r}, which cannot be imported and called: {reason(error)}",
                hint=f'Name your adapter with its module: {PREFIX}STOREFRONT = "shop.digitals.ShopStorefront"',
                id="spree_digitals.E002",
            )
        ]
    return []


@register(TAG)
def check_storefront_is_an_adapter(**kwargs: Any) -> Messages:
    try:
        found: object = get_storefront()
    except Exception:  # E002
        return []
    if isinstance(found, Storefront):
        return []
    return [
        Error(
            f"{PREFIX}STOREFRONT is {conf.STOREFRONT!r}, which is not a subclass of Storefront.",
            hint="Let your class inherit from spree_digitals.storefront.Storefront.",
            id="spree_digitals.E003",
        )
    ]


@register(TAG)
def check_paths_are_text(**kwargs: Any) -> Messages:
    storefront = adapter()
    if storefront is None:
        return []
    return [
        Error(
            f"{name_of(storefront)}.{name} is {getattr(storefront, name)!r}, which is not "
            f"{'a tuple of paths' if name.endswith('s') else 'a path'}.",
            hint=f"Write it as in a query, for example: {name} = {getattr(Storefront, name)!r}",
            id="spree_digitals.E004",
        )
        for name in PATHS
        if not is_path(storefront, name)
    ]


@register(TAG, Tags.models)
def check_paths_resolve(**kwargs: Any) -> Messages:
    return [
        Error(
            f"{path} does not resolve: {step.model._meta.label} has no {step.kind} {step.name!r}.",
            hint=f"Its {step.kind}s are: {', '.join(sorted(step.choices))}.{did_you_mean(step.name, step.choices)}",
            id="spree_digitals.E005",
        )
        for path in paths()
        for step in path.steps
        if step.field is None
    ]


@register(TAG, Tags.models)
def check_paths_lead_to_one_object(**kwargs: Any) -> Messages:
    return [
        Error(
            f"{path} cannot be joined: {step.name!r} is not a foreign key of {step.model._meta.label}.",
            hint="Follow a ForeignKey or OneToOneField from the model that has it; answer anything else in a method.",
            id="spree_digitals.E006",
        )
        for path in paths()
        if path.attribute != "user_path"  # only ever filtered by
        for step in path.steps
        if step.relation and step.field is not None and not is_foreign_key(step.field)
    ]


@register(TAG, Tags.models)
def check_paths_lead_to_the_right_model(**kwargs: Any) -> Messages:
    expected: dict[str, tuple[str, type[Model] | None]] = {
        "store_path": (f"{PREFIX}STORE_MODEL", shop_model("STORE_MODEL")),
        "variant_paths": (f"{PREFIX}VARIANT_MODEL", shop_model("VARIANT_MODEL")),
        "user_path": ("AUTH_USER_MODEL", get_user_model()),
    }
    return [
        Error(
            f"{path} leads to {path.end._meta.label}, but {setting} is {model._meta.label!r}.",
            hint=f"Let {path.attribute} end at {model._meta.label}, or change {setting}.",
            id="spree_digitals.E007",
        )
        for path in paths()
        if path.attribute in expected
        for setting, model in [expected[path.attribute]]
        if model is not None and path.end is not None and not is_kind_of(path.end, model)
    ]


@register(TAG, Tags.models)
def check_completion_is_a_moment(**kwargs: Any) -> Messages:
    storefront = adapter()
    if storefront is None or overrides(storefront, "completed_at"):
        return []
    return [
        Error(
            f"{path} ends at a {type(field).__name__}, which does not tell at what moment an order completed.",
            hint="Name a DateTimeField, or override completed_at(order).",
            id="spree_digitals.E008",
        )
        for path in paths()
        if path.attribute == "completed_at_path"
        for field in [path.steps[-1].field]
        if field is not None and not isinstance(field, DateTimeField)
    ]


@register(TAG)
def check_methods_stand_in_for_missing_paths(**kwargs: Any) -> Messages:
    storefront = adapter()
    if storefront is None:
        return []
    return [
        Error(
            f"{name_of(storefront)}.{attribute} is {getattr(storefront, attribute)!r}, and "
            f"{method.partition('(')[0]} is not overridden.",
            hint=f"Set {attribute}, or write in {type(storefront).__name__}: def {method}: ...",
            id="spree_digitals.E009",
        )
        for attribute, methods in STAND_INS.items()
        if not getattr(storefront, attribute)
        for method in methods
        if not overrides(storefront, method.partition("(")[0])
    ]


@register(TAG, Tags.models)
def check_the_only_store_is_known(**kwargs: Any) -> Messages:
    storefront, store = adapter(), shop_model("STORE_MODEL")
    if storefront is None or store is None or storefront.store_path is not None:
        return []
    is_site = store._meta.label_lower == "sites.site" and getattr(settings, "SITE_ID", None) is not None
    if is_site or overrides(storefront, "single_store_pk"):
        return []
    return [
        Error(
            f"{name_of(storefront)}.store_path is None, and nothing tells which {store._meta.label} is the only store.",
            hint="Set store_path to the path from a line item to its store, or override single_store_pk(). "
            f'A shop without stores writes: {PREFIX}STORE_MODEL = "sites.Site" and SITE_ID = 1',
            id="spree_digitals.E010",
        )
    ]


@register(TAG)
def check_orders_have_a_store(**kwargs: Any) -> Messages:
    storefront = adapter()
    if storefront is None or overrides(storefront, "store") or overrides(storefront, "absolute_url"):
        return []
    path, start = storefront.store_path, f"{storefront.order_path}{LOOKUP_SEP}"
    found = {path.attribute for path in paths() if path.end is not None}
    if path is None or not {"order_path", "store_path"} <= found or path.startswith(start):
        return []
    return [
        Error(
            f"{name_of(storefront)}.store_path is {path!r}, which does not lead through the order, so that the links "
            "of an order have no domain.",
            hint=f"Begin store_path with {start!r}, or override store(order) or absolute_url(order, path).",
            id="spree_digitals.E011",
        )
    ]


@register(TAG)
def check_guests_can_open_orders(**kwargs: Any) -> Messages:
    storefront = adapter()
    if storefront is None or storefront.token_path is not None:
        return []
    if overrides(storefront, "order_token") or overrides(storefront, "find_order"):
        return []
    return [
        Warning(
            f"{name_of(storefront)}.token_path is None, so that no guest can open an order.",
            hint="Set token_path to the column with the order's secret, or override order_token(order).",
            id="spree_digitals.W001",
        )
    ]
