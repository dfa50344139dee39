"""Files that the application streams through nginx: what it learns of what arrived, and how long it may take."""

from __future__ import annotations

import http.client
import socket
import time

import pytest

from spree_digitals.models import Download
from tests.conftest import DOWNLOAD, uses
from tests.delivery import servers
from tests.delivery.asking import BUYER, HERE, ask
from tests.delivery.fronts import WAYS

MIB = 2**20
SIZE = 32 * MIB

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]


@pytest.fixture
def link(make_link, make_digital):
    return make_link(make_digital(content=bytes(SIZE), name="film.bin"), uses=5)


def take(server, link, wanted, *, pause=0.0):
    """Read so many bytes of a file, in pieces with a pause after each, and hang up. The number of bytes that came."""
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)  # little is on its way while nobody reads
        line.bind((BUYER, 0))
        line.settimeout(30)
        line.connect((HERE, server.port))
        request = f"GET {DOWNLOAD}{link.token} HTTP/1.1\r\nHost: shop.example\r\nRange: bytes=0-\r\n\r\n"
        line.sendall(request.encode())
        response = http.client.HTTPResponse(line)
        response.begin()
        assert response.status == 206
        came = 0
        while came < wanted and (piece := response.read(min(MIB, wanted - came))):
            came += len(piece)
            time.sleep(pause)
        return came


def granted(link):
    """What the application takes for delivered, once it has given back what it knows was not."""
    before, deadline = None, time.monotonic() + 10
    while time.monotonic() < deadline:
        time.sleep(0.5)
        now = Download.objects.get(link=link).bytes_granted
        if now == before and now < SIZE:
            break
        before = now
    return now


def test_what_did_not_arrive_is_given_back(deliver, link):
    shop = deliver("stream behind nginx", "uvicorn")
    for _ in range(4):  # without giving back, the third would be another use
        take(shop, link, 2 * MIB)
        assert granted(link) < SIZE
    assert uses(link) == 1


def test_a_proxy_that_swallows_whole_files_hides_what_arrived(serve, link, served_directory, tmp_path):
    application = serve("gunicorn", **WAYS["stream behind nginx"].settings)
    configure = WAYS["stream behind nginx"].configuration
    swallows = servers.nginx(
        lambda port: configure(port, application, served_directory).replace("proxy_max_temp_file_size 0;", ""), tmp_path
    )
    try:
        take(swallows, link, 2 * MIB, pause=0.5)
    finally:
        swallows.stop()
    assert granted(link) == SIZE


@pytest.mark.slow
@pytest.mark.parametrize(("worker", "arrives"), [("gthread", True), ("sync", False)])
def test_a_download_may_take_longer_than_the_time_out_of_a_worker_that_has_threads(serve, link, worker, arrives):
    told = {"options": (f"--worker-class={worker}", "--timeout=2")}
    server = serve("gunicorn", **told, **WAYS["stream behind nginx"].settings)
    assert ask(server, link, "HEAD").status == 200  # the first request takes its time anyway
    try:
        came = take(server, link, 12 * MIB, pause=0.4)
    except (http.client.IncompleteRead, ConnectionError):
        came = 0
    assert (came == 12 * MIB) == arrives
