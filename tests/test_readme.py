"""A shop that is not the example gets plugged in by following only the README."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

# The names that the README asks to replace, and those of the shop below. Nothing else of the README is changed.
NAMES = {
    '"shop.Store"': '"kiosk.Stand"',
    '"shop.Variant"': '"kiosk.Magazine"',
    '"shop.LineItem"': '"kiosk.Position"',
    '"shop.digitals.ShopStorefront"': '"kiosk.digitals.ShopStorefront"',
    '"order__store"': '"receipt__stand"',
    '"order"': '"receipt"',
    '"variant"': '"magazine"',
    '"quantity"': '"copies"',
    '"number"': '"code"',
    '"email"': '"mail"',
    '"user"': '"reader"',
    '"completed_at"': '"paid_at"',
    '"token"': '"secret"',
    '"domain"': '"host"',
    "line_item.quantity": "line_item.copies - line_item.returned",
    "order.completed_at": "order.paid_at",
    "from shop.models import Variant": "from kiosk.models import Magazine",
    "Variant.objects": "Magazine.objects",
}

MODELS = """
import secrets
import uuid

from django.conf import settings
from django.db import models


class Stand(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    host = models.CharField(max_length=100)


class Magazine(models.Model):
    title = models.CharField(max_length=100)


class Receipt(models.Model):
    stand = models.ForeignKey(Stand, on_delete=models.CASCADE)
    reader = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    code = models.CharField(max_length=40, default=secrets.token_hex)
    mail = models.EmailField()
    secret = models.CharField(max_length=40, default=secrets.token_hex)
    paid_at = models.DateTimeField(null=True)


class Position(models.Model):
    receipt = models.ForeignKey(Receipt, on_delete=models.CASCADE, related_name="positions")
    magazine = models.ForeignKey(Magazine, on_delete=models.PROTECT)
    copies = models.PositiveIntegerField(default=1)
    returned = models.PositiveIntegerField(default=0)
"""

BUY = """
import json
from kiosk.checkout import complete
from kiosk.models import Magazine, Receipt, Stand

receipt = Receipt.objects.create(stand=Stand.objects.get(), mail="reader@example.com")
receipt.positions.create(magazine=Magazine.objects.get())
complete(receipt)
print(json.dumps({"code": receipt.code, "secret": receipt.secret}))
"""


def guide() -> dict[str, list[tuple[str, str]]]:
    """Each step with its blocks, as language and text."""
    (chapter,) = re.findall(r"^## Plug it into your shop$(.*?)^## ", README, re.MULTILINE | re.DOTALL)
    _, *parts = re.split(r"^### (.+)$", chapter, flags=re.MULTILINE)
    return {title: BLOCK.findall(text) for title, text in zip(parts[::2], parts[1::2], strict=True)}


def adapted(block: str) -> str:
    for name, own in NAMES.items():
        block = block.replace(name, own)
    return block


@dataclass
class Answer:
    status: int
    body: bytes

    @property
    def code(self) -> str:
        code: str = json.loads(self.body)["errors"][0]["code"]
        return code


@dataclass
class Kiosk:
    """A project with a shop of its own, in a directory of its own."""

    directory: Path
    port: int

    def start(self) -> None:
        self.run("python -m django startproject project .")
        package = self.directory / "kiosk"
        (package / "migrations").mkdir(parents=True)
        for name in ("__init__.py", "migrations/__init__.py"):
            (package / name).touch()
        (package / "models.py").write_text(MODELS)
        self.append("project/settings.py", 'INSTALLED_APPS += ["kiosk"]\n')
        self.run("python manage.py makemigrations kiosk")
        self.run("python manage.py migrate")

    def follow(self, steps: dict[str, list[tuple[str, str]]]) -> None:
        for language, block in (block for blocks in steps.values() for block in blocks):
            if language == "python":
                self.write(adapted(block))
            elif language == "sh":
                self.type(block)

    def write(self, block: str) -> None:
        """What the first line of a block says where to put."""
        where, _, code = block.partition("\n")
        if where == "# python manage.py shell":
            self.stock()
            self.shell(code)
        else:
            places = {"settings.py": "project/settings.py", "urls.py": "project/urls.py"}
            name = where.removeprefix("# ")
            self.append(places.get(name, name.replace("shop/", "kiosk/")), code)

    def type(self, block: str) -> None:
        """What stands for itself: the checkout is on the path instead, the server and its client come afterwards."""
        for line in block.splitlines():
            if line.startswith("python ") and "runserver" not in line:
                self.run(line)

    def append(self, name: str, code: str) -> None:
        with (self.directory / name).open("a") as file:
            file.write(f"\n{code}")

    def stock(self) -> None:
        (self.directory / "novel.pdf").write_bytes(b"%PDF-1.4 a novel")
        stand = f"Stand.objects.create(host='127.0.0.1:{self.port}')"
        self.shell(f"from kiosk.models import *; {stand}; Magazine.objects.create(title='A novel')")

    def run(self, command: str) -> str:
        program, *arguments = shlex.split(command)
        assert program == "python"
        command_line = [sys.executable, *arguments]
        done = subprocess.run(
            command_line, cwd=self.directory, env=self.environment, text=True, capture_output=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def shell(self, code: str) -> str:
        return self.run(f"python manage.py shell -v 0 -c {shlex.quote(code)}")

    @property
    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
        return {**inherited, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error", "PYTHONDONTWRITEBYTECODE": "1"}

    def buy(self) -> dict[str, str]:
        # A new project of Django 6.1 writes its mails, the buyer's too, to where this answer is written.
        bought: dict[str, str] = json.loads(self.shell(BUY).splitlines()[-1])
        return bought

    def get(self, url: str, **headers: str) -> Answer:
        request = urllib.request.Request(url.replace(":8000/", f":{self.port}/"), headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return Answer(response.status, response.read())
        except urllib.error.HTTPError as refused:
            with refused:
                return Answer(refused.code, refused.read())


@pytest.fixture(scope="module")
def kiosk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kiosk]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    shop = Kiosk(tmp_path_factory.mktemp("kiosk"), port)
    shop.start()
    shop.follow(guide())
    with (shop.directory / "server.log").open("wb") as log:
        command = [sys.executable, "manage.py", "runserver", str(port), "--noreload"]
        server = subprocess.Popen(command, cwd=shop.directory, env=shop.environment, stdout=log, stderr=log)
        try:
            wait_for(port, server, shop.directory / "server.log")
            yield shop
        finally:
            server.terminate()
            server.wait()


def wait_for(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail(f"The server does not listen after 30 seconds.\n{log.read_text()}")


def last_step() -> tuple[str, list[str], Any]:
    """The shell lines of the last step, the statuses it promises, and the refusal it promises."""
    *_, blocks = guide().values()
    typed = "".join(text for language, text in blocks if language == "sh")
    (statuses,) = (text.split() for language, text in blocks if language == "text")
    (refusal,) = (json.loads(text) for language, text in blocks if language == "json")
    return typed, statuses, refusal


def newest_link(kiosk: Kiosk) -> str:
    """The address that the last step of the README asks for."""
    typed, _, _ = last_step()
    token = kiosk.run(re.search(r"^TOKEN=\$\((.+)\)$", typed, re.MULTILINE).group(1)).strip()
    return re.search(r'"(http://127\.0\.0\.1:8000/.+)"', typed).group(1).replace("$TOKEN", token)


def test_the_readme_plugs_a_shop_in_with_seven_steps_and_the_last_one_checks_that_it_works():
    steps = list(guide())
    assert [step[:3] for step in steps] == [f"{number}. " for number in range(1, 8)]
    assert steps[-1] == "7. Check that it works"


@pytest.mark.parametrize("name", NAMES)
def test_the_readme_names_what_a_shop_replaces(name):
    assert name in "".join(text for blocks in guide().values() for _, text in blocks)


@pytest.mark.slow
def test_a_file_downloads_as_often_as_the_readme_says_and_then_no_more(kiosk):
    kiosk.buy()
    url = newest_link(kiosk)
    typed, statuses, refusal = last_step()
    numbers = re.search(r"for n in ([\d ]+);", typed).group(1).split()
    answers = [kiosk.get(url) for _ in numbers]
    assert [str(answer.status) for answer in answers] == statuses == ["200"] * 5 + ["403"]
    assert {answer.body for answer in answers[:5]} == {b"%PDF-1.4 a novel"}
    assert json.loads(answers[5].body) == refusal


@pytest.mark.slow
def test_a_guest_of_the_shop_finds_the_link_in_the_order(kiosk):
    bought = kiosk.buy()
    url = f"http://127.0.0.1:8000/api/v2/storefront/order_status/{bought['code']}?include=line_items.digital_links"
    assert kiosk.get(url).code == "not_found"
    order = json.loads(kiosk.get(url, **{"X-Spree-Order-Token": bought["secret"]}).body)
    assert order["data"]["attributes"]["email"] == "reader@example.com"
    (link,) = (found["attributes"] for found in order["included"] if found["type"] == "digital_link")
    assert link["filename"] == "novel.pdf"
    wanted = newest_link(kiosk).replace("http://127.0.0.1:8000", f"https://127.0.0.1:{kiosk.port}")
    assert link["download_url"] == wanted


@pytest.mark.slow
def test_a_unit_that_is_returned_to_the_shop_takes_its_link_along(kiosk):
    kiosk.buy()
    url = newest_link(kiosk)
    assert kiosk.get(url).status == 200
    kiosk.shell("from kiosk.models import Position; Position.objects.update(returned=1)")
    assert kiosk.get(url).code == "order_not_entitled"


@pytest.mark.slow
def test_the_app_adds_no_migration_in_the_shop(kiosk):
    assert "No changes detected" in kiosk.run("python manage.py makemigrations --check --dry-run")
