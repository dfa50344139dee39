"""The paths of the adapter, followed through the shop's models."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import Model
from django.db.models.constants import LOOKUP_SEP

from ..storefront import Storefront
from .common import adapter, name_of, overrides, shop_model

# Every path of the adapter: where it starts, and whether it ends at a relation rather than at a column.
PATHS = {
    "order_path": ("line item", True),
    "store_path": ("line item", True),
    "variant_paths": ("line item", True),
    "quantity_path": ("line item", False),
    "number_path": ("order", False),
    "email_paths": ("order", False),
    "user_path": ("order", True),
    "completed_at_path": ("order", False),
    "token_path": ("order", False),
    "domain_path": ("store", False),
}
REQUIRED_PATHS = ("order_path", "number_path")


def is_path(storefront: Storefront, name: str) -> bool:
    """Whether the attribute holds what the base class has there: text, a tuple of texts, or None where allowed."""
    value = getattr(storefront, name)
    if isinstance(getattr(Storefront, name), tuple):
        return isinstance(value, list | tuple) and all(isinstance(path, str) for path in value)
    return isinstance(value, str) or (value is None and name not in REQUIRED_PATHS)


@dataclass(frozen=True)
class Step:
    """One name of a path, and the model it is looked up on."""

    model: type[Model]
    name: str
    relation: bool

    @property
    def kind(self) -> str:
        return "relation" if self.relation else "field"

    @cached_property
    def choices(self) -> dict[str, Any]:
        fields = self.model._meta.get_fields()
        if self.relation:
            return {field.name: field for field in fields if isinstance(field.related_model, type)}
        return {field.name: field for field in fields if getattr(field, "concrete", False)}

    @cached_property
    def field(self) -> Any:
        """The model's field of that name, or None."""
        return self.model._meta.pk if self.name == "pk" and not self.relation else self.choices.get(self.name)


@dataclass(frozen=True)
class AdapterPath:
    """A path as the adapter has it."""

    owner: str
    attribute: str
    value: str
    start: type[Model]
    relation: bool

    def __str__(self) -> str:
        return f"{self.owner}.{self.attribute}: {self.value!r}"

    @cached_property
    def steps(self) -> list[Step]:
        """The steps up to the end, or to the first that leads nowhere."""
        model, steps = self.start, []
        *through, last = self.value.split(LOOKUP_SEP)
        for name in through:
            steps.append(Step(model, name, relation=True))
            if steps[-1].field is None:
                return steps
            model = steps[-1].field.related_model
        return [*steps, Step(model, last, self.relation)]

    @property
    def end(self) -> type[Model] | None:
        field = self.steps[-1].field
        return None if field is None else field.related_model


def paths() -> Iterator[AdapterPath]:
    """Every path of the adapter whose beginning is known."""
    storefront = adapter()
    if storefront is None:
        return
    starts = {"line item": shop_model("LINE_ITEM_MODEL"), "order": None, "store": shop_model("STORE_MODEL")}
    for attribute, (beginning, relation) in PATHS.items():
        start = starts[beginning]
        needed = attribute != "domain_path" or not overrides(storefront, "absolute_url")
        if start is None or not needed or not is_path(storefront, attribute):
            continue
        value = getattr(storefront, attribute)
        for one in [value] if isinstance(value, str) else value or ():
            path = AdapterPath(name_of(storefront), attribute, one, start, relation)
            if attribute == "order_path":
                starts["order"] = path.end
            yield path


def is_foreign_key(field: Any) -> bool:
    return bool(field.concrete and (field.many_to_one or field.one_to_one))


def is_kind_of(model: type[Model], other: type[Model]) -> bool:
    concrete, wanted = model._meta.concrete_model, other._meta.concrete_model
    return concrete is None or wanted is None or issubclass(concrete, wanted)
