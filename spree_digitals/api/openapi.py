"""
The OpenAPI document of the API: for projects that have installed the extra ``openapi``.

Nothing else imports it. Once it is imported, drf-spectacular describes this app's endpoints in the project's own
document too; ``SETTINGS`` are for a document that has them alone.
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension, OpenApiViewExtension
from drf_spectacular.plumbing import ResolvedComponent, build_array_type, build_parameter_type
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularYAMLAPIView
from drf_spectacular_jsonapi.schemas.converters import JsonApiRelationshipObject, JsonApiResourceObject
from drf_spectacular_jsonapi.schemas.openapi import JsonApiAutoSchema
from drf_spectacular_jsonapi.schemas.plumbing import build_json_api_data_frame
from rest_framework.relations import ManyRelatedField

from spree_digitals import __version__

from ..models.fields import BASE58, TOKEN_LENGTH
from .bodies import Writable
from .errors import CONTENT_TYPE, ERRORS
from .operations import MEDIA_TYPES, OPERATIONS, ORDER_TOKEN, TOKEN, Operation
from .pagination import SpreePagination
from .serializers import Relation, ShopObjectSerializer
from .staff import StaffViewSet
from .views import AuthenticatedView, OrderStatusView, StorefrontView

SETTINGS: dict[str, Any] = {
    "TITLE": "Digital downloads",
    "DESCRIPTION": "Download links for what a shop sells, in the form of Spree's Storefront and Platform API v2.",
    "VERSION": __version__,
    "OAS_VERSION": "3.1.1",
    "PREPROCESSING_HOOKS": ["spree_digitals.api.openapi.only_ours"],
    "POSTPROCESSING_HOOKS": [],
}

ERROR_DOCUMENT: dict[str, Any] = {
    "type": "object",
    "description": "`error` is always the same English sentence, `errors` is JSON:API with a stable `code`.",
    "properties": {
        "error": {"type": "string"},
        "errors": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "properties": {
                    "status": {"type": "string"},
                    "code": {"type": "string", "enum": sorted(ERRORS)},
                    "title": {"type": "string"},
                    "detail": {"type": "string"},
                    "source": {"type": "object", "properties": {"pointer": {"type": "string"}}},
                    "meta": {"type": "object"},
                },
                "required": ["status", "code", "title", "detail"],
            },
        },
    },
    "required": ["error", "errors"],
}
FILE_HEADERS = {
    "Content-Disposition": "`attachment`, with a name that every system can save.",
    "ETag": "The SHA-256 of the file.",
    "Last-Modified": "When it was uploaded.",
}
FAILURE_HEADERS = {401: "WWW-Authenticate", 416: "Content-Range", 429: "Retry-After", 503: "Retry-After"}
PART_HEADERS = {"Content-Range": "Which bytes of how many."}


def only_ours(endpoints: list[tuple[str, str, str, Any]]) -> list[tuple[str, str, str, Any]]:
    """A preprocessing hook of drf-spectacular: the endpoints of this app, wherever the project has mounted them."""
    return [endpoint for endpoint in endpoints if issubclass(endpoint[3].cls, StorefrontView)]


class RelationshipObject(JsonApiRelationshipObject):
    """A relationship as it is sent: a linkage, null where there is nothing, and no title of its own."""

    def patch(self) -> None:
        many = isinstance(self.field, ManyRelatedField)
        relation = self.field.child_relation if many else self.field
        linkage = _linkage(relation.JSONAPIMeta.resource_name)
        data = build_array_type(linkage) if many else {"oneOf": [linkage, {"type": "null"}]}
        self._schema = build_json_api_data_frame(data)


class ResourceObject(JsonApiResourceObject):
    """A resource as it is sent; ``fields[…]`` may leave out any of its attributes and relationships."""

    def patch(self) -> None:
        properties: dict[str, Any] = {"type": {"const": self.serializer.Meta.resource_name}, "id": {"type": "string"}}
        fields = self.serializer.fields.items()
        related = {name: field for name, field in fields if isinstance(field, (Relation, ManyRelatedField))}
        attributes = {
            name: self.drf_spectacular_schema["properties"][name] for name, _ in fields if name not in related
        }
        if isinstance(self.serializer, ShopObjectSerializer):
            properties["attributes"] = {"type": "object", "description": "What the shop shows of it."}
        else:
            properties["attributes"] = _closed(attributes, [])
        if related:
            relationships = {name: RelationshipObject(field, {})._schema for name, field in related.items()}
            properties["relationships"] = _closed(relationships, [])
        self._schema = _closed(properties, ["type", "id"])


class DigitalsSchema(JsonApiAutoSchema):
    """Describes one of this app's endpoints, with the facts of its :class:`Operation`."""

    json_api_resource_object_converter_class = ResourceObject

    @property
    def operation(self) -> Operation:
        action = getattr(self.view, "action", None) or self.method.lower()
        # The view itself, or the one of ours that a project has made its own from.
        keys = [(view.__name__, action) for view in type(self.view).__mro__]
        return next(OPERATIONS[key] for key in keys if key in OPERATIONS)

    def get_operation_id(self) -> str:
        return self.operation.id

    def get_summary(self) -> str:
        return self.operation.summary

    def get_description(self) -> str:
        return self.operation.description

    def get_tags(self) -> list[str]:
        return [self.operation.tag]

    def get_auth(self) -> list[dict[str, Any]]:
        if isinstance(self.view, AuthenticatedView):
            security: list[dict[str, Any]] = super().get_auth()
            return security
        if not isinstance(self.view, OrderStatusView):
            return []
        header = {"type": "apiKey", "in": "header", "name": "X-Spree-Order-Token"}
        self._component(ORDER_TOKEN, ResolvedComponent.SECURITY_SCHEMA, header)
        return [{ORDER_TOKEN: []}]

    # What is sent

    def _get_parameters(self) -> list[dict[str, Any]]:
        return [*self._path_parameters(), *self._header_parameters(), *self._query_parameters()]

    def _path_parameters(self) -> list[dict[str, Any]]:
        names: dict[str, tuple[str, dict[str, Any]]] = {
            "token": ("The token of the link.", _token_schema()),
            "number": ("The number of the order.", {"type": "string"}),
            "id": ("The id of the resource.", {"type": "string"}),
        }
        found = [(name, *names[name]) for name in names if f"{{{name}}}" in self.path]
        return [build_parameter_type(name, schema, "path", description=text) for name, text, schema in found]

    def _header_parameters(self) -> list[dict[str, Any]]:
        if not self.operation.sends_file:
            return []
        return [
            build_parameter_type(name, {"type": "string"}, "header", description=text)
            for name, text in self.operation.parameters.items()
        ]

    def _query_parameters(self) -> list[dict[str, Any]]:
        if self.operation.sends_file or self.operation.status == 204:
            return []
        kinds = _kinds(self._get_serializer())
        listed = [self._list_parameter(f"fields[{kind}]", names) for kind, names in kinds.items()]
        listed.append(self._list_parameter("include", _paths(self._get_serializer())))
        if not self.operation.many:
            return listed
        return [*listed, *self._page_parameters(), *self._list_parameters()]

    def _list_parameters(self) -> list[dict[str, Any]]:
        view = self.view
        if not isinstance(view, StaffViewSet):
            return []
        sorts = [sign + name for name in view.sorts for sign in ("", "-")]
        filters = []
        for name, text in self.operation.parameters.items():
            choices = {"enum": list(view.states)} if name == "state" else {}
            filters.append(
                build_parameter_type(f"filter[{name}]", {"type": "string", **choices}, "query", description=text)
            )
        return [self._list_parameter("sort", sorts), *filters]

    def _page_parameters(self) -> list[dict[str, Any]]:
        most = SpreePagination.max_per_page
        return [
            build_parameter_type("page", {"type": "integer", "minimum": 1, "maximum": 999_999_999}, "query"),
            build_parameter_type(
                "per_page",
                {"type": "integer", "minimum": 1, "maximum": most, "default": SpreePagination.per_page},
                "query",
            ),
        ]

    def _list_parameter(self, name: str, choices: Any) -> dict[str, Any]:
        items: dict[str, Any] = {"type": "string"}
        if choices:
            items["enum"] = list(choices)
        parameter: dict[str, Any] = build_parameter_type(name, build_array_type(items), "query", explode=False)
        return parameter

    def _get_request_body(self, direction: Any = "request") -> dict[str, Any] | None:
        operation, writable = self.operation, self.operation.writable
        if writable is None:
            return None
        found = self._map_basic_serializer(operation.writer(), "request")
        attributes: dict[str, Any] = {name: found["properties"][name] for name in writable.attributes}
        required = [] if self.method == "PATCH" else found.get("required", [])
        content = {}
        if "attachment" in attributes:
            attributes.pop("attachment")
            content["multipart/form-data"] = {"schema": _form(writable, attributes, required)}
        if "attachment" not in required:
            names = {name: given for given, name in writable.spree_names.items()}
            spree = {**attributes, **{names[name]: {"type": "string"} for name in writable.relationships}}
            spree_body = _closed(spree, [names[name] for name in required])
            content["application/json"] = {"schema": _closed({writable.kind: spree_body})}
            content[CONTENT_TYPE] = {"schema": _closed({"data": self._resource(writable, attributes, required)})}
        return {"content": content, "required": operation.needs_body}

    def _resource(self, writable: Writable, attributes: dict[str, Any], required: list[str]) -> dict[str, Any]:
        properties: dict[str, Any] = {"type": {"const": writable.kind}}
        if self.method == "PATCH":
            properties["id"] = {"type": "string"}
        needed = list(properties)
        properties["attributes"] = _closed(attributes, [])
        if related := writable.relationships:
            linkages = {name: _closed({"data": _linkage(kind)}) for name, kind in related.items()}
            wanted = [name for name in required if name in related]
            properties["relationships"] = _closed(linkages, wanted)
            needed += ["relationships"] if wanted else []
        return _closed(properties, needed)

    # What is answered

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        operation = self.operation
        bodies = {str(operation.status): self._success(operation)}
        if operation.sends_file:
            bodies["206"] = self._file("A part of the file.", FILE_HEADERS | PART_HEADERS)
        if operation.redirects:
            bodies["302"] = {
                "description": "The shop's object storage sends the file, from an address that works for seconds.",
                "headers": {"Location": {"schema": {"type": "string", "format": "uri"}}},
            }
        if operation.sends_file:
            bodies["304"] = {"description": "The client has the file already; nothing was counted."}
        codes: dict[str, list[str]] = {}
        for code in operation.errors:
            codes.setdefault(str(ERRORS[code][0].value), []).append(code)
        return bodies | {status: self._failure(found) for status, found in sorted(codes.items())}

    def _success(self, operation: Operation) -> dict[str, Any]:
        if operation.status == 204:
            return {"description": "It is gone."}
        if operation.sends_file:
            return self._file("The file.", FILE_HEADERS)
        schema = {"schema": self._document(operation)}
        found: dict[str, Any] = {
            "description": "It was created." if operation.status == 201 else "Found.",
            "content": {CONTENT_TYPE: schema, "application/json": schema},
        }
        if operation.status == 201:
            found["headers"] = {
                "Location": {"schema": {"type": "string"}, "description": "The path of what was created."}
            }
        return found

    def _file(self, description: str, described: dict[str, str]) -> dict[str, Any]:
        headers = {name: {"schema": {"type": "string"}, "description": text} for name, text in described.items()}
        binary = {"schema": {"type": "string", "format": "binary"}}
        return {"description": description, "headers": headers, "content": dict.fromkeys(MEDIA_TYPES, binary)}

    def _document(self, operation: Operation) -> dict[str, Any]:
        serializer = self._get_serializer()
        data = self.resolve_serializer(serializer, "response").ref
        schema: dict[str, Any] = build_json_api_data_frame(build_array_type(data) if operation.many else data)
        if operation.many:
            schema["properties"] |= SpreePagination.document_members()
            schema["required"] = list(schema["properties"])
        included = [self.resolve_serializer(found, "response").ref for found in _included(serializer)]
        schema["properties"]["included"] = build_array_type({"anyOf": included})
        schema["additionalProperties"] = False
        name = self._get_serializer_name(serializer, "response") + ("List" if operation.many else "Document")
        return self._component(name, ResolvedComponent.SCHEMA, schema)

    def _failure(self, codes: list[str]) -> dict[str, Any]:
        schema = self._component("Errors", ResolvedComponent.SCHEMA, ERROR_DOCUMENT)
        examples = {code: self._component(code, ResolvedComponent.EXAMPLE, {"value": _example(code)}) for code in codes}
        content = {CONTENT_TYPE: {"schema": schema, "examples": examples}}
        found: dict[str, Any] = {"description": ", ".join(f"`{code}`" for code in codes), "content": content}
        status = ERRORS[codes[0]][0]
        header = FAILURE_HEADERS.get(status.value)
        if header:
            found["headers"] = {header: {"schema": {"type": "string"}}}
        return found

    def _component(self, name: str, kind: str, schema: dict[str, Any]) -> dict[str, Any]:
        component: Any = ResolvedComponent(name, kind, schema, name)  # type: ignore[no-untyped-call]
        self.registry.register_on_missing(component)
        reference: dict[str, Any] = component.ref
        return reference


