"""What staff send: bodies as Spree's clients write them and JSON:API documents, brought into one form."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError, PermissionDenied
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from .errors import CONTENT_TYPE, Conflict, PayloadTooLarge, ValidationFailed
from .renderers import LenientNegotiation

MAX_DOCUMENT = 64 * 1024  # bytes; the longest that makes sense has less than one thousand
BRACKETS = re.compile(r"(?P<kind>\w+)\[(?P<name>\w+)\]\Z", re.ASCII)
SHOWN = 50  # characters of a name that nobody knows


class SpreeJSONParser(BaseParser):
    """JSON that is the same to every reader: no name twice, no numbers that JSON has not, no broken characters."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        raw = stream.read(MAX_DOCUMENT + 1)
        if len(raw) > MAX_DOCUMENT:
            raise PayloadTooLarge(_("A document may have %(most)d bytes at most.") % {"most": MAX_DOCUMENT})
        try:
            document = json.loads(raw, object_pairs_hook=_each_name_once, parse_constant=_refuse_constant)
            json.dumps(document, ensure_ascii=False).encode()  # half a surrogate pair could not even be answered
        except RecursionError as error:
            raise ParseError(_("The body is nested too deeply.")) from error
        except ValueError as error:
            raise ParseError(_("The body is not JSON: %(reason)s") % {"reason": error}) from error
        return document


class JSONAPIParser(SpreeJSONParser):
    """The same under the media type of JSON:API."""

    media_type = CONTENT_TYPE


class BodyNegotiation(LenientNegotiation):
    """A body has to be of a media type that is read here; answers go to everybody."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return DefaultContentNegotiation().select_parser(request, parsers)


@dataclass(frozen=True, kw_only=True)
class Writable:
    """What may be written of a resource: its attributes, and its relationships with the type of each."""

    kind: str
    attributes: Collection[str]
    relationships: Mapping[str, str]

    @property
    def spree_names(self) -> dict[str, str]:
        """As Spree's bodies have them, where a relationship is an attribute that ends in ``_id``."""
        return {**{name: name for name in self.attributes}, **{f"{name}_id": name for name in self.relationships}}


@dataclass(frozen=True)
class Body:
    """The values that were sent, each with its place in the body: a JSON pointer for what is wrong with it."""

    values: dict[str, Any]
    pointers: dict[str, str]
    root: str

    @classmethod
    def of(cls, request: Request, writable: Writable, *, pk: str | None = None) -> Body:
        """
        Read the body of a request to create something, or to change the resource ``pk``.

        Raises:
            ParseError: the body has neither form.
            Conflict: it is about another resource than its address.
            ValidationFailed: it names what cannot be written.
        """
        document = request.data
        if isinstance(document, QueryDict):
            return _spree_body(_form(document, writable.kind), writable)
        if isinstance(document, dict) and set(document) == {writable.kind} and _is_spree(request):
            return _spree_body(_object(document[writable.kind], f"/{writable.kind}"), writable)
        if isinstance(document, dict) and "data" in document:
            return _jsonapi_body(_object(document["data"], "/data"), writable, pk)
        raise ParseError(
            _('Send {"%(kind)s": {…}} as application/json, or a JSON:API document, which has "data".')
            % {"kind": writable.kind}
        )

    def refuse(self, errors: Mapping[str, Any]) -> ValidationFailed:
        """What a serializer found, at the places where it was sent, or would have been."""
        return ValidationFailed(
            [
                (self.pointers.get(name, self.root), str(message))
                for name, messages in errors.items()
                for message in messages
            ]
        )


def _spree_body(found: Mapping[str, Any], writable: Writable) -> Body:
    root = f"/{writable.kind}"
    names = writable.spree_names
    _refuse_unknown(found, names, root)
    pointers = {name: f"{root}/{given}" for given, name in names.items()}
    return Body({names[given]: value for given, value in found.items()}, pointers, root)


def _jsonapi_body(data: Mapping[str, Any], writable: Writable, pk: str | None) -> Body:
    _check_identity(data, writable.kind, pk)
    attributes = _object(data.get("attributes", {}), "/data/attributes")
    relationships = _object(data.get("relationships", {}), "/data/relationships")
    _refuse_unknown(attributes, writable.attributes, "/data/attributes")
    _refuse_unknown(relationships, writable.relationships, "/data/relationships")
    related = {name: _related(name, found, writable) for name, found in relationships.items()}
    pointers = {
        **{name: f"/data/attributes/{name}" for name in writable.attributes},
        **{name: f"/data/relationships/{name}" for name in writable.relationships},
    }
    return Body({**attributes, **related}, pointers, "/data")


def _check_identity(data: Mapping[str, Any], kind: str, pk: str | None) -> None:
    if data.get("type") != kind:
        raise Conflict(_('The type of the document is not "%(kind)s", which is what is kept here.') % {"kind": kind})
    if pk is None and "id" in data:
        raise PermissionDenied(_("The id is given here and cannot be chosen: leave it out."))
    if pk is not None and "id" not in data:
        raise ParseError(_('The document has no id: give "%(id)s", as in its address.') % {"id": pk})
    if pk is not None and data["id"] != pk:
        raise Conflict(_('The id of the document is not "%(id)s", as in its address.') % {"id": pk})


def _related(name: str, found: Any, writable: Writable) -> Any:
    """The key of a related resource; None takes the relationship away."""
    kind = writable.relationships[name]
    place = f"/data/relationships/{name}"
    data = found.get("data", {}) if isinstance(found, dict) else {}
    if data is None:
        return None
    if not isinstance(data, dict) or data.get("type") != kind or "id" not in data:
        form = f'{{"data": {{"type": "{kind}", "id": "…"}}}}'
        raise ValidationFailed([(place, _("A relationship is written as %(form)s.") % {"form": form})])
    return data["id"]


def _form(fields: QueryDict, kind: str) -> dict[str, Any]:
    """What stands as ``kind[name]`` in a form; empty text is no value, as in Spree."""
    found: dict[str, Any] = {}
    for field, values in fields.lists():
        match = BRACKETS.match(field)
        if match is None or match["kind"] != kind or len(values) != 1:
            raise ParseError(
                _("%(field)s cannot be read: name each field once, as %(kind)s[…].")
                % {"field": ascii(field)[:SHOWN], "kind": kind}
            )
        found[match["name"]] = None if values[0] == "" else values[0]
    return found


def _object(found: Any, place: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise ParseError(_("%(place)s must be an object.") % {"place": place})
    return found


def _is_spree(request: Request) -> bool:
    return not (request.content_type or "").startswith(CONTENT_TYPE)


def _refuse_unknown(found: Collection[str], known: Collection[str], place: str) -> None:
    """A name that nobody knows is a mistake, or an attempt at what is not to be written: never passed over."""
    message = _("%(name)s cannot be written here. What can: %(names)s.")
    names = ", ".join(known) or "–"
    unknown = [name for name in found if name not in known]
    if unknown:
        raise ValidationFailed(
            [(f"{place}/{_escaped(name)}", message % {"name": name[:SHOWN], "names": names}) for name in unknown]
        )


def _escaped(name: str) -> str:
    """A name as a step of a JSON pointer (RFC 6901 §3)."""
    return name[:SHOWN].replace("~", "~0").replace("/", "~1")


def _each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError(f"{next(_repeated(pairs))[:SHOWN]} stands twice in one object")
    return found


def _repeated(pairs: list[tuple[str, Any]]) -> Iterator[str]:
    seen = set()
    for name, _value in pairs:
        if name in seen:
            yield ascii(name)
        seen.add(name)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")
