from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularSwaggerView

from spree_digitals.api import openapi

urlpatterns = [
    path("", include("example_project.shop.urls")),
    path("admin/", admin.site.urls),
    path("api/v2/", include("spree_digitals.urls")),
    path("api/v2/openapi.json", openapi.json_document, name="openapi"),
    path("api/v2/openapi.yaml", openapi.yaml_document),
    path("api/v2/docs", SpectacularSwaggerView.as_view(url_name="openapi")),
    path("downloads/", include("spree_digitals.pages.urls")),
]