class DigitalsViewExtension(OpenApiViewExtension):  # type: ignore[no-untyped-call]
    """Has drf-spectacular describe our views our way, whatever DEFAULT_SCHEMA_CLASS the project has."""

    target_class = "spree_digitals.api.views.StorefrontView"
    match_subclasses = True

    def view_replacement(self) -> Any:
        return type(self.target.__name__, (self.target,), {"schema": DigitalsSchema()})


class KeyExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Keys are text, as in all JSON:API, whatever kind the shop's models have."""

    target_class = "spree_digitals.api.platform_serializers.OwnObjectField"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        return {"type": "string"}


class RelationExtension(KeyExtension):  # type: ignore[no-untyped-call]
    """Described by ``RelationshipObject``; here only so that nothing is guessed."""

    target_class = "spree_digitals.api.serializers.Relation"
    match_subclasses = True


json_document = SpectacularJSONAPIView.as_view(custom_settings=SETTINGS)
yaml_document = SpectacularYAMLAPIView.as_view(custom_settings=SETTINGS)


def _included(serializer: Any) -> list[Any]:
    """Every serializer that ``include`` can lead to, each once."""
    found: dict[Any, Any] = {}
    for child in _children(serializer).values():
        for one in [child, *_included(child)]:
            found.setdefault(type(one), one)
    return list(found.values())


