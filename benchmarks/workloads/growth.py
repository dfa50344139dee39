"""What a download costs when there are a thousand links, and when there are a million."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from ..bench import KIB, Bench, Running, Shop
from ..contenders import APP, DATABASES
from .versus import Measure, versus

LABEL = "10 KiB"
TOKENS = 1_000  # downloads go to as many links from all over the table


def run(bench: Bench) -> None:
    fewest, *more = bench.options.tables
    for database in DATABASES:
        contender = APP.on(database=database)
        with bench.guarded("growth", contender.name), full_shop(bench, database, fewest) as small:
            for links in more:
                with full_shop(bench, database, links) as shop:
                    measure = Measure(
                        case=f"{links:,} links against {fewest:,}", unit="ms/download", take=partial(cost, bench)
                    )
                    versus(bench, "growth", contender, [(contender, shop)], small, [measure])


@contextmanager
def full_shop(bench: Bench, database: str, links: int) -> Iterator[Shop]:
    """A shop whose table has that many links."""
    with bench.shop(database, {LABEL: 10 * KIB}, links=1) as shop:
        bench.say(f"growth: {links:,} links on {database}")
        tokens = bench.work(shop.site, "multiply", links=links, tokens=TOKENS)["tokens"]
        yield replace(shop, files={LABEL: {**shop.files[LABEL], "tokens": tokens}})


def cost(bench: Bench, running: Running) -> float:
    return 1000 / running.download(LABEL, seconds=bench.options.seconds).per_second
