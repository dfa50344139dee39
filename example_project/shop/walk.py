"""Walk the whole path over HTTP, as a buyer's programs do, and fail at the first surprise."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.conf import settings
from django.core.management import CommandError
from django.urls import reverse

from spree_digitals.models import DigitalLink


@dataclass(frozen=True, kw_only=True)
class Demo:
    """A shop in which something was sold: everything that is needed to try it."""

    base_path: str
    order_number: str
    order_token: str
    bearer_token: str
    link_tokens: list[str]
    used_up_link_token: str
    staff_username: str
    staff_password: str


class Answer(NamedTuple):
    status: int
    headers: Any
    body: bytes


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def taken(port: int) -> bool:
    """Whether something listens there already."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def served(port: int) -> Iterator[None]:
    """The example shop on a server of its own, in a process of its own."""
    command = [sys.executable, "manage.py", "runserver", f"127.0.0.1:{port}", "--noreload"]
    log = (settings.DATA_DIR / "server.log").open("wb")
    process = subprocess.Popen(command, cwd=settings.BASE_DIR, env=os.environ, stdout=log, stderr=log)  # noqa: S603
    try:
        _wait_for(port, process)
        yield
    finally:
        process.terminate()
        process.wait()
        log.close()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        if process.poll() is not None:
            raise CommandError(f"The server stopped with exit code {process.returncode}; see {settings.DATA_DIR}.")
        if taken(port):
            return
        time.sleep(0.1)
    raise CommandError(f"The server does not listen on port {port} after 20 seconds.")


def ask(url: str, method: str = "GET", **headers: str) -> Answer:
    request = urllib.request.Request(url, method=method, headers=headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            return Answer(response.status, response.headers, response.read())
    except urllib.error.HTTPError as refused:
        return Answer(refused.code, refused.headers, refused.read())


def expect(what: str, seen: Any, wanted: Any) -> None:
    if seen != wanted:
        raise CommandError(f"{what}: expected {wanted!r}, saw {seen!r}.")


def walk(demo: Demo, address: str, tell: Callable[[str], Any]) -> None:
    api = f"{address}{demo.base_path}/storefront"
    url, checksum = look_up(demo, api)
    tell(f"look-up: order {demo.order_number} shows {len(demo.link_tokens)} links, each with its own address")

    expect("HEAD", (ask(url, "HEAD").status, ask(url, "HEAD").body), (200, b""))
    tell("HEAD: answered with headers only, not counted")

    for number in range(1, 6):
        answer = ask(url)
        expect(f"download {number}", answer.status, 200)
        expect(f"SHA-256 of download {number}", hashlib.sha256(answer.body).hexdigest(), checksum)
        tell(f"download {number}: {len(answer.body)} bytes, SHA-256 {checksum[:16]}… as uploaded")

    refused(url, 403, "download_limit_reached", "You are not authorized to access this page.")
    tell("download 6: refused with 403, download_limit_reached")

    unknown = f"{api}/digitals/{'z' * 24}"
    refused(unknown, 404, "not_found", "The resource you were looking for could not be found.")
    tell("unknown token: 404, not_found")

    refused(f"{api}/digitals/{demo.used_up_link_token}", 403, "download_limit_reached")
    tell("a link that was used up before: 403")

    reset_as_staff(demo, address, DigitalLink.objects.get(token=demo.link_tokens[0]).pk)
    answer = ask(url)
    expect("download after reset", (answer.status, hashlib.sha256(answer.body).hexdigest()), (200, checksum))
    tell("reset by staff, in the admin: the link works again")
    tell("Everything went as it should.")


def reset_as_staff(demo: Demo, address: str, link: int) -> None:
    """Sign in to the admin and run its action, as a person does."""
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())

    def send(path: str, **fields: Any) -> str:
        page = browser.open(address + path).read().decode()
        token = re.search('name="csrfmiddlewaretoken" value="([^"]+)"', page)
        form = {**fields, "csrfmiddlewaretoken": token[1] if token else ""}
        answer: str = browser.open(address + path, urllib.parse.urlencode(form).encode()).read().decode()
        return answer

    links = reverse("admin:spree_digitals_digitallink_changelist")
    send(reverse("admin:login"), username=demo.staff_username, password=demo.staff_password, next=links)
    answer = send(links, action="reset", _selected_action=link, confirmed="yes")
    expect("the admin's answer to the reset", "1 link was reset." in answer, True)


def look_up(demo: Demo, api: str) -> tuple[str, str]:
    """The address of the order's first link, and the checksum of its file."""
    url = f"{api}/order_status/{demo.order_number}?include=line_items.digital_links"
    expect("look-up with a wrong token", ask(url, **{"X-Spree-Order-Token": "wrong"}).status, 404)
    answer = ask(url, **{"X-Spree-Order-Token": demo.order_token})
    expect("look-up", answer.status, 200)
    included = json.loads(answer.body)["included"]
    links = {found["attributes"]["token"]: found["attributes"] for found in included if found["type"] == "digital_link"}
    expect("tokens in the look-up", sorted(links), sorted(demo.link_tokens))
    first = demo.link_tokens[0]
    expect("authorizable", links[first]["authorizable"], True)
    return links[first]["download_url"], DigitalLink.objects.get(token=first).digital.sha256


def refused(url: str, status: int, code: str, sentence: str | None = None) -> None:
    answer = ask(url)
    expect(f"status of {url}", answer.status, status)
    expect(f"media type of {url}", answer.headers["Content-Type"], "application/vnd.api+json")
    document = json.loads(answer.body)
    expect(f"code of {url}", document["errors"][0]["code"], code)
    if sentence is not None:
        expect(f"error of {url}", document["error"], sentence)
