"""Every refusal and failure as one error document that Spree's clients and JSON:API clients can both read."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from math import ceil
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import IntegrityError, InterfaceError, OperationalError
from django.http import Http404
from django.utils.encoding import force_str
from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions
from rest_framework.response import Response

from ..exceptions import DownloadRefused, TemporarilyUnavailable

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/vnd.api+json"
RETRY_AFTER = "5"  # seconds

NOT_AUTHORIZED = "You are not authorized to access this page."
NOT_FOUND = "The resource you were looking for could not be found."

# code: status, the fixed English sentence for Spree's clients, the translated title.
ERRORS: dict[str, tuple[HTTPStatus, str, Any]] = {
    "not_found": (HTTPStatus.NOT_FOUND, NOT_FOUND, _("Not found")),
    "file_missing": (HTTPStatus.NOT_FOUND, NOT_FOUND, _("The file is missing")),
    "link_expired": (HTTPStatus.FORBIDDEN, NOT_AUTHORIZED, _("The download link has expired")),
    "download_limit_reached": (HTTPStatus.FORBIDDEN, NOT_AUTHORIZED, _("The download limit is reached")),
    "link_revoked": (HTTPStatus.FORBIDDEN, NOT_AUTHORIZED, _("The download link was revoked")),
    "order_not_entitled": (HTTPStatus.FORBIDDEN, NOT_AUTHORIZED, _("The order gives no access")),
    "file_withdrawn": (HTTPStatus.FORBIDDEN, NOT_AUTHORIZED, _("The file was withdrawn")),
    "not_authenticated": (HTTPStatus.FORBIDDEN, NOT_AUTHORIZED, _("Sign in first")),
    "permission_denied": (HTTPStatus.FORBIDDEN, NOT_AUTHORIZED, _("Not allowed")),
    "authentication_failed": (
        HTTPStatus.UNAUTHORIZED,
        "The access token is invalid.",
        _("The access token is invalid"),
    ),
    "malformed_request": (HTTPStatus.BAD_REQUEST, "The request is malformed.", _("The request is malformed")),
    "method_not_allowed": (
        HTTPStatus.METHOD_NOT_ALLOWED,
        "The method is not allowed here.",
        _("The method is not allowed here"),
    ),
    "conflict": (
        HTTPStatus.CONFLICT,
        "The request conflicts with what is stored.",
        _("The request conflicts with what is stored"),
    ),
    "precondition_failed": (
        HTTPStatus.PRECONDITION_FAILED,
        "The precondition of the request failed.",
        _("The file is not the one that was asked for"),
    ),
    "payload_too_large": (
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "The request is too large.",
        _("The request is too large"),
    ),
    "unsupported_media_type": (
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "The media type is not supported.",
        _("The media type is not supported"),
    ),
    "range_not_satisfiable": (
        HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
        "The requested range cannot be satisfied.",
        _("The file has no such bytes"),
    ),
    "validation_failed": (
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Some values are not valid.",
        _("A value is not valid"),
    ),
    "throttled": (HTTPStatus.TOO_MANY_REQUESTS, "Too many requests.", _("Too many requests")),
    "temporarily_unavailable": (
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The service is temporarily unavailable.",
        _("Temporarily unavailable"),
    ),
}


class Conflict(exceptions.APIException):
    """What is asked for does not go with what is stored, or with the address it is sent to."""


class PayloadTooLarge(exceptions.APIException):
    """The body is longer than any that makes sense here."""


class RangeNotSatisfiable(exceptions.APIException):
    """The range that was asked for lies outside of a file of ``size`` bytes."""

    def __init__(self, size: int) -> None:
        super().__init__(_("The file has %(size)s bytes; the range lies outside of it.") % {"size": size})
        self.size = size


class ValidationFailed(Exception):
    """
    Values that may not be saved; nothing was.

    ``problems`` has a JSON pointer into the body for each message.
    """

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        super().__init__(problems)
        self.problems = problems


# What Django and REST framework raise, in the order in which a subclass must be found first.
FOREIGN: tuple[tuple[type[Exception], str], ...] = (
    (exceptions.NotAuthenticated, "not_authenticated"),
    (exceptions.AuthenticationFailed, "authentication_failed"),
    (exceptions.PermissionDenied, "permission_denied"),
    (exceptions.MethodNotAllowed, "method_not_allowed"),
    (exceptions.UnsupportedMediaType, "unsupported_media_type"),
    (exceptions.Throttled, "throttled"),
    (exceptions.NotFound, "not_found"),
    (exceptions.ParseError, "malformed_request"),
    (Conflict, "conflict"),
    (PayloadTooLarge, "payload_too_large"),
    (RangeNotSatisfiable, "range_not_satisfiable"),
    (RequestDataTooBig, "payload_too_large"),
    (SuspiciousOperation, "malformed_request"),
    (IntegrityError, "conflict"),
    (PermissionDenied, "permission_denied"),
    (Http404, "not_found"),
)


def error_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """REST framework's exception handler for this app's views. None: not ours to answer, the project's 500 follows."""
    if isinstance(error, (OperationalError, InterfaceError)):
        logger.exception("The database could not answer.")
        error = TemporarilyUnavailable()
    if isinstance(error, DownloadRefused):
        return document(error.code, detail=error.message, meta=error.meta)
    if isinstance(error, ValidationFailed):
        problems = [{"detail": message, "source": {"pointer": pointer}} for pointer, message in error.problems]
        return document("validation_failed", *problems)
    for kind, code in FOREIGN:
        if isinstance(error, kind):
            return document(code, detail=getattr(error, "detail", None), headers=_headers(error, context))
    return None


def document(
    code: str,
    *problems: Mapping[str, Any],
    detail: Any = None,
    meta: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """The error document of ``code``, with its status: one entry for each of ``problems``, or a single one."""
    status, sentence, title = ERRORS[code]
    entry: dict[str, Any] = {"status": str(status.value), "code": code, "title": force_str(title)}
    entry["detail"] = force_str(detail or title)
    if meta:
        entry["meta"] = meta
    entries = [{**entry, **problem} for problem in problems] or [entry]
    response = Response({"error": sentence, "errors": entries}, status=status.value, content_type=CONTENT_TYPE)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response["Retry-After"] = RETRY_AFTER
    for name, value in (headers or {}).items():
        response[name] = value
    return response


def _headers(error: Exception, context: dict[str, Any]) -> dict[str, str]:
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(ceil(wait))
    if isinstance(error, RangeNotSatisfiable):
        headers["Content-Range"] = f"bytes */{error.size}"  # RFC 9110 §15.5.17
    if isinstance(error, exceptions.MethodNotAllowed):
        headers["Allow"] = ", ".join(context["view"].allowed_methods)
    return headers
