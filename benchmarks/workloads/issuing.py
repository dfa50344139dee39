"""The links of one large order are issued, on SQLite and on PostgreSQL in turn."""

from __future__ import annotations

from functools import partial

from ..bench import KIB, Bench, Shop
from ..contenders import POSTGRES, SQLITE
from ..pairs import Result, alternate

FILES = 3
TITLE = "issue_links"


def run(bench: Bench) -> None:
    lines = bench.options.issued_lines
    bench.say(f"issuing: {lines:,} lines of {FILES} files")
    some_file = {"10 KiB": 10 * KIB}
    with (
        bench.guarded("issuing", TITLE),
        bench.shop(SQLITE, some_file, links=1) as light,
        bench.shop(POSTGRES, some_file, links=1) as shop,
    ):
        counts = [queries(bench, each, lines) for each in (light, shop)]
        first, second = (partial(seconds, bench, each, lines) for each in (light, shop))
        pairs = alternate(first, second, bench.options.pairs)
        bench.add(
            Result(
                workload="issuing",
                case=f"{lines:,} lines of {FILES} files",
                unit="s",
                baseline=f"{TITLE}, {SQLITE}",
                subject=f"{TITLE}, {POSTGRES}",
                pairs=pairs,
                baseline_facts={"queries": counts[0]},
                subject_facts={"queries": counts[1]},
            )
        )


def queries(bench: Bench, shop: Shop, lines: int) -> int:
    done = bench.work(shop.site, "issue", lines=lines, files=FILES, count_queries=True)
    return int(done["queries"])


def seconds(bench: Bench, shop: Shop, lines: int) -> float:
    done = bench.work(shop.site, "issue", lines=lines, files=FILES, count_queries=False)
    if done["links"] != lines * FILES:
        raise ValueError(f"{done['links']} links were issued instead of {lines * FILES}.")
    return float(done["seconds"])
