"""The storage sends the file: a redirect to an address that is signed, and lives for seconds."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect

from ..clouds import Cloud, Overrides, cloud_of
from ..exceptions import TemporarilyUnavailable
from ..storage import StoredFile
from .base import PRIVATE_HEADERS, Delivery, file_headers
from .ranges import Span
from .stream import Stream

logger = logging.getLogger(__name__)


class SignedRedirect(Delivery):
    """
    For S3, Azure and Google Cloud Storage. Files of other storages are streamed by the application.

    One address is as many bytes as the storage gives until it expires, so each is charged as the whole file.
    """

    resumes_whole = True

    def __init__(self) -> None:
        self.stream = Stream()

    def charge(self, file: StoredFile, span: Span | None) -> int:
        return file.byte_size

    def respond(
        self, request: HttpRequest, file: StoredFile, span: Span | None, *, lifetime: timedelta
    ) -> HttpResponseBase:
        cloud, seconds = cloud_of(file.storage), int(lifetime.total_seconds())
        if cloud is None or seconds < 1 or (span is None and "Range" in request.headers):
            return self.stream.respond(request, file, span, lifetime=lifetime)
        file.check()  # storages sign addresses of objects that do not exist
        return HttpResponseRedirect(self.address(cloud, file, seconds), headers=PRIVATE_HEADERS)

    def address(self, cloud: Cloud, file: StoredFile, seconds: int) -> str:
        """Raises TemporarilyUnavailable rather than to give away an address that works for ever."""
        headers = file_headers(file)
        overrides = Overrides(
            disposition=headers["Content-Disposition"],
            content_type=headers["Content-Type"],
            cache_control=headers["Cache-Control"],
        )
        url = file.ask(lambda: cloud.signed_url(file.storage, file.name, seconds, overrides))
        if not cloud.is_signed(url):
            logger.error(
                'STORAGES["digitals"] signs no addresses, so %s was not sent. `manage.py check` tells what to set.',
                file.name,
            )
            raise TemporarilyUnavailable
        return url
