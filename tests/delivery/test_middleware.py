"""Middleware that compresses, compares, translates and caches leaves what is sold as it is."""

from __future__ import annotations

import hashlib

import pytest

from spree_digitals.models import DigitalLink
from tests.delivery.wire import Wire
from tests.settings import MIDDLEWARE

TALE = b"Once upon a time there was a file that would have been so easy to compress. " * 5_000
N = len(TALE)
OTHERS = ["cache.UpdateCache", "gzip.GZip", "http.ConditionalGet", "locale.Locale", "cache.FetchFromCache"]
STACK = [f"django.middleware.{name}Middleware" for name in OTHERS]
OURS = ("content-length", "content-range", "content-encoding", "content-type", "content-disposition", "etag")
OURS += ("last-modified", "accept-ranges", "cache-control")


@pytest.fixture(params=["gunicorn", "uvicorn"])
def servers(request, serve):
    """The same server, without the middleware and with it."""
    own = [middleware for middleware in MIDDLEWARE if "Locale" not in middleware]
    return serve(request.param), serve(request.param, MIDDLEWARE=[*STACK, *own])


@pytest.mark.parametrize("name", ["tale.txt", "tale.txt.gz", "tale.svgz", "tale.br", "tale.html"])
def test_whatever_stands_around_it_a_file_arrives_byte_for_byte(servers, sell, name):
    link = sell(TALE, name=name)
    tag = f'"{hashlib.sha256(TALE).hexdigest()}"'
    browser = [("Accept-Encoding", "gzip, deflate, br"), ("Accept-Language", "de, en;q=0.5"), ("Cookie", "a=b")]
    asked = [
        ("GET", [], 200, TALE),
        ("GET", [("Range", "bytes=0-99999")], 206, TALE[:100_000]),
        ("GET", [("Range", "bytes=0-")], 206, TALE),
        ("GET", [("Range", "bytes=1-2"), ("If-Range", tag)], 206, TALE[1:3]),
        ("GET", [("Range", "bytes=1-2"), ("If-Range", '"other"')], 200, TALE),
        ("GET", [("If-None-Match", tag)], 304, b""),
        ("GET", [("If-None-Match", tag), ("Range", "bytes=1-2")], 304, b""),
        ("GET", [("If-Match", '"other"')], 412, None),
        ("GET", [("Range", f"bytes={N}-")], 416, None),
        ("HEAD", [("Range", "bytes=1-2")], 200, b""),
        ("GET", [], 200, TALE),  # not what a cache has kept
    ]
    with Wire(servers[0]) as plain, Wire(servers[1]) as wrapped:
        for method, headers, status, body in asked:
            expected, found = (wire.ask(link, [*browser, *headers], method) for wire in (plain, wrapped))
            assert (expected.status, found.status) == (status, status), headers
            if status in {200, 206, 304}:
                assert found.body == expected.body == body
                assert {name: found.headers.get(name) for name in OURS} == {
                    name: expected.headers.get(name) for name in OURS
                }
            assert found.headers["cache-control"] == "private, no-store"
            if status in {200, 206}:
                assert found.headers["etag"] == tag
                assert int(found.headers["content-length"]) == len(body if method == "GET" else TALE)
    counted = DigitalLink.objects.values_list("access_counter", flat=True).get(pk=link.pk)
    assert counted >= 6  # each of the three GETs for the whole, on each of the two servers
