"""What several pages have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.db.models import FileField
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..staff import WHY_LENGTH


class ChangedMeanwhile(Exception):
    """What was changed in the form does not go with what somebody else has saved since it was checked."""


class ChangedFieldsForm(forms.ModelForm):  # type: ignore[type-arg]
    """Checks what was changed together with what is stored by now, not with what the page once showed."""

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.instance._state.adding:
            return cleaned
        return {name: value for name, value in cleaned.items() if name in self.changed_data}


class ChangedFieldsOnly(admin.ModelAdmin):  # type: ignore[type-arg]
    """Writes what was changed in the form and nothing else: what was counted or stored meanwhile stays."""

    form = ChangedFieldsForm

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except ChangedMeanwhile:
            told = gettext(
                "Somebody else saved this at the same moment, and nothing of yours was. It stands here as it is now."
            )
            messages.error(request, told)
            return HttpResponseRedirect(request.get_full_path())

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """What the page showed travels with the form: only against that can be told what was changed in it."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and not isinstance(db_field, FileField):
            field.show_hidden_initial = True
        return field

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        columns = [field.name for field in obj._meta.fields if field.name in form.changed_data]
        if not change:
            obj.save()
        elif columns:
            self._update(obj, columns)

    def _update(self, obj: Any, columns: list[str]) -> None:
        try:
            obj.save(update_fields=columns)
        except IntegrityError as error:
            raise ChangedMeanwhile from error


class ActedOn(admin.ModelAdmin):  # type: ignore[type-arg]
    """A page whose objects have buttons and list actions, each with a right of its own, confirmed before it is done."""

    known_actions: ClassVar[Mapping[str, Any]]  # by name; each tells by ``allowed(user)`` who may do it

    def act(self, request: HttpRequest, action: Any, chosen: list[Any], *, back: str) -> HttpResponseBase | None:
        """Ask for what the action needs, and do it once that was given. None: it was done."""
        raise NotImplementedError

    def address(self, page: str, *args: Any) -> str:
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_{page}"
        return reverse(name, args=args, current_app=self.admin_site.name)

    def get_urls(self) -> list[Any]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_act"
        act = path("<path:object_id>/act/<str:name>/", self.admin_site.admin_view(self.act_view), name=name)
        return [act, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Django asks those who may not do something to choose an action; they are refused."""
        wanted = (self.known_actions.get(name) for name in request.POST.getlist("action"))
        if not all(action.allowed(request.user) for action in wanted if action is not None):
            raise PermissionDenied
        return super().changelist_view(request, extra_context)

    def act_view(self, request: HttpRequest, object_id: str, name: str) -> HttpResponseBase:
        """A button on the page of one object."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        action = self.known_actions.get(name)
        if action is None:
            raise Http404
        if not (self.has_view_or_change_permission(request) and action.allowed(request.user)):
            raise PermissionDenied
        found = self.get_object(request, unquote(object_id))
        if found is None:
            raise Http404
        back = self.address("change", found.pk)
        return self.act(request, action, [found], back=back) or HttpResponseRedirect(back)


class ShopInline(admin.StackedInline):  # type: ignore[type-arg]
    """An inline for the admin page of a model of the shop."""

    def check(self, **kwargs: Any) -> list[Any]:
        # Django's own checks break on a foreign key to a model that is not installed; E001 tells what to type.
        installed = all(isinstance(field.related_model, type) for field in self.model._meta.fields if field.is_relation)
        return super().check(**kwargs) if installed else []


class WhyField(forms.CharField):
    """The reason, which goes into the history."""

    def __init__(self) -> None:
        super().__init__(
            label=_("Why"),
            required=False,
            max_length=WHY_LENGTH,
            widget=forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off"}),
            help_text=_("Optional, for the history: up to 200 characters."),
        )


class WhyForm(forms.Form):
    """What every action asks."""

    why = WhyField()
