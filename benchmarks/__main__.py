"""``python -m benchmarks``: start everything, measure, tell, and leave nothing behind."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

from .bench import Bench, Options
from .machine import facts
from .report import as_json, as_text
from .workloads import WORKLOADS

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Enough to see that everything works; its numbers mean nothing.
QUICK = Options(pairs=3, seconds=0.4, large_mib=64, tables=(1_000, 20_000), issued_lines=100)


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure downloads side by side.")
    parser.add_argument("--quick", action="store_true", help="small files, few pairs: to see whether all works")
    parser.add_argument("--only", nargs="+", choices=WORKLOADS, metavar="NAME", help=f"of: {', '.join(WORKLOADS)}")
    parser.add_argument("--pairs", type=int, help="how often each pair is measured (default: 15)")
    parser.add_argument("--seconds", type=float, help="how long each half of a pair takes (default: 1)")
    parser.add_argument("--middleware", action="store_true", help="give all contenders what startproject has")
    parser.add_argument("--prepared", action="store_true", help="let PostgreSQL prepare the statements of all")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write every single number")
    parser.add_argument("--directory", type=Path, help="for files and databases: 4 GB (default: the system's)")
    return parser.parse_args(given)


def options(given: argparse.Namespace) -> Options:
    chosen = QUICK if given.quick else Options()
    named = {name: value for name in ("pairs", "seconds") if (value := getattr(given, name)) is not None}
    if any(value <= 0 for value in named.values()):
        raise SystemExit("--pairs and --seconds must be above 0.")
    return Options(**{**vars(chosen), **named, "middleware": given.middleware, "prepared": given.prepared})


def end(signal_number: int, frame: FrameType | None) -> None:
    """Whoever ends the run with a signal ends its servers, too; another signal does not disturb that."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise SystemExit(128 + signal_number)


def main() -> int:
    given = arguments()
    for number in SIGNALS:
        signal.signal(number, end)
    began = time.monotonic()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmarks-", dir=given.directory)))
        bench = Bench(options=options(given), directory=directory, stack=stack)
        for name in given.only or WORKLOADS:
            WORKLOADS[name](bench)
        machine, seconds = facts(bench.postgres), time.monotonic() - began
    print(as_text(bench, machine, seconds))
    if given.json:
        given.json.write_text(json.dumps(as_json(bench, machine, seconds), indent=1) + os.linesep)
    return 1 if bench.failures else 0


if __name__ == "__main__":
    sys.exit(main())
