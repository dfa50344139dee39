"""The database: the order of migrations, the foreign keys that it really has, and how it is connected to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import Error, Tags, Warning, register  # noqa: A004
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState
from django.db.models import Model
from django.db.utils import Error as DatabaseProblem
from django.utils.connection import ConnectionDoesNotExist

from ..conf import PREFIX
from ..models import DigitalLink
from .common import FOREIGN_KEYS, TAG, Messages, shop_model

FIRST_MIGRATION = ("spree_digitals", "0001_initial")

SQLITE_TO_PASTE = (
    '"OPTIONS": {"transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL;", "timeout": 20}'
)


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
