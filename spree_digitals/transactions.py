"""Transactions in which links change: on the writing database, at READ COMMITTED, tried again when they collide."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TypeVar

from django.db import OperationalError, connections, router, transaction

from .exceptions import TemporarilyUnavailable
from .models import DigitalLink

logger = logging.getLogger(__name__)

TRIES = 3

Result = TypeVar("Result")


def alias() -> str:
    """The database in which links are written; what decides about a link is read there too."""
    return router.db_for_write(DigitalLink)


@contextmanager
def own_transaction() -> Iterator[None]:
    """
    A transaction of our own: what was written in it is committed when it ends.

    Raises:
        TemporarilyUnavailable: the project has opened one around it, which could take the count back later.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(transaction.atomic(using=alias(), durable=True))
        except RuntimeError as error:  # what durable=True raises
            logger.error("Downloads must not run inside a transaction of the project: %s", error)
            raise TemporarilyUnavailable from error
        read_committed()
        yield


def retried(work: Callable[[], Result]) -> Result:
    """
    The result of ``work``, done in a transaction.

    A deadlock or a lock that took too long is tried again, unless the caller has a transaction of its own: then it is
    the caller's to repeat. Raises OperationalError after the last try; nothing was changed then.
    """
    if connections[alias()].in_atomic_block:
        with transaction.atomic(using=alias()):
            return work()
    for attempt in range(TRIES):
        try:
            with transaction.atomic(using=alias()):
                read_committed()
                return work()
        except OperationalError as error:
            if attempt == TRIES - 1:
                raise
            logger.warning("Links could not be changed (try %s): %s", attempt + 1, error)
            pause(attempt)
    raise AssertionError("the last try returns or raises")


def read_committed() -> None:
    """
    Set the isolation level of the transaction that has just begun, where the project has set another.

    Under a stricter one the second of two simultaneous changes fails instead of waiting for the first, and what is
    done here is exact at READ COMMITTED already.
    """
    connection = connections[alias()]
    level = connection.settings_dict["OPTIONS"].get("isolation_level")
    if connection.vendor in {"postgresql", "mysql"} and level is not None:
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")


def pause(attempt: int) -> None:
    """A moment, longer each time and never the same, before the next try."""
    time.sleep(random.uniform(0.01, 0.05) * 2**attempt)  # noqa: S311
