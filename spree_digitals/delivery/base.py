"""What every delivery is, and what it says about a file, however its bytes travel."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from datetime import timedelta
from http import HTTPStatus
from typing import ClassVar

from django.http import HttpRequest, HttpResponseBase
from django.utils.http import content_disposition_header

from ..conf import conf
from ..storage import StoredFile, visible
from .ranges import Span

NAME_BYTES = 150
# What Windows allows in no name, and its devices, which no file may be called after.
FORBIDDEN = re.compile(r'[<>:"/\\|?*]')
RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in "0123456789¹²³")}

# On every response of the app that a token leads to.
PRIVATE_HEADERS = {
    "Cache-Control": "private, no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}


class Delivery(ABC):
    """How bytes travel: one stored file in, one response out. One instance serves all requests, and remembers none."""

    resumes_whole: ClassVar[bool] = False  # whether a GET without Range may join a running download, too

    @abstractmethod
    def respond(
        self, request: HttpRequest, file: StoredFile, span: Span | None, *, lifetime: timedelta
    ) -> HttpResponseBase:
        """
        The answer to a GET for ``span``, or for all of the file.

        What it contains may be used for ``lifetime``, where it is no file but leads to one.

        It is made before the use is counted, and dropped if that is refused: nothing may travel before it is returned.
        The request's conditions are settled already.

        Raises:
            FileMissing: the file is not there.
            TemporarilyUnavailable: its storage cannot answer.
        """

    def charge(self, file: StoredFile, span: Span | None) -> int:
        """How many bytes the answer gives away."""
        return span.length if span else file.byte_size

    @property
    def budget(self) -> int:
        """How many times the size of its file one download may take; more where nobody tells us what did not arrive."""
        return conf.RESUME_BUDGET


def file_headers(file: StoredFile, span: Span | None = None) -> dict[str, str]:
    """The headers of a response that carries, or for HEAD would carry, the whole file, or ``span`` of it."""
    disposition = content_disposition_header(as_attachment=True, filename=download_name(file.filename))
    headers = {
        **PRIVATE_HEADERS,
        "Accept-Ranges": "bytes",
        "Content-Disposition": disposition or "attachment",
        # Keeps GZipMiddleware and proxies from packing the file anew, which would change its bytes and length.
        "Content-Encoding": "identity",
        "Content-Length": str(span.length if span else file.byte_size),
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Content-Type": file.content_type,
        "ETag": file.etag,
        "Last-Modified": file.last_modified,
    }
    return {**headers, "Content-Range": span.content_range(file.byte_size)} if span else headers


def status_of(span: Span | None) -> HTTPStatus:
    return HTTPStatus.PARTIAL_CONTENT if span else HTTPStatus.OK


def download_name(filename: str) -> str:
    """
    ``filename`` as it may be saved on any system: no path, no control or direction marks, no device names.

    Longer ones are cut to 150 bytes of UTF-8; the extension stays.
    """
    name = FORBIDDEN.sub("_", visible(filename)).strip(". ")
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension) > 10:
        stem, dot, extension = name, "", ""
    if stem.split(".")[0].rstrip().upper() in RESERVED:
        stem = f"_{stem}"
    room = NAME_BYTES - len(f"{dot}{extension}".encode())
    stem = stem.encode()[:room].decode(errors="ignore")
    return f"{stem}{dot}{extension}".rstrip(". ") or "download"
