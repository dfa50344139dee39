"""Statements that PostgreSQL plans once for each connection, and not at every download."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from django.db import connections


@contextmanager
def cursor(alias: str) -> Iterator[Any]:
    """
    A cursor for a statement that is run again and again, where psycopg 3 can prepare it; else one of Django's.

    With a parameter whose type PostgreSQL cannot tell from where it stands, give the type: ``%s::uuid``.
    """
    connection = connections[alias]
    connection.ensure_connection()
    if not _can_prepare(connection):
        with connection.cursor() as found:
            yield found
        return
    wrap = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
    with wrap(_cursor_class()(connection.connection)) as found:
        yield found


def _can_prepare(connection: Any) -> bool:
    """
    Not where connections last for one request, nor behind a pooler that gives each statement another connection.

    That it does so is what ``DISABLE_SERVER_SIDE_CURSORS`` tells Django.
    """
    told = connection.settings_dict
    lasts = told["CONN_MAX_AGE"] != 0 or bool(told["OPTIONS"].get("pool"))
    pooler = told.get("DISABLE_SERVER_SIDE_CURSORS", False)
    return lasts and not pooler and hasattr(connection.connection, "prepare_threshold")


@cache
def _cursor_class() -> type[Any]:
    import psycopg

    class PreparedCursor(psycopg.Cursor[Any]):
        """Django's own sends every statement with its parameters written into it."""

        def execute(self, query: Any, params: Any = None, **kwargs: Any) -> Any:
            return super().execute(query, params, prepare=True, **kwargs)

    return PreparedCursor
