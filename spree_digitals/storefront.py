"""The seam to the shop: an adapter that answers questions about its orders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime
from decimal import Decimal
from functools import cache, reduce
from operator import or_
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import FieldDoesNotExist, ImproperlyConfigured, ValidationError
from django.db.models import Model, Q, QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.utils.crypto import constant_time_compare
from django.utils.module_loading import import_string

from .conf import conf

SCALARS = (str, bool, int, float, Decimal, date, datetime)

# The only store of a shop, as its adapter has found it: kept inside ``read_store_once`` only.
_stores: ContextVar[dict[Storefront, Model] | None] = ContextVar("spree_digitals_stores", default=None)


@contextmanager
def read_store_once() -> Iterator[None]:
    """Inside, the only store of a shop is read once, however many links are shown of it. A decorator too."""
    token = _stores.set({})
    try:
        yield
    finally:
        _stores.reset(token)


class Storefront:
    """
    What the app needs to know about a shop. Subclass it, name the subclass in ``SPREE_DIGITALS_STOREFRONT``.

    What is searched, filtered or joined is an ORM path, a class attribute ending in ``_path``. What is decided or
    shown is a method, whose default follows the paths. A path may be None where the shop has no such column: what
    needs it is then left out, or asked of the method. ``manage.py check`` resolves every path.
    """

    # From the line item.
    order_path: str = "order"
    store_path: str | None = "order__store"
    variant_paths: tuple[str, ...] = ("variant",)
    quantity_path: str | None = "quantity"

    # From the order.
    number_path: str = "number"
    email_paths: tuple[str, ...] = ("email",)
    user_path: str | None = "user"
    completed_at_path: str | None = "completed_at"
    token_path: str | None = "token"  # noqa: S105

    # From the store: its domain, or its address with scheme.
    domain_path: str | None = "domain"

    # What look-ups show, as far as the shop's objects have it.
    order_attribute_names: tuple[str, ...] = (
        *("currency", "state", "item_count", "item_total", "total", "display_item_total", "display_total"),
        *("payment_state", "created_at", "updated_at"),
    )
    line_item_attribute_names: tuple[str, ...] = (
        *("name", "slug", "quantity", "price", "total", "currency", "display_price", "display_total"),
    )
    variant_attribute_names: tuple[str, ...] = ("name", "sku", "price", "currency", "display_price", "slug")

    # Questions about one line item.

    def order(self, line_item: Model) -> Model | None:
        """The order a line item belongs to."""
        order: Model | None = follow(line_item, self.order_path)
        return order

    def variants(self, line_item: Model) -> list[Model]:
        """Every variant whose files this line sells: also a parent product's, or the parts of a bundle."""
        found = (follow(line_item, path) for path in self.variant_paths)
        return [variant for variant in found if variant is not None]

    def quantity(self, line_item: Model) -> int:
        """How many units were bought: that many links are issued for each file."""
        if self.quantity_path is None:
            return self.entitled_units(line_item)
        return int(follow(line_item, self.quantity_path) or 0)

    def entitled_units(self, line_item: Model) -> int:
        """
        How many units still give a right to download: fewer after a refund, 0 after a cancellation.

        Asked at every download. 0 stops every link of the line at once and writes nothing.
        """
        return int(follow(line_item, self.quantity_path) or 0) if self.quantity_path else 1

    # Questions about one order.

    def number(self, order: Model) -> str:
        return str(follow(order, self.number_path))

    def email(self, order: Model) -> str | None:
        """The address the order is shown with: the first that is not empty."""
        return next((email for path in self.email_paths if (email := follow(order, path))), None)

    def order_token(self, order: Model) -> str | None:
        """The secret by which a guest opens the order; None or empty opens it to nobody."""
        token: str | None = follow(order, self.token_path) if self.token_path else None
        return token

    def completed_at(self, order: Model) -> datetime | None:
        """When the purchase was made, None before it is. The days of a link count from here."""
        if self.completed_at_path is None:
            raise ImproperlyConfigured(
                f"{self._name}.completed_at_path is None; override completed_at(order) to tell when an order completed."
            )
        completed_at: datetime | None = follow(order, self.completed_at_path)
        return completed_at

    def store_name(self, order: Model | None) -> str:
        """What the shop calls itself towards this buyer, on pages and in mails."""
        return str(self.store(order) or "")

    def language(self, order: Model) -> str:
        """The language of mails about this order, as in ``LANGUAGES``."""
        return settings.LANGUAGE_CODE

    def from_email(self, order: Model) -> str:
        """The sender of mails about this order."""
        return settings.DEFAULT_FROM_EMAIL

    def absolute_url(self, order: Model | None, path: str) -> str:
        """The address of ``path`` at the domain of the order's store, never at one that a request names."""
        domain = self._domain(order)
        return f"{domain if '://' in domain else 'https://' + domain}{path}"

    def order_attributes(self, order: Model) -> Mapping[str, Any]:
        """What the look-ups show of an order."""
        return {
            "number": self.number(order),
            "token": self.order_token(order),
            "email": self.email(order),
            "completed_at": self.completed_at(order),
            **attributes(order, self.order_attribute_names),
        }

    def line_item_attributes(self, line_item: Model) -> Mapping[str, Any]:
        """What the look-ups show of a line item."""
        shown = attributes(line_item, self.line_item_attribute_names)
        return shown if "quantity" in shown else {**shown, "quantity": self.quantity(line_item)}

    def variant_attributes(self, variant: Model) -> Mapping[str, Any]:
        """What the look-ups show of a variant."""
        return attributes(variant, self.variant_attribute_names)

    # Questions about many.

    def orders(self) -> QuerySet[Any]:
        """Every order of the shop, joined with whatever ``order_attributes`` shows."""
        return self.order_model._default_manager.all()

    def find_order(self, number: str, token: str) -> Model | None:
        """The order with this number, if ``token`` is its secret. Completed or not is asked elsewhere."""
        if not token.strip():
            return None
        for order in self.with_number(self.orders(), number):
            expected = self.order_token(order)
            if expected and constant_time_compare(expected, token):
                return order
        return None

    def with_number(self, orders: QuerySet[Any], number: str) -> list[Model]:
        """Those of ``orders`` that have this number, which is not one of the shop's kind for most of what arrives."""
        if "\x00" in number:  # no database takes that for text
            return []
        try:
            return list(orders.filter(**{self.number_path: number}))
        except (ValueError, ValidationError):
            return []

    def orders_of(self, user: Any) -> QuerySet[Any]:
        """The completed orders of a signed-in customer, newest first."""
        if self.user_path is None or self.completed_at_path is None:
            raise ImproperlyConfigured(
                f"{self._name} has no user_path or no completed_at_path; override orders_of(user) to find "
                "the completed orders of a customer."
            )
        completed = {self.user_path: user, f"{self.completed_at_path}__isnull": False}
        return self.orders().filter(**completed).order_by(f"-{self.completed_at_path}", "-pk")

    def emails_like(self, email: str) -> set[str]:
        """
        The addresses, as completed orders have them, that are this one but for upper and lower case.

        Databases also take other letters for the same, which would open the orders of one customer to another.
        """
        wanted = _case_folded(email)
        found: set[str] = set()
        for path in self.email_paths:
            orders = self.orders().filter(**{f"{path}__iexact": email})
            found.update(orders.order_by().values_list(path, flat=True).distinct())
        return {address for address in found if _case_folded(address) == wanted}

    def orders_with_email(self, email: str) -> QuerySet[Any]:
        """The completed orders of whoever reads the mail of this address, newest first."""
        if self.completed_at_path is None:
            raise ImproperlyConfigured(
                f"{self._name} has no completed_at_path; override orders_with_email(email) to find the completed "
                "orders of an address."
            )
        addresses = self.emails_like(email)
        which = reduce(or_, (Q(**{f"{path}__in": addresses}) for path in self.email_paths), Q(pk__in=[]))
        completed = {f"{self.completed_at_path}__isnull": False}
        # A subquery: a path through several rows must not repeat an order.
        found = self.orders().filter(pk__in=self.orders().filter(which).order_by().values("pk"), **completed)
        return found.order_by(f"-{self.completed_at_path}", "-pk")

    def line_items(self, orders: Iterable[Model]) -> QuerySet[Any]:
        """The lines of these orders as the shop sorts them, joined with order, store and variants."""
        lines = self.line_item_model._default_manager.filter(**{f"{self.order_path}__in": list(orders)})
        ordering = self.line_item_model._meta.ordering or ()
        return lines.select_related(*self.line_item_joins()).order_by(*ordering, "pk")

    def staff_stores(self, user: Any) -> QuerySet[Any] | None:
        """The stores whose downloads this member of staff may see and change; None for all."""
        return None

    def delivery(self, link: Any) -> Mapping[str, Any] | None:
        """
        How the file of this link travels, in the form of ``SPREE_DIGITALS_DELIVERY``; None as that setting says.

        ``link`` has its digital, line item, order and store loaded. Asked at every download.
        """
        return None

    def single_store_pk(self) -> Any:
        """The key of the only store, asked where ``store_path`` is None: the Site of ``SITE_ID``."""
        return getattr(settings, "SITE_ID", None)

    # What follows is worked out from the above.

    @property
    def line_item_model(self) -> type[Model]:
        return apps.get_model(conf.LINE_ITEM_MODEL)

    @property
    def order_model(self) -> type[Model]:
        return resolve(self.line_item_model, self.order_path)

    def line_item_joins(self, prefix: str = "") -> list[str]:
        """Paths for ``select_related``, so that no question about a line item costs a query of its own."""
        paths = {self.order_path, *([self.store_path] if self.store_path else []), *self.variant_paths}
        return sorted(prefix + path for path in paths)

    def store(self, order: Model | None) -> Model | None:
        """The store of an order, where its path leads through the order; else the only store."""
        start = self.order_path + LOOKUP_SEP
        if self.store_path is None:
            return self._single_store()
        if order is not None and self.store_path.startswith(start):
            store: Model | None = follow(order, self.store_path.removeprefix(start))
            return store
        return None

    def _single_store(self) -> Model:
        kept = _stores.get()
        if kept is None:
            return self._read_store()
        if self not in kept:
            kept[self] = self._read_store()
        return kept[self]

    def _read_store(self) -> Model:
        stores: Any = apps.get_model(conf.STORE_MODEL)._default_manager
        pk = self.single_store_pk()
        keeps_it = hasattr(stores, "get_current") and pk == getattr(settings, "SITE_ID", None)
        # The Site of SITE_ID stays in memory: no query for each link.
        store: Model = stores.get_current() if keeps_it else stores.get(pk=pk)
        return store

    def _domain(self, order: Model | None) -> str:
        store = self.store(order)
        domain = follow(store, self.domain_path) if store is not None and self.domain_path else None
        if not domain:
            raise ImproperlyConfigured(
                f"{self._name} finds no domain for the store {store!r}: set domain_path to the store's column, "
                "or override absolute_url(order, path)."
            )
        return str(domain).rstrip("/")

    @property
    def _name(self) -> str:
        return f"{type(self).__module__}.{type(self).__qualname__}"


