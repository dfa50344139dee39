"""What came out, as a document of tables for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .bench import Bench
from .figures import FIGURES
from .pairs import Result, quartiles

FACTS = {
    "first_byte_ms": "first byte {:.3g} ms",
    "first_byte_small_ms": "of 10 KiB {:.3g} ms",
    "peak_mib": "memory +{:.0f} MiB",
    "queries": "{:.0f} queries",
}
BUSY = 0.35  # above that share of the machine the clients, not the server, may be what is measured


def as_json(bench: Bench, machine: dict[str, Any], seconds: float) -> dict[str, Any]:
    return {
        "machine": machine,
        "options": vars(bench.options),
        "seconds": round(seconds),
        "results": [result.as_dict() for result in bench.results],
        "not_available": bench.missing,
        "failed": bench.failures,
        "figures": [
            {"figure": figure.text, "wanted": figure.wanted, "value": figure.found_in(bench.results)}
            for figure in FIGURES
        ],
    }


def as_text(bench: Bench, machine: dict[str, Any], seconds: float) -> str:
    parts = [*_machine(machine, bench, seconds)]
    for workload in dict.fromkeys(result.workload for result in bench.results):
        parts += ["", f"## {workload}", "", *_results([r for r in bench.results if r.workload == workload])]
    parts += ["", "## Figures", "", *_figures(bench.results)]
    for title, entries in (("Not available", bench.missing), ("Failed", bench.failures)):
        if entries:
            parts += ["", f"## {title}", "", *(f"- {e['workload']}, {e['subject']}: {e['reason']}" for e in entries)]
    return "\n".join(parts)


def _machine(machine: dict[str, Any], bench: Bench, seconds: float) -> list[str]:
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    options = bench.options
    return [
        "# Benchmarks",
        "",
        f"- {machine['cores']} cores ({machine['cpu']}), {machine['memory']}, {machine['system']}",
        f"- Python {machine['python']}, PostgreSQL {machine['postgresql'] or 'not started'}, nginx {machine['nginx']}",
        f"- {versions}",
        f"- {options.pairs} pairs; each half takes {options.seconds:g} s, or a whole file; "
        f"{'with' if options.middleware else 'without'} the middleware of startproject, "
        f"{'with' if options.prepared else 'without'} prepared statements",
        f"- {seconds / 60:.0f} minutes in all; load average at the end {machine['load_average'][0]}",
    ]


def _results(results: Iterable[Result]) -> list[str]:
    head = ("case", "contender", "median", "against", "median", "unit", "ratio", "middle half", "range", "besides")
    return _table(head, [_row(result) for result in results])


def _row(result: Result) -> tuple[str, ...]:
    figures: dict[str, Any] = result.pairs.figures()
    return (
        result.case,
        result.subject,
        f"{figures['subject_median']:.4g}",
        result.baseline,
        f"{figures['baseline_median']:.4g}",
        result.unit,
        f"{figures['ratio']:.3g}",
        _span(quartiles(result.pairs.ratios)),
        _span(figures["ratio_range"]),
        _besides(result),
    )


def _span(span: Sequence[float]) -> str:
    return f"{span[0]:.3g} to {span[1]:.3g}"


def _besides(result: Result) -> str:
    shown = []
    if "cpu_ms" in result.subject_facts:
        shown.append(f"{_cpu(result.subject_facts)} against {_cpu(result.baseline_facts)} ms of CPU")
    shown += [text.format(result.subject_facts[name]) for name, text in FACTS.items() if name in result.subject_facts]
    if "queries" in result.baseline_facts:
        shown.append(f"against {result.baseline_facts['queries']:.0f}")
    share = max(facts.get("client_share", 0) for facts in (result.subject_facts, result.baseline_facts))
    if share > BUSY:
        shown.append(f"clients took {share:.0%} of the machine")
    return "; ".join(shown)


def _cpu(facts: dict[str, float]) -> str:
    """For each download: of the contender's processes, and of the database and the storage behind them."""
    own, behind = facts["cpu_ms"], facts["cpu_behind_ms"]
    return f"{own:.3g} + {behind:.3g}" if behind else f"{own:.3g}"


def _figures(results: Sequence[Result]) -> list[str]:
    rows = []
    for figure in FIGURES:
        value = figure.found_in(results)
        verdict = "not measured" if value is None else "met" if figure.met(value) else "missed"
        rows.append((figure.text, figure.wanted, "" if value is None else f"{value:.3g}", verdict))
    return _table(("figure", "wanted", "measured", ""), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    lines = [head, ["-" * width for width in widths], *rows]
    return [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
