"""A client that sees every byte on the wire: one connection, one request after the other."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from select import select
from types import TracebackType

from spree_digitals.models import DigitalLink
from tests.conftest import DOWNLOAD
from tests.delivery.servers import Server

# In tests, whoever comes from this address is a proxy that the shop trusts.
PROXY = "127.0.0.2"

Headers = Iterable[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    """``headers`` by their names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Hurt(ConnectionError):
    """The answer ended too early, or is none."""


class Wire:
    """
    A connection that is kept alive, and opened anew when the server closes it.

    Bytes that no answer has announced stay where the next answer is expected, which is then Hurt.
    """

    def __init__(
        self, server: Server, *, source: str = "127.0.0.1", program: str = "tests", far_away: bool = False
    ) -> None:
        """``far_away``: what travels goes in small packets, and little of it at a time; else it is some MiB at once."""
        self.server, self.source, self.program, self.far_away = server, source, program, far_away
        self.socket: socket.socket | None = None
        self.received = bytearray()

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None):
        self.close()

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
        self.socket, self.received = None, bytearray()

    def ask(self, target: str | DigitalLink, headers: Headers = (), method: str = "GET") -> Answer:
        self.send(target, headers, method)
        return self.receive(method)

    def send(self, target: str | DigitalLink, headers: Headers = (), method: str = "GET") -> None:
        if self.socket is None or self.is_over():
            self.close()
            self.socket = self.connect()
        path = DOWNLOAD + target.token if isinstance(target, DigitalLink) else target
        lines = [f"{method} {path} HTTP/1.1", "Host: shop.example"]
        fields = {"User-Agent": self.program} if "User-Agent" not in dict(headers) else {}
        lines += [f"{name}: {value}" for name, value in [*fields.items(), *headers]]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))

    def connect(self) -> socket.socket:
        line = socket.socket()
        if self.far_away:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1_448)  # of Ethernet
        line.settimeout(60)
        line.bind((self.source, 0))
        line.connect(("127.0.0.1", self.server.port))
        return line

    def is_over(self) -> bool:
        """Whether the server has closed a connection on which nothing was asked for a while."""
        assert self.socket is not None
        try:
            return bool(select([self.socket], [], [], 0)[0]) and not self.socket.recv(1, socket.MSG_PEEK)
        except ConnectionError:
            return True

    def head(self) -> tuple[int, dict[str, str]]:
        """The status and the headers of the next answer."""
        while b"\r\n\r\n" not in self.received:
            self.more()
        head, _, self.received = self.received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        if not first.startswith("HTTP/1.1 "):
            raise Hurt(f"No answer begins like {first[:80]!r}.")
        return int(first.split(" ")[1]), {
            name.lower(): value.strip(" \t") for name, _, value in (line.partition(":") for line in lines)
        }

    def receive(self, method: str = "GET") -> Answer:
        status, headers = self.head()
        if method == "HEAD" or status in {204, 304}:
            body = b""
        elif headers.get("transfer-encoding") == "chunked":
            body = b"".join(iter(self.chunk, b""))
        else:
            body = self.exactly(int(headers["content-length"]))
        if headers.get("connection", "").lower() == "close":
            self.close()
        return Answer(status, headers, body)

    def chunk(self) -> bytes:
        while b"\r\n" not in self.received:
            self.more()
        size, _, self.received = self.received.partition(b"\r\n")
        return self.exactly(int(size, 16) + 2)[:-2]

    def exactly(self, length: int) -> bytes:
        while len(self.received) < length:
            self.more()
        found = bytes(self.received[:length])
        del self.received[:length]
        return found

    def more(self) -> None:
        assert self.socket is not None
        block = self.socket.recv(1 << 20)
        if not block:
            raise Hurt(f"The connection ended after {bytes(self.received[-80:])!r}.")
        self.received += block


def fetch(server: Server, target: str | DigitalLink, headers: Headers = (), method: str = "GET") -> Answer:
    """One answer over a connection of its own."""
    with Wire(server) as wire:
        return wire.ask(target, headers, method)
