"""Transfers that break off, files that change under them, and what is no file at all, with real servers."""

from __future__ import annotations

import os
import time

import pytest
from django.db import transaction
from django.db.models import F

from spree_digitals.models import DigitalLink
from tests.conftest import uses
from tests.delivery.wire import Hurt, Wire, fetch

MIB = 1 << 20
SIZE = 16 * MIB
CONTENT = os.urandom(SIZE)
SENDING = {  # how bytes leave the application
    "gunicorn": ("gunicorn", {}),
    "gunicorn without sendfile": ("gunicorn", {"options": ("--threads=16", "--no-sendfile")}),
    "uvicorn": ("uvicorn", {}),
}


@pytest.fixture(params=SENDING)
def server(request, serve):
    """A server that Django never warns of a file that it had to read whole, nor Python of one that was left open."""
    kind, told = SENDING[request.param]
    server = serve(kind, **told)
    yield server
    assert "synchronous iterator" not in server.said()
    assert "unclosed file" not in server.said()


@pytest.fixture
def content(server):
    """Nothing happens that the server would complain about."""
    before = len(server.said())
    yield
    assert "Warning" not in server.said()[before:]
    assert "Traceback" not in server.said()[before:]
    assert "[ERROR]" not in server.said()[before:]


@pytest.fixture(scope="module")
def sold(sell) -> DigitalLink:
    return sell(CONTENT)


@pytest.fixture(params=SENDING)
def upset(request, serve):
    """A server whose log nobody else reads: what aborts a transfer leaves traces in it, also later."""
    kind, told = SENDING[request.param]
    return serve(kind, SOURCE="# upset", **told)


def wait_until(holds) -> bool:
    deadline = time.monotonic() + 30
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return bool(held)


