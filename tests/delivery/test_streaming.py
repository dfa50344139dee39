"""Files as the application streams them itself, under real WSGI and ASGI servers."""

from __future__ import annotations

import http.client
import os
from urllib.parse import urlsplit

import pytest

from tests.conftest import DOWNLOAD, uses

CONTENT = os.urandom(1_000_003)


def ask(server, link, method="GET", **headers):
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=30)
    try:
        connection.request(method, DOWNLOAD + link.token, headers={k.replace("_", "-"): v for k, v in headers.items()})
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()
    finally:
        connection.close()


def test_a_buyer_gets_the_file_and_any_part_of_it_for_one_use(application, make_link, make_digital):
    link = make_link(make_digital(content=CONTENT, name="song.bin"), uses=1)
    status, headers, body = ask(application, link)
    assert (status, body) == (200, CONTENT)
    assert headers["Accept-Ranges"] == "bytes"
    status, headers, body = ask(application, link, Range="bytes=500000-")
    assert (status, body) == (206, CONTENT[500_000:])
    assert headers["Content-Range"] == f"bytes 500000-{len(CONTENT) - 1}/{len(CONTENT)}"
    assert int(headers["Content-Length"]) == len(body)
    assert uses(link) == 1
    assert ask(application, link)[0] == 403


@pytest.mark.parametrize("header", ["bytes=5-2", "bytes=0-1,4-5", "items=0-1", "bytes=+1-2", "bytes=1_0-2_0"])
def test_what_is_no_single_range_gets_the_whole_file(application, make_link, make_digital, header):
    link = make_link(make_digital(content=b"0123456789", name="ten.bin"))
    assert ask(application, link, Range=header)[::2] == (200, b"0123456789")
    assert uses(link) == 1
