"""Which bytes of a file a request asks for: RFC 9110 §14, one range at a time. Pure: no request, no file, no clock."""

from __future__ import annotations

import re
from dataclasses import dataclass

# §14.1: range units are case-insensitive; §5.6.1: a list may have empty elements.
RANGES = re.compile(r"bytes=(?P<set>.*)\Z", re.IGNORECASE | re.ASCII)
# §14.1.1: ASCII digits only. int() would also take "+1", "1_0" and the digits of other scripts.
SPEC = re.compile(r"(?P<first>[0-9]+)-(?P<last>[0-9]*)|-(?P<suffix>[0-9]+)")
# What all servers read alike. nginx and Apache stumble over empty elements, tabs, and numbers longer than their own.
PLAIN = re.compile(r"bytes=(?:[0-9]{1,18}-(?:[0-9]{1,18})?|-[0-9]{1,18})")
STRONG = re.compile(r'"[\x21\x23-\x7e\x80-\xff]*"\Z')
DIGITS = 18  # of a position: more is further than any file reaches
LENGTH = 8_192  # of the header: the servers in front take no longer ones


@dataclass(frozen=True)
class Span:
    """The bytes from ``start`` up to, not including, ``stop``; both counted from 0."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        return self.stop - self.start

    def content_range(self, size: int) -> str:
        """The value of ``Content-Range`` (§14.4)."""
        return f"bytes {self.start}-{self.stop - 1}/{size}"


class Unsatisfiable(Exception):
    """The range lies outside of the file (§15.5.17)."""


def asked(header: str | None, size: int) -> Span | None:
    """
    The span of a ``Range`` header in a file of ``size`` bytes.

    None: the whole file, as without the header. That answers an unknown unit and a malformed range, which must be
    ignored (§14.2), and several ranges, which may be: put together they could be longer than the file.

    Raises:
        Unsatisfiable: there is no such byte.
    """
    spec = _single(header)
    if spec is None:
        return None
    if spec["suffix"] is not None:
        return _last(_position(spec["suffix"]), size)
    if spec["last"] and _by_value(spec["last"]) < _by_value(spec["first"]):  # §14.1.1: invalid
        return None
    first = _position(spec["first"])
    if first >= size:
        raise Unsatisfiable
    return Span(first, min(_position(spec["last"]) + 1, size) if spec["last"] else size)


def is_ranged(header: str | None) -> bool:
    """Whether :func:`asked` would find a range, or that there is no such byte, in a file of some size."""
    try:
        return asked(header, 10**DIGITS) is not None
    except Unsatisfiable:
        return True


def is_plain(header: str) -> bool:
    """Whether every server finds the same range in this header as :func:`asked` does."""
    return PLAIN.fullmatch(header) is not None


def still_holds(condition: str | None, *, etag: str, last_modified: str) -> bool:
    """
    Whether an ``If-Range`` header lets the range be served (§13.1.5): it is absent, or names the file as it is.

    Compared strongly, so a weak ETag never does; a date only if it is ``last_modified`` to the letter.
    """
    if condition is None:
        return True
    condition = condition.strip(" \t")
    return condition == (etag if STRONG.match(condition) else last_modified)


def _single(header: str | None) -> re.Match[str] | None:
    if header is None or len(header) > LENGTH:
        return None
    found = RANGES.match(header.strip(" \t"))
    elements = [element.strip(" \t") for element in found["set"].split(",")] if found else []
    specs = [element for element in elements if element]
    return SPEC.fullmatch(specs[0]) if len(specs) == 1 else None


def _by_value(digits: str) -> tuple[int, str]:
    """What sorts numbers of any length, of which int() refuses the longest."""
    digits = digits.lstrip("0")
    return len(digits), digits


def _position(digits: str) -> int:
    length, digits = _by_value(digits)
    return int(digits or "0") if length <= DIGITS else 10**DIGITS


def _last(count: int, size: int) -> Span | None:
    """The last ``count`` bytes. Of an empty file that is the whole of it, which no ``Content-Range`` can say."""
    if count == 0:
        raise Unsatisfiable
    return Span(max(0, size - count), size) if size else None
