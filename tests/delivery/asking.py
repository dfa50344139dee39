"""Ask a real server for a file, and see everything that it answers."""

from __future__ import annotations

import http.client
from dataclasses import dataclass
from email.message import Message

from tests.conftest import DOWNLOAD
from tests.delivery.servers import Server

HERE = "127.0.0.1"
BUYER = "127.0.0.9"  # no server of ours has this address, and no shop trusts it


@dataclass
class Answer:
    """Status, headers by whatever case, and the body to its last byte."""

    status: int
    headers: Message
    body: bytes


def ask(server: Server, what: object, method: str = "GET", *, source: str = BUYER, **headers: str | None) -> Answer:
    """``what``: a link, or a path. Headers are written with underscores; those that are None are left out."""
    path = what if isinstance(what, str) else DOWNLOAD + what.token  # type: ignore[attr-defined]
    connection = http.client.HTTPConnection(HERE, server.port, timeout=30, source_address=(source, 0))
    sent = {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
    try:
        connection.request(method, path, headers=sent)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()
