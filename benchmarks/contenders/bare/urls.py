from pathlib import Path
from urllib.parse import quote

from django.http import FileResponse, HttpRequest, HttpResponse
from django.urls import path

from ..base import INTERNAL_URL, SITE

ROOT = Path(SITE.file_root)


def send(request: HttpRequest, label: str) -> FileResponse:
    return FileResponse((ROOT / SITE.files[label]).open("rb"), as_attachment=True, filename="file.bin")


def hand_to_nginx(request: HttpRequest, label: str) -> HttpResponse:
    response = HttpResponse(content_type="application/octet-stream")
    response["X-Accel-Redirect"] = quote(INTERNAL_URL + SITE.files[label])
    return response


urlpatterns = [path("files/<str:label>", send), path("accel/<str:label>", hand_to_nginx)]
