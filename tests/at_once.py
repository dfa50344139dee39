"""What happens when many want the same: threads at the same instant, and a database that answers with a deadlock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from django.db import OperationalError, connection, connections

Result = TypeVar("Result")


def at_once(times: int, do: Callable[[], Result]) -> list[Result]:
    """Do it in so many threads, each with a database connection of its own."""
    barrier = threading.Barrier(times)

    def run() -> Result:
        barrier.wait()
        try:
            return do()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(times) as pool:
        return [future.result() for future in [pool.submit(run) for _ in range(times)]]


class Deadlock(Exception):
    """As the drivers of PostgreSQL raise it."""

    sqlstate = "40P01"


@contextmanager
def deadlocks(times: int, column: str) -> Iterator[None]:
    """A database that answers the first ``times`` updates of ``column`` with a deadlock."""
    left = [times]

    def execute(run, sql, params, many, context):
        if "UPDATE" in sql and f'"{column}" =' in sql and left[0]:
            left[0] -= 1
            raise OperationalError("deadlock detected") from Deadlock()
        return run(sql, params, many, context)

    with connection.execute_wrapper(execute):
        yield
