"""German, Polish and Spanish say all that English says."""

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

PACKAGE = Path(__file__).resolve().parent.parent / "spree_digitals"
LANGUAGES = ("de", "es", "pl")

pytestmark = pytest.mark.once


def catalog(language: str, package: Path = PACKAGE) -> polib.POFile:
    return polib.pofile(str(package / "locale" / language / "LC_MESSAGES" / "django.po"))


def messages(entries: list[polib.POEntry]) -> set[tuple[str | None, str, str]]:
    return {(entry.msgctxt, entry.msgid, entry.msgid_plural) for entry in entries if not entry.obsolete}


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], polib.POFile]:
    """The catalog of a language after everything that can be translated was collected from the source anew."""
    program("xgettext")
    copy = tmp_path_factory.mktemp("source") / "spree_digitals"
    shutil.copytree(PACKAGE, copy)
    command = [sys.executable, "-m", "django", "makemessages", *(f"--locale={language}" for language in LANGUAGES)]
    settings_free = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")}
    done = subprocess.run(command, cwd=copy, env=settings_free, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return lambda language: catalog(language, copy)


@pytest.mark.parametrize("language", LANGUAGES)
def test_whatever_a_person_reads_has_a_translation(collected, language):
    assert messages(collected(language)) == messages(catalog(language))


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_translation_is_missing_or_guessed(language):
    entries = catalog(language)
    assert [entry.msgid for entry in entries.untranslated_entries()] == []
    assert [entry.msgid for entry in entries.fuzzy_entries()] == []
    assert [entry.msgid for entry in entries.obsolete_entries()] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_fills_in_what_the_english_text_does(language):
    checked = subprocess.run(
        [program("msgfmt"), "--check", "--output-file=-", catalog(language).fpath], capture_output=True, check=False
    )
    assert checked.returncode == 0, checked.stderr.decode()


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_shipped_is_what_was_translated(language):
    written = catalog(language)
    shipped = {(e.msgctxt, e.msgid): e for e in polib.mofile(written.fpath.removesuffix(".po") + ".mo")}
    assert len(shipped) == len(written.translated_entries())
    for entry in written.translated_entries():
        found = shipped[entry.msgctxt, entry.msgid]
        assert (found.msgstr, found.msgstr_plural) == (entry.msgstr, entry.msgstr_plural)
