"""What ``manage.py check`` says about a shop's configuration. ``docs/checks.md`` lists every id.

No check raises: where something else is broken that another check or Django reports, it says nothing.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import global_settings, settings
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.db import connections, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState
from django.db.models import DateTimeField, Model
from django.db.models.constants import LOOKUP_SEP
from django.db.utils import Error as DatabaseProblem
from django.utils.connection import ConnectionDoesNotExist
from django.utils.module_loading import import_string

from .conf import NAMES, PREFIX, conf
from .limits import MAX_CLICKS, MAX_DAYS
from .models import Digital, DigitalLink, StoreLimits
from .models.store_limits import WEEK
from .storage import ALIAS
from .storefront import Storefront, get_storefront

Messages = list[CheckMessage]

TAG = "spree_digitals"
FIRST_MIGRATION = ("spree_digitals", "0001_initial")

# The setting that names a model, and the foreign key of ours that points at it.
FOREIGN_KEYS: dict[str, tuple[type[Model], str]] = {
    "STORE_MODEL": (StoreLimits, "store"),
    "VARIANT_MODEL": (Digital, "variant"),
    "LINE_ITEM_MODEL": (DigitalLink, "line_item"),
}

# Least, most, whether None is allowed (without limit), and what to paste.
NUMBERS = {
    "DEFAULT_AUTHORIZED_CLICKS": (0, MAX_CLICKS, True, 5),
    "DEFAULT_AUTHORIZED_DAYS": (0, MAX_DAYS, True, 7),
    "DEFAULT_LINK_EXPIRE_TIME": (1, WEEK, False, 300),
}

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

# What has nothing to follow where a path is None or empty, and must be overridden.
STAND_INS = {
    "variant_paths": ("variants(self, line_item)",),
    "user_path": ("orders_of(self, user)",),
    "completed_at_path": ("completed_at(self, order)", "orders_of(self, user)"),
    "domain_path": ("absolute_url(self, order, path)",),
}

PRIVATE_DIRECTORY = (
    '{"BACKEND": "django.core.files.storage.FileSystemStorage", '
    f'"OPTIONS": {{"location": BASE_DIR / "{ALIAS}", "file_permissions_mode": 0o600}}}}'
)
STORAGE_TO_PASTE = f'STORAGES["{ALIAS}"] = {PRIVATE_DIRECTORY}'
SQLITE_TO_PASTE = (
    '"OPTIONS": {"transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL;", "timeout": 20}'
)


# The shop's models


@register(TAG, Tags.models)
def check_models_are_installed(**kwargs: Any) -> Messages:
    labels = [model._meta.label for model in apps.get_models()]
    return [
        Error(
            f"{PREFIX}{name} is {value!r}, which is not an installed model.",
            hint='Write it "app_label.ModelName", and add the app that has the model to INSTALLED_APPS.'
            + did_you_mean(value, labels),
            id="spree_digitals.E001",
        )
        for name in FOREIGN_KEYS
        if shop_model(name) is None
        for value in [getattr(settings, PREFIX + name, None)]
    ]


# The adapter


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


# Settings


@register(TAG)
def check_setting_names(**kwargs: Any) -> Messages:
    known = [PREFIX + name for name in NAMES]
    return [
        Warning(
            f"{name} is not a setting of spree_digitals and does nothing.",
            hint=f"Remove or rename it.{did_you_mean(name, known)} All settings: {', '.join(known)}.",
            id="spree_digitals.W002",
        )
        for name in dir(settings)
        if name.startswith(PREFIX) and name not in known
    ]


@register(TAG)
def check_default_limits(**kwargs: Any) -> Messages:
    return [
        Error(
            f"{PREFIX}{name} is {value!r}, which is not a whole number from {least} to {most}.",
            hint=f"Write: {PREFIX}{name} = {example}" + (", or None for no limit." if optional else ""),
            id="spree_digitals.E012",
        )
        for name, (least, most, optional, example) in NUMBERS.items()
        for value in [getattr(conf, name)]
        if not (optional and value is None)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most
    ]


@register(TAG)
def check_authentication_classes_are_a_list(**kwargs: Any) -> Messages:
    value = getattr(settings, f"{PREFIX}AUTHENTICATION_CLASSES", [])
    if isinstance(value, list | tuple):
        return []
    return [
        Error(
            f"{PREFIX}AUTHENTICATION_CLASSES is {value!r}, which is not a list.",
            hint="Write it like REST_FRAMEWORK's: "
            f'{PREFIX}AUTHENTICATION_CLASSES = ["spree_digitals.api.authentication.BearerAuthentication"]',
            id="spree_digitals.E013",
        )
    ]


@register(TAG)
def check_authentication_classes_can_be_used(**kwargs: Any) -> Messages:
    entries = getattr(settings, f"{PREFIX}AUTHENTICATION_CLASSES", [])
    if not isinstance(entries, list | tuple):  # E013
        return []
    return [
        Error(
            f"{PREFIX}AUTHENTICATION_CLASSES names {entry!r}, which {problem}.",
            hint="Name a subclass of rest_framework.authentication.BaseAuthentication with its module, for example: "
            '"rest_framework.authentication.SessionAuthentication"',
            id="spree_digitals.E014",
        )
        for entry in entries
        if (problem := problem_of_authentication(entry))
    ]


@register(TAG)
def check_time_zone_support(**kwargs: Any) -> Messages:
    if settings.USE_TZ is True:
        return []
    return [
        Error(
            f"USE_TZ is {settings.USE_TZ!r}: without time zones links expire at the wrong moment.",
            hint="Write: USE_TZ = True",
            id="spree_digitals.E015",
        )
    ]


# The storage of the sold files


@register(TAG, Tags.files)
def check_storage_is_configured(**kwargs: Any) -> Messages:
    if ALIAS in settings.STORAGES:
        return []
    to_paste = STORAGE_TO_PASTE
    if settings.STORAGES == global_settings.STORAGES:  # the project's settings have none to add to
        to_paste = f'STORAGES = {str(settings.STORAGES)[:-1]}, "{ALIAS}": {PRIVATE_DIRECTORY}}}'
    return [
        Error(
            f"STORAGES has no {ALIAS!r}, only {', '.join(map(repr, settings.STORAGES)) or 'nothing'}: "
            "the sold files have no place.",
            hint=f"Add a private place that no web server serves: {to_paste}",
            id="spree_digitals.E016",
        )
    ]


@register(TAG, Tags.files)
def check_storage_can_be_used(**kwargs: Any) -> Messages:
    if ALIAS not in settings.STORAGES:  # E016
        return []
    try:
        storages[ALIAS]
    except Exception as error:  # every storage has exceptions of its own
        return [
            Error(
                f'STORAGES["{ALIAS}"] is {backend_of(settings.STORAGES[ALIAS])!r}, which cannot be used: '
                f"{reason(error)}",
                hint=f"Correct BACKEND and OPTIONS, for example: {STORAGE_TO_PASTE}",
                id="spree_digitals.E017",
            )
        ]
    return []


@register(TAG, Tags.files, Tags.security)
def check_storage_directory_is_private(**kwargs: Any) -> Messages:
    storage = storage_of(ALIAS)
    if not isinstance(storage, FileSystemStorage) or not storage.location:
        return []
    overlapping = [name for name, place in public_places(storage) if overlap(str(storage.location), place)]
    if not overlapping:
        return []
    return [
        Error(
            f'STORAGES["{ALIAS}"] keeps the sold files in {str(storage.location)!r}, which is inside or around '
            f"{', '.join(overlapping)}: they could be downloaded without a link.",
            hint=f"Give them a directory that no web server serves: {STORAGE_TO_PASTE}",
            id="spree_digitals.E018",
        )
    ]


@register(TAG, Tags.files, Tags.security)
def check_storage_urls_are_signed(**kwargs: Any) -> Messages:
    storage = storage_of(ALIAS)
    if not getattr(storage, "querystring_auth", True):
        problem, remedy = "querystring_auth=False", '"querystring_auth": True'
    elif getattr(storage, "custom_domain", None) and not getattr(storage, "cloudfront_signer", True):
        problem = f"custom_domain={getattr(storage, 'custom_domain', None)!r} and no CloudFront key"
        remedy = '"cloudfront_key_id" and "cloudfront_key", or remove "custom_domain"'
    else:
        return []
    return [
        Error(
            f'STORAGES["{ALIAS}"] has {problem}: its URLs are not signed, and whoever has one may download for ever.',
            hint=f"Set in its OPTIONS: {remedy}",
            id="spree_digitals.E019",
        )
    ]


@register(TAG, Tags.files, Tags.security)
def check_stored_objects_are_private(**kwargs: Any) -> Messages:
    acl = getattr(storage_of(ALIAS), "default_acl", None)
    if not isinstance(acl, str) or not acl.lower().startswith(("public", "authenticated")):
        return []
    return [
        Error(
            f'STORAGES["{ALIAS}"] has default_acl={acl!r}: strangers could download the sold files without a link.',
            hint='Set in its OPTIONS: "default_acl": "private"',
            id="spree_digitals.E020",
        )
    ]


# The database


@register(TAG, Tags.models)
def check_migrations_come_after_the_shops(**kwargs: Any) -> Messages:
    return [
        Error(
            f"{PREFIX}{name} is {model._meta.label!r}, which is created in {app_label}.{migration}: the migrations of "
            f"spree_digitals depend on the first migration of {app_label!r} only.",
            hint=f"Add to the class Migration of {app_label}.{migration}: run_before = [{FIRST_MIGRATION!r}]",
            id="spree_digitals.E021",
        )
        for name, model, created_in in created_too_late()
        if created_in is not None
        for app_label, migration in [created_in]
    ]


@register(TAG, Tags.models)
def check_the_shop_has_migrations(**kwargs: Any) -> Messages:
    return [
        Warning(
            f"{PREFIX}{name} is {model._meta.label!r}, which no migration creates: the foreign keys of spree_digitals "
            "to it cannot be made on every database.",
            hint=f"Run: python manage.py makemigrations {model._meta.app_label}",
            id="spree_digitals.W003",
        )
        for name, model, created_in in created_too_late()
        if created_in is None
    ]


@register(TAG, Tags.database)
def check_foreign_keys_in_the_database(*, databases: Iterable[str] | None = None, **kwargs: Any) -> Messages:
    labels = {bare(model._meta.db_table): model._meta.label for model in apps.get_models()}
    return [
        Error(
            f"{PREFIX}{name} is {model._meta.label!r}, but in the database {alias!r} the column "
            f"{key.table}.{key.column} points at {key.target}: the setting was changed after migrate.",
            hint=f'Set it back: {PREFIX}{name} = "{labels.get(bare(key.target), key.target)}". To move to another '
            "model, first run: python manage.py migrate spree_digitals zero (it deletes every file's and link's row)",
            id="spree_digitals.E022",
        )
        for alias in databases or ()
        for name, (ours, field_name) in FOREIGN_KEYS.items()
        for model in [shop_model(name)]
        for key in foreign_keys(connections[alias], ours, field_name)
        if model is not None and bare(key.target) != bare(model._meta.db_table)
    ]


@register(TAG, Tags.database, deploy=True)
def check_sqlite_writers_wait(**kwargs: Any) -> Messages:
    return [
        Warning(
            f'DATABASES["{connection.alias}"] is SQLite with transaction_mode {mode!r}: downloads at the same time '
            'fail with "database is locked".',
            hint=f"Set for production, or use PostgreSQL: {SQLITE_TO_PASTE}",
            id="spree_digitals.W004",
        )
        for connection in connections_of({router.db_for_write(DigitalLink)})
        if connection.vendor == "sqlite"
        for mode in [connection.settings_dict["OPTIONS"].get("transaction_mode")]
        if str(mode).upper() not in ("IMMEDIATE", "EXCLUSIVE")
    ]


@register(TAG, Tags.database, deploy=True)
def check_asgi_connections_are_pooled(**kwargs: Any) -> Messages:
    if not getattr(settings, "ASGI_APPLICATION", None):
        return []
    return [
        Warning(
            f'DATABASES["{connection.alias}"] has CONN_MAX_AGE {age!r}, and ASGI_APPLICATION is set: '
            "under ASGI every thread keeps a connection of its own, until the database has none left.",
            hint='Set "CONN_MAX_AGE": 0, on PostgreSQL best with a pool: "OPTIONS": {"pool": True}',
            id="spree_digitals.W005",
        )
        for connection in connections_of({router.db_for_read(DigitalLink), router.db_for_write(DigitalLink)})
        for age in [connection.settings_dict["CONN_MAX_AGE"]]
        if age != 0
    ]


# What the checks ask. None or nothing: it is broken, and another check says so.


def shop_model(name: str) -> type[Model] | None:
    try:
        return apps.get_model(getattr(conf, name))
    except (LookupError, ValueError, ImproperlyConfigured):
        return None


def adapter() -> Storefront | None:
    try:
        found: object = get_storefront()
    except Exception:  # E002
        return None
    return found if isinstance(found, Storefront) else None


def name_of(storefront: Storefront) -> str:
    return f"{type(storefront).__module__}.{type(storefront).__qualname__}"


def overrides(storefront: Storefront, method: str) -> bool:
    return getattr(type(storefront), method) is not getattr(Storefront, method)


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


def problem_of_authentication(entry: Any) -> str | None:
    try:
        found = import_string(entry) if isinstance(entry, str) else entry
    except Exception as error:  # whatever the shop's module does
        return f"cannot be imported ({reason(error)})"
    return None if isinstance(found, type) and hasattr(found, "authenticate") else "is not an authentication class"


def storage_of(alias: str) -> Storage | None:
    try:
        return storages[alias]
    except Exception:  # every storage has exceptions of its own
        return None


def backend_of(configuration: Any) -> Any:
    """Without the options, which may hold passwords."""
    return configuration.get("BACKEND") if isinstance(configuration, dict) else configuration


def public_places(storage: FileSystemStorage) -> Iterator[tuple[str, str]]:
    """The directories that web servers are told to serve, each with the setting it comes from."""
    # An empty MEDIA_ROOT is the working directory of whoever starts the process, and then nobody serves it.
    if settings.MEDIA_ROOT or not storage.base_location:
        yield f"MEDIA_ROOT ({str(settings.MEDIA_ROOT)!r})", str(settings.MEDIA_ROOT)
    if settings.STATIC_ROOT:
        yield f"STATIC_ROOT ({str(settings.STATIC_ROOT)!r})", str(settings.STATIC_ROOT)
    for entry in settings.STATICFILES_DIRS:
        directory = str(entry[1] if isinstance(entry, list | tuple) else entry)
        yield f"STATICFILES_DIRS ({directory!r})", directory
    for alias in ("default", "staticfiles"):
        other = storage_of(alias)
        if isinstance(other, FileSystemStorage) and other.base_location:
            yield f'STORAGES["{alias}"] ({str(other.location)!r})', str(other.location)


def overlap(one: str, other: str) -> bool:
    first, second = Path(os.path.realpath(one)), Path(os.path.realpath(other))
    return first.is_relative_to(second) or second.is_relative_to(first)


def created_too_late() -> list[tuple[str, type[Model], tuple[str, str] | None]]:
    """The shop's models that do not exist when our first migration runs, and the migration that creates each."""
    models = [(name, model) for name in FOREIGN_KEYS if (model := shop_model(name)) is not None]
    try:
        loader = MigrationLoader(None)
        if FIRST_MIGRATION not in loader.graph.nodes:
            return []
        existing = loader.project_state(FIRST_MIGRATION, at_end=False).models
        missing = [(name, model) for name, model in models if model_key(model) not in existing]
        return [(name, model, creating_migration(loader, model)) for name, model in missing]
    except Exception:  # whatever is wrong with the project's migrations: migrate tells
        return []


