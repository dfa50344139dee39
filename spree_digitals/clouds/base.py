"""The questions that every object storage is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, kw_only=True)
class Overrides:
    """Headers that the storage sends in the place of those that were stored with the object."""

    disposition: str
    content_type: str
    cache_control: str


class Cloud(Protocol):
    """A module that knows one object storage. What it asks raises FileNotFoundError, or what the package raises."""

    def size(self, storage: Any, name: str) -> int:
        """How many bytes the object has."""

    def read(self, storage: Any, name: str, start: int, stop: int) -> tuple[Any, int]:
        """
        An open body with the bytes from ``start`` to before ``stop``, and the size of the whole object.

        Nothing else is fetched, and of it no more than a few MiB are ever in memory.
        """

    def signed_url(self, storage: Any, name: str, lifetime: int, overrides: Overrides) -> str:
        """An address at which the storage gives the object to anybody for ``lifetime`` seconds. Asks no server."""

    def is_signed(self, url: str) -> bool:
        """Whether the address has a signature in it: without one it works for ever, or not at all."""
