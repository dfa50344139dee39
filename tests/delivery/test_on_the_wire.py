"""Lengths are what they say they are: every byte on the connection belongs to the answer that announced it."""

from __future__ import annotations

import os

import pytest

from spree_digitals.delivery.base import download_name
from spree_digitals.models import Digital, DigitalLink
from tests.delivery.wire import Wire, fetch
from tests.test_filenames import AWKWARD, saved_as

CONTENT = os.urandom(300_000)
BEYOND_4_GIB = 4_294_967_296


@pytest.fixture(params=["gunicorn", "uvicorn", "behind_nginx"])
def server(request, serve):
    return request.getfixturevalue(request.param) if "nginx" in request.param else serve(request.param)


def test_requests_that_are_sent_all_at_once_are_answered_one_after_the_other(server, sell):
    """RFC 9112 §9.3.2. One byte too many or too few, and the next answer would not be found."""
    link = sell(CONTENT)
    tag = f'"{link.digital.sha256}"'
    exchange = [
        ("GET", [], 200, CONTENT),
        ("GET", [("Range", "bytes=5-100004")], 206, CONTENT[5:100_005]),
        ("HEAD", [], 200, b""),
        ("GET", [("Range", "bytes=300000-")], 416, None),
        ("HEAD", [("Range", "bytes=0-0")], 200, b""),
        ("GET", [("If-None-Match", tag)], 304, b""),
        ("GET", [("If-Match", '"other"')], 412, None),
        ("OPTIONS", [], 204, b""),
        ("GET", [("Range", "bytes=-1")], 206, CONTENT[-1:]),
        ("DELETE", [], 405, None),
        ("GET", [("Sec-Purpose", "prefetch")], 503, None),
        ("HEAD", [("If-Match", '"other"')], 412, b""),
        ("GET", [("Range", "bytes=0-")], 206, CONTENT),
    ]
    with Wire(server) as wire:
        wire.program = f"pipelining, port {server.port}"
        for method, headers, _, _ in exchange:
            wire.send(link, headers, method)
        for method, headers, status, body in exchange:
            answer = wire.receive(method)
            assert answer.status == status, (method, headers)
            assert body is None or answer.body == body
        assert not wire.received


def test_an_empty_file_is_an_empty_answer_and_has_no_ranges(server, sell):
    link = sell(b"")
    for headers, status in (([], 200), ([("Range", "bytes=-5")], 200), ([("Range", "bytes=5-2")], 200)):
        answer = fetch(server, link, headers)
        assert (answer.status, answer.body, answer.headers["content-length"]) == (status, b"", "0")
    for asked in ("bytes=0-", "bytes=0-0", "bytes=-0", "bytes=1-"):
        answer = fetch(server, link, [("Range", asked)])
        assert (answer.status, answer.headers["content-range"]) == (416, "bytes */0")


def test_a_file_may_be_larger_than_32_bits_can_count(server, sell_sparse, served_directory):
    link = sell_sparse(5 << 30)
    with (served_directory / link.digital.attachment.name).open("r+b") as file:
        file.seek(BEYOND_4_GIB)
        file.write(b"east")
    answer = fetch(server, link, [("Range", f"bytes={BEYOND_4_GIB}-{BEYOND_4_GIB + 3}")])
    assert (answer.status, answer.body) == (206, b"east")
    assert answer.headers["content-range"] == f"bytes {BEYOND_4_GIB}-{BEYOND_4_GIB + 3}/{5 << 30}"
    assert fetch(server, link, [("Range", "bytes=-2")]).body == b"\0\0"
    assert fetch(server, link, method="HEAD").headers["content-length"] == str(5 << 30)
    with Wire(server) as wire:  # the whole begins as it should, and is left at that
        wire.send(link)
        status, headers = wire.head()
        assert (status, headers["content-length"]) == (200, str(5 << 30))
        assert wire.exactly(100_000) == bytes(100_000)
    assert DigitalLink.objects.get(pk=link.pk).access_counter >= 1


def test_a_name_arrives_as_it_can_be_saved_whatever_it_was(server, sell):
    link = sell(b"a song")
    with Wire(server) as wire:
        for name in [*AWKWARD, "女" * 255, "👻" * 255, '"' * 255, "%" * 255]:
            Digital.objects.filter(pk=link.digital_id).update(filename=name.replace("\0", "").replace("\ud800", ""))
            answer = wire.ask(link)
            assert (answer.status, answer.body) == (200, b"a song")
            assert saved_as(answer.headers["content-disposition"]) == download_name(name)
            assert sum(len(name) + len(value) + 4 for name, value in answer.headers.items()) < 4_000
