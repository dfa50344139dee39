"""The figures that the app is held to, and what this run says about each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .contenders import APP, BARE, BARE_ACCEL, NGINX, PORTABLE, POSTGRES, SEND_FILE, SQLITE, UVICORN, Contender
from .pairs import Result

SMALL, ONE, EIGHT = "10 KiB, 8 connections", "1 GiB, 1 client", "1 GiB, 8 clients"
FIRST_BYTE_MS, PEAK_MIB, QUERIES = 20, 16, 12


def ratio(result: Result) -> float:
    found = result.pairs.figures()["ratio"]
    assert isinstance(found, float)  # noqa: S101
    return found


def later_first_byte(result: Result) -> float:
    """Milliseconds that the first byte of the large file comes later than that of a small one."""
    return result.subject_facts["first_byte_ms"] - result.subject_facts["first_byte_small_ms"]


@dataclass(frozen=True, kw_only=True)
class Figure:
    text: str
    workload: str
    case: str
    subject: str
    baseline: str
    least: float | None = None
    most: float | None = None
    value: Callable[[Result], float] = ratio

    def met(self, value: float) -> bool:
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)

    @property
    def wanted(self) -> str:
        return f"≥ {self.least:g}" if self.least is not None else f"≤ {self.most:g}"

    def found_in(self, results: Sequence[Result]) -> float | None:
        for result in results:
            names = (result.workload, result.case, result.subject, result.baseline)
            if names == (self.workload, self.case, self.subject, self.baseline):
                return self.value(result)
        return None


def small(text: str, subject: str, baseline: str, least: float, workload: str = "small") -> Figure:
    return Figure(text=text, workload=workload, case=SMALL, subject=subject, baseline=baseline, least=least)


def accelerated(text: str, subject: Contender) -> Figure:
    name = subject.accelerated().name
    return small(f"behind nginx ÷ bare X-Accel, {text}", name, BARE_ACCEL.name, 0.40, "nginx")


def speed(text: str, subject: str, baseline: str, least: float) -> Figure:
    return Figure(text=text, workload="large", case=ONE, subject=subject, baseline=baseline, least=least)


def memory(text: str, workload: str, subject: str, baseline: str) -> Figure:
    return Figure(
        text=f"memory for 8 × 1 GiB, {text}, MiB",
        workload=workload,
        case=EIGHT,
        subject=subject,
        baseline=baseline,
        most=PEAK_MIB,
        value=lambda result: result.subject_facts["peak_mib"],
    )


def first_byte(text: str, subject: str) -> Figure:
    return Figure(
        text=f"first byte of 1 GiB after that of 10 KiB, {text}, ms",
        workload="large",
        case=ONE,
        subject=subject,
        baseline=NGINX.name,
        most=FIRST_BYTE_MS,
        value=later_first_byte,
    )


def growth(database: str) -> Figure:
    name = APP.on(database=database).name
    case = "1,000,000 links against 1,000"
    return Figure(
        text=f"cost at 10⁶ links ÷ 10³, {database}",
        workload="growth",
        case=case,
        subject=name,
        baseline=name,
        most=1.2,
    )


def lookup(database: str) -> Figure:
    name = APP.on(database=database).name
    return Figure(
        text=f"queries for 100 lines, {database}",
        workload="lookup",
        case="100 lines against 1",
        subject=name,
        baseline=name,
        most=QUERIES,
        value=lambda result: result.subject_facts["queries"],
    )


ASGI = APP.on(UVICORN, POSTGRES)
FIGURES = (
    small("counted download ÷ bare view, portable", PORTABLE.name, BARE.name, 0.12),
    small("counted download ÷ bare view, in one statement", APP.name, BARE.name, 0.20),
    small("in one statement ÷ lock-read-save", APP.name, SEND_FILE.name, 1.6),
    accelerated("portable", PORTABLE),
    accelerated("in one statement", APP),
    speed("1 GiB: X-Accel ÷ nginx static", APP.accelerated().name, NGINX.name, 0.85),
    speed("1 GiB: WSGI ÷ bare FileResponse", APP.name, BARE.name, 0.95),
    speed("1 GiB: ASGI ÷ nginx static", ASGI.name, NGINX.name, 0.6),
    first_byte("WSGI", APP.name),
    first_byte("ASGI", ASGI.name),
    first_byte("X-Accel", APP.accelerated().name),
    memory("WSGI", "large", APP.name, NGINX.name),
    memory("ASGI", "large", ASGI.name, NGINX.name),
    memory("S3 by WSGI", "s3", APP.on(database=SQLITE).from_s3().name, APP.on(database=SQLITE).name),
    memory("S3 by ASGI", "s3", APP.on(UVICORN, SQLITE).from_s3().name, APP.on(UVICORN, SQLITE).name),
    growth(POSTGRES),
    growth(SQLITE),
    lookup(POSTGRES),
    lookup(SQLITE),
)
