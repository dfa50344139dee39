"""JSON:API as this app promises it, whatever the project has set for its own API."""

from __future__ import annotations

from typing import Any

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework_json_api import renderers
from rest_framework_json_api.utils import format_field_name, is_relationship_field

from ..storefront import read_store_once


class JSONAPIRenderer(renderers.JSONRenderer):
    """Names are sent as they are: a project's ``JSON_API_FORMAT_FIELD_NAMES`` is for its own documents."""

    @read_store_once()
    def render(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None) -> bytes:
        body: bytes = super().render(data, accepted_media_type, renderer_context)
        return body

    @classmethod
    def extract_attributes(cls, fields: Any, resource: Any) -> dict[str, Any]:
        return {
            name: value
            for name, value in resource.items()
            if name != "id" and not (name in fields and is_relationship_field(fields[name]))
        }

    @classmethod
    def extract_relationships(cls, fields: Any, resource: Any, resource_instance: Any) -> dict[str, Any]:
        relationships = super().extract_relationships(fields, resource, resource_instance) or {}
        names = {format_field_name(name): name for name in fields}
        return {names[name]: {"data": value["data"]} for name, value in relationships.items()}

    def render_errors(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None) -> bytes:
        # The document as it stands: the library would wrap it once more.
        return JSONRenderer.render(self, data, accepted_media_type, renderer_context)


class PlainJSONAPIRenderer(JSONAPIRenderer):
    """The same document for clients that ask for ``application/json``, as Spree's does."""

    media_type = "application/json"
    format = "json"


class LenientNegotiation(BaseContentNegotiation):
    """
    ``application/json`` where a client names it and not JSON:API, JSON:API to everybody else.

    Never 406: a browser or a download manager asks for what the file is, not for what an error is.
    """

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> tuple[Any, str]:
        accept = request.headers.get("Accept", "").lower()
        renderer = next((found for found in renderers if found.media_type in accept), renderers[0])
        return renderer, renderer.media_type
