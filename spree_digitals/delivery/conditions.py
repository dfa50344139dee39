"""Whether a request's conditions hold: RFC 9110 §13. Pure: no request, no file, no clock."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus

from django.utils.http import parse_http_date_safe

# §8.8.3: an entity tag, as an element of a list.
LISTED = re.compile(r'(?:^|,)[ \t]*(?P<weak>W/)?(?P<tag>"[\x21\x23-\x7e\x80-\xff]*")[ \t]*(?=,|$)')


def unmet(headers: Mapping[str, str], *, etag: str, modified: int) -> HTTPStatus | None:
    """
    304 or 412 for a GET or HEAD that is not to be answered with the file; None where it is (§13.2.2).

    ``etag`` is strong, ``modified`` in whole seconds. A condition that is there decides, also one that nobody can read:
    an ``If-Match`` without a tag names no file, least of all this one. Only a date that is none is ignored.
    """
    if (condition := headers.get("If-Match")) is not None:
        if not _names(condition, etag, weakly=False):
            return HTTPStatus.PRECONDITION_FAILED
    elif (since := parse_http_date_safe(headers.get("If-Unmodified-Since", ""))) is not None and modified > since:
        return HTTPStatus.PRECONDITION_FAILED
    if (condition := headers.get("If-None-Match")) is not None:
        if _names(condition, etag, weakly=True):
            return HTTPStatus.NOT_MODIFIED
    elif (since := parse_http_date_safe(headers.get("If-Modified-Since", ""))) is not None and modified <= since:
        return HTTPStatus.NOT_MODIFIED
    return None


def _names(condition: str, etag: str, *, weakly: bool) -> bool:
    """Whether the list has ``etag``, or is the ``*`` that stands for whatever is there (§8.8.3.2)."""
    if condition.strip(" \t") == "*":
        return True
    return any(found["tag"] == etag and (weakly or not found["weak"]) for found in LISTED.finditer(condition))
