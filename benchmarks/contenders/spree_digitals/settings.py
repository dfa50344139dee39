"""The example shop with this app: its API alone, and no mails, so that what is measured is downloads and issuing."""

from ..base import *  # noqa: F403
from ..base import INSTALLED_APPS, INTERNAL_URL, SITE

ROOT_URLCONF = "benchmarks.contenders.spree_digitals.urls"
NEEDED = ["django.contrib.contenttypes", "django.contrib.auth", "rest_framework", "example_project.shop"]
INSTALLED_APPS = [*dict.fromkeys([*INSTALLED_APPS, *NEEDED, "spree_digitals"])]
DATABASES = {"default": SITE.database}
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    "digitals": SITE.storage
    or {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": SITE.file_root, "file_permissions_mode": 0o600},
    },
}
FILE_UPLOAD_TEMP_DIR = SITE.directory

SPREE_DIGITALS_STORE_MODEL = "shop.Store"
SPREE_DIGITALS_VARIANT_MODEL = "shop.Variant"
SPREE_DIGITALS_LINE_ITEM_MODEL = "shop.LineItem"
SPREE_DIGITALS_STOREFRONT = "example_project.shop.digitals.ShopStorefront"
SPREE_DIGITALS_MAILS: list[str] = []
SPREE_DIGITALS_ONE_STATEMENT = SITE.one_statement
if SITE.behind_nginx:
    SPREE_DIGITALS_TRUSTED_PROXIES = ["127.0.0.1"]
    SPREE_DIGITALS_DELIVERY = {
        "BACKEND": "spree_digitals.delivery.nginx.XAccelRedirect",
        "OPTIONS": {"internal_url": INTERNAL_URL},
    }
