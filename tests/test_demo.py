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

from example_project.shop import catalogue

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


def test_what_to_try_is_printed_as_curl_lines_and_an_address(demo):
    result = demo("--no-server")
    assert (result.returncode, result.stderr) == (0, "")
    assert len(re.findall(r"^ +curl .*http://127\.0\.0\.1:8000/api/v2/storefront/", result.stdout, re.M)) == 4
    assert "http://127.0.0.1:8000/admin/" in result.stdout


def test_the_catalogue_is_five_products_with_real_files_of_five_kinds():
    assert len(catalogue.PRODUCTS) == 5
    starts = {
        "pdf": b"%PDF",
        "png": b"\x89PNG",
        "wav": b"RIFF",
        "zip": b"PK",
        "txt": b"Monday",
    }
    files = {name: make() for product in catalogue.PRODUCTS for name, make in product.files.items()}
    assert {name.rpartition(".")[2] for name in files} == set(starts)
    for name, content in files.items():
        assert content.startswith(starts[name.rpartition(".")[2]])
    assert sorted(len(product.files) for product in catalogue.PRODUCTS) == [1, 1, 1, 1, 2]
