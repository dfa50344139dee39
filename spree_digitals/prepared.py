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
    with connection.make_cursor(_cursor_class()(connection.connection)) as found:
        yield found


def _can_prepare(connection: Any) -> bool:
    """
    Not where connections last for one request, nor behind a pooler that gives each statement another connection.

    That it does so is what ``DISABLE_SERVER_SIDE_CURSORS`` tells Django. And not where Django notes all queries, which
    it cannot do with prepared ones.
    """
    if connection.queries_logged:
        return False
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
            usual, self.connection.prepare_threshold = self.connection.prepare_threshold, 0
            try:
                return super().execute(query, params, prepare=True, **kwargs)
            finally:
                self.connection.prepare_threshold = usual  # Django's: None, which is never

    return PreparedCursor
