import private_storage.urls
from django.urls import include, path

urlpatterns = [path("private-media/", include(private_storage.urls))]
