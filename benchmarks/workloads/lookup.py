"""An order is looked up with its lines and links: one line, and a hundred."""

from __future__ import annotations

from dataclasses import replace
from statistics import median
from typing import Any

from ..bench import KIB, Bench, Running
from ..contenders import APP, DATABASES
from ..load import latencies
from ..pairs import Result, alternate

FEW, MANY = 1, 100


def run(bench: Bench) -> None:
    for database in DATABASES:
        contender = replace(APP.on(database=database), counts=False)
        bench.say(f"lookup: {FEW} and {MANY} lines")
        with (
            bench.guarded("lookup", contender.name),
            bench.shop(database, {"10 KiB": 10 * KIB}, links=1) as shop,
        ):
            few, many = (bench.work(shop.site, "order", lines=lines) for lines in (FEW, MANY))
            with bench.start(contender, shop) as running:
                pairs = alternate(
                    lambda: milliseconds(bench, running, few),  # noqa: B023
                    lambda: milliseconds(bench, running, many),  # noqa: B023
                    bench.options.pairs,
                )
            bench.add(
                Result(
                    workload="lookup",
                    case=f"{MANY} lines against {FEW}",
                    unit="ms",
                    baseline=contender.name,
                    subject=contender.name,
                    pairs=pairs,
                    baseline_facts={"queries": few["queries"]},
                    subject_facts={"queries": many["queries"]},
                )
            )


def milliseconds(bench: Bench, running: Running, order: dict[str, Any]) -> float:
    found = latencies(running.port, order["path"], headers=order["headers"], seconds=bench.options.seconds)
    return 1000 * median(found)
