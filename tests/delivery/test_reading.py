"""Exactly what was granted is read, whoever reads it, and the file is closed whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import os
import threading
import wsgiref.util

import pytest
from django.core.wsgi import get_wsgi_application
from django.test import RequestFactory

from spree_digitals.delivery.ranges import Span
from spree_digitals.delivery.reading import CutShort, Reader, open_span
from spree_digitals.delivery.stream import StreamedFile
from tests.conftest import DOWNLOAD, uses

BLOCK_SIZE = Reader.block_size
N = 3 * BLOCK_SIZE + 7
CONTENT = os.urandom(N)


class ToTheEnd:
    """What a server may make of a file: it asks once for all there is."""

    def __init__(self, file, block_size):
        self.file = file
        self.close = file.close

    def __iter__(self):
        return iter([self.file.read()])


class WithSendfile(ToTheEnd):
    """Another sends a file from its beginning to its end where it can, and does not care what was asked for."""

    def __iter__(self):
        if not hasattr(self.file, "fileno"):
            return iter([self.file.read()])
        size = os.fstat(self.file.fileno()).st_size
        return iter([os.pread(self.file.fileno(), size, 0)])


WRAPPERS = {"none": None, "wsgiref's": wsgiref.util.FileWrapper, "to the end": ToTheEnd, "with sendfile": WithSendfile}


@pytest.mark.parametrize("wrapper", WRAPPERS.values(), ids=WRAPPERS)
@pytest.mark.parametrize(
    ("header", "start", "stop"),
    [(None, 0, N), ("bytes=0-", 0, N), ("bytes=5-", 5, N), ("bytes=0-4", 0, 5), (f"bytes=9-{BLOCK_SIZE + 9}", 9, -1)],
)
def test_every_wsgi_server_sends_exactly_the_bytes_that_were_asked_for(sell, wrapper, header, start, stop):
    stop = BLOCK_SIZE + 10 if stop < 0 else stop
    link = sell(CONTENT, uses=1)
    environ = RequestFactory().get(DOWNLOAD + link.token, headers={"Range": header} if header else {}).environ
    if wrapper:
        environ["wsgi.file_wrapper"] = wrapper
    answer = {}
    body = get_wsgi_application()(environ, lambda status, headers: answer.update(headers, status=status))
    sent = b"".join(body)
    assert sent == CONTENT[start:stop]
    assert answer["Content-Length"] == str(len(sent))
    body.close()
    assert link.downloads.get().bytes_granted == len(sent)
    assert uses(link) == 1


@pytest.fixture(scope="module")
def stored(sell):
    return sell(CONTENT).digital.stored_file


def test_a_part_is_never_offered_to_servers_that_send_whole_files(stored):
    for span in (Span(0, N - 1), Span(1, N)):
        reader = open_span(stored, span)
        assert not hasattr(reader, "fileno")
        reader.close()


def test_nothing_is_read_beyond_the_end_of_the_part(stored):
    reader = open_span(stored, Span(10, 20))
    assert [reader.read(4), reader.read(100), reader.read(), reader.read(1)] == [
        CONTENT[10:14],
        CONTENT[14:20],
        b"",
        b"",
    ]
    reader.close()


class Slow:
    """A disk that answers when it is told to, and notices what must not happen."""

    def __init__(self, content=b"x" * N, fails_after=None):
        self.left, self.fails_after = content, fails_after
        self.may_answer, self.is_reading = threading.Event(), threading.Event()
        self.may_answer.set()
        self.closed = 0
        self.read_while_closed = False

    def read(self, size):
        self.is_reading.set()
        assert self.may_answer.wait(30)
        self.read_while_closed |= bool(self.closed)
        if self.fails_after is not None and len(self.left) <= N - self.fails_after:
            raise OSError(5, "Input/output error")
        block, self.left = self.left[:size], self.left[size:]
        return block

    def close(self):
        self.closed += 1


def streamed(disk):
    response = StreamedFile(Reader(disk, N), {}, 200)
    told = []
    response.on_close = told.append
    return response, told


async def take(response, blocks=None):
    taken = []
    async for block in response:
        taken.append(block)
        if len(taken) == blocks:
            break
    return b"".join(taken)


@pytest.mark.once
def test_under_asgi_all_is_read_in_blocks_and_then_closed():
    response, told = streamed(disk := Slow())
    assert asyncio.run(take(response)) == b"x" * N
    assert (disk.closed, told) == (1, [0])
    response.close()
    assert told == [0]


@pytest.mark.once
@pytest.mark.parametrize("times", [1, 2, 3])
def test_whoever_is_cancelled_while_a_thread_reads_does_not_close_the_file_under_it(times):
    response, told = streamed(disk := Slow())

    async def cancelled():
        disk.may_answer.clear()
        taking = asyncio.create_task(take(response))
        await asyncio.to_thread(disk.is_reading.wait, 30)
        for _ in range(times):
            taking.cancel()
            await asyncio.sleep(0.05)
        assert not disk.closed
        disk.may_answer.set()
        with pytest.raises(asyncio.CancelledError):
            await taking
        await asyncio.to_thread(response.close)  # as Django does

    asyncio.run(cancelled())
    assert not disk.read_while_closed
    assert disk.closed
    assert told == [N - BLOCK_SIZE]


@pytest.mark.once
def test_a_disk_that_fails_meanwhile_aborts_the_transfer_and_is_let_go():
    response, told = streamed(disk := Slow(fails_after=BLOCK_SIZE))
    with pytest.raises(OSError, match="Input/output error"):
        asyncio.run(take(response))
    assert (disk.closed, told) == (1, [N - BLOCK_SIZE])


@pytest.mark.once
def test_a_file_that_ends_too_early_aborts_the_transfer():
    response, told = streamed(disk := Slow(content=b"x" * BLOCK_SIZE))
    with pytest.raises(CutShort):
        asyncio.run(take(response))
    assert (disk.closed, told) == (1, [N - BLOCK_SIZE])
    reader = Reader(Slow(content=b"x" * 5), N)
    assert reader.read(10) == b"x" * 5
    with pytest.raises(CutShort):
        reader.read(10)


@pytest.mark.once
def test_an_answer_that_nobody_waits_for_any_more_closes_its_file():
    response, told = streamed(disk := Slow())
    closing = set(threading.enumerate())
    del response
    for thread in set(threading.enumerate()) - closing:
        thread.join(30)
    assert (disk.closed, told) == (1, [N])
