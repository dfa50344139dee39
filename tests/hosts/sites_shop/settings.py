"""A shop without stores: the site that Django serves is the only one."""

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS

INSTALLED_APPS = [app for app in INSTALLED_APPS if app != "example_project.shop"]
INSTALLED_APPS += ["django.contrib.sites", "tests.hosts.sites_shop"]
ROOT_URLCONF = "tests.hosts.sites_shop.urls"
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
SITE_ID = 1

SPREE_DIGITALS_STORE_MODEL = "sites.Site"
SPREE_DIGITALS_VARIANT_MODEL = "sites_shop.Variant"
SPREE_DIGITALS_LINE_ITEM_MODEL = "sites_shop.LineItem"
SPREE_DIGITALS_STOREFRONT = "tests.hosts.sites_shop.adapter.SitesStorefront"
# It has no pages for buyers, and mails them itself.
SPREE_DIGITALS_MAILS = []
