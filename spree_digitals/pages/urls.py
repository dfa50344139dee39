"""What a shop includes at ``downloads/``: the pages that buyers see."""

from django.urls import path, re_path

from . import views

app_name = "spree_digitals_pages"

urlpatterns = [
    path("", views.DownloadsPage.as_view(), name="downloads"),
    path("sign-in", views.SignInPage.as_view(), name="sign_in"),
    path("sign-in/<str:signed>", views.SignInLink.as_view(), name="sign_in_link"),
    path("sign-out", views.SignOut.as_view(), name="sign_out"),
    # Whatever else comes: no token ends in the project's own 404, which may ask third parties for something.
    re_path(r"^(?P<token>[\s\S]+)\Z", views.LinkPage.as_view(), name="link"),
]