def _paths(serializer: Any) -> list[str]:
    """Every path that ``include`` takes."""
    paths = []
    for name, child in _children(serializer).items():
        paths += [name, *(f"{name}.{path}" for path in _paths(child))]
    return paths


def _kinds(serializer: Any) -> dict[str, list[str]]:
    """The types of resources in a document, with the names that ``fields[…]`` takes; none where the shop names them."""
    found = {}
    for one in [serializer, *_included(serializer)]:
        found[one.Meta.resource_name] = [] if isinstance(one, ShopObjectSerializer) else list(one.fields)
    return found


def _children(serializer: Any) -> dict[str, Any]:
    return {name: found() for name, found in getattr(serializer, "included_serializers", {}).items()}


def _token_schema() -> dict[str, Any]:
    pattern = f"^[{BASE58}]{{{TOKEN_LENGTH}}}$"
    return {"type": "string", "pattern": pattern, "examples": [TOKEN]}


def _closed(properties: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    """An object with these properties, all of them needed unless ``required`` says which, and no others."""
    needed = list(properties) if required is None else required
    schema: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**schema, "required": needed} if needed else schema


def _linkage(kind: str) -> dict[str, Any]:
    return _closed({"type": {"const": kind}, "id": {"type": "string"}})


def _form(writable: Writable, attributes: dict[str, Any], required: list[str]) -> dict[str, Any]:
    """As Spree's forms name their fields: ``digital[variant_id]``."""
    schemas = {**attributes, "attachment": {"type": "string", "format": "binary"}}
    names = {name: f"{writable.kind}[{given}]" for given, name in writable.spree_names.items()}
    properties = {names[name]: schemas.get(name, {"type": "string"}) for name in names}
    return _closed(properties, [names[name] for name in required])


def _example(code: str) -> dict[str, Any]:
    status, sentence, title = ERRORS[code]
    entry = {"status": str(status.value), "code": code, "title": str(title), "detail": str(title)}
    return {"error": sentence, "errors": [entry]}