@cache
def _instance(path: str) -> Storefront:
    storefront: Storefront = import_string(path)()
    return storefront


def get_storefront() -> Storefront:
    """The shop's adapter. Raises ImportError, naming the setting's value, when there is none at that path."""
    return _instance(conf.STOREFRONT)


def completion_of(line_item: Model | None) -> datetime | None:
    """When the order of a line completed; None before that, and where line or order were deleted."""
    storefront = get_storefront()
    order = None if line_item is None else storefront.order(line_item)
    return None if order is None else storefront.completed_at(order)


def _case_folded(email: str) -> str:
    """In small letters where letters are ASCII: others may be the same to a database, and are not to a mailbox."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in email)


def follow(instance: Model | None, path: str) -> Any:
    """The value at the end of an ORM path, None as soon as a step is."""
    value: Any = instance
    for step in path.split(LOOKUP_SEP):
        if value is None:
            return None
        value = getattr(value, step)
    return value


def resolve(model: type[Model], path: str) -> type[Model]:
    """The model at the end of an ORM path of relations. Raises FieldDoesNotExist, naming the step that fails."""
    for step in path.split(LOOKUP_SEP):
        related = model._meta.get_field(step).related_model
        if not isinstance(related, type):
            raise FieldDoesNotExist(f"{model._meta.label}.{step} is not a relation.")
        model = related
    return model


def attributes(instance: Model, names: Iterable[str]) -> dict[str, Any]:
    """Those of ``names`` that the shop's object has, and that hold a plain value; amounts of money as text."""
    found = {name: getattr(instance, name, None) for name in names}
    plain = {name: value for name, value in found.items() if isinstance(value, SCALARS)}
    return {name: str(value) if isinstance(value, Decimal) else value for name, value in plain.items()}