def creating_migration(loader: MigrationLoader, model: type[Model]) -> tuple[str, str] | None:
    app_label, _ = model_key(model)
    for leaf in loader.graph.leaf_nodes(app_label):
        state = ProjectState(real_apps=loader.unmigrated_apps)
        for key in loader.graph.forwards_plan(leaf):
            state = loader.graph.nodes[key].mutate_state(state, preserve=False)
            if model_key(model) in state.models:
                app, name = key
                return app, name
    return None


def model_key(model: type[Model]) -> tuple[str, str]:
    return model._meta.app_label, str(model._meta.model_name)


@dataclass(frozen=True)
class ForeignKeyInDatabase:
    table: str
    column: str
    target: str


def foreign_keys(connection: BaseDatabaseWrapper, model: type[Model], field_name: str) -> list[ForeignKeyInDatabase]:
    """The constraints that the database really has on this column; none where the table does not exist yet."""
    field: Any = model._meta.get_field(field_name)
    table, column = model._meta.db_table, str(field.column)
    try:
        with connection.cursor() as cursor:
            if table not in connection.introspection.table_names(cursor):
                return []
            constraints = connection.introspection.get_constraints(cursor, table).values()
    except (DatabaseProblem, ImproperlyConfigured):  # it cannot be reached
        return []
    keys = [found["foreign_key"] for found in constraints if found["foreign_key"] and found["columns"] == [column]]
    return [ForeignKeyInDatabase(table, column, target) for target, _ in keys]


def bare(table: str) -> str:
    """A table's name without schema and quotes, which only the settings or only the database may show."""
    return table.rpartition(".")[2].strip('"`').casefold()


def connections_of(aliases: Iterable[str]) -> Iterator[BaseDatabaseWrapper]:
    for alias in sorted(aliases):
        try:
            yield connections[alias]
        except (ConnectionDoesNotExist, ImproperlyConfigured):  # Django tells when it connects
            continue


def reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def did_you_mean(value: Any, choices: Collection[str]) -> str:
    by_case = {choice.casefold(): choice for choice in choices}
    near = get_close_matches(str(value).casefold(), by_case, n=1)
    return f' Did you mean "{by_case[near[0]]}"?' if near else ""
