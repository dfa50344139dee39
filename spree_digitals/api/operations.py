"""What each endpoint is for, takes and answers: the facts of the OpenAPI document that code does not tell by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from .bodies import Writable
from .platform import DigitalLinkViewSet, DigitalViewSet
from .platform_serializers import DigitalWriter, Extension, LinkWriter, NewLinkWriter, Reason

TOKEN = "4WaA5vjMbnivskav2rMPGKzt"  # noqa: S105
ORDER_TOKEN = "orderToken"  # noqa: S105

# What files are sold most; any other comes with the type found at upload.
MEDIA_TYPES = (
    *("image/jpeg", "image/gif", "image/svg+xml", "image/bmp", "image/tiff", "image/png", "video/mpeg"),
    *("application/gzip", "application/zip", "application/pdf"),
    *("font/woff", "font/woff2", "font/otf", "font/ttf", "text/plain", "application/octet-stream"),
)

STAFF = ("authentication_failed", "permission_denied", "throttled", "temporarily_unavailable")
ONE = (*STAFF, "not_found")
LIST = (*STAFF, "malformed_request")
SHOWN = (*ONE, "malformed_request")
SAVED = (*SHOWN, "conflict", "payload_too_large", "unsupported_media_type", "validation_failed")
CREATED = tuple(code for code in SAVED if code != "not_found")
FILE = ("not_found", "file_missing", "precondition_failed", "range_not_satisfiable", "temporarily_unavailable")
ACCOUNT = ("not_authenticated", *STAFF, "malformed_request")


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method of one path."""

    id: str
    tag: str
    summary: str
    errors: tuple[str, ...]
    description: str = ""
    status: int = 200
    many: bool = False
    sends_file: bool = False
    redirects: bool = False
    writable: Writable | None = None
    needs_body: bool = True
    writer: Any = None
    parameters: Mapping[str, str] = field(default_factory=dict)


of_orders = partial(Operation, tag="Account / Orders", errors=ACCOUNT)
of_files = partial(Operation, tag="Platform / Digitals")
of_links = partial(Operation, tag="Platform / Digital Links")
change_of_link = partial(of_links, writable=DigitalLinkViewSet.reason, writer=Reason, needs_body=False, errors=SAVED)

FILE_REQUEST = {
    "Range": "One range of bytes, as in `bytes=1000-`: 206. Several ranges, and other units, get the whole file.",
    "If-Range": "The ETag of what the client has a part of: the whole file where it is another one by now.",
    "If-None-Match": "The ETag of what the client has already: 304 where it is still the file.",
    "If-Match": "The ETag of what the client wants: 412 where the file is another one by now.",
}
LINK_FILTERS = {
    "digital_id": "Links to this file.",
    "variant_id": "Links to the files of this variant.",
    "line_item_id": "Links of this line of an order.",
    "order_number": "Links of the order with this number.",
    "email": "Links of the orders with this e-mail address.",
    "state": "As far as links and files tell: whether an order still gives a right is asked for each link shown.",
}
DIGITAL_FILTERS = {
    "variant_id": "Files of this variant.",
    "filename": "Files with this name.",
    "content_type": "Files of this media type.",
    "sha256": "The file with this checksum.",
    "state": "Whether new links are issued for it.",
}


