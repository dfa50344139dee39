"""Where the sold files are: the private storage alias ``digitals``, and what is known about a file in it."""

from __future__ import annotations

import hashlib
import logging
import mimetypes
import os
import re
import secrets
import stat
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath, PurePosixPath
from typing import Any, TypeGuard, TypeVar

import puremagic
from django.core.exceptions import SuspiciousFileOperation, SuspiciousOperation
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.core.signals import setting_changed
from django.utils.functional import LazyObject, empty
from django.utils.http import http_date

from .clouds import cloud_of
from .exceptions import FileMissing, TemporarilyUnavailable

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")

ALIAS = "digitals"
OCTET_STREAM = "application/octet-stream"
NAME_LENGTH = 255
# Categories of Unicode: what cannot be seen, or turns the direction of what follows, or is broken.
INVISIBLE = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}
NOT_IN_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")

# What puremagic calls by an older name than the one registered with IANA.
REGISTERED = {
    "application/font-woff": "font/woff",
    "application/gzip-compressed": "application/gzip",
    "application/x-bzip": "application/bzip2",
    "application/x-font-otf": "font/otf",
    "application/x-font-ttf": "font/ttf",
    "application/x-gzip": "application/gzip",
    "application/x-zip-compressed": "application/zip",
    "audio/wave": "audio/wav",
    "audio/x-wav": "audio/wav",
    "image/x-ms-bmp": "image/bmp",
    "video/dvd": "video/mpeg",
}


class DigitalsStorage(LazyObject):  # type: ignore[type-arg]
    """``STORAGES["digitals"]``, looked up at first use, so that a missing alias is a check's error and no crash."""

    def _setup(self) -> None:
        self._wrapped = storages[ALIAS]

    def __bool__(self) -> bool:
        return True  # FileField asks for it when the model is imported, which must not build the storage


digitals_storage: Any = DigitalsStorage()


def _forget_storage(*, setting: str, **kwargs: Any) -> None:
    if setting in {"STORAGES", "MEDIA_ROOT", "MEDIA_URL"}:
        digitals_storage._wrapped = empty


setting_changed.connect(_forget_storage)


def generate_name(instance: object, filename: str) -> str:
    """A name nobody can guess and no upload can overwrite. The original filename is kept in the database only."""
    key = secrets.token_hex(16)
    return f"{key[:2]}/{key}"


@dataclass(frozen=True, kw_only=True)
class FileFacts:
    """What an upload is, found from its bytes and its name."""

    filename: str
    content_type: str
    byte_size: int
    sha256: str


def examine(content: File[Any], name: str) -> FileFacts:
    """Read ``content`` once, a chunk at a time, and leave it at its beginning. What the client claims is not asked."""
    digest, size = hashlib.sha256(), 0
    content.seek(0)
    for chunk in content.chunks():
        digest.update(chunk)
        size += len(chunk)
    filename = original_name(name)
    content_type = media_type(content, filename)
    content.seek(0)
    return FileFacts(filename=filename, content_type=content_type, byte_size=size, sha256=digest.hexdigest())


def original_name(name: str) -> str:
    """The last part of ``name``, whatever system it comes from. Too long a one keeps its extension."""
    path = PurePosixPath(visible(name).replace("\\", "/"))
    return f"{path.stem[: NAME_LENGTH - len(path.suffix)]}{path.suffix}"[:NAME_LENGTH]


def visible(name: str) -> str:
    """``name`` without what disguises it: no database and no system needs to take that."""
    return "".join(char for char in name if unicodedata.category(char) not in INVISIBLE)


def media_type(content: File[Any], filename: str) -> str:
    """
    The media type that the bytes show, helped by the name where several kinds begin alike.

    A text may begin like anything, "BMW" like a bitmap: there the name goes first.
    """
    content.seek(0)
    head = content.read(4096)
    is_text = bool(head) and not NOT_IN_TEXT.search(head)
    # Only the extension: guess_type() takes "data:image/png,.txt" for a URL.
    named = mimetypes.MimeTypes().guess_type(f"file{PurePosixPath(filename).suffix}")[0] or ""
    if is_text and (named.startswith("text/") or named.endswith("+xml")):
        return named
    found = recognize(content, filename) or named or ("text/plain" if is_text else OCTET_STREAM)
    return REGISTERED.get(found, found)


