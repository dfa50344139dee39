"""Choosing a file in a form of the admin, and seeing how far it has come."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _


class UploadInput(forms.FileInput):
    """
    A file input whose form shows how much of the file was sent. Without JavaScript it is an ordinary one.

    Django's own widget links to what the storage calls the file's public address; this one never does.
    """

    TEXTS = {
        "cancel": _("Cancel the upload"),
        "sent": _("{sent} of {size} sent"),
        "storing": _("All is sent. The server stores the file…"),
        "cancelled": _("The upload was cancelled, and nothing was saved."),
        "invalid": _("Nothing was saved yet: correct what is marked. The file stays chosen."),
        "offline": _("The connection broke, and the file did not arrive. It stays chosen: try again."),
        "large": _("The file was not saved: the server takes none that large (413). Raise its limit for uploads."),
        "refused": _("The file was not saved: you are signed out, or may not do this (403). Reload the page."),
        "failed": _("The file was not saved: the server answered {status}. It stays chosen: try again."),
    }

    class Media:
        css = {"all": ("spree_digitals/admin/upload.css",)}
        js = ("spree_digitals/admin/upload.js",)

    def build_attrs(self, base_attrs: Any, extra_attrs: Any = None) -> dict[str, Any]:
        texts = {f"data-{name}": text for name, text in self.TEXTS.items()}
        return {"data-upload": "", **texts, **super().build_attrs(base_attrs, extra_attrs)}
