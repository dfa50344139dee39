from django.contrib.auth.views import LogoutView
from django.urls import path

from . import views

app_name = "shop"

urlpatterns = [
    path("", views.Catalogue.as_view(), name="catalogue"),
    path("products/<int:pk>", views.product, name="product"),
    path("basket", views.basket, name="basket"),
    path("basket/<int:pk>", views.basket, name="basket_line"),
    path("checkout", views.checkout, name="checkout"),
    path("orders/<slug:number>/<slug:token>", views.order, name="order"),
    path("account", views.account, name="account"),
    path("account/sign-up", views.SignUp.as_view(), name="sign_up"),
    path("account/log-in", views.LogIn.as_view(), name="log_in"),
    path("account/log-out", LogoutView.as_view(next_page="shop:catalogue"), name="log_out"),
    path("account/password", views.ChangePassword.as_view(), name="password"),
]
