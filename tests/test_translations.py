"""German, Polish and Spanish say all that English says, in the app and in the example shop."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polib
import pytest

from tests.services import program

ROOT = Path(__file__).resolve().parent.parent
APP, SHOP = ROOT / "spree_digitals", ROOT / "example_project" / "shop"
LANGUAGES = ("de", "es", "pl")
PLURALS = {"de": 2, "es": 3, "pl": 4}

pytestmark = pytest.mark.once


@pytest.fixture(scope="module", params=[APP, SHOP], ids=["app", "shop"])
def package(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


def catalog(language: str, package: Path) -> polib.POFile:
    return polib.pofile(str(package / "locale" / language / "LC_MESSAGES" / "django.po"))


def messages(entries: list[polib.POEntry]) -> set[tuple[str | None, str, str]]:
    return {(entry.msgctxt, entry.msgid, entry.msgid_plural) for entry in entries if not entry.obsolete}


@pytest.fixture(scope="module")
def collected(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], polib.POFile]:
    """The catalog of a language after everything that can be translated was collected from the source anew."""
    program("xgettext")
    copy = tmp_path_factory.mktemp("source") / package.name
    shutil.copytree(package, copy)
    command = [sys.executable, "-m", "django", "makemessages", *(f"--locale={language}" for language in LANGUAGES)]
    settings_free = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")}
    done = subprocess.run(command, cwd=copy, env=settings_free, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return lambda language: catalog(language, copy)


@pytest.mark.parametrize("language", LANGUAGES)
def test_whatever_a_person_reads_has_a_translation(collected, package, language):
    assert messages(collected(language)) == messages(catalog(language, package))


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_translation_is_missing_or_guessed(package, language):
    entries = catalog(language, package)
    assert [entry.msgid for entry in entries.untranslated_entries()] == []
    assert [entry.msgid for entry in entries.fuzzy_entries()] == []
    assert [entry.msgid for entry in entries.obsolete_entries()] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_fills_in_what_the_english_text_does(package, language):
    command = [program("msgfmt"), "--check", "--output-file=-", catalog(language, package).fpath]
    checked = subprocess.run(command, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr.decode()


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_shipped_is_what_was_translated(package, language):
    written = catalog(language, package)
    shipped = {(e.msgctxt, e.msgid): e for e in polib.mofile(written.fpath.removesuffix(".po") + ".mo")}
    assert len(shipped) == len(written.translated_entries())
    for entry in written.translated_entries():
        found = shipped[entry.msgctxt, entry.msgid]
        assert (found.msgstr, found.msgstr_plural) == (entry.msgstr, entry.msgstr_plural)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_number_is_spoken_of_in_every_form_that_the_language_has(package, language):
    counted = [entry for entry in catalog(language, package) if entry.msgid_plural]
    assert counted
    for entry in counted:
        assert set(entry.msgstr_plural) == set(range(PLURALS[language])), entry.msgid


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_shop_and_the_app_call_the_same_thing_the_same(language):
    """The shop's words come first, and would replace the app's on its own pages, too."""
    app, shop = (
        {(entry.msgctxt, entry.msgid): entry.msgstr for entry in catalog(language, package)} for package in (APP, SHOP)
    )
    shared = app.keys() & shop.keys()
    assert {key: shop[key] for key in shared} == {key: app[key] for key in shared}
