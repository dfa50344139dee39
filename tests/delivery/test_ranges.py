"""Which bytes are asked for, and whether conditions hold: the arithmetic alone, clause by clause of RFC 9110."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spree_digitals.delivery.conditions import unmet
from spree_digitals.delivery.ranges import Span, Unsatisfiable, asked, is_ranged, still_holds

pytestmark = pytest.mark.once

TAG, OTHER = '"5e884898"', '"8d969eef"'
EARLIER, DATE, LATER = (f"{day}, 0{n} Jan 2026 00:00:00 GMT" for n, day in ((4, "Sun"), (5, "Mon"), (6, "Tue")))
MODIFIED = 1_767_571_200
HUGE = "9" * 5_000
NONE = (416, "there is no such byte")


def answer(header: str | None, size: int):
    try:
        return asked(header, size)
    except Unsatisfiable:
        return NONE


@pytest.mark.parametrize(
    ("header", "size", "expected"),
    [
        pytest.param("bytes=0-0", 10, Span(0, 1), id="14.1.2 the first byte"),
        pytest.param("bytes=9-9", 10, Span(9, 10), id="14.1.2 the last byte"),
        pytest.param("bytes=3-", 10, Span(3, 10), id="14.1.2 from there on"),
        pytest.param("bytes=-3", 10, Span(7, 10), id="14.1.2 the last three"),
        pytest.param("bytes=3-99", 10, Span(3, 10), id="14.1.2 a last position beyond the end"),
        pytest.param("bytes=-99", 10, Span(0, 10), id="14.1.2 a suffix longer than the file"),
        pytest.param(f"bytes=3-{HUGE}", 10, Span(3, 10), id="14.1.2 a last position nobody can count to"),
        pytest.param(f"bytes=-{HUGE}", 10, Span(0, 10), id="14.1.2 a suffix nobody can count to"),
        pytest.param("bytes=0003-0004", 10, Span(3, 5), id="14.1.1 leading zeros"),
        pytest.param(f"bytes={'0' * 5_000}3-4", 10, Span(3, 5), id="14.1.1 very many leading zeros"),
        pytest.param("BYTES=3-4", 10, Span(3, 5), id="14.1 units are case-insensitive"),
        pytest.param("bytes=,, 3-4 ,", 10, Span(3, 5), id="5.6.1.2 empty elements of a list"),
        pytest.param(" bytes=3-4\t", 10, Span(3, 5), id="5.5 white space around a value"),
        pytest.param("bytes=4294967296-4294967299", 5 << 30, Span(1 << 32, (1 << 32) + 4), id="14.1.2 beyond 4 GiB"),
        pytest.param("bytes=10-", 10, NONE, id="14.1.2 from the end on"),
        pytest.param("bytes=10-11", 10, NONE, id="14.1.2 beyond the end"),
        pytest.param(f"bytes={HUGE}-", 10, NONE, id="14.1.2 far beyond the end"),
        pytest.param("bytes=-0", 10, NONE, id="14.1.2 the last none"),
        pytest.param("bytes=-000", 10, NONE, id="14.1.2 the last 000"),
        pytest.param("bytes=0-0", 0, NONE, id="14.1.2 the first byte of an empty file"),
        pytest.param("bytes=0-", 0, NONE, id="14.1.2 all of an empty file"),
        pytest.param("bytes=-5", 0, None, id="14.1.2 the last five of an empty file"),
        pytest.param("bytes=-0", 0, NONE, id="14.1.2 the last none of an empty file"),
        pytest.param(None, 10, None, id="14.2 no header"),
        pytest.param("", 10, None, id="14.2 an empty header"),
        pytest.param("bytes=5-2", 10, None, id="14.1.1 a last position before the first"),
        pytest.param(f"bytes={HUGE}8-{HUGE}7", 10, None, id="14.1.1 the same, far beyond the end"),
        pytest.param("bytes=-", 10, None, id="14.1.1 no position"),
        pytest.param("bytes=", 10, None, id="14.1.1 no range"),
        pytest.param("bytes=,", 10, None, id="14.1.1 no range but a comma"),
        pytest.param("bytes=+1-2", 10, None, id="14.1.1 a sign"),
        pytest.param("bytes=--1", 10, None, id="14.1.1 two signs"),
        pytest.param("bytes=1_0-2_0", 99, None, id="14.1.1 digits as Python writes them"),
        pytest.param("bytes=0x1-0x2", 10, None, id="14.1.1 hexadecimal digits"),
        pytest.param("bytes=²-5", 10, None, id="14.1.1 digits that are none"),
        pytest.param("bytes=١-٢", 10, None, id="14.1.1 digits of another script"),
        pytest.param("bytes=1 - 2", 10, None, id="14.1.1 white space inside a range"),
        pytest.param("bytes=1-2-3", 10, None, id="14.1.1 three positions"),
        pytest.param("bytes=1.0-2", 10, None, id="14.1.1 a fraction"),
        pytest.param("bytes=1-2\n", 10, None, id="5.5 a line break"),
        pytest.param("bytes 1-2", 10, None, id="14.1.1 no equals sign"),
        pytest.param("bytes =1-2", 10, None, id="14.1.1 white space after the unit"),
        pytest.param("1-2", 10, None, id="14.1.1 no unit"),
        pytest.param("items=1-2", 10, None, id="14.2 another unit"),
        pytest.param("bytesX=1-2", 10, None, id="14.2 a unit that begins alike"),
        pytest.param("byteſ=1-2", 10, None, id="14.1 a unit that only looks alike"),
        pytest.param("bytes=0-1,4-5", 10, None, id="14.2 two ranges"),
        pytest.param("bytes=0-,0-,0-", 10, None, id="14.2 the whole, three times"),
        pytest.param("bytes=99-,0-0", 10, None, id="14.2 two ranges, one of them beyond the end"),
        pytest.param("bytes=0-1,bytes=4-5", 10, None, id="14.2 two headers, as servers join them"),
    ],
)
def test_a_range_is_one_span_or_there_is_no_such_byte_or_it_is_ignored(header, size, expected):
    assert answer(header, size) == expected


@given(st.integers(0, 50), st.text("0123456789-, \tbytes=x²", max_size=12).map("bytes={}".format))
def test_whatever_is_asked_for_lies_in_the_file(size, header):
    found = answer(header, size)
    assert found is None or found == NONE or 0 <= found.start < found.stop <= size
    assert found is None or is_ranged(header)


@pytest.mark.parametrize("header", ["bytes=0-0", "bytes=-0", "bytes=5-", f"bytes={HUGE}-", "bytes=-5"])
def test_what_some_file_has_a_range_for_may_join_a_download(header):
    assert is_ranged(header)


@pytest.mark.parametrize("header", [None, "", "bytes=5-2", "items=0-1", "bytes=0-0,2-2", "bytes=abc"])
def test_what_no_file_has_a_range_for_may_not(header):
    assert not is_ranged(header)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        pytest.param(None, True, id="13.1.5 absent"),
        pytest.param(TAG, True, id="13.1.5 the tag"),
        pytest.param(f" {TAG}\t", True, id="5.5 white space around it"),
        pytest.param(DATE, True, id="13.1.5 the date"),
        pytest.param(OTHER, False, id="13.1.5 another tag"),
        pytest.param(f"W/{TAG}", False, id="13.1.5 a weak tag"),
        pytest.param(EARLIER, False, id="13.1.5 an earlier date"),
        pytest.param(LATER, False, id="13.1.5 a later date"),
        pytest.param("Monday, 05-Jan-26 00:00:00 GMT", False, id="13.1.5 the date in another form"),
        pytest.param(f"{TAG}, {OTHER}", False, id="13.1.5 a list"),
        pytest.param("*", False, id="13.1.5 a star"),
        pytest.param(TAG.strip('"'), False, id="8.8.3 a tag without its quotes"),
        pytest.param("", False, id="13.1.5 nothing"),
    ],
)
def test_if_range_holds_for_exactly_the_file_as_it_is(condition, holds):
    assert still_holds(condition, etag=TAG, last_modified=DATE) is holds


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, None, id="13.2.2 no condition"),
        pytest.param({"If-Match": TAG}, None, id="13.1.1 the tag"),
        pytest.param({"If-Match": "*"}, None, id="13.1.1 any"),
        pytest.param({"If-Match": f'W/"a,b" ,, {OTHER},{TAG}'}, None, id="13.1.1 a list with the tag"),
        pytest.param({"If-Match": OTHER}, 412, id="13.1.1 another tag"),
        pytest.param({"If-Match": f"W/{TAG}"}, 412, id="13.1.1 compared strongly"),
        pytest.param({"If-Match": TAG.strip('"')}, 412, id="13.1.1 no tag at all"),
        pytest.param({"If-Match": ""}, 412, id="13.1.1 an empty list"),
        pytest.param({"If-Match": f'"x{TAG}'}, 412, id="8.8.3 the tag within another"),
        pytest.param({"If-None-Match": TAG}, 304, id="13.1.2 the tag"),
        pytest.param({"If-None-Match": f"W/{TAG}"}, 304, id="13.1.2 compared weakly"),
        pytest.param({"If-None-Match": "*"}, 304, id="13.1.2 any"),
        pytest.param({"If-None-Match": f"{OTHER}, {TAG}"}, 304, id="13.1.2 a list with the tag"),
        pytest.param({"If-None-Match": OTHER}, None, id="13.1.2 another tag"),
        pytest.param({"If-None-Match": "abc"}, None, id="13.1.2 no tag at all"),
        pytest.param({"If-Modified-Since": DATE}, 304, id="13.1.3 the date"),
        pytest.param({"If-Modified-Since": LATER}, 304, id="13.1.3 a later date"),
        pytest.param({"If-Modified-Since": EARLIER}, None, id="13.1.3 an earlier date"),
        pytest.param({"If-Modified-Since": "yesterday"}, None, id="13.1.3 no date"),
        pytest.param({"If-Modified-Since": "Monday, 05-Jan-26 00:00:00 GMT"}, 304, id="5.6.7 a date of RFC 850"),
        pytest.param({"If-Modified-Since": "Mon Jan  5 00:00:00 2026"}, 304, id="5.6.7 a date of asctime"),
        pytest.param({"If-Unmodified-Since": DATE}, None, id="13.1.4 the date"),
        pytest.param({"If-Unmodified-Since": LATER}, None, id="13.1.4 a later date"),
        pytest.param({"If-Unmodified-Since": EARLIER}, 412, id="13.1.4 an earlier date"),
        pytest.param({"If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"}, 412, id="13.1.4 the earliest date"),
        pytest.param({"If-Unmodified-Since": "tomorrow"}, None, id="13.1.4 no date"),
        pytest.param({"If-Match": OTHER, "If-None-Match": TAG}, 412, id="13.2.2 If-Match goes first"),
        pytest.param({"If-Match": TAG, "If-None-Match": TAG}, 304, id="13.2.2 then If-None-Match"),
        pytest.param({"If-Match": TAG, "If-Unmodified-Since": EARLIER}, None, id="13.1.4 ignored with If-Match"),
        pytest.param({"If-Unmodified-Since": EARLIER, "If-None-Match": TAG}, 412, id="13.2.2 it goes before 304"),
        pytest.param({"If-None-Match": OTHER, "If-Modified-Since": DATE}, None, id="13.1.3 ignored with If-None-Match"),
        pytest.param({"If-None-Match": "abc", "If-Modified-Since": DATE}, None, id="13.1.3 also with one that is none"),
    ],
)
def test_conditions_are_judged_in_the_order_of_the_rfc(headers, status):
    assert unmet(headers, etag=TAG, modified=MODIFIED) == status


@pytest.mark.parametrize(
    "unit", ["0-0,", "0-,", "-1,", ",", " ", "\t,", "9", "-", "bytes=", '"', ',"', "W/"], ids=ascii
)
def test_long_headers_are_read_in_linear_time(unit):
    header = "bytes=" + unit * (65_536 // len(unit))
    began = time.process_time()
    for _ in range(20):
        answer(header, 10)
        unmet({"If-Match": header, "If-None-Match": header}, etag=TAG, modified=MODIFIED)
        still_holds(header, etag=TAG, last_modified=DATE)
    assert time.process_time() - began < 10  # seconds: quadratic time takes minutes