@pytest.mark.usefixtures("content")
@pytest.mark.slow
@pytest.mark.parametrize("percent", [0, 1, 50, 99])
@pytest.mark.parametrize("headers", [[], [("Range", "bytes=1-")]], ids=["whole", "part"])
def test_whoever_hangs_up_leaves_nothing_open(server, sold, served_directory, percent, headers):
    for turn in range(40):
        with Wire(server, program=f"{percent} {turn}", far_away=True) as wire:
            wire.send(sold, headers)
            if percent:
                wire.head()
                wire.exactly(SIZE * percent // 100)
    assert wait_until(lambda: not server.open_files(served_directory)), server.open_files(served_directory)
    assert fetch(server, sold).body == CONTENT


@pytest.mark.usefixtures("content")
def test_what_did_not_arrive_is_given_back_however_it_broke_off(server, sell):
    link = sell(CONTENT, uses=1)
    with Wire(server, far_away=True) as wire:
        wire.send(link, [("Range", "bytes=0-")])
        wire.head()
        wire.exactly(MIB)
        assert link.downloads.get().bytes_granted == SIZE
    # What was in buffers is lost, and counts.
    assert wait_until(lambda: MIB <= link.downloads.get().bytes_granted <= 8 * MIB)
    assert uses(link) == 1


@pytest.mark.usefixtures("content")
@pytest.mark.parametrize("headers", [[], [("Range", "bytes=1-")]], ids=["whole", "part"])
def test_whoever_hangs_up_while_the_use_is_counted_leaves_nothing_open(server, sell, served_directory, headers):
    link = sell(CONTENT, uses=9)
    for _ in range(3):
        with transaction.atomic():
            DigitalLink.objects.filter(pk=link.pk).update(created_at=F("created_at"))  # which locks the row
            with Wire(server) as wire:
                wire.send(link, headers)
                assert wait_until(lambda: server.open_files(served_directory))
    assert wait_until(lambda: link.downloads.count() and not server.open_files(served_directory))
    granted = link.downloads.values_list("bytes_granted", flat=True)
    assert wait_until(lambda: sum(granted.all()) <= 3 * 4 * MIB)


@pytest.mark.parametrize("kind", ["gunicorn", "uvicorn"])
def test_it_is_given_back_where_a_project_makes_every_request_a_transaction_too(serve, sell, kind):
    server, link = serve(kind, DATABASE={"ATOMIC_REQUESTS": True}), sell(CONTENT, uses=1)
    for _ in range(5):
        with Wire(server, far_away=True) as wire:
            wire.send(link, [("Range", f"bytes={SIZE // 2}-")])
            assert wire.head()[0] == 206
            wire.exactly(1_000)
        assert wait_until(lambda: link.downloads.get().bytes_granted < 15 * MIB)
    assert fetch(server, link, [("Range", "bytes=0-1023")]).body == CONTENT[:1024]
    assert uses(link) == 1


@pytest.mark.parametrize(
    "headers", [[], [("Range", "bytes=0-")], [("Range", "bytes=1-")]], ids=["whole", "all", "part"]
)
def test_a_file_that_is_cut_short_meanwhile_does_not_look_complete(upset, sell, served_directory, headers):
    link = sell(CONTENT)
    path = served_directory / link.digital.attachment.name
    with Wire(upset, far_away=True) as wire:
        wire.send(link, headers)
        announced = int(wire.head()[1]["content-length"])
        wire.exactly(MIB)
        os.truncate(path, 12 * MIB)
        with pytest.raises(Hurt):
            wire.exactly(announced - MIB)
        assert len(wire.received) < announced - MIB
    assert wait_until(lambda: not upset.open_files(served_directory))
    assert fetch(upset, link).status == 404


@pytest.mark.usefixtures("content")
def test_of_a_file_that_grows_meanwhile_only_what_was_sold_is_sent(server, sell, served_directory):
    link = sell(CONTENT)
    for headers, start in (([], 0), ([("Range", "bytes=1-")], 1)):
        with Wire(server, far_away=True) as wire:
            wire.send(link, headers)
            wire.head()
            begin = wire.exactly(MIB)
            with (served_directory / link.digital.attachment.name).open("ab") as file:
                file.write(bytes(MIB))
            assert begin + wire.exactly(SIZE - start - MIB) == CONTENT[start:]
            os.truncate(served_directory / link.digital.attachment.name, SIZE)
            assert wire.ask(link, [("Range", "bytes=-1")]).body == CONTENT[-1:]  # nothing came between


@pytest.mark.usefixtures("content")
def test_a_file_that_is_replaced_meanwhile_arrives_as_it_began(server, sell, served_directory):
    link = sell(CONTENT)
    path = served_directory / link.digital.attachment.name
    with Wire(server, far_away=True) as wire:
        wire.send(link)
        wire.head()
        begin = wire.exactly(MIB)
        path.with_suffix(".new").write_bytes(bytes(SIZE))
        path.with_suffix(".new").rename(path)
        assert begin + wire.exactly(SIZE - MIB) == CONTENT


@pytest.mark.parametrize("what", ["directory", "pipe", "device", "link out", "link nowhere"])
def test_what_is_no_file_is_not_found_at_once_and_costs_nothing(server, sell, served_directory, tmp_path, what):
    link = sell(b"a song", uses=1)
    path = served_directory / link.digital.attachment.name
    path.unlink()
    (tmp_path / "secret").write_bytes(b"secret")  # as long as the song
    {
        "directory": lambda: path.mkdir(),
        "pipe": lambda: os.mkfifo(path),
        "device": lambda: path.symlink_to("/dev/zero"),
        "link out": lambda: path.symlink_to(tmp_path / "secret"),
        "link nowhere": lambda: path.symlink_to(path.with_suffix(".gone")),
    }[what]()
    for method, headers in (("GET", []), ("GET", [("Range", "bytes=0-")]), ("HEAD", [])):
        answer = fetch(server, link, headers, method)
        assert answer.status == 404
        assert b"secret" not in answer.body
        assert method == "HEAD" or b"file_missing" in answer.body
    assert uses(link) == 0
