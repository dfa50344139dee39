"""Two things measured in turn, so that whatever else the machine does meets both, and what that gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """What was measured of a baseline and of a subject, pair by pair."""

    baseline: list[float]
    subject: list[float]

    @property
    def ratios(self) -> list[float]:
        return [subject / baseline for subject, baseline in zip(self.subject, self.baseline, strict=True)]

    def figures(self) -> dict[str, object]:
        return {
            "baseline_values": self.baseline,
            "subject_values": self.subject,
            "ratios": self.ratios,
            "baseline_median": median(self.baseline),
            "subject_median": median(self.subject),
            "ratio": median(self.ratios),
            "ratio_quartiles": quartiles(self.ratios),
            "ratio_range": (min(self.ratios), max(self.ratios)),
        }


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    """The middle half of the values lies between these."""
    if len(values) == 1:
        return values[0], values[0]
    low, _, high = quantiles(values, n=4, method="inclusive")
    return low, high


def alternate(baseline: Callable[[], float], subject: Callable[[], float], pairs: int) -> Pairs:
    """Measure both ``pairs`` times in turn. The first begins one pair, the second the next: neither always follows."""
    found = Pairs(baseline=[], subject=[])
    for number in range(pairs):
        halves = [(found.baseline, baseline), (found.subject, subject)]
        for values, measure in halves if number % 2 == 0 else reversed(halves):
            values.append(measure())
    return found


@dataclass(frozen=True, kw_only=True)
class Result:
    """One line of the table."""

    workload: str
    case: str
    unit: str
    baseline: str
    subject: str
    pairs: Pairs
    baseline_facts: dict[str, float] = field(default_factory=dict)
    subject_facts: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        return {**vars(self), "pairs": self.pairs.figures()}
