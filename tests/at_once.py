"""Run the same thing in many threads at the same instant, each with a database connection of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connections

Result = TypeVar("Result")


def at_once(times: int, do: Callable[[], Result]) -> list[Result]:
    barrier = threading.Barrier(times)

    def run() -> Result:
        barrier.wait()
        try:
            return do()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(times) as pool:
        return [future.result() for future in [pool.submit(run) for _ in range(times)]]
