"""Pages as Spree's clients ask for them and count them."""

from __future__ import annotations

from collections import UserDict
from typing import Any

from django.core.paginator import Page, Paginator
from rest_framework.exceptions import ParseError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param


class SpreePagination(BasePagination):
    """``page`` and ``per_page``; a page past the last one is empty."""

    per_page = 25
    max_per_page = 100

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self.request = request
        per_page = min(self._number("per_page", self.per_page), self.max_per_page)
        self.paginator: Paginator[Any] = Paginator(queryset, per_page)
        self.number = self._number("page", 1)
        if self.number > self.paginator.num_pages:
            return []
        page: Page[Any] = self.paginator.page(self.number)
        return list(page)

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"results": data, "meta": self._meta(len(data)), "links": self._links()})

    @staticmethod
    def document_members() -> dict[str, Any]:
        """What a page has besides its data, as a JSON schema."""
        numbers = {name: {"type": "integer"} for name in ("count", "total_count", "total_pages")}
        links: dict[str, Any] = {name: {"type": "string"} for name in ("self", "first", "last")}
        links |= {name: {"type": ["string", "null"]} for name in ("next", "prev")}
        return {
            name: {"type": "object", "properties": found, "required": list(found), "additionalProperties": False}
            for name, found in {"meta": numbers, "links": links}.items()
        }

    def _meta(self, count: int) -> UserDict[str, int]:
        # Not a dict: the JSON:API renderer renames the keys of a dict as the project has set for its own documents.
        pages = {"total_count": self.paginator.count, "total_pages": self.paginator.num_pages}
        return UserDict({"count": count, **pages})

    def _links(self) -> dict[str, str | None]:
        last = self.paginator.num_pages
        return {
            "self": self._link(self.number),
            "first": self._link(1),
            "last": self._link(last),
            "next": self._link(self.number + 1) if self.number < last else None,
            "prev": self._link(min(self.number - 1, last)) if self.number > 1 else None,
        }

    def _link(self, number: int) -> str:
        # Without scheme and host: what a request names as host is not ours to repeat.
        return replace_query_param(self.request.get_full_path(), "page", number)

    def _number(self, name: str, default: int) -> int:
        value = self.request.query_params.get(name)
        if value is None:
            return default
        if not (value.isascii() and value.isdigit() and 1 <= len(value) <= 9 and int(value) > 0):
            raise ParseError(f"{name} is {value[:50]!r}; give a whole number from 1.")
        return int(value)
