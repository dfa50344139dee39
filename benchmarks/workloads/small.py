"""Small files, eight connections: what a download costs besides its bytes."""

from __future__ import annotations

from functools import partial

from ..bench import KIB, Bench, Running
from ..contenders import (
    APP,
    BARE,
    BARE_ACCEL,
    NGINX,
    PEERS,
    PORTABLE,
    POSTGRES,
    SEND_DATA,
    SEND_FILE,
    SQLITE,
    UVICORN,
)
from .versus import Measure, versus

FILES = {"10 KiB": 10 * KIB, "100 KiB": 100 * KIB}


def gunicorn(bench: Bench) -> None:
    """Threads under WSGI, on both databases."""
    with bench.shop(POSTGRES, FILES) as shop, bench.shop(SQLITE, FILES) as light:
        served = [(contender, shop) for contender in (APP, PORTABLE, SEND_FILE, SEND_DATA, *PEERS)]
        served += [(contender.on(database=SQLITE), light) for contender in (APP, SEND_FILE)]
        versus(bench, "small", BARE, served, shop, measures(bench))
        versus(bench, "small", SEND_FILE, [(APP, shop), (PORTABLE, shop)], shop, measures(bench))
        versus(bench, "small", SEND_DATA, [(APP, shop), (PORTABLE, shop)], shop, measures(bench))


def uvicorn(bench: Bench) -> None:
    """The same through ASGI."""
    with bench.shop(POSTGRES, FILES) as shop:
        counted = [(contender.on(UVICORN, POSTGRES), shop) for contender in (APP, PORTABLE, SEND_FILE)]
        served = counted + [(contender.on(UVICORN), shop) for contender in PEERS]
        versus(bench, "asgi", BARE.on(UVICORN), served, shop, measures(bench))


def nginx(bench: Bench) -> None:
    """nginx in front sends the file, and gunicorn behind it decides."""
    with bench.shop(POSTGRES, FILES) as shop:
        served = [(contender.accelerated(), shop) for contender in (APP, PORTABLE, *PEERS)]
        versus(bench, "nginx", BARE_ACCEL, [*served, (NGINX, shop)], shop, measures(bench))


def measures(bench: Bench) -> list[Measure]:
    return [
        Measure(case=f"{label}, 8 connections", unit="downloads/s", take=partial(rate, bench, label)) for label in FILES
    ]


def rate(bench: Bench, label: str, running: Running) -> float:
    return running.download(label, seconds=bench.options.seconds).per_second
