"""
Count a use and record it in one statement, where the database can: PostgreSQL.

It does what ``downloads`` does in a transaction of five messages, with one. What it may do is the same, and tests hold
the two together.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from django.db import connections

from . import prepared
from .conf import conf
from .limits import Limits
from .models import DigitalLink, Download

# The statement was carried out in no part: deadlock, serialization failure, a lock that took too long (PostgreSQL,
# appendix A). After anything else it may have been.
COLLISIONS = ("40", "55")


def available(alias: str) -> bool:
    """
    Not inside a transaction, which could take the count back, nor at an isolation level of the project's own.

    Under a stricter level the second of two simultaneous counts fails instead of waiting for the first.
    """
    connection = connections[alias]
    level = connection.settings_dict["OPTIONS"].get("isolation_level")
    on_its_own = connection.get_autocommit() and level is None
    return conf.ONE_STATEMENT and connection.vendor == "postgresql" and on_its_own


def count(link: DigitalLink, limits: Limits, download: Download, alias: str) -> bool:
    """Take one use of ``link`` and insert ``download``; False if the link may not be used, or changed under us."""
    connection = connections[alias]
    values = [
        field.get_db_prep_save(getattr(download, field.attname), connection) for field in Download._meta.concrete_fields
    ]
    with prepared.cursor(alias) as cursor:
        cursor.execute(statement(limits.uses is not None, alias), [*_conditions(link, limits), *values])
        return bool(cursor.rowcount == 1)


def collided(error: Exception) -> bool:
    """Whether the database said that it has undone the statement, so that it may be tried again."""
    cause: Any = error.__cause__
    state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None) or ""
    return state.startswith(COLLISIONS)


@cache
def statement(limited: bool, alias: str) -> str:
    """With the parameters of :func:`_conditions`, then the columns of a download in the order of its fields."""
    links, downloads = (f'"{model._meta.db_table}"' for model in (DigitalLink, Download))
    fields = Download._meta.concrete_fields
    columns = ", ".join(f'"{field.column}"' for field in fields)
    values = ", ".join(f"%s::{field.db_type(connections[alias])}" for field in fields)
    return f"""
        WITH counted AS (
            UPDATE {links} SET "access_counter" = "access_counter" + 1
            WHERE id = %s AND token = %s AND generation = %s AND revoked_at IS NULL
            {'AND "access_counter" < %s' if limited else ""}
            RETURNING id
        )
        INSERT INTO {downloads} ({columns})
        SELECT {values} FROM counted
    """  # noqa: S608


def _conditions(link: DigitalLink, limits: Limits) -> list[Any]:
    conditions = [link.pk, link.token, link.generation]
    return conditions if limits.uses is None else [*conditions, limits.uses]
