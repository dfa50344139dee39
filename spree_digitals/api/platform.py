"""The endpoints for shop staff, in the form of Spree's Platform API: files and links."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from functools import partial
from http import HTTPStatus
from typing import Any

from django.db import router, transaction
from django.db.models import F
from django.db.models.deletion import ProtectedError
from django.http import HttpResponse, HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework_json_api.utils import get_included_resources

from .. import issuing
from ..delivery.base import file_headers
from ..delivery.stream import Stream
from ..exceptions import EntitlementExceeded, TemporarilyUnavailable
from ..models import Digital, DigitalLink
from ..models.override import LIMITS
from ..policy import standing_of
from ..purchases import PurchasedLink
from ..staff import carry_out, entry_with, note_each, what_was_done
from ..storefront import completion_of, get_storefront
from ..transactions import alias, retried
from .bodies import JSONAPIParser, SpreeJSONParser, Writable
from .errors import Conflict
from .platform_serializers import (
    DigitalWriter,
    Extension,
    LinkWriter,
    NewLinkWriter,
    Reason,
    StaffDigitalLinkSerializer,
    StaffDigitalSerializer,
)
from .querying import by, by_any, by_choice
from .staff import StaffView, StaffViewSet
from .views import FileView, answer_precondition, asked_span, refuse_prefetch

logger = logging.getLogger(__name__)

Links = Collection[DigitalLink]


class DigitalViewSet(StaffViewSet):
    """``platform/digitals``: the files that are sold."""

    model = Digital
    serializer_class = StaffDigitalSerializer
    parser_classes = (JSONAPIParser, SpreeJSONParser, MultiPartParser)
    path_name = "platform_digital"
    rights = {
        "list": ("view|change",),
        "retrieve": ("view|change",),
        "create": ("add",),
        "partial_update": ("change",),
        "destroy": ("delete",),
    }
    writable = Writable(
        kind="digital",
        attributes=("attachment", "retired_at", "withdrawn_at", *LIMITS),
        relationships={"variant": "variant"},
    )
    states = {
        "for_sale": lambda digitals: digitals.for_sale(),
        "retired": lambda digitals: digitals.filter(retired_at__lte=timezone.now()),
        "withdrawn": lambda digitals: digitals.filter(withdrawn_at__lte=timezone.now()),
    }
    filters = {
        "variant_id": by("variant__pk"),
        "filename": by("filename"),
        "content_type": by("content_type"),
        "sha256": by("sha256"),
        "state": by_choice(states),
    }
    sorts = ("id", "filename", "byte_size", "attached_at", "created_at")

    def get_queryset(self) -> Any:
        return super().get_queryset().select_related("variant")

    def create(self, request: Request) -> Response:
        digital = Digital(**self.cleaned(DigitalWriter, self.writable))
        store(digital)
        self.write(digital, lambda made: _("Created over the API."))
        return self.created(digital)

    def partial_update(self, request: Request, pk: str) -> Response:
        digital = self.get_object()
        values = self.cleaned(DigitalWriter, self.writable, digital)
        for name, value in values.items():
            setattr(digital, name, value)
        if "attachment" in values:
            store(digital)
        self.change(digital, values)
        return Response(self.shown(digital))

    def destroy(self, request: Request, pk: str) -> Response:
        digital = self.get_object()
        try:
            with transaction.atomic(using=router.db_for_write(Digital)):
                if digital.mails.exists():
                    raise Conflict(_("Mails to buyers name the file: retire or withdraw it instead of deleting it."))
                note_each(request.user, [digital], lambda about: _("Deleted over the API."))
                digital.delete()
        except ProtectedError as error:
            raise Conflict(_("The file has download links: retire or withdraw it instead of deleting it.")) from error
        return Response(status=HTTPStatus.NO_CONTENT)


class DigitalFileView(StaffView, FileView):
    """``GET platform/digitals/{id}/download``: the file for staff. Counts nothing and is written into the history."""

    model = Digital
    rights = {"get": ("download",), "head": ("download",)}

    def get(self, request: Request, pk: str) -> HttpResponseBase:
        refuse_prefetch(request)
        digital = self.get_object()
        stored = digital.stored_file
        if (answer := answer_precondition(request, stored)) is not None:
            return answer
        response = Stream().respond(request._request, stored, asked_span(request, stored))
        try:
            note_each(request.user, [digital], lambda about: _("Downloaded over the API."))
        except BaseException:
            response.finish()
            raise
        return response

    def head(self, request: Request, pk: str) -> HttpResponseBase:
        stored = self.get_object().stored_file
        if (answer := answer_precondition(request, stored)) is not None:
            return answer
        stored.check()
        return HttpResponse(headers=file_headers(stored))


class DigitalLinkViewSet(StaffViewSet):
    """``platform/digital_links``: what buyers hold. Links are revoked; only unused ones made by hand can be deleted."""

    model = DigitalLink
    serializer_class = StaffDigitalLinkSerializer
    path_name = "platform_digital_link"
    rights = {
        "list": ("view|change",),
        "retrieve": ("view|change",),
        "create": ("add",),
        "partial_update": ("change",),
        "destroy": ("delete",),
        "reset": ("view|change", "reset"),
        "extend": ("view|change", "extend"),
        "revoke": ("view|change", "revoke"),
        "restore": ("view|change", "restore"),
        "rotate": ("view|change", "rotate"),
    }
    new = Writable(
        kind="digital_link", attributes=LIMITS, relationships={"digital": "digital", "line_item": "line_item"}
    )
    writable = Writable(kind="digital_link", attributes=LIMITS, relationships={})
    reason = Writable(kind="digital_link", attributes=("why",), relationships={})
    extension = Writable(kind="digital_link", attributes=("uses", "days", "why"), relationships={})
    states = {
        "active": lambda links: links.active(),
        "expired": lambda links: links.expired(),
        "used_up": lambda links: links.used_up(),
        "revoked": lambda links: links.exclude(revoked_at=None),
    }
    filters = {
        "digital_id": by("digital__pk"),
        "variant_id": by("digital__variant__pk"),
        "line_item_id": by("line_item__pk"),
        "order_number": by_any(DigitalLink, lambda: [order_path(get_storefront().number_path)]),
        "email": by_any(DigitalLink, lambda: [order_path(path) for path in get_storefront().email_paths]),
        "state": by_choice(states),
    }
    sorts = ("id", "access_counter", "activated_at", "created_at")

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        included = {path.split(".")[0] for path in get_included_resources(request)}
        sees_files = any(request.user.has_perm(f"spree_digitals.{right}_digital") for right in ("view", "change"))
        if "digital" in included and not sees_files:
            self.permission_denied(request, _("Files are included for those who may see them."))

    def get_queryset(self) -> Any:
        return super().get_queryset().with_standing().select_related("digital__variant")

    def shown(self, found: Any, *, many: bool = False) -> Any:
        links = self.in_step(found if many else [found])
        purchased = [PurchasedLink(standing_of(link), link.line_item) for link in links]
        return super().shown(purchased if many else purchased[0], many=many)

    def in_step(self, links: Iterable[DigitalLink]) -> list[DigitalLink]:
        """The links as a download would find them, which first brings them in step with their order."""
        links = list(links)
        changing = {link.line_item_id: link.line_item for link in links if issuing.out_of_step(link)}
        if not changing:
            return links
        issuing.reconcile(*(line for line in changing.values() if line is not None))
        found = self.get_queryset().in_bulk([link.pk for link in links])
        return [found[link.pk] for link in links if link.pk in found]

    def create(self, request: Request) -> Response:
        link = DigitalLink(**self.cleaned(NewLinkWriter, self.new))
        link.activated_at = None if completion_of(link.line_item) is None else timezone.now()
        self.write(link, lambda made: _("Created over the API."), using=alias())
        return self.created(self.get_queryset().get(pk=link.pk))

    def partial_update(self, request: Request, pk: str) -> Response:
        link = self.get_object()
        values = self.cleaned(LinkWriter, self.writable, link)
        for name, value in values.items():
            setattr(link, name, value)
        self.change(link, values)
        return self._answer()

    def destroy(self, request: Request, pk: str) -> Response:
        link = self.get_object()
        if not retried(lambda: self._deleted(link)):
            raise Conflict(
                _("The link was issued for an order or has been used: revoke it instead, with PATCH …/revoke.")
            )
        return Response(status=HTTPStatus.NO_CONTENT)

    def reset(self, request: Request, pk: str) -> Response:
        return self._carry_out(issuing.reset, self._why())

    def extend(self, request: Request, pk: str) -> Response:
        self.get_object()
        more = self.cleaned(Extension, self.extension)
        why = more.pop("why")
        return self._carry_out(partial(issuing.extend, **more), why)

    def revoke(self, request: Request, pk: str) -> Response:
        return self._carry_out(issuing.revoke, self._why())

    def restore(self, request: Request, pk: str) -> Response:
        try:
            return self._carry_out(issuing.restore, self._why())
        except EntitlementExceeded as error:
            raise Conflict(str(error)) from error

    def rotate(self, request: Request, pk: str) -> Response:
        return self._carry_out(issuing.rotate, self._why())

    def _why(self) -> str:
        """The reason, where a body gives one; these requests need none."""
        if self.request.stream is None:
            return ""
        self.get_object()
        why: str = self.cleaned(Reason, self.reason)["why"]
        return why

    def _carry_out(self, change: Callable[[Links], list[DigitalLink]], why: str) -> Response:
        carry_out(self.request.user, [self.get_object()], change, lambda link: self._entry(link, why))
        return self._answer()

    def _entry(self, link: DigitalLink, why: str) -> str:
        done = _("%(what)s over the API") % {"what": what_was_done(self.action, link)}
        return entry_with(done, why)

    def _answer(self) -> Response:
        return Response(self.shown(self.get_object()))

    def _deleted(self, link: DigitalLink) -> bool:
        """Deletes it if it was made by hand and never used; the check is a write, so that no download comes between."""
        unused = DigitalLink.objects.using(alias()).filter(
            pk=link.pk, unit=None, access_counter=0, purged_uses=0, generation=1
        )
        if not unused.update(generation=F("generation")):
            return False
        note_each(self.request.user, [link], lambda about: _("Deleted over the API."))
        unused.delete()
        return True


def order_path(path: str) -> str:
    """From a link to a column of its order."""
    return f"line_item__{get_storefront().order_path}__{path}"


def store(digital: Digital) -> None:
    """Write the upload to the storage before any transaction begins. Raises TemporarilyUnavailable."""
    attachment: Any = digital.attachment
    try:
        attachment.store()
    except Exception as error:  # every storage has exceptions of its own
        logger.exception("The upload of %s could not be stored.", digital.filename or "a new file")
        raise TemporarilyUnavailable from error
