"""
The load: clients that ask for files over connections that stay open, each in a process of its own.

Every answer is checked: its status, its length, and that all of it came. Bodies are counted and thrown away by the
kernel (``MSG_TRUNC``, Linux), so that the client's own work is small beside the server's on the same machine.
"""

from __future__ import annotations

import hashlib
import http.client
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from statistics import median
from threading import BrokenBarrierError
from typing import Any

CONNECTIONS = 8
# Then a client comes back anew, as browsers do: which worker a connection is given to is chance, and evens out.
REQUESTS_PER_CONNECTION = 50
HEADERS = "Host: 127.0.0.1\r\nUser-Agent: benchmarks\r\nAccept: */*\r\n"
HEAD_BYTES = 64 * 1024
BODY_BYTES = 1024 * 1024
PATIENCE = 120  # seconds without a single byte
TICK = 0.02  # how often memory is looked at


class LoadError(Exception):
    """An answer was not what it had to be; nothing that was measured with it is worth anything."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """What is asked for. It ends after ``seconds``, or after ``requests`` of each client where that is given."""

    port: int
    paths: Sequence[str]
    size: int  # of every body
    clients: int = CONNECTIONS
    seconds: float = 1.0
    requests: int | None = None


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What came back, of one client or of all of them."""

    count: int
    body_bytes: int
    began: float
    ended: float
    cpu: float  # seconds of processor time that the clients took
    first_bytes: list[float]  # seconds from asking to the first byte of each body
    latencies: list[float]  # seconds from asking to the last byte

    @property
    def seconds(self) -> float:
        return self.ended - self.began

    @property
    def per_second(self) -> float:
        return self.count / self.seconds

    @property
    def megabytes_per_second(self) -> float:
        return self.body_bytes / self.seconds / 1e6

    @property
    def first_byte(self) -> float:
        return median(self.first_bytes)

    @property
    def client_share(self) -> float:
        """How much of the machine the clients took, from 0 to 1."""
        return self.cpu / self.seconds / (os.cpu_count() or 1)


def check(port: int, path: str, *, sha256: str) -> None:
    """Ask once and compare every byte. Raises LoadError."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        digest = hashlib.sha256()
        while chunk := answer.read(BODY_BYTES):
            digest.update(chunk)
    except (OSError, http.client.HTTPException) as error:
        raise LoadError(f"{path} cannot be read: {error!r}") from error
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK or digest.hexdigest() != sha256:
        raise LoadError(f"{path} answers {answer.status}, or other bytes than those of the file.")


def latencies(port: int, path: str, *, headers: Mapping[str, str], seconds: float) -> list[float]:
    """How long each answer takes a single client that asks again and again. Raises LoadError."""
    found: list[float] = []
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    with closing(connection):
        began = time.monotonic()
        while not found or time.monotonic() < began + seconds:
            asked = time.monotonic()
            connection.request("GET", path, headers=dict(headers))
            answer = connection.getresponse()
            answer.read()
            found.append(time.monotonic() - asked)
            if answer.status != http.HTTPStatus.OK:
                raise LoadError(f"{path} answers {answer.status}.")
    return found


def drive(load: Load, watch: Callable[[], None] | None = None) -> Answers:
    """
    All clients at once; ``watch`` is called now and then while they work.

    Raises LoadError if a single answer was wrong.
    """
    context = multiprocessing.get_context("fork")
    gate = context.Barrier(load.clients)
    readers, processes = [], []
    for number in range(load.clients):
        reader, writer = context.Pipe(duplex=False)
        process = context.Process(target=_client, args=(load, number, gate, writer), daemon=True)
        process.start()
        writer.close()
        readers.append(reader)
        processes.append(process)
    try:
        return _together(_collect(readers, watch))
    finally:
        for process in processes:
            process.terminate()
            process.join()


def _collect(readers: Sequence[Connection], watch: Callable[[], None] | None) -> list[Answers]:
    waiting, found = list(readers), []
    while waiting:
        for reader in wait(waiting, timeout=TICK if watch else PATIENCE):
            waiting.remove(reader)  # type: ignore[arg-type]
            found.append(_received(reader))
        if watch:
            watch()
    return found


def _received(reader: Any) -> Answers:
    try:
        result = reader.recv()
    except EOFError:
        raise LoadError("A client ended without a result.") from None
    if isinstance(result, str):
        raise LoadError(result)
    answers: Answers = result
    return answers


def _together(parts: Sequence[Answers]) -> Answers:
    return Answers(
        count=sum(part.count for part in parts),
        body_bytes=sum(part.body_bytes for part in parts),
        began=min(part.began for part in parts),
        ended=max(part.ended for part in parts),
        cpu=sum(part.cpu for part in parts),
        first_bytes=[seconds for part in parts for seconds in part.first_bytes],
        latencies=[seconds for part in parts for seconds in part.latencies],
    )


def _client(load: Load, number: int, gate: Any, writer: Any) -> None:
    """One client's whole life, in a process of its own. Sends its answers, or what went wrong as a text."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever has started it ends it
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    client = _Client(load)
    try:
        gate.wait(PATIENCE)
        result: Answers | str = client.work(load.paths[number % len(load.paths) :: load.clients])
    except (LoadError, OSError, ValueError, BrokenBarrierError) as error:
        result = f"{type(error).__name__}: {error}"
    writer.send(result)


