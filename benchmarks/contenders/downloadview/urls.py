from django.conf import settings
from django.core.files.storage import FileSystemStorage
from django.urls import path
from django_downloadview import StorageDownloadView

from ..base import SITE

storage = FileSystemStorage(location=SITE.file_root, base_url=settings.MEDIA_URL)

urlpatterns = [path("files/<path:path>", StorageDownloadView.as_view(storage=storage))]
