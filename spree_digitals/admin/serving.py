"""Staff fetch a file that is sold, to see what a buyer gets. Nothing is counted."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.admin.templatetags.admin_urls import admin_urlname
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ..delivery.stream import Stream
from ..exceptions import DownloadRefused, FileMissing
from ..models import Digital
from ..staff import Entry, note_each

MISSING = _(
    "%(file)s was not sent: it is not in the storage, or not as it was uploaded. Restore the storage from a backup, or "
    "upload the file again."
)
NO_ANSWER = _("%(file)s was not sent: the storage does not answer. Please try again later.")


def send(request: HttpRequest, digital: Digital, *, entry: Entry, about: Model | None = None) -> HttpResponseBase:
    """
    The file, and an ``entry`` in the history of ``about``, by default the digital.

    A file that cannot be sent leads back to the admin's page of ``about``, with a message. Call it from a POST, for
    an object that the member of staff may see.

    Raises:
        PermissionDenied: the member of staff may not download digitals.
    """
    about = about or digital
    if not request.user.has_perm("spree_digitals.download_digital"):
        raise PermissionDenied
    try:
        response = Stream().respond(request, digital.stored_file, None)
    except DownloadRefused as refusal:
        messages.error(request, _why(refusal) % {"file": digital})
        return HttpResponseRedirect(_page(request, about))
    try:
        note_each(request.user, [about], entry)
    except BaseException:
        response.finish()
        raise
    return response


def _why(refusal: DownloadRefused) -> str | Promise:
    return MISSING if isinstance(refusal, FileMissing) else NO_ANSWER


def _page(request: HttpRequest, thing: Model) -> str:
    site = None if request.resolver_match is None else request.resolver_match.namespace
    return reverse(admin_urlname(thing._meta, "change"), args=[thing.pk], current_app=site)  # type: ignore[arg-type]
