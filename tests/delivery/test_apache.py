"""Files as Apache and lighttpd send them, configured as the documentation says."""

from __future__ import annotations

import http.client
from pathlib import Path

import pytest
from django.db import connection

from tests.conftest import uses
from tests.delivery.asking import HERE, ask
from tests.delivery.fronts import WAYS
from tests.delivery.names import HOSTILE, sold_under

CONTENT = bytes(range(256)) * 400
HEADERS = {
    "Accept-Ranges": "bytes",
    "Cache-Control": "private, no-store",
    "Content-Disposition": 'attachment; filename="song.bin"',
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]


@pytest.fixture(params=["apache", "lighttpd"])
def front(request, deliver):
    return deliver(request.param)


@pytest.fixture
def gunicorn(serve):
    """The application behind them, asked directly."""
    return serve("gunicorn", **WAYS["apache"].settings)


@pytest.fixture
def link(make_link, make_digital):
    return make_link(make_digital(content=CONTENT, name="song.bin"), uses=100)


def test_whatever_a_stored_file_is_called_its_own_bytes_arrive(front, link, digitals_directory):
    for name in HOSTILE:
        content = sold_under(name, link, digitals_directory)
        answer = ask(front, link)
        assert (answer.status, answer.body) == (200, content), name
    assert uses(link) == len(HOSTILE)


@pytest.mark.parametrize(
    ("status", "headers"),
    [(200, {}), (206, {"Range": "bytes=5-9"}), (206, {"Range": "bytes=-7"}), (200, {"If_None_Match": '"another"'})],
)
def test_what_protects_the_buyer_is_said_once(front, link, status, headers):
    answer = ask(front, link, Accept_Encoding="gzip", **headers)
    assert answer.status == status
    assert {name: answer.headers.get_all(name) for name in HEADERS} == {
        name: [value] for name, value in HEADERS.items()
    }
    assert answer.headers["ETag"] == link.digital.stored_file.etag
    assert answer.headers["Last-Modified"] == link.digital.stored_file.last_modified
    assert "X-Sendfile" not in answer.headers
    assert "Content-Encoding" not in answer.headers, "the application has sent it"


@pytest.mark.parametrize("asked", ["bytes=0-0", "bytes=0-1,4-5", "bytes=0-0,0-0"])
def test_a_range_that_only_apache_would_read_changes_nothing(front, link, asked):
    answer = ask(front, link, Request_Range=asked)
    assert (answer.status, answer.body) == (200, CONTENT)


def test_nobody_reaches_the_files_without_the_application(front, link):
    name = link.digital.attachment.name
    for path in (f"/{name}", link.digital.attachment.path, f"/x/..{link.digital.attachment.path}"):
        answer = ask(front, path, X_Sendfile=link.digital.attachment.path)
        assert answer.status in (400, 404), path
        assert CONTENT[:50] not in answer.body


def test_without_that_server_the_application_sends_the_file_and_warns_once(gunicorn, link):
    for headers in ({}, {"X_Sendfile_Type": "X-Sendfile"}, {"X_Sendfile_Type": "X-Sendfile", "X_Forwarded_For": HERE}):
        answer = ask(gunicorn, link, **headers)
        assert (answer.status, answer.body) == (200, CONTENT)
        assert "X-Sendfile" not in answer.headers
    assert uses(link) == 3
    assert gunicorn.said().count("a request did not come through a server that takes X-Sendfile") == 1


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "//etc/passwd", "a/../../secret", ".", ".."])
def test_a_stored_name_that_leads_elsewhere_is_not_found(front, link, digitals_directory, name):
    Path(digitals_directory, "..", "secret").write_bytes(CONTENT)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE spree_digitals_digital SET attachment = %s WHERE id = %s", [name, link.digital_id])
    assert ask(front, link).status == 404
    assert uses(link) == 0


def test_a_line_that_drops_costs_one_use_until_the_budget_is_used_up(front, make_link, make_digital):
    link = make_link(make_digital(content=CONTENT, name="song.bin"), uses=1)
    answers = [ask(front, link, Range="bytes=0-") for _ in range(21)]
    assert [answer.status for answer in answers] == [206] * 20 + [403]
    assert uses(link) == 1


def test_a_connection_stays_in_step_after_each_file(front, link):
    """What follows an answer on the same connection would be garbage if its length was wrong."""
    kept = http.client.HTTPConnection(HERE, front.port, timeout=30)
    path = f"/api/v2/storefront/digitals/{link.token}"
    try:
        for asked, expected in ((None, CONTENT), ("bytes=-9", CONTENT[-9:]), ("bytes=1-,3-", CONTENT), (None, CONTENT)):
            kept.request("GET", path, headers={"Range": asked} if asked else {})
            response = kept.getresponse()
            assert response.read() == expected
            assert not response.will_close
    finally:
        kept.close()
