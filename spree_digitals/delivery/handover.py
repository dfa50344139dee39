"""What nginx and Apache have in common: the application names a file, and the server in front sends it."""

from __future__ import annotations

import logging
from abc import abstractmethod
from datetime import timedelta
from functools import cache
from typing import ClassVar

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from ..clients import came_through_proxy
from ..storage import StoredFile
from .base import Delivery, file_headers
from .ranges import Span, is_plain
from .stream import Stream

logger = logging.getLogger(__name__)

# What the server in front has to set, and what it sets it to: a convention that Rack began.
CAPABILITY = "X-Sendfile-Type"
# Conditions that the server in front would judge once more, by a file that it knows by another name and date.
JUDGED_AGAIN = ("If-Match", "If-Unmodified-Since", "If-Range")


class HandOver(Delivery):
    """
    Hands a file to the server in front, if that has said that it can take it; else the application streams it.

    That server reads ``Range`` itself, after the use was counted. So it gets only what it will answer as we would: the
    whole file where no range is asked for, and one range that lies in the file and is plainly written.
    """

    header: ClassVar[str]
    # What the server in front says itself of the body it sends. lighttpd serves no ranges of one with a coding, even if
    # that is "identity"; and where there is no body yet, no middleware packs it.
    said_in_front: ClassVar[frozenset[str]] = frozenset({"Content-Encoding", "Content-Length"})

    def __init__(self) -> None:
        self.stream = Stream()

    def respond(
        self, request: HttpRequest, file: StoredFile, span: Span | None, *, lifetime: timedelta
    ) -> HttpResponseBase:
        place = self.place_of(file) if self.is_taken(request, span) else None
        if place is None:
            return self.stream.respond(request, file, span, lifetime=lifetime)
        file.check()
        headers = {name: value for name, value in file_headers(file).items() if name not in self.said_in_front}
        return HttpResponse(headers={**headers, self.header: place})

    def is_taken(self, request: HttpRequest, span: Span | None) -> bool:
        header = request.headers.get("Range")
        if header is not None and (span is None or not is_plain(header)):
            return False
        if any(name in request.headers for name in JUDGED_AGAIN):
            return False
        able = request.headers.get(CAPABILITY, "").lower() == self.header.lower() and came_through_proxy(request)
        if not able:
            warn_of_missing_server(self.header)
        return able

    @abstractmethod
    def place_of(self, file: StoredFile) -> str | None:
        """What the header says; None for a file that the server in front cannot reach."""


@cache
def warn_of_missing_server(header: str) -> None:
    logger.warning(
        "The application streams files itself: a request did not come through a server that takes %s. That server must "
        'set the request header "%s: %s", and its address must be in SPREE_DIGITALS_TRUSTED_PROXIES.',
        *(header, CAPABILITY, header),
    )
