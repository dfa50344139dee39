"""What staff may ask a list for: exact filters and orders that are named beforehand, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from functools import reduce
from operator import or_
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.request import Request

Filter = Callable[[Any, str], Any]
PARAMETER = re.compile(r"filter(?:\[(?P<name>.*)\])?", re.DOTALL)
NOT_OF_THIS_KIND = (ValueError, TypeError, ValidationError)


def find(queryset: QuerySet[Any], key: Any) -> Any:
    """The object with this key; None too where the key is not one of its kind."""
    if isinstance(key, bool) or not isinstance(key, (int, str)) or "\x00" in str(key):
        return None
    try:
        return next(iter(queryset.filter(pk=key)), None)
    except NOT_OF_THIS_KIND:
        return None


def filtered(queryset: QuerySet[Any], request: Request, filters: Mapping[str, Filter]) -> QuerySet[Any]:
    """
    What ``filter[…]`` leaves; a value that no row can have leaves nothing.

    Raises ParseError for a filter that is not among ``filters``, so that nobody takes the whole list for its result.
    """
    for parameter, value in request.query_params.items():
        match = PARAMETER.fullmatch(parameter)
        if match is None:
            continue
        name = match["name"] or ""
        if name not in filters:
            raise ParseError(
                _("filter[%(name)s] is not known. Known: %(names)s.")
                % {"name": name[:50], "names": ", ".join(f"filter[{known}]" for known in filters)}
            )
        queryset = _narrowed(queryset, filters[name], str(value))
    return queryset


def ordered(queryset: QuerySet[Any], request: Request, names: Collection[str]) -> QuerySet[Any]:
    """As ``sort`` says, else the newest first; rows that are alike always in the same order. Raises ParseError."""
    wanted = [part for part in request.query_params.get("sort", "").split(",") if part]
    for part in wanted:
        if part.removeprefix("-") not in names:
            raise ParseError(
                _("sort=%(part)s is not known. Known: %(names)s; with - before it, the greatest first.")
                % {"part": part[:50], "names": ", ".join(names)}
            )
    return queryset.order_by(*wanted, "-pk")


def by(path: str) -> Filter:
    """Rows with exactly this value."""
    return lambda queryset, value: queryset.filter(**{path: value})


def by_any(model: type[Model], paths: Callable[[], Collection[str]]) -> Filter:
    """Rows with exactly this value in one of several columns, each row once, however many related rows match."""

    def narrow(queryset: Any, value: str) -> Any:
        which = reduce(or_, (Q(**{path: value}) for path in paths()), Q(pk__in=[]))
        return queryset.filter(pk__in=model._default_manager.filter(which).values("pk"))

    return narrow


def by_choice(choices: Mapping[str, Callable[[Any], Any]]) -> Filter:
    """One of several questions by name. Raises ParseError for another name."""

    def narrow(queryset: Any, value: str) -> Any:
        if value not in choices:
            raise ParseError(
                _("%(value)s is not known. Known: %(names)s.") % {"value": value[:50], "names": ", ".join(choices)}
            )
        return choices[value](queryset)

    return narrow


def _narrowed(queryset: QuerySet[Any], narrow: Filter, value: str) -> Any:
    if "\x00" in value:  # no database takes that for text
        return queryset.none()
    try:
        return narrow(queryset, value)
    except NOT_OF_THIS_KIND:
        return queryset.none()
