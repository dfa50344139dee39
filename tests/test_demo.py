"""The command a newcomer runs first."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.files.base import ContentFile

from example_project.shop import catalogue
from spree_digitals.storage import media_type

ROOT = Path(__file__).resolve().parent.parent

pytestmark = [pytest.mark.once, pytest.mark.slow]


@pytest.fixture
def demo(tmp_path):
    """``python manage.py demo`` in a shop of its own, as nobody has ever run it before."""

    def demo(*options):
        environment = {**os.environ, "EXAMPLE_DATA_DIR": str(tmp_path / "shop")}
        environment["DJANGO_SETTINGS_MODULE"] = "example_project.settings"
        command = [sys.executable, "-W", "error", "manage.py", "demo", *options]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)

    return demo


def test_the_check_walks_the_whole_path_over_http_and_prints_each_step(demo):
    result = demo("--check")
    assert (result.returncode, result.stderr) == (0, "")
    steps = [line.partition(":")[0] for line in result.stdout.splitlines()]
    assert steps == [
        "look-up",
        "HEAD",
        *(f"download {n}" for n in range(1, 7)),
        "unknown token",
        "a link that was used up before",
        "reset by staff, in the admin",
        "Everything went as it should.",
    ]


def test_the_check_fails_at_the_first_surprise(demo, tmp_path):
    demo("--no-server")
    for stored in (tmp_path / "shop" / "digitals").glob("*/*"):
        stored.write_bytes(b"x" * stored.stat().st_size)
    result = demo("--check")
    assert result.returncode == 1
    assert "SHA-256 of download 1: expected" in result.stderr
    assert "download 2" not in result.stdout


def test_a_file_that_somebody_deleted_is_made_anew(demo, tmp_path):
    demo("--no-server")
    for stored in (tmp_path / "shop" / "digitals").glob("*/*"):
        stored.unlink()
    assert demo("--check").returncode == 0


def test_a_port_that_is_taken_is_said_before_anything_is_sold(demo):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = demo("--port", str(port))
    assert result.returncode == 1
    assert f"Port {port} is taken; name another with --port" in result.stderr


def test_json_is_one_object_and_nothing_else(demo):
    for _ in range(2):
        result = demo("--json")
        assert (result.returncode, result.stderr) == (0, "")
        shop = json.loads(result.stdout)
        assert set(shop) == {
            *("base_path", "order_number", "order_token", "bearer_token", "link_tokens", "used_up_link_token"),
            *("staff_username", "staff_password"),
        }
        assert shop["base_path"] == "/api/v2"
        assert len(shop["link_tokens"]) == 5
        assert shop["used_up_link_token"] not in shop["link_tokens"]


def test_what_to_try_is_printed_as_curl_lines_and_addresses(demo):
    result = demo("--no-server")
    assert (result.returncode, result.stderr) == (0, "")
    assert len(re.findall(r"^ +curl .*http://127\.0\.0\.1:8000/api/v2/storefront/", result.stdout, re.M)) == 4
    for address in ("/", "/account", "/admin/"):
        assert f"  http://127.0.0.1:8000{address}\n" in result.stdout
    assert re.search(r"^  http://127\.0\.0\.1:8000/orders/R\d{9}/\S+$", result.stdout, re.M)
    assert "buyer / demo" in result.stdout
    assert "staff / demo" in result.stdout


def test_the_mails_of_the_shop_are_where_it_says(demo, tmp_path):
    mails = tmp_path / "shop" / "mails"
    assert f"  {mails}\n" in demo("--no-server").stdout
    assert [mail for mail in mails.iterdir() if "buyer@example.com" in mail.read_text()]


STARTS = {
    "epub": b"PK\x03\x04",
    "mid": b"MThd",
    "pdf": b"%PDF",
    "png": b"\x89PNG",
    "svg": b"<svg",
    "txt": b"Monday",
    "wav": b"RIFF",
    "zip": b"PK\x03\x04",
}
TYPES = {
    "epub": "application/epub+zip",
    "mid": "audio/x-midi",
    "pdf": "application/pdf",
    "png": "image/png",
    "svg": "image/svg+xml",
    "txt": "text/plain",
    "wav": "audio/wav",
    "zip": "application/zip",
}


def test_the_catalogue_is_a_dozen_products_with_real_files_of_eight_kinds():
    assert len(catalogue.PRODUCTS) == len({product.sku for product in catalogue.PRODUCTS}) == 12
    files = {name: make() for product in catalogue.PRODUCTS for name, make in product.files.items()}
    assert {name.rpartition(".")[2] for name in files} == set(STARTS)
    for name, content in files.items():
        kind = name.rpartition(".")[2]
        assert content.startswith(STARTS[kind])
        assert media_type(ContentFile(content), name) == TYPES[kind]
    assert len(files) == sum(len(product.files) for product in catalogue.PRODUCTS) == 20


@pytest.mark.parametrize("product", catalogue.PRODUCTS, ids=lambda product: product.sku)
def test_a_file_is_the_same_each_time_it_is_made(product):
    for name, make in product.files.items():
        if not name.endswith(".pdf"):  # which notes the time
            assert make() == make()
