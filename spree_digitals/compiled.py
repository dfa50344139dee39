"""
The query of every download, compiled once: a link by its token, with everything a decision about it needs.

Its shape never changes, and building it anew takes Django longer than all the rest of a download. So it is built once,
Django is watched when it runs it, and from then on the same SQL is run with another token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connections
from django.db.models import DateTimeField, Field, IntegerField, Model, Value
from django.db.models.constants import LOOKUP_SEP

from . import prepared
from .models import DigitalLink
from .models.store_limits import default_limits
from .storefront import get_storefront, resolve

NUMBERS: dict[str, Field[Any, Any]] = {
    "limit_uses": IntegerField(),
    "limit_days": IntegerField(),
    "limit_link_expire_time": IntegerField(),
    "limit_expires_at": DateTimeField(),
    "live_units": IntegerField(),
}
KEPT = 32  # compiled queries: one for each database and adapter, and for each store where there is one only

Row = Sequence[Any]


def load(token: str, alias: str) -> DigitalLink | None:
    """What ``DigitalLink.objects.using(alias).with_standing().get(token=token)`` gives; None without such a link."""
    storefront = get_storefront()
    only_store = storefront.single_store_pk() if storefront.store_path is None else None
    key = (alias, storefront, default_limits(), only_store)
    if key not in _compiled:
        query, rows = Query.compile(token, alias)
        if len(_compiled) >= KEPT:
            _compiled.clear()
        _compiled[key] = query
    else:
        query = _compiled[key]
        rows = query.run(token)
    return query.link(rows[0]) if rows else None


@dataclass(frozen=True)
class Part:
    """One of the joined models: by which path from the link, and where its columns stand in a row."""

    path: str
    model: type[Model]
    start: int

    @property
    def names(self) -> list[str]:
        return [field.attname for field in self.model._meta.concrete_fields]

    def take(self, row: Row, alias: str) -> Model | None:
        """The object in this row; None where the join found none."""
        fields = self.model._meta.concrete_fields
        values = row[self.start : self.start + len(fields)]
        if values[fields.index(self.model._meta.pk)] is None:
            return None
        return self.model.from_db(alias, self.names, values)


@dataclass(frozen=True)
class Query:
    """SQL with its parameters, of which one is the token, and what its columns are."""

    alias: str
    sql: str
    parameters: tuple[Any, ...]
    token: str
    parts: list[Part]
    converters: list[tuple[int, list[Callable[..., Any]], Any]]

    @classmethod
    def compile(cls, token: str, alias: str) -> tuple[Query, list[Row]]:
        """The query, and the rows that Django found with it."""
        parts, seen = list(_parts()), []

        def watch(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
            seen.append((sql, tuple(parameters)))
            return execute(sql, parameters, many, context)

        names = [LOOKUP_SEP.join(filter(None, (part.path, name))) for part in parts for name in part.names]
        links = DigitalLink.objects.using(alias).with_limits().with_live_units().filter(token=token)
        with connections[alias].execute_wrapper(watch):
            rows: list[Row] = list(links.values_list(*names, *NUMBERS))
        ((sql, parameters),) = seen
        return cls(alias, sql, parameters, token, parts, list(_converters(parts, alias))), rows

    def run(self, token: str) -> list[Row]:
        with prepared.cursor(self.alias) as cursor:
            cursor.execute(self.sql, [token if value == self.token else value for value in self.parameters])
            return [self.converted(row) for row in cursor.fetchall()]

    def converted(self, row: Row) -> Row:
        values = list(row)
        for place, converters, expression in self.converters:
            for convert in converters:
                values[place] = convert(values[place], expression, connections[self.alias])
        return values

    def link(self, row: Row) -> DigitalLink:
        found: dict[str, Any] = {}
        for part in self.parts:
            found[part.path] = part.take(row, self.alias)
            parent, _, name = part.path.rpartition(LOOKUP_SEP)
            if name and found[parent] is not None:
                setattr(found[parent], name, found[part.path])
        link: DigitalLink = found[""]
        for name, value in zip(NUMBERS, row[-len(NUMBERS) :], strict=True):
            setattr(link, name, value)
        return link


_compiled: dict[Any, Query] = {}


def _parts() -> Iterator[Part]:
    """The link, then each joined model after the one it is reached from."""
    paths = {"", "digital", "line_item"}
    for path in get_storefront().line_item_joins("line_item" + LOOKUP_SEP):
        steps = path.split(LOOKUP_SEP)
        paths |= {LOOKUP_SEP.join(steps[:length]) for length in range(1, len(steps) + 1)}
    start = 0
    for path in sorted(paths):
        model = resolve(DigitalLink, path) if path else DigitalLink
        yield Part(path, model, start)
        start += len(model._meta.concrete_fields)


def _converters(parts: list[Part], alias: str) -> Iterator[tuple[int, list[Callable[..., Any]], Any]]:
    """How a database's values become Python's, by the place of their column: as a backend and a field say."""
    connection = connections[alias]
    fields: list[Any] = [field for part in parts for field in part.model._meta.concrete_fields] + [*NUMBERS.values()]
    for place, field in enumerate(fields):
        while field.is_relation:  # a key is of the type of what it points at
            field = field.target_field
        column = Value(None, output_field=field)
        found = connection.ops.get_db_converters(column) + field.get_db_converters(connection)
        if found:
            yield place, found, column
