"""What a shop includes at ``api/v2/``. A shop with an order API of its own includes ``download_urlpatterns`` only."""

from django.urls import path, re_path

from .api import views

app_name = "spree_digitals"

download_urlpatterns = [
    # Everything below is ours, however malformed, so that no token ends in the project's HTML pages.
    re_path(r"^storefront/digitals/(?P<token>[\s\S]*)\Z", views.DownloadView.as_view(), name="download"),
]

lookup_urlpatterns = [
    # A path, because order numbers like 2026/0815 are common.
    path("storefront/order_status/<path:number>", views.OrderStatusView.as_view(), name="order_status"),
    path("storefront/account/orders", views.AccountOrdersView.as_view(), name="account_orders"),
    path("storefront/account/orders/<path:number>", views.AccountOrderView.as_view(), name="account_order"),
]

urlpatterns = [*download_urlpatterns, *lookup_urlpatterns]
