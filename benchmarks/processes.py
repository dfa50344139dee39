"""Processes that a benchmark starts: waited for, watched, and stopped by their id whatever happens."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

START_SECONDS = 60
STOP_SECONDS = 10
PAGE, TICKS = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")


class ServerError(Exception):
    """A server did not start; the message ends with what it said last."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(
    command: Sequence[str], *, log: Path, port: int, environ: Mapping[str, str] | None = None, patient: bool = True
) -> Iterator[int]:
    """
    The process id of ``command`` while it listens on ``port``; it is stopped with the block.

    One that is not ``patient`` is killed at once: some servers do not end when asked.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603
            command, env=environ, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    try:
        wait_for(port, process, log)
        yield process.pid
    finally:
        stop(process, patient=patient)


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Raises ServerError when nobody listens within a minute, or the process ends before."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    said = log.read_text(errors="replace")[-2000:]
    raise ServerError(f"{log.name}: nobody listens on port {port}.\n{said}")


def stop(process: subprocess.Popen[bytes], *, patient: bool) -> None:
    """Ask the process to end; what is left of it and its children after that is killed."""
    if patient and process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # the group is our own: the process was started as its leader
    process.wait(STOP_SECONDS)


def resident_bytes(pids: Sequence[int]) -> int:
    """The memory that these processes and all their children have in use now."""
    return sum(_resident(pid) for root in pids for pid in _tree(root))


def cpu_seconds(pids: Sequence[int]) -> float:
    """The processor time that these processes and their children have taken since they were started."""
    return sum(_ticks(pid) for root in pids for pid in _tree(root)) / TICKS


def _tree(root: int) -> Iterator[int]:
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        yield pid
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                waiting += [int(child) for child in task.read_text().split()]
            except OSError:  # it has ended meanwhile
                continue


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except OSError:
        return 0


def _ticks(pid: int) -> int:
    try:
        # The name of the program, in parentheses, may hold anything; fields are counted from behind it.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])
