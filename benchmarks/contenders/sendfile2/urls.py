from pathlib import Path

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django_sendfile import sendfile

from ..base import SITE


def send(request: HttpRequest, label: str) -> HttpResponse:
    response: HttpResponse = sendfile(request, Path(SITE.file_root) / SITE.files[label], attachment=True)
    return response


urlpatterns = [path("files/<str:label>", send)]
