"""What is measured: a function for each name that ``--only`` takes."""

from __future__ import annotations

from collections.abc import Callable

from ..bench import Bench
from . import growth, issuing, large, lookup, small

WORKLOADS: dict[str, Callable[[Bench], None]] = {
    "small": small.gunicorn,
    "asgi": small.uvicorn,
    "nginx": small.nginx,
    "large": large.disk,
    "s3": large.s3,
    "lookup": lookup.run,
    "growth": growth.run,
    "issuing": issuing.run,
}
