"""Download managers, browsers on bad lines, and everybody at once: one download is one use, however it is made."""

from __future__ import annotations

import os
import subprocess
import threading

import pytest

from spree_digitals.issuing import reset
from spree_digitals.models import DigitalLink
from tests.at_once import at_once
from tests.conftest import DOWNLOAD, uses
from tests.delivery.wire import Wire
from tests.services import program

pytestmark = pytest.mark.slow

MIB = 1 << 20
SONG = os.urandom(16 * MIB)
ALBUM = os.urandom(64 * MIB)
SENDING = {  # how bytes leave the application
    "gunicorn": ("gunicorn", {}),
    "gunicorn without sendfile": ("gunicorn", {"options": ("--threads=16", "--no-sendfile")}),
    "uvicorn": ("uvicorn", {}),
}


@pytest.fixture(params=SENDING)
def server(request, serve):
    kind, told = SENDING[request.param]
    return serve(kind, **told)


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def begin(server, link, name: str, path, size: int) -> None:
    """The first bytes of a download that this program began, and a drop of the line after them."""
    with Wire(server, program=name) as wire:
        wire.send(link)
        assert wire.head()[0] == 200
        path.write_bytes(wire.exactly(size))


def test_a_download_manager_with_eight_connections_is_one_use(server, sell, tmp_path):
    link = sell(SONG, uses=1)
    run(
        *(program("aria2c"), "-x8", "-s8", "--min-split-size=1M", "--no-conf", "--file-allocation=none"),
        *("--dir", str(tmp_path), "--out", "song.bin", server.url + DOWNLOAD + link.token),
    )
    assert (tmp_path / "song.bin").read_bytes() == SONG
    assert uses(link) == 1


@pytest.mark.parametrize("client", ["curl", "wget"])
def test_curl_and_wget_go_on_where_they_stopped_for_the_same_use(server, sell, tmp_path, client):
    link, path = sell(SONG, uses=1), tmp_path / "song.bin"
    begin(server, link, "a buyer", path, 5_000_000)
    goes_on = {
        "curl": ["-sS", "-C", "-", "--fail", "-A", "a buyer", "-o", str(path)],
        "wget": ["-q", "-c", "--tries=1", "-U", "a buyer", "-O", str(path)],
    }
    run(program(client), *goes_on[client], server.url + DOWNLOAD + link.token)
    assert path.read_bytes() == SONG
    assert uses(link) == 1


def test_a_line_that_drops_twenty_times_still_gets_the_file_with_the_last_use(server, sell):
    """
    Each time everything from there on is asked for: what did not arrive must not be held against the buyer.

    What has left the application and waits in buffers is lost with the line, and counts as delivered.
    """
    link, received, drops = sell(ALBUM, uses=1), b"", 0
    while len(received) < len(ALBUM):
        with Wire(server, program="wget on a bad line", far_away=True) as wire:
            wire.send(link, [("Range", f"bytes={len(received)}-")])
            status, headers = wire.head()
            assert status == 206, (drops, len(received))
            received += wire.exactly(min(len(ALBUM) // 20, int(headers["content-length"])))
            drops += 1
    assert received == ALBUM
    assert drops >= 20
    assert uses(link) == 1


def test_eight_first_segments_at_once_take_the_last_use_together(serve, sell):
    server, segments, step = serve("gunicorn"), list(range(8)), 10_000
    link = sell(SONG[: 8 * step], uses=1)
    for trial in range(30):
        DigitalLink.objects.filter(pk=link.pk).update(access_counter=0)
        link.downloads.all().delete()
        waiting = iter(segments)
        lock = threading.Lock()

        def segment(waiting=waiting, lock=lock, trial=trial):
            with lock:
                start = next(waiting) * step
            with Wire(server, program=f"aria2 {trial}") as wire:
                answer = wire.ask(link, [("Range", f"bytes={start}-{start + step - 1}")])
                return start, answer.status, answer.body

        answers = sorted(at_once(8, segment))
        assert [status for _, status, _ in answers] == [206] * 8
        assert b"".join(body for _, _, body in answers) == SONG[: 8 * step]
        assert uses(link) == 1
        with Wire(server, program="somebody else") as wire:
            assert wire.ask(link, [("Range", "bytes=0-0")]).status == 403


def test_of_two_programs_at_once_one_gets_the_last_use(serve, sell):
    server, link = serve("gunicorn"), sell(SONG[:1000], uses=1)
    names = iter(f"program {number}" for number in range(8))
    lock = threading.Lock()

    def first_byte():
        with lock:
            name = next(names)
        with Wire(server, program=name) as wire:
            return wire.ask(link, [("Range", "bytes=0-0")]).status

    assert sorted(at_once(8, first_byte)) == [206] + [403] * 7
    assert uses(link) == 1


def test_a_reset_among_the_segments_of_a_download_leaves_none_behind(serve, sell):
    """Each goes on with the old download or begins the new one, which then is one use, whoever comes first."""
    server, link, step = serve("gunicorn"), sell(SONG[:80_000], uses=1), 10_000
    for trial in range(20):
        program_of_trial = f"aria2 {trial} and staff"
        with Wire(server, program=program_of_trial) as wire:
            assert wire.ask(link, [("Range", "bytes=0-0")]).status == 206
        starts = iter(range(8))

        def segment(program=program_of_trial, starts=starts):
            with Wire(server, program=program) as wire:
                start = next(starts) * step
                return wire.ask(link, [("Range", f"bytes={start}-{start + step - 1}")]).status

        turns = [segment] * 4 + [lambda: reset([link]) and 206] + [segment] * 4
        assert at_once(9, lambda turns=turns: turns.pop()()) == [206] * 9
        assert uses(link) <= 1
        assert max(link.downloads.values_list("bytes_granted", flat=True)) <= 2 * 80_000
        reset([link])
        link.downloads.all().delete()