# By view and action, or method where a view has no actions.
OPERATIONS: dict[tuple[str, str], Operation] = {
    ("DownloadView", "get"): Operation(
        id="get-digitals",
        tag="Digital Downloads",
        summary="Download a file",
        description=(
            "The token of a link is all it takes. Order look-ups show it with `include=line_items.digital_links`. "
            "A link can be used as often and as long as the store allows, and each GET that starts to send the file "
            "counts; a range that resumes a download of the same client, HEAD, conditions that end in 304 or 412, and "
            "refusals do not."
        ),
        errors=(
            *("link_expired", "download_limit_reached", "link_revoked", "order_not_entitled", "file_withdrawn"),
            *FILE,
        ),
        sends_file=True,
        redirects=True,
        parameters=FILE_REQUEST,
    ),
    ("OrderStatusView", "get"): Operation(
        id="order-status",
        tag="Order Status",
        summary="Show a completed order to a guest",
        description="The number of the order goes into the address, its token into a header.",
        errors=("not_found", "malformed_request", "temporarily_unavailable"),
    ),
    ("AccountOrdersView", "get"): of_orders(
        id="account-orders",
        summary="List a customer's completed orders",
        description="The newest first.",
        many=True,
    ),
    ("AccountOrderView", "get"): of_orders(
        id="account-order",
        summary="Show a completed order to its customer",
        errors=(*ACCOUNT, "not_found"),
    ),
    ("DigitalViewSet", "list"): of_files(
        id="list-digitals",
        summary="List files",
        errors=LIST,
        many=True,
        parameters=DIGITAL_FILTERS,
    ),
    ("DigitalViewSet", "create"): of_files(
        id="create-digital",
        summary="Upload a file",
        description="As multipart/form-data: no document carries a file.",
        errors=CREATED,
        status=201,
        writable=DigitalViewSet.writable,
        writer=DigitalWriter,
    ),
    ("DigitalViewSet", "retrieve"): of_files(id="show-digital", summary="Show a file", errors=SHOWN),
    ("DigitalViewSet", "partial_update"): of_files(
        id="update-digital",
        summary="Change a file",
        description="Another attachment becomes a new version, for those who have bought the file too.",
        errors=SAVED,
        writable=DigitalViewSet.writable,
        writer=DigitalWriter,
    ),
    ("DigitalViewSet", "destroy"): of_files(
        id="delete-digital",
        summary="Delete a file that was never sold",
        description="409 where it has links, or mails to buyers name it.",
        errors=(*ONE, "conflict"),
        status=204,
    ),
    ("DigitalFileView", "get"): of_files(
        id="download-digital",
        summary="Download a file as staff",
        description="Counts for no link, and is written into the history of the file.",
        errors=(*STAFF, *FILE),
        sends_file=True,
        parameters=FILE_REQUEST,
    ),
    ("DigitalLinkViewSet", "list"): of_links(
        id="list-digital-links",
        summary="List links",
        errors=LIST,
        many=True,
        parameters=LINK_FILTERS,
    ),
    ("DigitalLinkViewSet", "create"): of_links(
        id="create-digital-link",
        summary="Make a link by hand",
        description=(
            "Links of orders are issued when the order completes; this one is a favour, on top of them, also to a file "
            "that is retired. 422 where the file is withdrawn."
        ),
        errors=CREATED,
        status=201,
        writable=DigitalLinkViewSet.new,
        writer=NewLinkWriter,
    ),
    ("DigitalLinkViewSet", "retrieve"): of_links(id="show-digital-link", summary="Show a link", errors=SHOWN),
    ("DigitalLinkViewSet", "partial_update"): of_links(
        id="update-digital-link",
        summary="Change the limits of a link",
        errors=SAVED,
        writable=DigitalLinkViewSet.writable,
        writer=LinkWriter,
    ),
    ("DigitalLinkViewSet", "destroy"): of_links(
        id="delete-digital-link",
        summary="Delete a link that was made by hand and never used",
        errors=(*ONE, "conflict"),
        status=204,
    ),
    ("DigitalLinkViewSet", "reset"): change_of_link(
        id="reset-digital-link",
        summary="Let a link be used anew",
        description="No use counted, and the days count from now.",
    ),
    ("DigitalLinkViewSet", "extend"): of_links(
        id="extend-digital-link",
        summary="Let a link be used more often or longer",
        description=(
            "On top of the limits that hold. An expired link works for so many days from now, and as days are whole, "
            "up to one more."
        ),
        errors=SAVED,
        writable=DigitalLinkViewSet.extension,
        writer=Extension,
    ),
    ("DigitalLinkViewSet", "revoke"): change_of_link(
        id="revoke-digital-link",
        summary="Take a link away",
        description="Downloads are refused until it is restored.",
    ),
    ("DigitalLinkViewSet", "restore"): change_of_link(
        id="restore-digital-link",
        summary="Give a revoked link back",
        description="409 where the order gives no right to that many units any more.",
    ),
    ("DigitalLinkViewSet", "rotate"): change_of_link(
        id="rotate-digital-link",
        summary="Give a link a new token",
        description="Whoever has the old one has nothing.",
    ),
}
