from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("back-office/", admin.site.urls),
    path("market/api/", include("spree_digitals.urls")),
    path("market/files/", include("spree_digitals.pages.urls")),
]
