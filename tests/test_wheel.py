"""What a shop gets from ``pip install django-spree-digitals``."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest

import spree_digitals

pytestmark = [pytest.mark.once, pytest.mark.slow]

ROOT = Path(__file__).resolve().parent.parent
RUNTIME = {
    *("django", "djangorestframework", "djangorestframework-jsonapi", "django-storages"),
    *("django-tasks", "puremagic"),
}


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """What ``command`` prints, where nothing leads Python to the working copy."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "DJANGO_"))}
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**inherited, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """A clean copy of what is, or is about to be, in the repository."""
    directory = tmp_path_factory.mktemp("source")
    files = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    for name in filter(None, files.split("\0")):
        if (ROOT / name).is_file():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, directory / name)
    return directory


@pytest.fixture(scope="module")
def built(source, tmp_path_factory) -> Path:
    """The sdist, and the wheel that is built from it."""
    directory = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", directory, source, cwd=directory)
    return directory


@pytest.fixture(scope="module")
def wheel(built) -> Path:
    (wheel,) = built.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def metadata(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return HeaderParser().parsestr(archive.read(name).decode())


def environment(directory: Path, requirement: str) -> Path:
    """A directory with a fresh environment that nothing but the wheel is installed in."""
    run(sys.executable, "-m", "venv", "venv", cwd=directory)
    run(directory / "venv/bin/pip", "install", "--quiet", requirement, cwd=directory)
    return directory


@pytest.fixture(scope="module")
def shop(source, wheel, tmp_path_factory) -> Path:
    """The example shop alone in a directory, with the wheel and what the example needs."""
    directory = tmp_path_factory.mktemp("shop")
    shutil.copytree(source / "example_project", directory / "example_project")
    return environment(directory, f"{wheel}[example]")


def python(shop: Path, *arguments: str) -> str:
    return run(
        shop / "venv/bin/python",
        *arguments,
        cwd=shop,
        DJANGO_SETTINGS_MODULE="example_project.settings",
        EXAMPLE_DATA_DIR=str(shop / "data"),
    )


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_wheel_has_every_file_of_the_app_and_nothing_else(source, wheel):
    app = {str(path.relative_to(source)) for path in (source / "spree_digitals").rglob("*") if path.is_file()}
    packed = {name for name in contents(wheel) if ".dist-info/" not in name}
    assert packed == app
    assert {"spree_digitals/py.typed", "spree_digitals/migrations/0001_initial.py"} <= packed
    assert [name for name in packed if name.startswith("spree_digitals/templates/") and name.endswith(".html")]


def test_the_wheel_says_what_it_is_and_what_it_needs(metadata):
    assert metadata["Name"] == "django-spree-digitals"
    assert metadata["Version"] == spree_digitals.__version__
    assert metadata["License-Expression"] == "BSD-3-Clause"
    assert metadata["License-File"] == "LICENSE"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["Description-Content-Type"] == "text/markdown"
    requirements = metadata.get_all("Requires-Dist")
    assert {re.match(r"[\w-]+", line)[0] for line in requirements if "extra ==" not in line} == RUNTIME


def test_the_extras_contain_each_other(metadata):
    extras: dict[str, set[str]] = {name: set() for name in metadata.get_all("Provides-Extra")}
    for line in metadata.get_all("Requires-Dist"):
        if found := re.fullmatch(r'([\w-]+).*; extra == "(\w+)"', line):
            extras[found[2]].add(found[1])
    assert extras["progress"] == {"tqdm"}
    assert extras["progress"] < extras["example"] < extras["test"] < extras["dev"]
    assert extras["postgres"] < extras["test"]
    assert all(extras.values())


def test_the_sdist_has_what_a_second_build_needs_and_no_half_of_the_tests(source, built, wheel, tmp_path):
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "README.md", "CHANGELOG.md", "SECURITY.md", "setup.cfg", "pyproject.toml"} <= names
    assert not [name for name in names if name.startswith(("tests", "example_project", "var"))]
    run(sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path, source, cwd=tmp_path)
    assert contents(tmp_path / wheel.name) == contents(wheel)


def test_an_installed_wheel_is_whole(shop):
    site_packages = python(shop, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    assert python(shop, "-c", "import spree_digitals; print(spree_digitals.__file__)").startswith(site_packages)
    find = "from importlib.resources import files; print(files('spree_digitals').joinpath('py.typed').is_file())"
    assert python(shop, "-c", find).strip() == "True"
    assert "No broken requirements" in python(shop, "-m", "pip", "check")


BARE_SETTINGS = """
INSTALLED_APPS = [
    *("django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.messages"),
    *("django.contrib.sessions", "django.contrib.sites", "rest_framework", "spree_digitals"),
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
SPREE_DIGITALS_STORE_MODEL = "sites.Site"
SPREE_DIGITALS_VARIANT_MODEL = "auth.Group"
SPREE_DIGITALS_LINE_ITEM_MODEL = "auth.User"
"""
IMPORT_ALL = """
import sys, django, importlib, pkgutil
django.setup()
import spree_digitals
for module in pkgutil.walk_packages(spree_digitals.__path__, "spree_digitals."):
    if module.name not in sys.argv[1:]:
        importlib.import_module(module.name)
        print(module.name)
"""


def test_the_app_needs_nothing_that_its_wheel_does_not_name(wheel, tmp_path):
    bare = environment(tmp_path, str(wheel))
    (bare / "bare.py").write_text(BARE_SETTINGS)
    modules = run(
        bare / "venv/bin/python",
        *("-c", IMPORT_ALL, "spree_digitals.api.openapi"),
        *(f"spree_digitals.clouds.{cloud}" for cloud in ("s3", "azure", "google")),
        cwd=bare,
        DJANGO_SETTINGS_MODULE="bare",
    ).split()
    assert {"spree_digitals.urls", "spree_digitals.pages.urls", "spree_digitals.admin"} <= set(modules)


def test_django_finds_the_templates_of_an_installed_wheel(shop, source):
    templates = source / "spree_digitals/templates"
    names = {str(path.relative_to(templates)) for path in templates.rglob("*") if path.is_file()}
    names = sorted(names - {"spree_digitals/pages/base.html"})  # the example gives the pages its own look
    script = """
import sys, django
from django.template.loader import get_template
django.setup()
for name in sys.argv[1:]:
    print(get_template(name).origin.name)
"""
    origins = python(shop, "-c", script, *names).splitlines()
    assert origins
    assert origins == [
        str(next(shop.glob("venv/lib/*/site-packages/spree_digitals/templates")) / name) for name in names
    ]


def test_an_installed_wheel_has_every_migration_and_a_shop_can_start_with_it(shop):
    assert python(shop, "-m", "django", "makemigrations", "--check", "--dry-run").strip() == "No changes detected"
    python(shop, "-m", "django", "migrate")
    assert "no issues" in python(shop, "-m", "django", "check")
