"""What each endpoint is for, takes and answers: the facts of the OpenAPI document that code does not tell by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .bodies import Writable
from .platform import DigitalLinkViewSet, DigitalViewSet
from .platform_serializers import DigitalWriter, Extension, LinkWriter, NewLinkWriter

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
FILE = ("not_found", "file_missing", "precondition_failed", "temporarily_unavailable")


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
    writable: Writable | None = None
    writer: Any = None
    parameters: Mapping[str, str] = field(default_factory=dict)


CONDITIONS = {
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


def link_action(name: str, summary: str, description: str, *, errors: tuple[str, ...] = SHOWN) -> Operation:
    return Operation(
        id=f"{name}-digital-link",
        tag="Platform / Digital Links",
        summary=summary,
        description=description,
        errors=errors,
    )


# By view and action, or method where a view has no actions.
OPERATIONS: dict[tuple[str, str], Operation] = {
    ("DownloadView", "get"): Operation(
        id="get-digitals",
        tag="Digital Downloads",
        summary="Download a file",
        description=(
            "The token of a link is all it takes. Order look-ups show it with `include=line_items.digital_links`. "
            "A link can be used as often and as long as the store allows, and each GET that starts to send the file "
            "counts; HEAD, conditions that end in 304 or 412, and refusals do not."
        ),
        errors=(
            *("link_expired", "download_limit_reached", "link_revoked", "order_not_entitled", "file_withdrawn"),
            *FILE,
        ),
        sends_file=True,
        parameters=CONDITIONS,
    ),
    ("OrderStatusView", "get"): Operation(
        id="order-status",
        tag="Order Status",
        summary="Show a completed order to a guest",
        description="The number of the order goes into the address, its token into a header.",
        errors=("not_found", "malformed_request", "temporarily_unavailable"),
    ),
    ("AccountOrdersView", "get"): Operation(
        id="account-orders",
        tag="Account / Orders",
        summary="List a customer's completed orders",
        description="The newest first.",
        errors=(
            *("authentication_failed", "not_authenticated", "permission_denied", "throttled"),
            *("malformed_request", "temporarily_unavailable"),
        ),
        many=True,
    ),
    ("AccountOrderView", "get"): Operation(
        id="account-order",
        tag="Account / Orders",
        summary="Show a completed order to its customer",
        errors=(
            *("authentication_failed", "not_authenticated", "permission_denied", "throttled", "not_found"),
            *("malformed_request", "temporarily_unavailable"),
        ),
    ),
    ("DigitalViewSet", "list"): Operation(
        id="list-digitals",
        tag="Platform / Digitals",
        summary="List files",
        errors=LIST,
        many=True,
        parameters=DIGITAL_FILTERS,
    ),
    ("DigitalViewSet", "create"): Operation(
        id="create-digital",
        tag="Platform / Digitals",
        summary="Upload a file",
        description="As multipart/form-data: no document carries a file.",
        errors=CREATED,
        status=201,
        writable=DigitalViewSet.writable,
        writer=DigitalWriter,
    ),
    ("DigitalViewSet", "retrieve"): Operation(
        id="show-digital", tag="Platform / Digitals", summary="Show a file", errors=SHOWN
    ),
    ("DigitalViewSet", "partial_update"): Operation(
        id="update-digital",
        tag="Platform / Digitals",
        summary="Change a file",
        description="Another attachment becomes a new version, for those who have bought the file too.",
        errors=SAVED,
        writable=DigitalViewSet.writable,
        writer=DigitalWriter,
    ),
    ("DigitalViewSet", "destroy"): Operation(
        id="delete-digital",
        tag="Platform / Digitals",
        summary="Delete a file that was never sold",
        errors=(*ONE, "conflict"),
        status=204,
    ),
    ("DigitalFileView", "get"): Operation(
        id="download-digital",
        tag="Platform / Digitals",
        summary="Download a file as staff",
        description="Counts for no link, and is written into the history of the file.",
        errors=(*STAFF, *FILE),
        sends_file=True,
        parameters=CONDITIONS,
    ),
    ("DigitalLinkViewSet", "list"): Operation(
        id="list-digital-links",
        tag="Platform / Digital Links",
        summary="List links",
        errors=LIST,
        many=True,
        parameters=LINK_FILTERS,
    ),
    ("DigitalLinkViewSet", "create"): Operation(
        id="create-digital-link",
        tag="Platform / Digital Links",
        summary="Make a link by hand",
        description="Links of orders are issued when the order completes; this one is a favour, on top of them.",
        errors=CREATED,
        status=201,
        writable=DigitalLinkViewSet.new,
        writer=NewLinkWriter,
    ),
    ("DigitalLinkViewSet", "retrieve"): Operation(
        id="show-digital-link", tag="Platform / Digital Links", summary="Show a link", errors=SHOWN
    ),
    ("DigitalLinkViewSet", "partial_update"): Operation(
        id="update-digital-link",
        tag="Platform / Digital Links",
        summary="Change the limits of a link",
        errors=SAVED,
        writable=DigitalLinkViewSet.writable,
        writer=LinkWriter,
    ),
    ("DigitalLinkViewSet", "destroy"): Operation(
        id="delete-digital-link",
        tag="Platform / Digital Links",
        summary="Delete a link that was made by hand and never used",
        errors=(*ONE, "conflict"),
        status=204,
    ),
    ("DigitalLinkViewSet", "reset"): link_action(
        "reset", "Let a link be used anew", "No use counted, and the days count from now."
    ),
    ("DigitalLinkViewSet", "extend"): Operation(
        id="extend-digital-link",
        tag="Platform / Digital Links",
        summary="Let a link be used more often or longer",
        description="On top of the limits that hold. An expired link works for so many days from now.",
        errors=SAVED,
        writable=DigitalLinkViewSet.extension,
        writer=Extension,
    ),
    ("DigitalLinkViewSet", "revoke"): link_action(
        "revoke", "Take a link away", "Downloads are refused until it is restored."
    ),
    ("DigitalLinkViewSet", "restore"): link_action(
        "restore",
        "Give a revoked link back",
        "409 where the order gives no right to that many units any more.",
        errors=(*SHOWN, "conflict"),
    ),
    ("DigitalLinkViewSet", "rotate"): link_action(
        "rotate", "Give a link a new token", "Whoever has the old one has nothing."
    ),
}
