"""The storefront's endpoints, each one the story of its request."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any

from django.db import connections, transaction
from django.http import Http404, HttpResponse, HttpResponseBase, HttpResponseNotModified
from rest_framework.generics import GenericAPIView
from rest_framework.parsers import JSONParser
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import perform_import
from rest_framework.views import APIView

from .. import downloads, signals
from ..clients import Client
from ..conf import conf
from ..delivery import conditions, get_delivery, ranges
from ..delivery.base import PRIVATE_HEADERS, Delivery, file_headers
from ..delivery.ranges import Span
from ..delivery.stream import StreamedFile
from ..downloads import Grant
from ..exceptions import DownloadRefused, LimitReached, LinkNotFound, TemporarilyUnavailable
from ..models import DigitalLink, Download
from ..policy import Standing
from ..purchases import PurchasedOrder, purchased
from ..storage import StoredFile
from ..storefront import get_storefront, read_store_once
from .errors import RangeNotSatisfiable, document, error_response
from .pagination import SpreePagination
from .renderers import JSONAPIRenderer, LenientNegotiation, PlainJSONAPIRenderer
from .serializers import CartSerializer, OrderSerializer


class StorefrontView(APIView):
    """What all endpoints speak. The project's REST_FRAMEWORK settings stay its own."""

    authentication_classes: Any = ()
    permission_classes: Any = (AllowAny,)
    throttle_classes: Any = ()
    parser_classes = (JSONParser,)
    renderer_classes = (JSONAPIRenderer, PlainJSONAPIRenderer)
    content_negotiation_class = LenientNegotiation
    versioning_class = None
    metadata_class = None

    def get_exception_handler(self) -> Callable[..., Response | None]:
        return error_response

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        response = HttpResponse(status=HTTPStatus.NO_CONTENT, headers={"Allow": ", ".join(self.allowed_methods)})
        del response["Content-Type"]
        return response

    @read_store_once()
    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        return super().dispatch(request, *args, **kwargs)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        for name, value in PRIVATE_HEADERS.items():
            response[name] = value
        return response


class FileView(StorefrontView):
    """What sends a file holds no database connection and no transaction while the bytes travel."""

    http_method_names = ["get", "head", "options"]

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        # A use is counted in a transaction of its own: ATOMIC_REQUESTS would hold it open while the bytes travel.
        view = super().as_view(**initkwargs)
        for alias in connections:
            view = transaction.non_atomic_requests(using=alias)(view)
        return view

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            response = super().dispatch(request, *args, **kwargs)
            if response.streaming:  # it has a file open, and must not outlive whoever waits for it
                self.response = None  # type: ignore[assignment]
            return response
        finally:
            release_connections()


class DownloadView(FileView):
    """``GET storefront/digitals/{token}``: the file, as often and as long as the store allows."""

    def get(self, request: Request, token: str) -> HttpResponseBase:
        refuse_prefetch(request)
        standing = downloads.find_link(token)
        link, client = standing.link, Client.of(request)
        try:
            return self.deliver(request, standing, client)
        except DownloadRefused as refusal:
            self.tell_refused(link, refusal, client)
            raise

    def deliver(self, request: Request, standing: Standing, client: Client) -> HttpResponseBase:
        link = standing.link
        delivery = get_delivery(get_storefront().delivery(link))
        begun = begun_file(request, link, client) if may_resume(request, delivery) else None
        if (refusal := standing.refusal) and not (begun and isinstance(refusal, LimitReached)):
            raise refusal
        file = begun or link.digital.stored_file
        if (answer := answer_precondition(request, file)) is not None:
            return answer
        span = asked_span(request, file)
        grant = Grant(
            file=file,
            length=delivery.charge(file, span),
            resumable=span is not None or delivery.resumes_whole,
            budget=delivery.budget,
        )
        response = delivery.respond(request._request, file, span, lifetime=standing.url_lifetime)
        try:
            download = downloads.authorize(link, standing.limits, client, grant)
        except BaseException:
            discard(response)
            raise
        self.tell_started(link, download)
        if isinstance(response, StreamedFile):
            response.on_close = partial(settle_up, download)
        return response

    def head(self, request: Request, token: str) -> HttpResponseBase:
        """What a GET of the whole would answer, without the file and without counting (RFC 9110 §14.2: no ranges)."""
        standing = downloads.find_link(token)
        if standing.refusal is not None:
            raise standing.refusal
        file = standing.link.digital.stored_file
        if (answer := answer_precondition(request, file)) is not None:
            return answer
        file.check()
        return HttpResponse(headers=file_headers(file))

    def tell_started(self, link: DigitalLink, download: Download) -> None:
        if not download.joined:
            request = self.request._request
            signals.download_started.send_robust(DigitalLink, link=link, download=download, request=request)

    def tell_refused(self, link: DigitalLink, refusal: DownloadRefused, client: Client) -> None:
        if not isinstance(refusal, (TemporarilyUnavailable, LinkNotFound)):
            downloads.record_refusal(link, refusal, client)
            signals.download_refused.send_robust(DigitalLink, link=link, refusal=refusal, request=self.request._request)


