from django.urls import include, path

urlpatterns = [path("api/v2/", include("spree_digitals.urls"))]
