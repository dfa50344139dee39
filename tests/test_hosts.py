"""The same app, the same migration files, in shops of every shape; and shops that are set up wrongly."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HOSTS = {
    "example": "tests.settings",
    "market": "tests.hosts.market.settings",
    "sites_shop": "tests.hosts.sites_shop.settings",
}
MARKET_MIGRATIONS = ROOT / "tests" / "hosts" / "market" / "migrations"


def run(*command: str, settings: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """``python -m …`` in a process of its own, with other settings."""
    known = {**os.environ, "DJANGO_SETTINGS_MODULE": settings, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", *command],
        cwd=ROOT,
        env=known,
        text=True,
        capture_output=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("host", HOSTS)
def test_files_are_sold_in_a_shop_of_any_shape(host):
    hosts = ROOT / "tests" / "hosts"
    scenarios = [str(path) for path in (hosts / "scenario.py", hosts / host / "scenario.py") if path.exists()]
    options = ["-q", "-p", "no:cacheprovider", f"--confcutdir={hosts}", f"--ds={HOSTS[host]}"]
    database = f"{os.environ.get('TEST_DATABASE_NAME', 'test_hosts')}_{host}"
    done = run("pytest", *options, *scenarios, settings=HOSTS[host], HOST=host, TEST_DATABASE_NAME=database)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def broken(tmp_path):
    """Run ``manage.py`` in a shop whose settings end with these lines, and return what it says."""

    def broken(*command: str, host: str, lines: str) -> str:
        database = f"{{'ENGINE': 'django.db.backends.sqlite3', 'NAME': {str(tmp_path / 'shop.sqlite3')!r}}}"
        settings = f"from {HOSTS[host]} import *\nDATABASES = {{'default': {database}}}\n{lines}\n"
        (tmp_path / "broken_settings.py").write_text(settings)
        path = os.pathsep.join([str(tmp_path), str(ROOT)])
        done = run("django", *command, settings="broken_settings", PYTHONPATH=path)
        assert done.returncode != 0
        return done.stdout + done.stderr

    return broken


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        pytest.param("del {}", "is not set", id="missing"),
        pytest.param("{} = None", "is not set", id="None"),
        pytest.param("{} = ''", "is '', which names no model", id="empty"),
        pytest.param("{} = 'Thing'", "is 'Thing', which names no model", id="without its app"),
        pytest.param("{} = 'shop.models.Thing'", "is 'shop.models.Thing', which names no model", id="a dotted path"),
        pytest.param("{} = 'depot.Thing'", "is 'depot.Thing', which is not an installed model", id="an unknown app"),
        pytest.param("{} = 'shop.Thing'", "is 'shop.Thing', which is not an installed model", id="an unknown model"),
    ],
)
def test_a_shop_is_told_how_to_name_its_model(broken, line, problem):
    setting = "SPREE_DIGITALS_STORE_MODEL"
    said = broken("check", host="example", lines=line.format(setting))
    assert f"{setting} {problem}" in said
    assert '"app_label.ModelName"' in said
    assert "AttributeError" not in said


@pytest.mark.parametrize("name", ["STORE_MODEL", "VARIANT_MODEL", "LINE_ITEM_MODEL"])
def test_a_shop_is_told_which_of_its_models_is_missing(broken, name):
    setting = f"SPREE_DIGITALS_{name}"
    assert f"{setting} is not set" in broken("check", host="sites_shop", lines=f"del {setting}")
    assert f"{setting} is 'depot.Thing'" in broken("check", host="sites_shop", lines=f"{setting} = 'depot.Thing'")


@pytest.mark.parametrize("command", ["check", "migrate"])
def test_a_shop_is_told_to_run_a_late_migration_before_ours(broken, tmp_path, command):
    migrations = shutil.copytree(MARKET_MIGRATIONS, tmp_path / "late", ignore=shutil.ignore_patterns("__pycache__"))
    second = migrations / "0002_purchaseline.py"
    wanted = "run_before = [('spree_digitals', '0001_initial')]"
    second.write_text(second.read_text().replace(wanted, ""))
    said = broken(command, host="market", lines="MIGRATION_MODULES = {'trade': 'late'}")
    assert "SPREE_DIGITALS_LINE_ITEM_MODEL" in said
    assert wanted in said


def test_the_example_s_adapter_takes_at_most_25_lines():
    adapter = ROOT / "example_project" / "shop" / "digitals.py"
    assert len(adapter.read_text().splitlines()) <= 25
