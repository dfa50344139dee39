"""Object storages for tests: SeaweedFS and Azurite, which are real, and one that does what a test tells it."""

from __future__ import annotations

import http.client
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from operator import attrgetter
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.storage import storages

from tests.conftest import DOWNLOAD
from tests.delivery.servers import Server, free_port, start
from tests.services import program

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "delivery" / "storage.md"
KEY, SECRET, BUCKET = "SHOPKEY", "shopsecret", "shop-digitals"
READY_WITHIN = 60  # seconds; a machine that is busy needs more than the four of one that is not
STREAM = {"BACKEND": "spree_digitals.delivery.stream.Stream"}
REDIRECT = {"BACKEND": "spree_digitals.delivery.redirect.SignedRedirect"}


def documented(heading: str) -> str:
    """The settings of the storage page below this heading: what a shop copies is what the tests use."""
    found = re.search(rf"^### {re.escape(heading)}$.*?^```python\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
    assert found
    return f"import os\n{found[1]}"


def with_options(source: str, **options: Any) -> str:
    return f'{source}\nSTORAGES["digitals"]["OPTIONS"].update({options!r})\n'


def storage_of(settings: Any, source: str) -> Any:
    """The storage of such settings, which become those of the test."""
    namespace = {"STORAGES": {**settings.STORAGES}}
    exec(source, namespace)  # noqa: S102
    settings.STORAGES = namespace["STORAGES"]
    return storages["digitals"]


def hang_up(storage: Any) -> None:
    """Close the connections of a storage, of whichever kind."""
    clients = {"S3Storage": "bucket.meta.client", "AzureStorage": "service_client", "GoogleCloudStorage": "client"}
    attrgetter(clients[type(storage).__name__])(storage).close()


@dataclass
class Answer:
    """What a client got."""

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float

    @property
    def code(self) -> str:
        """Of an error document."""
        code: str = json.loads(self.body)["errors"][0]["code"]
        return code


def fetch(url: str, method: str = "GET", *, proxy: int | None = None, **headers: str) -> Answer:
    """Ask once, and follow nothing. ``proxy``: the port of who stands in for all hosts."""
    parts, began = urlsplit(url), time.monotonic()
    connection = http.client.HTTPConnection(f"127.0.0.1:{proxy}" if proxy else parts.netloc, timeout=60)
    try:
        target = url if proxy else urlunsplit(("", "", parts.path, parts.query, ""))
        connection.request(method, target, headers={name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        body = response.read()
        return Answer(response.status, dict(response.getheaders()), body, time.monotonic() - began)
    finally:
        connection.close()


def address(server: Server, link: Any) -> str:
    return f"{server.url}{DOWNLOAD}{link.token}"


# Real ones


def seaweedfs(directory: Path) -> Server:
    """An S3 server with a private bucket. Whoever takes one of its ports first makes it fail: then once more."""
    for attempt in range(3):
        server = _weed(directory / str(attempt))
        if server is not None:
            if _stores(server):
                return server
            stop_at_once(server)
    raise RuntimeError(f"SeaweedFS did not start:\n{(directory / '2.log').read_text(errors='replace')[-3000:]}")


def _weed(directory: Path) -> Server | None:
    directory.mkdir(parents=True)
    credentials = [{"accessKey": KEY, "secretKey": SECRET}]
    identity = {"name": "shop", "credentials": credentials, "actions": ["Admin", "Read", "Write", "List"]}
    (directory / "s3.json").write_text(json.dumps({"identities": [identity]}))
    ports = {
        f"{name}.port{kind}": free_port() for name in ("master", "volume", "filer", "s3") for kind in ("", ".grpc")
    }
    options: dict[str, Any] = {
        "dir": directory,
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "filer.localSocket": directory / "filer",
        "master.telemetry": "false",
        "master.volumeSizeLimitMB": 256,
        "s3.config": directory / "s3.json",
        "s3.localSocket": directory / "s3",
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "volume.max": 20,
        **ports,
    }
    command = [program("weed"), "-logtostderr=true", "server", "-s3", *(f"-{k}={v}" for k, v in options.items())]
    try:
        return start(command, directory.with_suffix(".log"), port=ports["s3.port"])
    except RuntimeError:
        return None


def stop_at_once(server: Server) -> None:
    """SIGTERM does not stop it."""
    server.process.kill()
    server.process.wait()


def _stores(server: Server) -> bool:
    """Whether an object can be stored before long: ports are open some time before that."""
    deadline = time.monotonic() + READY_WITHIN
    client = client_of(server.url)
    while time.monotonic() < deadline and server.process.poll() is None:
        try:
            client.create_bucket(Bucket=BUCKET)
            client.put_object(Bucket=BUCKET, Key="ready", Body=b"yes")
        except (BotoCoreError, ClientError):
            time.sleep(0.2)
        else:
            return True
    return False


def client_of(url: str) -> Any:
    config = Config(connect_timeout=5, read_timeout=60, retries={"total_max_attempts": 1})
    credentials = {"aws_access_key_id": KEY, "aws_secret_access_key": SECRET, "region_name": "us-east-1"}
    return boto3.client("s3", endpoint_url=url, config=config, **credentials)


def azurite_blob(directory: Path) -> Server:
    port = free_port()
    options = ["--disableTelemetry", "--silent", "--skipApiVersionCheck"]
    command = [program("azurite-blob"), f"--blobPort={port}", f"--location={directory}", *options]
    return start(command, directory / "log", port=port)


# One that does what it is told


class Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that went away."""


@dataclass
class Scripted:
    """
    Answers for S3, Azure and Google as far as reading goes, on one port of this process.

    ``mood``: "serves", "refuses" (503), "stalls" (never answers), "breaks" (ends in the middle of the body) or
    "forgets" (knows no ranges).
    """

    objects: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)  # method, path and range
    mood: str = "serves"
    port: int = field(default_factory=free_port)
    server: Quiet | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.woken = threading.Event()
        self.server = Quiet(("127.0.0.1", self.port), self.handler())
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        if self.server is not None:
            self.woken.set()
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    @contextmanager
    def in_mood(self, mood: str) -> Iterator[None]:
        """``mood``, or "is down", for some time."""
        self.mood = mood
        if mood == "is down":
            self.stop()
        yield
        if mood == "is down":
            self.start()
        self.mood = "serves"

    def handler(self) -> type[BaseHTTPRequestHandler]:
        scripted = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                scripted.answer(self)

            def do_HEAD(self) -> None:
                scripted.answer(self)

            def do_POST(self) -> None:
                scripted.answer(self)

            def log_message(self, *args: Any) -> None:
                """Nobody reads it."""

        return Handler

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        if self.server is None:  # a connection that was kept from before
            request.close_connection = True
            return
        asked_range = request.headers.get("Range") or request.headers.get("x-ms-range") or ""
        self.asked.append((request.command, request.path, asked_range))
        moods: dict[str, Callable[..., None]] = {"refuses": self.refuse, "stalls": self.stall}
        moods.get(self.mood, self.serve)(request, asked_range)

    def refuse(self, request: BaseHTTPRequestHandler, asked_range: str) -> None:
        reply(request, 503, b"<Error><Code>SlowDown</Code></Error>")

    def stall(self, request: BaseHTTPRequestHandler, asked_range: str) -> None:
        self.woken.wait(60)
        request.close_connection = True

    def serve(self, request: BaseHTTPRequestHandler, asked_range: str) -> None:
        if request.command == "POST":  # Google's token
            reply(request, 200, b'{"access_token": "given", "expires_in": 3600, "token_type": "Bearer"}', json=True)
            return
        name = next((name for name in self.objects if unquote(urlsplit(request.path).path).endswith(name)), None)
        if name is None:
            reply(request, 404, b"<Error><Code>NoSuchKey</Code></Error>")
        elif "/storage/v1/b/" in request.path and "/download/" not in request.path:
            reply(request, 200, json.dumps({"name": name, "size": str(len(self.objects[name]))}).encode(), json=True)
        else:
            self.send(request, self.objects[name], asked_range)

    def send(self, request: BaseHTTPRequestHandler, content: bytes, asked_range: str) -> None:
        found = re.fullmatch(r"bytes=([0-9]+)-([0-9]+)", asked_range)
        if found is None or self.mood == "forgets":
            reply(request, 200, content)
            return
        first, last = int(found[1]), min(int(found[2]), len(content) - 1)
        if first >= len(content):
            reply(request, 416, b"<Error><Code>InvalidRange</Code></Error>")
            return
        body = content[first : last + 1]
        breaks_at = len(body) // 2 if self.mood == "breaks" else None
        reply(request, 206, body, breaks_at=breaks_at, Content_Range=f"bytes {first}-{last}/{len(content)}")


def reply(
    request: BaseHTTPRequestHandler,
    status: int,
    body: bytes,
    *,
    json: bool = False,
    breaks_at: int | None = None,
    **headers: str,
) -> None:
    request.send_response(status)
    kind = "application/json" if json else "application/octet-stream"
    always = {"Content_Length": str(len(body)), "Content_Type": kind, "ETag": '"0x1"', "x_ms_blob_type": "BlockBlob"}
    for name, value in {**always, "Last_Modified": "Mon, 01 Jan 2024 00:00:00 GMT", **headers}.items():
        request.send_header(name.replace("_", "-"), value)
    request.end_headers()
    if request.command == "HEAD":
        return
    try:
        request.wfile.write(body[:breaks_at])
    except OSError:
        request.close_connection = True
    request.close_connection = request.close_connection or breaks_at is not None