def recognize(content: File[Any], filename: str) -> str:
    """The media type that puremagic finds, which reads 37 KB at most; empty if it knows none."""
    content.seek(0)
    try:
        # puremagic 2 looks into the file of that name where this server has one. None has a NUL in its name.
        matches = puremagic.magic_stream(content, filename=f"\0{filename}")
    except (puremagic.PureError, ValueError):  # nothing it knows, or no bytes at all
        return ""
    return next((match.mime_type for match in matches if match.mime_type), "")


@dataclass(frozen=True, kw_only=True)
class StoredFile:
    """A sold file as a delivery needs it: where it is, and everything its headers say, without asking the storage."""

    storage: Storage
    name: str
    filename: str
    content_type: str
    byte_size: int
    sha256: str
    version: int
    modified_at: datetime

    @property
    def etag(self) -> str:
        """A strong validator: equal bytes, equal tag, on every server (RFC 9110 §8.8.3)."""
        return f'"{self.sha256}"'

    @property
    def last_modified(self) -> str:
        return http_date(self.modified_at.timestamp())

    @property
    def path(self) -> str | None:
        """
        Where the file lies on a disk of this server; None where the storage keeps it elsewhere, or in its own way.

        Raises:
            FileMissing: the path leads out of the storage, by its name or by a symbolic link.
        """
        storage = self.storage
        if not is_directory(storage):
            return None
        return self.ask(lambda: inside(str(storage.location), storage.path(self.name)))

    @property
    def relative_path(self) -> str:
        """``path`` as seen from the directory of the storage, with slashes on every system."""
        return PurePath(os.path.relpath(self.path or "", self.storage.location)).as_posix()  # type: ignore[attr-defined]

    def check(self) -> None:
        """
        Ask the storage whether the file is there in full, without opening it.

        Raises:
            FileMissing: it is not there, or has another size than the file that was uploaded.
            TemporarilyUnavailable: the storage cannot answer.
        """
        path, cloud = self.path, cloud_of(self.storage)
        if path is not None:
            self.expect_file(self.ask(lambda: os.stat(path)))
        elif cloud is not None:
            self.expect_size(self.ask(lambda: cloud.size(self.storage, self.name)))
        else:
            self.expect_size(self.ask(lambda: self.storage.size(self.name)))

    def expect_file(self, found: os.stat_result) -> None:
        """Raises FileMissing for a directory, a pipe or a device, or another size."""
        if not stat.S_ISREG(found.st_mode):
            logger.error("Stored file %s is no regular file.", self.name)
            raise FileMissing
        self.expect_size(found.st_size)

    def expect_size(self, size: int) -> None:
        if size != self.byte_size:
            logger.error("Stored file %s has %s bytes; %s were uploaded.", self.name, size, self.byte_size)
            raise FileMissing

    def ask(self, question: Callable[[], Answer]) -> Answer:
        """The storage's answer. Raises FileMissing or TemporarilyUnavailable for whatever the storage raises."""
        try:
            return question()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError, SuspiciousOperation) as error:
            logger.error("Stored file %s is not in the storage: %s", self.name, error)
            raise FileMissing from error
        except Exception as error:  # every storage has exceptions of its own
            logger.exception("The storage cannot answer for %s.", self.name)
            raise TemporarilyUnavailable from error


def is_directory(storage: Any) -> TypeGuard[FileSystemStorage]:
    """Whether the files lie on a disk of this server, just as they are sold."""
    base: Any = FileSystemStorage
    return isinstance(storage, base) and storage.__class__._open is base._open


def inside(directory: str, path: str) -> str:
    """``path``. Raises SuspiciousFileOperation when its symbolic links lead out of ``directory``, or it is none."""
    if "\0" in path:
        raise SuspiciousFileOperation(f"{path!r} has a NUL in it.")
    real = os.path.realpath(path)
    if not real.startswith(os.path.join(os.path.realpath(directory), "")):
        raise SuspiciousFileOperation(f"{path} leads to {real}, which is not in {directory}.")
    return path
