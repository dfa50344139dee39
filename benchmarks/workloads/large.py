"""One large file, for one client and for eight: how fast its bytes travel, and what that takes of memory."""

from __future__ import annotations

from functools import partial

from ..bench import KIB, MIB, Bench, Running
from ..contenders import (
    APP,
    BARE,
    BARE_ACCEL,
    GUNICORN,
    NGINX,
    PEERS,
    POSTGRES,
    SEND_DATA,
    SEND_FILE,
    SQLITE,
    UVICORN,
    Contender,
)
from .versus import Measure, versus

SMALL = "10 KiB"
FIRST_BYTES = 20  # of small files, to compare the time to the first byte with


def disk(bench: Bench) -> None:
    """From the disk. Contenders that are not the point here, or hold the file in memory, serve one client only."""
    with bench.shop(POSTGRES, files(bench)) as shop:
        alone, crowd = measures(bench, 1), measures(bench, 8)
        best = [BARE_ACCEL, APP.accelerated(), APP, APP.on(UVICORN, POSTGRES), BARE]
        versus(bench, "large", NGINX, [(contender, shop) for contender in best], shop, [*alone, *crowd])
        versus(bench, "large", BARE, [(APP, shop)], shop, [*alone, *crowd])
        others = [*PEERS, SEND_FILE, SEND_DATA, BARE.on(UVICORN)]
        versus(bench, "large", BARE, [(contender, shop) for contender in others], shop, alone)


def s3(bench: Bench) -> None:
    """The app hands on what it reads from S3, against the same file from the disk."""
    for server in (GUNICORN, UVICORN):
        from_disk: Contender = APP.on(server, SQLITE)
        with (
            bench.guarded("s3", from_disk.from_s3().name),
            bench.shop(SQLITE, files(bench), s3=True) as far,
            bench.shop(SQLITE, files(bench)) as near,
        ):
            subjects = [(from_disk.from_s3(), far)]
            versus(bench, "s3", from_disk, subjects, near, [*measures(bench, 1), *measures(bench, 8)])


def files(bench: Bench) -> dict[str, int]:
    return {SMALL: 10 * KIB, large(bench): bench.options.large_mib * MIB}


def large(bench: Bench) -> str:
    mib = bench.options.large_mib
    return f"{mib // KIB} GiB" if mib % KIB == 0 else f"{mib} MiB"


def measures(bench: Bench, clients: int) -> list[Measure]:
    label = large(bench)
    case = f"{label}, {clients} client{'s' if clients > 1 else ''}"
    return [Measure(case=case, unit="MB/s", take=partial(speed, label, clients), aside=first_byte_of_a_small_file)]


def speed(label: str, clients: int, running: Running) -> float:
    return running.download(label, watch=True, clients=clients, requests=1).megabytes_per_second


def first_byte_of_a_small_file(running: Running) -> dict[str, float]:
    answers = running.download(SMALL, clients=1, requests=FIRST_BYTES)
    return {"first_byte_small_ms": round(1000 * answers.first_byte, 3)}
