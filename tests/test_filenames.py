"""The name that a download is saved under."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from email.message import EmailMessage
from urllib.parse import unquote_to_bytes

import pytest
from django.core.files.storage import InMemoryStorage
from django.http import HttpResponse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spree_digitals.delivery.base import download_name, file_headers
from spree_digitals.delivery.ranges import Span
from spree_digitals.storage import StoredFile

pytestmark = pytest.mark.once

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
DEVICES = ["CON", "prn", "Aux", "NUL", "COM1", "com9", "LPT1", "lpt9", "COM¹", "lpt³"]
AWKWARD = [
    *BIDI,
    *DEVICES,
    "..",
    ".",
    " ",
    "/",
    "\\",
    ":",
    '"',
    "'",
    "%",
    ";",
    "=",
    "\r\n",
    "\0",
    "\x7f",
    "\ud800",
    "👻",
]
AWKWARD += ["filename*=utf-8''", "\u2028", "\u00a0", "é", "e\u0301", "女", "x" * 149, "女" * 60, ".pdf", ".tar.gz"]
NAMES = st.one_of(
    st.text(max_size=300),
    st.text(st.characters(max_codepoint=0x7F)),
    st.text(st.characters()).map(lambda text: f"{text}.pdf"),
    st.lists(st.sampled_from(AWKWARD) | st.text(max_size=5), max_size=8).map("".join),
)


def head_for(filename: str) -> HttpResponse:
    """The head of a part of a file with this name, and everything else as long as it can be."""
    stored = StoredFile(
        storage=InMemoryStorage(),
        name="ab/cd",
        filename=filename,
        content_type=f"application/{'x' * 243}",
        byte_size=10**18,
        sha256="0" * 64,
        version=1,
        modified_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    return HttpResponse(status=206, headers=file_headers(stored, Span(10**18 - 2, 10**18 - 1)))


def content_disposition(filename: str) -> str:
    """The header as it goes over the wire."""
    return str(head_for(filename)["Content-Disposition"])


def saved_as(header: str) -> str:
    """What a client reads there: RFC 6266, with quoted strings of RFC 9110 §5.6.4 and RFC 8187's encoding."""
    if quoted := re.fullmatch(r'attachment; filename="((?:[^"\\]|\\.)*)"', header):
        return re.sub(r"\\(.)", r"\1", quoted[1])
    (encoded,) = re.fullmatch(r"attachment; filename\*=utf-8''([\w!#$&+.^`|~%-]+)", header, re.ASCII).groups()
    return unquote_to_bytes(encoded).decode()


@settings(max_examples=10_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(NAMES)
def test_any_name_becomes_one_that_every_system_can_save(filename):
    name = download_name(filename)
    assert name
    assert len(name.encode()) <= 150
    assert not set(name) & set('/\\:*?"<>|' + BIDI)
    assert not [char for char in name if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]
    assert name == name.strip(". ")
    assert name.split(".")[0].rstrip().upper() not in {device.upper() for device in DEVICES}
    assert download_name(name) == name

    response = head_for(filename)
    assert all(value.isascii() and value.isprintable() for value in response.headers.values())
    assert len(response.serialize_headers()) <= 4096 - 200  # that is what servers add: the status, Date, Server …
    assert saved_as(response["Content-Disposition"]) == name


@given(
    st.text(st.characters(categories=["L"]), min_size=1, max_size=255), st.from_regex(r"[a-z0-9]{1,10}", fullmatch=True)
)
def test_however_long_a_name_is_it_keeps_its_extension(stem, extension):
    assert download_name(f"{stem}.{extension}").endswith(f".{extension}")


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        ("novel.pdf", "novel.pdf"),
        ("A novel, part 1 (2nd edition).pdf", "A novel, part 1 (2nd edition).pdf"),
        ("Une œuvre – première partie.pdf", "Une œuvre – première partie.pdf"),
        ("本.pdf", "本.pdf"),
        ("letters.tar.gz", "letters.tar.gz"),
        ("50% off; it's 1=1.txt", "50% off; it's 1=1.txt"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("..\\boot.ini", "_boot.ini"),
        ("C:\\novel.pdf", "C__novel.pdf"),
        ("novel.pdf:hidden.exe", "novel.pdf_hidden.exe"),
        ('say "hello".pdf', "say _hello_.pdf"),
        (".bashrc", "bashrc"),
        ("novel.pdf. .", "novel.pdf"),
        ("novel\u202efdp.exe", "novelfdp.exe"),
        ("novel\u2028.pdf", "novel.pdf"),
        ("novel.pdf\r\nSet-Cookie: a=b", "novel.pdfSet-Cookie_ a=b"),
        ("novel.pdf\0.exe", "novel.pdf.exe"),
        ("novel\ud800.pdf", "novel.pdf"),
        ("CON", "_CON"),
        ("con.txt", "_con.txt"),
        ("CON .txt", "_CON .txt"),
        ("com1.tar.gz", "_com1.tar.gz"),
        ("COM¹.txt", "_COM¹.txt"),
        ("Nul.a-very-long-extension", "_Nul.a-very-long-extension"),
        ("console.log", "console.log"),
        ("", "download"),
        ("...", "download"),
        ("\u202e", "download"),
        ("n" * 300 + ".pdf", "n" * 146 + ".pdf"),
        ("女" * 100 + ".pdf", "女" * 48 + ".pdf"),
        ("👻" * 100, "👻" * 37),
    ],
    ids=ascii,
)
def test_a_name_changes_only_where_it_has_to(filename, expected):
    assert download_name(filename) == expected


# The vectors of CVE-2022-36359, which let a name choose another one in the header.
@pytest.mark.parametrize(
    "filename",
    [
        'evil.bat";"dummy.txt',
        'evil.sh";dummy=".txt',
        "a\"; filename*=utf-8''evil.bat; x=\".txt",
        "a\\",
        'a\\"; b="c.txt',
    ],
    ids=ascii,
)
def test_a_name_cannot_choose_another_one_in_the_header(filename):
    header = content_disposition(filename)
    assert saved_as(header) == download_name(filename)
    message = EmailMessage()  # the standard library reads the same header in its own way
    message["Content-Disposition"] = header
    assert message.get_filename() == download_name(filename)
