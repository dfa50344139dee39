"""What the endpoints for shop staff have in common: rights, stores, lists, bodies, and what is written of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from http import HTTPStatus
from typing import Any, ClassVar

from django.db import DatabaseError, router, transaction
from django.db.models import Model
from django.http import Http404
from django.urls import reverse
from django.utils.translation import gettext as _
from rest_framework.exceptions import AuthenticationFailed, MethodNotAllowed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.viewsets import GenericViewSet

from ..staff import Entry, note_each, of_staff
from ..transactions import alias
from .bodies import Body, BodyNegotiation, JSONAPIParser, SpreeJSONParser, Writable
from .pagination import SpreePagination
from .querying import Filter, filtered, find, ordered
from .views import AuthenticatedView


class StaffPermission(BasePermission):
    """Members of staff with the right to what they do. What no right is named for is allowed to nobody."""

    def has_permission(self, request: Request, view: Any) -> bool:
        user: Any = request.user
        if not (user.is_authenticated and user.is_staff):
            return False
        if request.method not in view.allowed_methods:
            raise MethodNotAllowed(request.method or "")
        return request.method == "OPTIONS" or any(user.has_perms(rights) for rights in view.rights_needed())


class StaffView(AuthenticatedView):
    """What all endpoints for staff have in common: each asks for its right, and shows the stores of who asks only."""

    model: ClassVar[type[Model]]
    permission_classes = (StaffPermission,)
    # The name of an action: the names of the rights it takes, as in "view" or "reset"; "view|change": one of them.
    rights: ClassVar[Mapping[str, tuple[str, ...]]]

    def rights_needed(self) -> list[list[str]]:
        """Each list of permissions that would do."""
        action = getattr(self, "action", None) or str(self.request.method).lower()
        if action not in self.rights:
            return []
        needed: list[list[str]] = [[]]
        for right in self.rights[action]:
            needed = [[*rights, self._permission(one)] for rights in needed for one in right.split("|")]
        return needed

    def permission_denied(self, request: Request, message: Any = None, code: Any = None) -> Any:
        if not request.user.is_authenticated:
            raise AuthenticationFailed(_("Send the access token of a member of staff."))
        return super().permission_denied(request, message, code)

    def get_authenticate_header(self, request: Request) -> str:
        # RFC 9110 §15.5.2: a 401 has a challenge, also where the project's own classes know none.
        return super().get_authenticate_header(request) or "Bearer"

    def get_queryset(self) -> Any:
        return of_staff(self.model._default_manager.using(alias()), self.request.user)

    def get_object(self) -> Any:
        found = find(self.get_queryset(), self.kwargs["pk"])
        if found is None:
            raise Http404
        return found

    def _permission(self, right: str) -> str:
        return f"{self.model._meta.app_label}.{right}_{self.model._meta.model_name}"


class StaffViewSet(StaffView, GenericViewSet):  # type: ignore[type-arg]
    """List, create, show, change and delete one kind of resource."""

    parser_classes: Any = (JSONAPIParser, SpreeJSONParser)
    content_negotiation_class = BodyNegotiation
    pagination_class = SpreePagination
    states: ClassVar[Mapping[str, Callable[[Any], Any]]]
    filters: ClassVar[Mapping[str, Filter]]
    sorts: ClassVar[Collection[str]]
    path_name: ClassVar[str]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.get_serializer()  # refuses an include that nobody knows, before anything is done

    def list(self, request: Request) -> Response:
        rows = ordered(filtered(self.get_queryset(), request, self.filters), request, self.sorts)
        return self.get_paginated_response(self.shown(self.paginate_queryset(rows) or [], many=True))

    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(self.shown(self.get_object()))

    def created(self, instance: Model) -> Response:
        address = reverse(f"spree_digitals:{self.path_name}", kwargs={"pk": instance.pk})
        return Response(self.shown(instance), status=HTTPStatus.CREATED, headers={"Location": address})

    def shown(self, found: Any, *, many: bool = False) -> Any:
        return self.get_serializer(found, many=many).data

    def cleaned(self, serializer_class: Any, writable: Writable, instance: Any = None) -> dict[str, Any]:
        """The values of the body, all of them valid. Raises ValidationFailed, naming each that is not."""
        body = Body.of(self.request, writable, pk=self.kwargs.get("pk"))
        context = self.get_serializer_context()
        serializer = serializer_class(instance, data=body.values, partial=instance is not None, context=context)
        if not serializer.is_valid():
            errors = dict(serializer.errors)
            whole = errors.pop(api_settings.NON_FIELD_ERRORS_KEY, [])
            raise body.refuse({**errors, "": whole})
        values: dict[str, Any] = serializer.validated_data
        return values

    def write(self, instance: Model, entry: Entry, **how: Any) -> None:
        """Save it and write that into its history, or do neither. Raises Http404 when somebody has deleted it."""
        try:
            with transaction.atomic(using=router.db_for_write(type(instance))):
                instance.save(**how)
                note_each(self.request.user, [instance], entry)
        except DatabaseError as error:
            if instance.pk is None or find(self.get_queryset(), instance.pk) is not None:
                raise
            raise Http404 from error

    def change(self, instance: Model, values: Mapping[str, Any]) -> None:
        """Write these columns and no other: what was counted or stored meanwhile stays."""
        if values:
            names = {"names": ", ".join(sorted(values))}
            entry: Entry = lambda changed: _("Changed over the API: %(names)s.") % names  # noqa: E731
            self.write(instance, entry, update_fields=list(values))
