"""The application sends the file itself; a server that knows sendfile takes the file over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from functools import partial
from threading import Lock, Thread

from asgiref.sync import sync_to_async
from django.http import HttpRequest, StreamingHttpResponse

from ..storage import StoredFile
from .base import Delivery, file_headers, status_of
from .ranges import Span
from .reading import Reader, open_span


class Stream(Delivery):
    """Works everywhere, and is the only one that knows what was delivered, so that the rest can be given back."""

    budget = 2

    def respond(
        self, request: HttpRequest, file: StoredFile, span: Span | None, *, lifetime: timedelta = timedelta.max
    ) -> StreamedFile:
        reader = open_span(file, span)
        try:
            return StreamedFile(reader, file_headers(file, span), status_of(span))
        except BaseException:  # what was stored may be nothing for a header
            reader.close()
            raise


class StreamedFile(StreamingHttpResponse):
    """
    A file, or a span of it, block by block: under WSGI as the server asks for it, under ASGI as the client takes it.

    ``on_close`` is called once, with the number of bytes that were granted and not delivered.
    """

    def __init__(self, reader: Reader, headers: dict[str, str], status: int) -> None:
        self.reader = reader
        self._close_file = reader.close  # Django's handlers put close() of the response in its place
        # Whoever has asked for a block may be gone before its thread has read it, which must not be from a closed file.
        self._reading = Lock()
        self.on_close: Callable[[int], None] | None = None
        blocks = iter(partial(reader.read, reader.block_size), b"")
        super().__init__(blocks, status=status, headers=headers)
        # Where Django looks for what it may hand to a server that knows sendfile.
        self.file_to_stream, self.block_size = reader, reader.block_size

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            while block := await self._next_block():
                yield block
        finally:
            # Django closes no response whose body has raised.
            await sync_to_async(self.finish, thread_sensitive=False)()

    async def _next_block(self) -> bytes:
        return await asyncio.get_running_loop().run_in_executor(None, self._read)

    def _read(self) -> bytes:
        with self._reading:
            return self.reader.read(self.block_size)

    def close(self) -> None:
        try:
            self.finish()
        finally:
            super().close()

    def __del__(self) -> None:
        """Under ASGI, a client may be gone before its answer is there: Django drops that, and closes nothing."""
        if self.on_close:
            # Not in this thread, which may be that of the event loop.
            Thread(target=self.finish).start()

    def finish(self) -> None:
        """
        Close the file, and tell what was not delivered. A second call does nothing.

        Raises:
            CutShort: a server sent less than was promised, and is not to go on as if it had not.
        """
        with self._reading:
            on_close, self.on_close = self.on_close, None
            undelivered = self.reader.undelivered if on_close else 0
            try:
                self._close_file()
            finally:
                if on_close:
                    on_close(undelivered)
