"""What a range or a condition is answered with, clause by clause of RFC 9110, whichever server asks the application."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from django.utils import timezone
from django.utils.http import http_date

from spree_digitals.models import Digital, DigitalLink
from tests.delivery.wire import Wire

N = 1_000
CONTENT = os.urandom(N)
HUGE = "9" * 3_000
BEFORE = timezone.now() - timedelta(days=2)


class Case(NamedTuple):
    """``expected``: a status, or where the bytes of a 206 begin and end."""

    clause: str
    expected: Any
    headers: list[tuple[str, str]]
    method: str = "GET"


def case(clause: str, expected: Any, method: str = "GET", **headers: str | list[str]) -> Any:
    """Of the headers' values, ``{tag}`` and ``{date}`` are the file's, and ``{earlier}`` and ``{later}`` are not."""
    pairs = []
    for name, values in headers.items():
        pairs += [(name.replace("_", "-"), value) for value in ([values] if isinstance(values, str) else values)]
    return Case(clause, expected, pairs, method)


CASES = [
    case("9.3.1 GET", 200),
    case("9.3.2 HEAD", 200, method="HEAD"),
    case("9.3.7 OPTIONS", 204, method="OPTIONS"),
    *(case(f"15.5.6 {method}", 405, method, Range="bytes=0-1") for method in ("POST", "PUT", "PATCH", "DELETE", "FOO")),
    case("14.1.2 the first byte", (0, 1), Range="bytes=0-0"),
    case("14.1.2 the last byte", (999, 1000), Range="bytes=999-999"),
    case("14.1.2 some in the middle", (10, 20), Range="bytes=10-19"),
    case("14.1.2 all of them", (0, N), Range="bytes=0-999"),
    case("14.1.2 from the first on", (0, N), Range="bytes=0-"),
    case("14.1.2 from there on", (500, N), Range="bytes=500-"),
    case("14.1.2 from the last on", (999, N), Range="bytes=999-"),
    case("14.1.2 beyond the end", (990, N), Range="bytes=990-1099"),
    case("14.1.2 far beyond the end", (1, N), Range="bytes=1-99999999999999999999"),
    case("14.1.2 further than anybody counts", (1, N), Range=f"bytes=1-{HUGE}"),
    case("14.1.2 the last one", (999, N), Range="bytes=-1"),
    case("14.1.2 as many as there are", (0, N), Range="bytes=-1000"),
    case("14.1.2 more than there are", (0, N), Range="bytes=-1005"),
    case("14.1.2 more than anybody counts", (0, N), Range=f"bytes=-{HUGE}"),
    case("14.1.1 leading zeros", (1, 3), Range="bytes=0001-0002"),
    case("14.1 upper case", (1, 3), Range="BYTES=1-2"),
    case("5.6.1.2 empty elements", (1, 3), Range="bytes=,1-2, ,"),
    case("15.5.17 from the end on", 416, Range="bytes=1000-"),
    case("15.5.17 behind the end", 416, Range="bytes=1000-2000"),
    case("15.5.17 far behind the end", 416, Range=f"bytes={HUGE}-"),
    case("15.5.17 the last none", 416, Range="bytes=-0"),
    case("14.1.1 the last before the first", 200, Range="bytes=5-2"),
    case("14.1.1 no position", 200, Range="bytes=-"),
    case("14.1.1 nothing", 200, Range="bytes="),
    case("14.1.1 letters", 200, Range="bytes=abc"),
    case("14.1.1 a sign", 200, Range="bytes=+1-2"),
    case("14.1.1 two signs", 200, Range="bytes=--1"),
    case("14.1.1 underscores", 200, Range="bytes=1_0-2_0"),
    case("14.1.1 hexadecimal", 200, Range="bytes=0x1-0x2"),
    case("14.1.1 digits that are none", 200, Range="bytes=²-5"),
    case("14.1.1 white space", 200, Range="bytes=1 - 2"),
    case("14.1.1 no unit", 200, Range="1-2"),
    case("14.1.1 no equals sign", 200, Range="bytes 1-2"),
    case("14.2 another unit", 200, Range="items=0-1"),
    case("14.2 a longer unit", 200, Range="bytesX=1-2"),
    case("14.2 two ranges", 200, Range="bytes=0-0,2-2"),
    case("14.2 the same three times", 200, Range="bytes=0-0,0-0,0-0"),
    case("14.2 the whole, many times", 200, Range="bytes=" + ",".join(["0-"] * 1_000)),
    case("14.2 two, one behind the end", 200, Range="bytes=1000-,0-0"),
    case("14.2 two headers", 200, Range=["bytes=0-0", "bytes=2-2"]),
    case("14.2 HEAD knows no ranges", 200, method="HEAD", Range="bytes=0-0"),
    case("14.2 HEAD, behind the end", 200, method="HEAD", Range="bytes=1000-"),
    case("13.1.5 the tag", (1, 3), Range="bytes=1-2", If_Range="{tag}"),
    case("13.1.5 the date", (1, 3), Range="bytes=1-2", If_Range="{date}"),
    case("13.1.5 the tag, behind the end", 416, Range="bytes=1000-", If_Range="{tag}"),
    case("13.1.5 another tag", 200, Range="bytes=1-2", If_Range='"other"'),
    case("13.1.5 another tag, behind the end", 200, Range="bytes=1000-", If_Range='"other"'),
    case("13.1.5 a weak tag", 200, Range="bytes=1-2", If_Range="W/{tag}"),
    case("13.1.5 an earlier date", 200, Range="bytes=1-2", If_Range="{earlier}"),
    case("13.1.5 a later date", 200, Range="bytes=1-2", If_Range="{later}"),
    case("13.1.5 no date", 200, Range="bytes=1-2", If_Range="yesterday"),
    case("13.1.5 without Range", 200, If_Range="{tag}"),
    case("13.1.1 the tag", 200, If_Match="{tag}"),
    case("13.1.1 any", 200, If_Match="*"),
    case("13.1.1 one of several", 200, If_Match='"other", {tag}'),
    case("13.1.1 another tag", 412, If_Match='"other"'),
    case("13.1.1 a weak tag", 412, If_Match="W/{tag}"),
    case("13.1.1 no tag", 412, If_Match="other"),
    case("13.1.1 the tag and a range", (1, 3), If_Match="{tag}", Range="bytes=1-2"),
    case("13.1.2 the tag", 304, If_None_Match="{tag}"),
    case("13.1.2 a weak tag", 304, If_None_Match="W/{tag}"),
    case("13.1.2 any", 304, If_None_Match="*"),
    case("13.1.2 one of several", 304, If_None_Match='"other", {tag}'),
    case("13.1.2 another tag", 200, If_None_Match='"other"'),
    case("13.1.2 HEAD", 304, method="HEAD", If_None_Match="{tag}"),
    case("13.1.3 the date", 304, If_Modified_Since="{date}"),
    case("13.1.3 a later date", 304, If_Modified_Since="{later}"),
    case("13.1.3 an earlier date", 200, If_Modified_Since="{earlier}"),
    case("13.1.3 no date", 200, If_Modified_Since="yesterday"),
    case("13.1.3 ignored with If-None-Match", 200, If_None_Match='"other"', If_Modified_Since="{date}"),
    case("13.1.4 the date", 200, If_Unmodified_Since="{date}"),
    case("13.1.4 an earlier date", 412, If_Unmodified_Since="{earlier}"),
    case("13.1.4 a range", (1, 3), If_Unmodified_Since="{date}", Range="bytes=1-2"),
    case("13.1.4 ignored with If-Match", 200, If_Match="{tag}", If_Unmodified_Since="{earlier}"),
    case("13.2.2 If-Match before If-None-Match", 412, If_Match='"other"', If_None_Match="{tag}"),
    case("13.2.2 If-None-Match after If-Match", 304, If_Match="{tag}", If_None_Match="{tag}"),
    case("13.2.2 If-None-Match before Range", 304, If_None_Match="{tag}", Range="bytes=1-2"),
    case("13.2.2 another tag, then Range", (1, 3), If_None_Match='"other"', Range="bytes=1-2"),
    case("13.2.2 If-Match before 416", 412, If_Match='"other"', Range="bytes=1000-"),
    case("13.2.2 If-None-Match before 416", 304, If_None_Match="{tag}", Range="bytes=1000-"),
    case("13.2.2 If-Modified-Since before Range", 304, If_Modified_Since="{date}", Range="bytes=1-2"),
    case("13.2.1 HEAD with a condition that fails", 412, method="HEAD", If_Match='"other"'),
    case("8.4 no coding is added", 200, Accept_Encoding="gzip, br"),
    case("8.4 nor to a range", (1, 3), Accept_Encoding="gzip, br", Range="bytes=1-2"),
]


@pytest.fixture(scope="module")
def wires(serve, behind_nginx):
    """Where the application is asked: by gunicorn, by uvicorn, and by nginx in front of gunicorn."""
    wires = {"gunicorn": Wire(serve("gunicorn")), "uvicorn": Wire(serve("uvicorn")), "nginx": Wire(behind_nginx)}
    yield wires
    for wire in wires.values():
        wire.close()


@pytest.fixture(scope="module")
def sold(sell) -> DigitalLink:
    link = sell(CONTENT, name="letters.tar.gz", attached_at=BEFORE)
    return DigitalLink.objects.get(pk=link.pk)


@pytest.fixture(scope="module")
def exhausted(sell) -> DigitalLink:
    return DigitalLink.objects.get(pk=sell(CONTENT, uses=0, attached_at=BEFORE).pk)


def headers_of(case: Case, digital: Digital) -> list[tuple[str, str]]:
    day = timedelta(days=1)
    dates = {"earlier": BEFORE - day, "date": BEFORE, "later": BEFORE + day}
    values = {name: http_date(date.timestamp()) for name, date in dates.items()}
    return [(name, value.format(tag=f'"{digital.sha256}"', **values)) for name, value in case.headers]


def count(link: DigitalLink) -> int:
    return DigitalLink.objects.values_list("access_counter", flat=True).get(pk=link.pk)


def check(case: Case, answer: Any, digital: Digital) -> None:
    status = case.expected if isinstance(case.expected, int) else 206
    assert answer.status == status
    headers, body = answer.headers, answer.body
    assert headers["cache-control"] == "private, no-store"
    if status == 206:
        start, stop = case.expected
        assert body == CONTENT[start:stop]
        assert headers["content-range"] == f"bytes {start}-{stop - 1}/{N}"
        assert headers["content-length"] == str(stop - start)
    else:
        assert headers.get("content-range") == (f"bytes */{N}" if status == 416 else None)
    if status == 200:
        assert body == (b"" if case.method == "HEAD" else CONTENT)
        assert headers["content-length"] == str(N)
    if status in {200, 206}:
        assert headers["accept-ranges"] == "bytes"
        assert headers["content-encoding"] == "identity"
        assert headers["content-disposition"] == 'attachment; filename="letters.tar.gz"'
    if status in {200, 206, 304}:
        assert headers["etag"] == f'"{digital.sha256}"'
        assert headers["last-modified"] == http_date(BEFORE.timestamp())
    if status in {204, 304}:
        assert body == b""


@pytest.mark.parametrize("case", CASES, ids=[case.clause for case in CASES])
def test_the_answer_is_the_same_under_wsgi_under_asgi_and_behind_nginx(case, wires, sold):
    for name, wire in wires.items():
        wire.program = f"{case.clause} {case.method} by {name}"  # nobody who could resume a download of another test
        before = count(sold)
        check(case, wire.ask(sold, headers_of(case, sold.digital), case.method), sold.digital)
        bytes_travel = case.method == "GET" and (case.expected == 200 or isinstance(case.expected, tuple))
        assert count(sold) - before == bytes_travel


@pytest.mark.parametrize("name", ["gunicorn", "uvicorn", "nginx"])
def test_a_link_that_is_used_up_is_refused_whatever_is_asked(name, wires, exhausted):
    for case in CASES:
        if case.method in {"GET", "HEAD"}:
            answer = wires[name].ask(exhausted, headers_of(case, exhausted.digital), case.method)
            assert answer.status == 403, case
            assert CONTENT[:16] not in answer.body
            assert "etag" not in answer.headers
    assert count(exhausted) == 0


def test_there_are_enough_cases_and_each_has_a_name_of_its_own():
    assert len({case.clause for case in CASES}) == len(CASES) >= 60
