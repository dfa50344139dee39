"""Files as nginx sends them, configured as the documentation says."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from django.db import connection

from spree_digitals.models import Digital
from tests.conftest import uses
from tests.delivery import servers
from tests.delivery.asking import HERE, ask
from tests.delivery.fronts import WAYS, documented
from tests.delivery.names import HOSTILE, sold_under

CONTENT = bytes(range(256)) * 400
HEADERS = {
    "Cache-Control": "private, no-store",
    "Content-Disposition": 'attachment; filename="song.bin"',
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]


@pytest.fixture
def nginx(deliver):
    return deliver("nginx")


@pytest.fixture
def gunicorn(serve):
    """The application behind nginx, asked directly."""
    return serve("gunicorn", **WAYS["nginx"].settings)


@pytest.fixture
def link(make_link, make_digital):
    return make_link(make_digital(content=CONTENT, name="song.bin"), uses=100)


def test_whatever_a_stored_file_is_called_its_own_bytes_arrive(nginx, link, digitals_directory):
    for name in HOSTILE:
        content = sold_under(name, link, digitals_directory)
        answer = ask(nginx, link)
        assert (answer.status, answer.body) == (200, content), name
    assert uses(link) == len(HOSTILE) >= 31


@pytest.mark.parametrize(
    ("status", "headers"),
    [(200, {}), (206, {"Range": "bytes=5-9"}), (206, {"Range": "bytes=-7"}), (200, {"If_None_Match": '"another"'})],
)
def test_what_protects_the_buyer_is_said_by_nginx_too(nginx, gunicorn, link, status, headers):
    answer = ask(nginx, link, **headers)
    assert answer.status == status
    assert {name: answer.headers.get_all(name) for name in HEADERS} == {
        name: [value] for name, value in HEADERS.items()
    }
    assert answer.headers["ETag"] == link.digital.stored_file.etag
    assert answer.headers["Last-Modified"] == link.digital.stored_file.last_modified
    assert "X-Accel-Redirect" not in answer.headers
    assert "Content-Encoding" not in answer.headers
    assert answer.headers["Server"].startswith("nginx"), "the application has not sent it"


def test_nobody_reaches_the_files_without_the_application(nginx, link):
    name = link.digital.attachment.name
    for path in (
        *(f"/protected/{name}", f"/protected//{name}", f"//protected/{name}", f"/%70rotected/{name}"),
        *(f"/x/../protected/{name}", f"/protected/../protected/{name}", f"/protected%2f{name}", "/protected/"),
        *(f"/protected/../../{name}", f"/protected../{name}", f"/PROTECTED/{name}"),
    ):
        answer = ask(nginx, path, X_Accel_Redirect=f"/protected/{name}", X_Sendfile_Type="X-Accel-Redirect")
        assert answer.status in (400, 404), path
        assert CONTENT[:50] not in answer.body
    assert uses(link) == 0


def test_without_nginx_the_application_sends_the_file_and_warns_once(gunicorn, link):
    """An empty 200, with the path of the file and a use lost, is what other packages answer here."""
    for headers in (
        {},
        {"X_Sendfile_Type": "X-Accel-Redirect"},
        {"X_Sendfile_Type": "X-Accel-Redirect", "X_Forwarded_For": HERE},
        {"X_Accel_Mapping": "/=/", "X_Accel_Redirect": "/x", "X_Sendfile": "/etc/passwd"},
    ):
        answer = ask(gunicorn, link, **headers)
        assert (answer.status, answer.body) == (200, CONTENT)
        assert "X-Accel-Redirect" not in answer.headers
    assert uses(link) == 4
    assert gunicorn.said().count("a request did not come through a server that takes X-Accel-Redirect") == 1


def test_headers_for_nginx_that_a_buyer_sends_change_nothing(nginx, link):
    sent = {
        "X_Sendfile_Type": "X-Sendfile",
        "X_Accel_Redirect": "/protected/other",
        "X_Accel_Limit_Rate": "1",
        "X_Accel_Mapping": f"{Path('/')}=/protected/",
        "X_Sendfile": "/etc/passwd",
    }
    answer = ask(nginx, link, **sent)
    assert (answer.status, answer.body) == (200, CONTENT)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "//etc/passwd", "a/../../secret", ".", ".."])
def test_a_stored_name_that_leads_elsewhere_is_not_found(nginx, link, digitals_directory, name):
    Path(digitals_directory, "..", "secret").write_bytes(CONTENT)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE spree_digitals_digital SET attachment = %s WHERE id = %s", [name, link.digital_id])
    assert ask(nginx, link).status == 404
    assert uses(link) == 0


def test_a_line_that_drops_costs_one_use_until_the_budget_is_used_up(nginx, make_link, make_digital):
    """The application does not see what arrives: every range counts as delivered, up to twenty times the file."""
    link = make_link(make_digital(content=CONTENT, name="song.bin"), uses=1)
    answers = [ask(nginx, link, Range="bytes=0-") for _ in range(21)]
    assert [answer.status for answer in answers] == [206] * 20 + [403]
    assert all(answer.body == CONTENT for answer in answers[:20])
    assert uses(link) == 1


@pytest.mark.parametrize("char", ["日", "😀", '"', "ü"])
def test_the_longest_name_fits_into_the_buffer_of_nginx(nginx, make_link, make_digital, char):
    """nginx answers 502 to a response whose head is larger than 4 KiB, after the use was counted."""
    link = make_link(make_digital(content=CONTENT, name="song.bin"), uses=5)
    Digital.objects.filter(pk=link.digital_id).update(filename=char * 251 + ".bin", content_type="x/" + "y" * 253)
    for headers in ({}, {"Range": "bytes=0-1,3-4"}):
        answer = ask(nginx, link, **headers)
        assert (answer.status, answer.body) == (200, CONTENT)
    head = sum(len(f"{name}: {value}\r\n".encode()) for name, value in answer.headers.items())
    assert head < 4_096


@pytest.mark.slow
def test_the_rate_of_a_download_is_left_to_nginx(serve, make_link, make_digital, served_directory, tmp_path):
    written = {"limit_rate_after 10m;": "", "limit_rate 2m;": "limit_rate 400k;"}
    limits = documented("nginx", "nginx", written, containing="limit_rate")
    application = serve("gunicorn", **WAYS["nginx"].settings)
    limited = servers.nginx(
        lambda port: re.sub(
            "internal;", f"internal;\n{limits}", WAYS["nginx"].configuration(port, application, served_directory)
        ),
        tmp_path,
    )
    link = make_link(make_digital(content=b"x" * 800_000, name="song.bin"), uses=5)
    started = time.monotonic()
    try:
        assert len(ask(limited, link).body) == 800_000
    finally:
        limited.stop()
    assert 1 <= time.monotonic() - started < 10