class OrderStatusView(StorefrontView, GenericAPIView):  # type: ignore[type-arg]
    """``GET storefront/order_status/{number}``: a guest's completed order, opened by its token in a header."""

    serializer_class = CartSerializer
    http_method_names = ["get", "head", "options"]

    def get(self, request: Request, number: str) -> Response:
        storefront = get_storefront()
        # Only the header: what stands in a URL ends up in logs.
        token = request.headers.get("X-Spree-Order-Token", "")
        order = storefront.find_order(number, token)
        if order is None or storefront.completed_at(order) is None:
            raise Http404
        return Response(self.get_serializer(purchased([order])[0]).data)


class AuthenticatedView(StorefrontView):
    """For people with an account, who identify themselves as the project says."""

    def get_authenticators(self) -> list[Any]:
        classes: Any = perform_import(conf.AUTHENTICATION_CLASSES, "SPREE_DIGITALS_AUTHENTICATION_CLASSES")
        return [authenticator() for authenticator in classes]


class AccountView(AuthenticatedView, GenericAPIView):  # type: ignore[type-arg]
    """What a signed-in customer may see."""

    serializer_class = OrderSerializer
    pagination_class = SpreePagination
    permission_classes = (IsAuthenticated,)
    http_method_names = ["get", "head", "options"]

    def get_queryset(self) -> Any:
        return get_storefront().orders_of(self.request.user)


class AccountOrdersView(AccountView):
    """``GET storefront/account/orders``: a customer's completed orders, newest first."""

    def get(self, request: Request) -> Response:
        orders: list[PurchasedOrder] = purchased(self.paginate_queryset(self.get_queryset()) or [])
        return self.get_paginated_response(self.get_serializer(orders, many=True).data)


class AccountOrderView(AccountView):
    """``GET storefront/account/orders/{number}``: one of them."""

    def get(self, request: Request, number: str) -> Response:
        orders = get_storefront().with_number(self.get_queryset(), number)
        if not orders:
            raise Http404
        return Response(self.get_serializer(purchased(orders[:1])[0]).data)


def refuse_prefetch(request: Request) -> None:
    """A browser that fetches what nobody has clicked yet gets nothing, and nothing is counted."""
    purpose = request.headers.get("Sec-Purpose") or request.headers.get("Purpose") or request.headers.get("X-Moz", "")
    if "prefetch" in purpose.lower():
        raise TemporarilyUnavailable


def may_resume(request: Request, delivery: Delivery) -> bool:
    """Whether the request is of a kind that may join a running download."""
    return delivery.resumes_whole or ranges.is_ranged(request.headers.get("Range"))


def begun_file(request: Request, link: DigitalLink, client: Client) -> StoredFile | None:
    """The file of the newest download that this client may resume; with ``If-Range``, of the one it names."""
    condition = request.headers.get("If-Range")
    for _download, file in downloads.running(link, client):
        if ranges.still_holds(condition, etag=file.etag, last_modified=file.last_modified):
            return file
    return None


def answer_precondition(request: Request, file: StoredFile) -> HttpResponseBase | None:
    """304 or 412 where the client's condition asks for it (RFC 9110 §13.2.2), so that neither is ever counted."""
    status = conditions.unmet(request.headers, etag=file.etag, modified=int(file.modified_at.timestamp()))
    if status == HTTPStatus.PRECONDITION_FAILED:
        return document("precondition_failed")
    if status == HTTPStatus.NOT_MODIFIED:
        return HttpResponseNotModified(headers={name: file_headers(file)[name] for name in ("ETag", "Last-Modified")})
    return None


def asked_span(request: Request, file: StoredFile) -> Span | None:
    """The range that is to be served; None for the whole file. Raises RangeNotSatisfiable."""
    condition = request.headers.get("If-Range")
    if not ranges.still_holds(condition, etag=file.etag, last_modified=file.last_modified):
        return None
    try:
        return ranges.asked(request.headers.get("Range"), file.byte_size)
    except ranges.Unsatisfiable as error:
        raise RangeNotSatisfiable(file.byte_size) from error


def discard(response: HttpResponseBase) -> None:
    """Give up an answer that was never sent. Its ``close()`` would tell Django that the whole request is over."""
    if isinstance(response, StreamedFile):
        response.finish()


def settle_up(download: Download, undelivered: int) -> None:
    """The response is over, perhaps long after the view, and perhaps in another thread."""
    downloads.give_back(download, undelivered)
    release_connections()


def release_connections() -> None:
    """
    Give database connections back before the bytes travel, so that slow readers hold none.

    A persistent connection belongs to its thread and stays; with a psycopg pool, CONN_MAX_AGE is always 0.
    """
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block and connection.settings_dict["CONN_MAX_AGE"] == 0:
            connection.close()
