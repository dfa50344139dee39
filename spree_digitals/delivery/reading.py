"""Open a stored file so that exactly the bytes that were granted can be read from it."""

from __future__ import annotations

import os
from typing import Any, Protocol

from ..clouds import cloud_of
from ..exceptions import FileMissing
from ..storage import StoredFile
from .ranges import Span


class Readable(Protocol):
    """An open file, or what a storage gives for one."""

    def read(self, size: int, /) -> bytes: ...
    def close(self) -> None: ...


class CutShort(OSError):
    """The file ended before its time: what was sent must not look complete."""


class Reader:
    """Reads so many bytes of a file, from where it stands, and nothing beyond them."""

    block_size = 256 * 1024  # bytes: what the clients of object storages hold several times

    def __init__(self, file: Any, length: int) -> None:
        self.file = file  # a Readable
        self.length = length
        self.left = length

    def read(self, size: int = -1) -> bytes:
        """Raises CutShort when the file has not as many bytes as were promised."""
        block = self.file.read(self.left if size < 0 else min(size, self.left)) if self.left else b""
        if not block and self.left and size:
            raise CutShort(f"The file ended {self.left} bytes too early.")
        self.left -= len(block)
        return block

    @property
    def undelivered(self) -> int:
        """How many bytes have not been read, and so were not sent. The last ones read may have been, in part."""
        return self.left

    def close(self) -> None:
        self.file.close()


class LocalFile(Reader):
    """On a disk of this server. Smaller blocks are slower under ASGI, larger ones add up for many who read slowly."""

    block_size = 512 * 1024


class WholeFile(LocalFile):
    """
    All of a file on a local disk, which a server that knows sendfile may take over.

    Only the whole is offered to servers: some send a file from its beginning to its end, whatever was asked of it.
    """

    taken_over = False

    def fileno(self) -> int:
        self.taken_over = True
        return int(self.file.fileno())

    def tell(self) -> int:
        return int(self.file.tell())

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return int(self.file.seek(offset, whence))

    @property
    def undelivered(self) -> int:
        """gunicorn leaves the file where a transfer broke off, and at its beginning when all was sent."""
        if self.taken_over and self.left == self.length:
            return self.length - (self.tell() or self.length)
        return self.left

    def close(self) -> None:
        """Raises CutShort when the file was truncated meanwhile: a server that has taken it over does not notice."""
        truncated = self.taken_over and not self.file.closed and os.fstat(self.file.fileno()).st_size < self.length
        super().close()
        if truncated:
            raise CutShort(f"The file was shorter than {self.length} bytes when its transfer ended.")


def open_span(stored: StoredFile, span: Span | None) -> Reader:
    """
    The bytes of ``span``, or all, once the storage has shown that the file is there in full.

    Raises:
        FileMissing: it is not.
        TemporarilyUnavailable: the storage cannot answer.
    """
    start, length = (span.start, span.length) if span else (0, stored.byte_size)
    if (path := stored.path) is not None:
        return _open_local(stored, path, start, length)
    cloud = cloud_of(stored.storage)
    if cloud is not None and length:
        body, size = stored.ask(lambda: cloud.read(stored.storage, stored.name, start, start + length))
        try:
            stored.expect_size(size)
        except FileMissing:
            body.close()
            raise
        return Reader(body, length)
    stored.check()
    return Reader(stored.ask(lambda: _open_at(stored, start)), length)


def _open_local(stored: StoredFile, path: str, start: int, length: int) -> Reader:
    file = stored.ask(lambda: open(path, "rb", buffering=0, opener=_without_waiting))  # noqa: SIM115
    try:
        stored.expect_file(stored.ask(lambda: os.fstat(file.fileno())))
        if length == stored.byte_size:
            return WholeFile(file, length)
        file.seek(start)
        return LocalFile(file, length)
    except BaseException:
        file.close()
        raise


def _without_waiting(path: str, flags: int) -> int:
    """Opening a pipe otherwise waits for somebody who writes into it."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _open_at(stored: StoredFile, start: int) -> Readable:
    file: Readable = stored.storage.open(stored.name)
    file.seek(start)  # type: ignore[attr-defined]
    return file
