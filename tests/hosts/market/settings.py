"""A marketplace that fits none of the adapter's defaults."""

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS

INSTALLED_APPS = [app for app in INSTALLED_APPS if app != "example_project.shop"]
INSTALLED_APPS += ["tests.hosts.market"]
ROOT_URLCONF = "tests.hosts.market.urls"

SPREE_DIGITALS_STORE_MODEL = "trade.Shopfront"
SPREE_DIGITALS_VARIANT_MODEL = "trade.Article"
SPREE_DIGITALS_LINE_ITEM_MODEL = "trade.PurchaseLine"
SPREE_DIGITALS_STOREFRONT = "tests.hosts.market.adapter.MarketStorefront"
