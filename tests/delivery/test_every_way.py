"""Whichever way files travel, a client sees the same answers and the same is counted."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from spree_digitals.delivery.base import PRIVATE_HEADERS, file_headers
from spree_digitals.delivery.ranges import Span
from spree_digitals.models import DigitalLink
from tests.conftest import uses
from tests.delivery.asking import Answer, ask
from tests.delivery.fronts import WAYS

# Larger than what a proxy keeps in memory, so that answers do not arrive in one piece.
CONTENT = os.urandom(300_007)
TEXT = b"All that a proxy likes to pack. " * 40


@pytest.fixture(params=[f"{way}, {kind}" for kind in ("gunicorn", "uvicorn") for way in WAYS])
def shop(request, transactional_db, deliver):
    return deliver(*request.param.split(", "))


@pytest.fixture
def content():
    return TEXT


@pytest.fixture
def link(make_link, make_digital, content):
    return make_link(make_digital(content=content, name="naïve.txt"), uses=2)


large_and_small = pytest.mark.parametrize("content", [CONTENT, TEXT], ids=["large", "small"])


def said(answer: Answer, names: Any) -> dict[str, list[str]]:
    return {name: answer.headers.get_all(name, []) for name in names}


def expected(link: DigitalLink, span: Span | None = None) -> dict[str, list[str]]:
    """What the application says of the file, each header once."""
    headers = file_headers(link.digital.stored_file, span)
    # "identity" is another word for none at all, and servers that send files themselves leave it out.
    headers.pop("Content-Encoding")
    return {name: [value] for name, value in headers.items()}


def is_the_file(answer: Answer, link: DigitalLink, content: bytes, span: Span | None = None) -> bool:
    right = expected(link, span)
    if span and "Accept-Ranges" not in answer.headers:  # nginx thinks that a part says it by itself
        del right["Accept-Ranges"]
    assert said(answer, right) == right
    assert answer.headers.get("Content-Encoding", "identity") == "identity"
    assert answer.status == (206 if span else 200)
    return answer.body == (content[span.start : span.stop] if span else content)


@large_and_small
def test_the_whole_file_arrives_unpacked_and_costs_a_use_each_time(shop, link, content):
    for counted in (1, 2):
        answer = ask(shop, link, Accept_Encoding="gzip, deflate, br")
        assert is_the_file(answer, link, content)
        assert uses(link) == counted
    assert ask(shop, link).status == 403
    assert uses(link) == 2


@large_and_small
def test_parts_of_one_download_cost_one_use_also_when_it_is_the_last(shop, make_link, make_digital, content):
    link, size = make_link(make_digital(content=content, name="naïve.txt"), uses=1), len(content)
    parts = {
        f"bytes=0-{size // 2}": (0, size // 2 + 1),
        f"bytes={size // 2 + 1}-": (size // 2 + 1, size),
        "bytes=0-0": (0, 1),
        "bytes=-1": (size - 1, size),
        f"bytes={size - 9}-{size + 9}": (size - 9, size),
        f"bytes={size - 9}-{'9' * 20}": (size - 9, size),
    }
    for asked, (start, stop) in parts.items():
        answer = ask(shop, link, Range=asked, Accept_Encoding="gzip")
        assert is_the_file(answer, link, content, Span(start, stop)), asked
    etag = link.digital.stored_file.etag
    assert is_the_file(ask(shop, link, Range="bytes=3-4", If_Range=etag), link, content, Span(3, 5))
    assert ask(shop, link).status == 403
    assert uses(link) == 1


def test_what_is_no_single_range_gets_the_whole_file(shop, link, content):
    link.unlimited_clicks, link.authorized_clicks = True, None
    link.save()
    several = ["bytes=0-1,4-5", "bytes=0-0,0-0,0-0", "bytes=5-2", "bytes=+1-2", "items=0-1"]
    for asked in several:
        assert is_the_file(ask(shop, link, Range=asked), link, content), asked
    assert uses(link) == len(several)


def test_a_part_of_another_file_than_the_one_asked_for_is_the_whole(shop, link, content):
    assert is_the_file(ask(shop, link, Range="bytes=5-", If_Range='"another"'), link, content)
    assert is_the_file(ask(shop, link, If_None_Match='"another"', If_Match="*"), link, content)
    assert uses(link) == 2


def test_answers_without_the_file_are_the_same_and_cost_nothing(shop, link, content, make_link):
    head = ask(shop, link, "HEAD", Range="bytes=0-0")
    assert is_the_file(head, link, b"")
    etag, modified = head.headers["ETag"], head.headers["Last-Modified"]
    for condition in (
        {"If_None_Match": etag},
        {"If_Modified_Since": modified},
        {"If_None_Match": etag, "Range": "bytes=0-"},
    ):
        answer = ask(shop, link, **condition)
        assert (answer.status, answer.body, answer.headers["ETag"]) == (304, b"", etag)
        assert said(answer, PRIVATE_HEADERS) == {name: [value] for name, value in PRIVATE_HEADERS.items()}
    refused = {
        412: ask(shop, link, If_Match='"another"'),
        416: ask(shop, link, Range=f"bytes={len(content)}-"),
        404: ask(shop, "/api/v2/storefront/digitals/" + "2" * 24),
        403: ask(shop, make_link(uses=0), If_None_Match="*"),
        405: ask(shop, link, "POST"),
        503: ask(shop, link, Sec_Purpose="prefetch"),
    }
    for status, answer in refused.items():
        assert answer.status == status
        assert answer.headers["Content-Type"] == "application/vnd.api+json"
        assert json.loads(answer.body)["errors"][0]["status"] == str(status)
        assert said(answer, PRIVATE_HEADERS) == {name: [value] for name, value in PRIVATE_HEADERS.items()}
        assert "Content-Disposition" not in answer.headers
    assert refused[416].headers["Content-Range"] == f"bytes */{len(content)}"
    assert uses(link) == 0


def test_a_file_that_is_gone_is_not_found_and_costs_nothing(shop, link):
    link.digital.attachment.storage.delete(link.digital.attachment.name)
    for headers in ({}, {"Range": "bytes=0-"}):
        answer = ask(shop, link, **headers)
        assert (answer.status, json.loads(answer.body)["errors"][0]["code"]) == (404, "file_missing")
        assert "Content-Disposition" not in answer.headers
    assert ask(shop, link, "HEAD").status == 404
    assert uses(link) == 0


def test_an_empty_file_arrives_and_has_no_parts(shop, make_link, make_digital):
    link = make_link(make_digital(content=b"", name="empty.txt"), uses=5)
    assert is_the_file(ask(shop, link), link, b"")
    assert is_the_file(ask(shop, link, Range="bytes=-5"), link, b"")
    assert ask(shop, link, Range="bytes=0-").status == 416
    assert uses(link) == 2
