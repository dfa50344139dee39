"""
What a shop includes at ``api/v2/``.

A shop with an order API of its own includes ``download_urlpatterns`` only, and ``platform_urlpatterns`` for its staff.
"""

from typing import Any

from django.urls import path, re_path

from .api import platform, views

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

LIST: dict[str, Any] = {"get": "list", "post": "create"}
DETAIL: dict[str, Any] = {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
LINK_ACTIONS = ("reset", "extend", "revoke", "restore", "rotate")

platform_urlpatterns = [
    path("platform/digitals", platform.DigitalViewSet.as_view(LIST), name="platform_digitals"),
    path("platform/digitals/<str:pk>", platform.DigitalViewSet.as_view(DETAIL), name="platform_digital"),
    path("platform/digitals/<str:pk>/download", platform.DigitalFileView.as_view(), name="platform_digital_file"),
    path("platform/digital_links", platform.DigitalLinkViewSet.as_view(LIST), name="platform_digital_links"),
    path("platform/digital_links/<str:pk>", platform.DigitalLinkViewSet.as_view(DETAIL), name="platform_digital_link"),
    *(
        path(
            f"platform/digital_links/<str:pk>/{action}",
            platform.DigitalLinkViewSet.as_view({"patch": action}),
            name=f"platform_digital_link_{action}",
        )
        for action in LINK_ACTIONS
    ),
]

urlpatterns = [*download_urlpatterns, *lookup_urlpatterns, *platform_urlpatterns]
