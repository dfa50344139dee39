from datetime import timedelta

from django.db import transaction
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone

from spree_digitals.limits import MAX_CLICKS
from spree_digitals.models import DigitalLink

DAYS = timedelta(days=7)


def authorized(token: str) -> DigitalLink:
    """The link with this token, its use counted. Raises Http404 where there is none, or it may not be used."""
    found = DigitalLink.objects.select_related("digital", "line_item__order__store").filter(token=token).first()
    if found is None:
        raise Http404
    with transaction.atomic():
        locked = DigitalLink.objects.select_for_update().get(pk=found.pk)
        if locked.access_counter >= MAX_CLICKS or timezone.now() >= locked.created_at + DAYS:
            raise Http404
        locked.access_counter += 1
        locked.save(update_fields=["access_counter"])
    return found


def send_data(request: HttpRequest, token: str) -> HttpResponse:
    digital = authorized(token).digital
    with digital.attachment.open() as file:
        content = file.read()
    headers = {"Content-Disposition": "attachment", "Content-Length": str(len(content))}
    return HttpResponse(content, content_type=digital.content_type, headers=headers)


def send_file(request: HttpRequest, token: str) -> FileResponse:
    digital = authorized(token).digital
    return FileResponse(
        digital.attachment.open(), as_attachment=True, filename=digital.filename, content_type=digital.content_type
    )


urlpatterns = [path("data/<str:token>", send_data), path("file/<str:token>", send_file)]
