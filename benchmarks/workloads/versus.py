"""One contender against another, in one or more measures."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from ..bench import Bench, Running, Shop
from ..contenders import Contender
from ..pairs import Result, alternate


@dataclass(frozen=True, kw_only=True)
class Measure:
    """How one number is taken of a contender that runs."""

    case: str
    unit: str
    take: Callable[[Running], float]
    # What is looked at once, after the pairs.
    aside: Callable[[Running], dict[str, float]] = lambda running: {}


def versus(
    bench: Bench,
    workload: str,
    baseline: Contender,
    subjects: Iterable[tuple[Contender, Shop]],
    shop: Shop,
    measures: Iterable[Measure],
) -> None:
    """Each subject in its shop against ``baseline`` in ``shop``, which runs all the time."""
    bench.say(f"{workload}: {baseline.name} against")
    with bench.guarded(workload, f"all against {baseline.name}"), bench.start(baseline, shop) as first:
        for subject, its_shop in subjects:
            with bench.guarded(workload, subject.name), bench.start(subject, its_shop, lane=1) as second:
                for measure in measures:
                    bench.add(compared(bench, workload, measure, first, second))


def compared(bench: Bench, workload: str, measure: Measure, first: Running, second: Running) -> Result:
    for running in (first, second):
        running.forget()
    pairs = alternate(partial(measure.take, first), partial(measure.take, second), bench.options.pairs)
    facts = [running.facts() for running in (first, second)]
    return Result(
        workload=workload,
        case=measure.case,
        unit=measure.unit,
        baseline=first.contender.name,
        subject=second.contender.name,
        pairs=pairs,
        baseline_facts={**facts[0], **measure.aside(first)},
        subject_facts={**facts[1], **measure.aside(second)},
    )