class _Client:
    """A connection to the server, and what came over it."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.socket: socket.socket | None = None
        self.served = 0
        self.buffer = bytearray(BODY_BYTES)

    def work(self, paths: Sequence[str]) -> Answers:
        questions = [f"GET {path} HTTP/1.1\r\n{HEADERS}\r\n".encode() for path in paths]
        first_bytes: list[float] = []
        latencies: list[float] = []
        body_bytes = 0
        began, cpu = time.monotonic(), time.process_time()
        while self._goes_on(len(latencies), began):
            asked = time.monotonic()
            length, first = self._ask(questions[len(latencies) % len(questions)])
            latencies.append(time.monotonic() - asked)
            first_bytes.append(first - asked)
            body_bytes += length
        ended, spent = time.monotonic(), time.process_time() - cpu
        self._hang_up()
        return Answers(
            count=len(latencies),
            body_bytes=body_bytes,
            began=began,
            ended=ended,
            cpu=spent,
            first_bytes=first_bytes,
            latencies=latencies,
        )

    def _goes_on(self, done: int, began: float) -> bool:
        if self.load.requests is not None:
            return done < self.load.requests
        return time.monotonic() < began + self.load.seconds

    def _ask(self, question: bytes) -> tuple[int, float]:
        """How long the body was, and when its first byte came."""
        connection = self._connection()
        connection.sendall(question)
        head, start = self._head(connection)
        length = _length(head)
        if not head.startswith(b"HTTP/1.1 200 "):
            raise LoadError(f"{question.split()[1].decode()} answers {head.splitlines()[0].decode(errors='replace')}")
        if length != self.load.size:
            raise LoadError(f"A body has {length} bytes instead of {self.load.size}.")
        first = time.monotonic() if start else 0.0
        left = length - start
        while left > 0:
            got = connection.recv_into(self.buffer, min(left, BODY_BYTES), socket.MSG_TRUNC)
            if not got:
                raise LoadError(f"{left} of {length} bytes are missing.")
            first = first or time.monotonic()
            left -= got
        if left:
            raise LoadError(f"{-left} bytes too many came.")
        self.served += 1
        if b"\r\nconnection: close" in head.lower():
            self._hang_up()
        return length, first

    def _head(self, connection: socket.socket) -> tuple[bytes, int]:
        """The head of an answer, and how many bytes of the body came with it."""
        received = b""
        while b"\r\n\r\n" not in received:
            part = connection.recv(HEAD_BYTES)
            if not part:
                raise LoadError(f"The server hung up after {len(received)} bytes.")
            received += part
        head, _, body = received.partition(b"\r\n\r\n")
        return head, len(body)

    def _connection(self) -> socket.socket:
        if self.served >= REQUESTS_PER_CONNECTION:
            self._hang_up()
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.load.port), timeout=PATIENCE)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.served = 0
        return self.socket

    def _hang_up(self) -> None:
        if self.socket is not None:
            self.socket.close()
        self.socket = None


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise LoadError("An answer does not say how long it is.")
