"""What ``manage.py check`` tells a shopkeeper's developer, and that it says nothing where nothing is wrong."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.checks import CheckMessage, run_checks
from django.core.checks.messages import ERROR
from django.core.files.storage import Storage
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connections
from rest_framework.authentication import SessionAuthentication

from example_project import settings as example
from spree_digitals import checks
from spree_digitals.conf import NAMES
from spree_digitals.delivery.base import Delivery
from spree_digitals.limits import MAX_CLICKS, MAX_DAYS
from spree_digitals.storefront import Storefront

CHECKS = Path(checks.__file__).parent
DOCS = Path(__file__).resolve().parent.parent / "docs" / "checks.md"
FILES = "django.core.files.storage.FileSystemStorage"
POSTGRES = {"ENGINE": "django.db.backends.postgresql", "NAME": "shop", "HOST": "/nowhere"}

DATABASES: dict[str, dict[str, Any]] = {
    "as_in_the_example": example.DATABASES["default"],
    "sqlite": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"},
    "postgres": POSTGRES,
    "persistent": {**POSTGRES, "CONN_MAX_AGE": 60},
    "for_ever": {**POSTGRES, "CONN_MAX_AGE": None},
    "pooled": {**POSTGRES, "OPTIONS": {"pool": True}},
}

MIGRATIONS = {
    "late_lines": {"0001_initial": "store variant", "0002_lines": "lineitem"},
    "late_lines_put_first": {"0001_initial": "store variant", "0002_lines": "lineitem first"},
    "renamed_lines": {"0001_initial": "store variant line", "0002_rename": "rename"},
    "no_lines_yet": {"0001_initial": "store variant"},
    "from_nowhere": {"0001_initial": "store variant", "0003_lines": "lineitem"},
    "with_a_mistake": {"0001_initial": "mistake"},
}


class WritesTo:
    """A router to one of DATABASES; nothing ever connects there."""

    def __init__(self, alias: str) -> None:
        self.alias = alias

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return self.alias

    db_for_write = db_for_read


class Bucket(Storage):
    """Has the options of an object storage and no connection."""

    def __init__(self, **options: Any) -> None:
        self.querystring_auth = True
        self.default_acl = self.custom_domain = self.cloudfront_signer = None
        for name, value in options.items():
            setattr(self, name, value)


class NotAnAdapter:
    pass


class AdapterThatFails(Storefront):
    def __init__(self) -> None:
        raise ValueError("no shop today")


class OrderPathNone(Storefront):
    order_path = None


class NumbersAsPaths(Storefront):
    order_path = store_path = variant_paths = quantity_path = number_path = 5
    email_paths = user_path = completed_at_path = token_path = domain_path = 5


class OneVariantPath(Storefront):
    variant_paths = "variant"


class EmailPathsWithNumber(Storefront):
    email_paths = ("email", 5)


class MisspeltOrder(Storefront):
    order_path = "orders"


class MisspeltToken(Storefront):
    token_path = "tokem"


class ThroughText(Storefront):
    quantity_path = "name__quantity"


class ColumnAsVariant(Storefront):
    variant_paths = ("variant", "variant_id")


class StoreWithoutThatDomain(Storefront):
    domain_path = "host"


class AllVariantsOfOrder(Storefront):
    variant_paths = ("order__line_items__variant",)


class VariantsOfStore(Storefront):
    store_path = "order__store__variants__store"


class VariantAsStore(Storefront):
    store_path = "variant"


class StoreAsVariant(Storefront):
    variant_paths = ("variant", "order__store")


class StoreAsUser(Storefront):
    user_path = "store"


class TotalAsMoment(Storefront):
    completed_at_path = "total"


class NoVariants(Storefront):
    variant_paths = ()


class NoUser(Storefront):
    user_path = None


class NoMoment(Storefront):
    completed_at_path = None


class NoDomain(Storefront):
    domain_path = None


class NoStore(Storefront):
    store_path = None


class StoreOfVariant(Storefront):
    store_path = "variant__store"


class NoToken(Storefront):
    token_path = None


class FollowsColumns(Storefront):
    """Every way to write a path that is right."""

    number_path = "pk"
    email_paths = ["email", "user__email"]
    user_path = "store__orders__user"
    quantity_path = None


class Answers(Storefront):
    """Has no columns at all, and a method for each."""

    store_path = "variant__store"
    variant_paths = ()
    quantity_path = user_path = completed_at_path = token_path = domain_path = None

    variants = entitled_units = orders_of = completed_at = order_token = absolute_url = None  # never called


class AnswersWithOddPaths(Answers):
    store_path = None
    domain_path = "host"
    completed_at_path = "total"

    single_store_pk = None


class StoreAnswered(StoreOfVariant):
    def store(self, order: Any) -> Any:
        return None


class OrderFoundOtherwise(NoToken):
    def find_order(self, number: str, token: str) -> Any:
        return None


def adapter(cls: type) -> dict[str, str]:
    return {"SPREE_DIGITALS_STOREFRONT": f"{__name__}.{cls.__name__}"}


def storage(backend: str = FILES, **options: Any) -> dict[str, Any]:
    return {"STORAGES": {**example.STORAGES, "digitals": {"BACKEND": backend, "OPTIONS": options}}}


def bucket(**options: Any) -> dict[str, Any]:
    return storage(f"{__name__}.Bucket", **options)


def s3(**options: Any) -> dict[str, Any]:
    return storage("storages.backends.s3.S3Storage", bucket_name="shop", **options)


def azure(**options: Any) -> dict[str, Any]:
    return storage("storages.backends.azure_storage.AzureStorage", azure_container="shop", **options)


def google(**options: Any) -> dict[str, Any]:
    return storage("storages.backends.gcloud.GoogleCloudStorage", bucket_name="shop", **options)


def redirecting(settings: dict[str, Any]) -> dict[str, Any]:
    return {**settings, "SPREE_DIGITALS_DELIVERY": {"BACKEND": "spree_digitals.delivery.redirect.SignedRedirect"}}


class Unsigning:
    """Credentials as a machine of Google's has them."""


class Signing:
    def sign_bytes(self, message: bytes) -> bytes:
        return message


def writing_to(alias: str, **settings: Any) -> dict[str, Any]:
    return {"DATABASE_ROUTERS": [WritesTo(alias)], **settings}


def asgi(alias: str) -> dict[str, Any]:
    return writing_to(alias, ASGI_APPLICATION="shop.asgi.application")


def migrations(package: str | None) -> dict[str, Any]:
    return {"MIGRATION_MODULES": {"shop": package}}


def rates(**changes: Any) -> dict[str, Any]:
    return {"SPREE_DIGITALS_SIGN_IN_RATES": {"client": "10/hour", "address": "3/hour", **changes}}


def delivery(backend: Any = "nginx.XAccelRedirect", trusted: Any = ("127.0.0.1",), **options: Any) -> dict[str, Any]:
    """A project that has chosen this delivery, by default right."""
    path = f"spree_digitals.delivery.{backend}" if isinstance(backend, str) and backend.count(".") == 1 else backend
    if backend == "nginx.XAccelRedirect":
        options = options or {"internal_url": "/protected/"}
    entry = {"BACKEND": path, "OPTIONS": options}
    return {"SPREE_DIGITALS_DELIVERY": entry, "SPREE_DIGITALS_TRUSTED_PROXIES": list(trusted)}


def including(*parts: str) -> dict[str, str]:
    """A project whose URLconf includes these parts of the app: ``api``, or ``download`` alone, and ``pages``."""
    return {"ROOT_URLCONF": "_".join(["urls_with", *(parts or ["nothing"])])}


class OwnDelivery(Delivery):
    """A shop may write its own."""

    def __init__(self, *, speed: int, colour: str = "blue") -> None:
        if speed < 1:
            raise ValueError("too slow")

    def respond(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError


class OwnSessions(SessionMiddleware):
    """A project may have changed Django's."""


WITHOUT_TOKENS = {
    "INSTALLED_APPS": [app for app in example.INSTALLED_APPS if app != "rest_framework.authtoken"],
    "SPREE_DIGITALS_AUTHENTICATION_CLASSES": ["spree_digitals.api.authentication.BearerAuthentication"],
}

# What is wrong, and what the message and its hint must say about it.
WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("E001", {"SPREE_DIGITALS_STORE_MODEL": "shop.Shop"}, "SPREE_DIGITALS_STORE_MODEL 'shop.Shop' INSTALLED_APPS"),
    ("E001", {"SPREE_DIGITALS_VARIANT_MODEL": "shoop.variant"}, "'shoop.variant' \"shop.Variant\""),
    ("E001", {"SPREE_DIGITALS_LINE_ITEM_MODEL": "shop.LineItems"}, "'shop.LineItems' \"shop.LineItem\""),
    ("E001", {"SPREE_DIGITALS_LINE_ITEM_MODEL": None}, "SPREE_DIGITALS_LINE_ITEM_MODEL None"),
    ("E002", {"SPREE_DIGITALS_STOREFRONT": "shop.nope.Shop"}, "SPREE_DIGITALS_STOREFRONT 'shop.nope.Shop' No module"),
    ("E002", {"SPREE_DIGITALS_STOREFRONT": NotAnAdapter}, "NotAnAdapter SPREE_DIGITALS_STOREFRONT ="),
    ("E002", adapter(AdapterThatFails), "AdapterThatFails ValueError: no shop today"),
    ("E003", adapter(NotAnAdapter), "tests.test_checks.NotAnAdapter spree_digitals.storefront.Storefront"),
    ("E004", adapter(OrderPathNone), "OrderPathNone.order_path None order_path = 'order'"),
    ("E004", adapter(OneVariantPath), "OneVariantPath.variant_paths 'variant' ('variant',)"),
    ("E004", adapter(EmailPathsWithNumber), "EmailPathsWithNumber.email_paths ('email', 5)"),
    ("E005", adapter(MisspeltOrder), "MisspeltOrder.order_path: 'orders' shop.LineItem are: variant \"order\""),
    ("E005", adapter(MisspeltToken), "MisspeltToken.token_path: 'tokem' shop.Order completed_at \"token\""),
    ("E005", adapter(ThroughText), "ThroughText.quantity_path: 'name__quantity' shop.LineItem relation 'name'"),
    ("E005", adapter(ColumnAsVariant), "ColumnAsVariant.variant_paths: 'variant_id' relation \"variant\""),
    ("E005", adapter(StoreWithoutThatDomain), "StoreWithoutThatDomain.domain_path: 'host' shop.Store domain"),
    ("E006", adapter(AllVariantsOfOrder), "AllVariantsOfOrder.variant_paths: 'line_items' shop.Order"),
    ("E006", adapter(VariantsOfStore), "VariantsOfStore.store_path: 'variants' shop.Store"),
    ("E007", adapter(VariantAsStore), "VariantAsStore.store_path: 'variant' SPREE_DIGITALS_STORE_MODEL 'shop.Store'"),
    ("E007", adapter(StoreAsVariant), "variant_paths: 'order__store' SPREE_DIGITALS_VARIANT_MODEL 'shop.Variant'"),
    ("E007", adapter(StoreAsUser), "StoreAsUser.user_path: 'store' AUTH_USER_MODEL 'auth.User'"),
    ("E008", adapter(TotalAsMoment), "TotalAsMoment.completed_at_path: 'total' DecimalField DateTimeField"),
    ("E009", adapter(NoVariants), "NoVariants.variant_paths () def variants(self, line_item): ..."),
    ("E009", adapter(NoUser), "NoUser.user_path None def orders_of(self, user): ..."),
    ("E009", adapter(NoMoment), "NoMoment.completed_at_path None completed_at(self, order) orders_of(self, user)"),
    ("E009", adapter(NoDomain), "NoDomain.domain_path None def absolute_url(self, order, path): ..."),
    ("E010", adapter(NoStore), "NoStore.store_path None shop.Store SITE_ID = 1"),
    ("E010", {**adapter(NoStore), "SITE_ID": 1}, "NoStore.store_path None shop.Store"),
    ("E011", adapter(StoreOfVariant), "StoreOfVariant.store_path 'variant__store' 'order__' store(order)"),
    ("E012", {"SPREE_DIGITALS_DEFAULT_AUTHORIZED_CLICKS": -1}, "SPREE_DIGITALS_DEFAULT_AUTHORIZED_CLICKS -1 = 5"),
    ("E012", {"SPREE_DIGITALS_DEFAULT_AUTHORIZED_CLICKS": True}, "SPREE_DIGITALS_DEFAULT_AUTHORIZED_CLICKS True"),
    ("E012", {"SPREE_DIGITALS_DEFAULT_AUTHORIZED_CLICKS": MAX_CLICKS + 1}, "1000000001 1000000000"),
    ("E012", {"SPREE_DIGITALS_DEFAULT_AUTHORIZED_DAYS": "7"}, "SPREE_DIGITALS_DEFAULT_AUTHORIZED_DAYS '7' = 7 None"),
    ("E012", {"SPREE_DIGITALS_DEFAULT_AUTHORIZED_DAYS": 1.5}, "SPREE_DIGITALS_DEFAULT_AUTHORIZED_DAYS 1.5"),
    ("E012", {"SPREE_DIGITALS_DEFAULT_AUTHORIZED_DAYS": MAX_DAYS + 1}, "36501 36500"),
    ("E012", {"SPREE_DIGITALS_DEFAULT_LINK_EXPIRE_TIME": None}, "SPREE_DIGITALS_DEFAULT_LINK_EXPIRE_TIME None = 300"),
    ("E012", {"SPREE_DIGITALS_DEFAULT_LINK_EXPIRE_TIME": 0}, "is 0, from 1"),
    ("E012", {"SPREE_DIGITALS_DEFAULT_LINK_EXPIRE_TIME": 604_801}, "604801 604800"),
    (
        "E013",
        {"SPREE_DIGITALS_AUTHENTICATION_CLASSES": "shop.Auth"},
        "SPREE_DIGITALS_AUTHENTICATION_CLASSES 'shop.Auth' [",
    ),
    ("E013", {"SPREE_DIGITALS_AUTHENTICATION_CLASSES": None}, "SPREE_DIGITALS_AUTHENTICATION_CLASSES None"),
    ("E014", {"SPREE_DIGITALS_AUTHENTICATION_CLASSES": ["shop.nope.Auth"]}, "'shop.nope.Auth' cannot be imported"),
    ("E014", {"SPREE_DIGITALS_AUTHENTICATION_CLASSES": ["pathlib.Path"]}, "'pathlib.Path' BaseAuthentication"),
    ("E014", WITHOUT_TOKENS, '"rest_framework.authtoken" in INSTALLED_APPS'),
    ("E015", {"USE_TZ": False}, "USE_TZ False True"),
    ("E016", {"STORAGES": {"default": {"BACKEND": FILES}}}, "STORAGES 'digitals' 'default' STORAGES[\"digitals\"] = {"),
    ("E016", {"STORAGES": {}}, "'digitals' nothing"),
    ("E017", storage("shop.nope.Storage"), "STORAGES[\"digitals\"] 'shop.nope.Storage' Could not find backend"),
    ("E017", storage(locatoin="/srv/digitals"), "FileSystemStorage locatoin"),
    ("E017", {"STORAGES": {"digitals": {}}}, "None KeyError"),
    ("E017", {"STORAGES": {"digitals": FILES}}, FILES),
    (
        "E018",
        {"MEDIA_ROOT": "/srv/media", **storage(location="/srv/media/digitals")},
        "'/srv/media/digitals' MEDIA_ROOT",
    ),
    ("E018", {"MEDIA_ROOT": "/srv/media", **storage()}, "'/srv/media' MEDIA_ROOT STORAGES[\"digitals\"] = {"),
    ("E018", {"MEDIA_ROOT": "", **storage()}, "MEDIA_ROOT ('')"),
    ("E018", {"MEDIA_ROOT": "/srv/media", **storage(location="/srv")}, "'/srv' MEDIA_ROOT"),
    ("E018", {"STATIC_ROOT": Path("/srv/static"), **storage(location="/srv/static/x")}, "STATIC_ROOT ('/srv/static')"),
    (
        "E018",
        {"STATICFILES_DIRS": ["/srv/assets"], **storage(location="/srv/assets")},
        "STATICFILES_DIRS '/srv/assets'",
    ),
    ("E018", {"STATICFILES_DIRS": [("js", "/srv/js")], **storage(location="/srv/js/x")}, "STATICFILES_DIRS '/srv/js'"),
    ("E018", storage(location=example.DATA_DIR / "media" / "x"), 'STORAGES["default"]'),
    ("E019", bucket(querystring_auth=False), 'STORAGES["digitals"] querystring_auth=False "querystring_auth": True'),
    ("E019", bucket(custom_domain="cdn.example"), "custom_domain='cdn.example' cloudfront_key_id"),
    ("E019", s3(querystring_auth=False), "querystring_auth=False"),
    ("E019", s3(custom_domain="cdn.example"), "custom_domain='cdn.example' \"cloudfront_key\""),
    ("E019", google(querystring_auth=False), "querystring_auth=False"),
    ("E019", redirecting(azure(sas_token="sig=x")), 'no account_key SPREE_DIGITALS_DELIVERY "token_credential"'),
    ("E019", redirecting(google(credentials=Unsigning())), 'credentials that cannot sign "iam_sign_blob": True'),
    ("E020", s3(object_parameters={"ACL": "public-read"}), "object_parameters['ACL']='public-read'"),
    ("E020", google(default_acl="publicRead"), "default_acl='publicRead'"),
    ("E020", google(object_parameters={"acl": "publicRead"}), "object_parameters['acl']='publicRead'"),
    ("E020", bucket(default_acl="public-read"), 'STORAGES["digitals"] default_acl=\'public-read\' "private"'),
    ("E020", bucket(default_acl="publicRead"), "default_acl='publicRead'"),
    ("E020", bucket(default_acl="authenticated-read"), "default_acl='authenticated-read'"),
    ("E021", migrations("late_lines"), "LINE_ITEM_MODEL shop.0002_lines [('spree_digitals', '0001_initial')]"),
    ("E021", migrations("renamed_lines"), "'shop.LineItem' shop.0002_rename"),
    ("E022", {"SPREE_DIGITALS_LINE_ITEM_MODEL": "shop.Variant"}, "'shop.Variant' shop_lineitem = \"shop.LineItem\""),
    ("E022", {"SPREE_DIGITALS_VARIANT_MODEL": "shop.Order"}, "spree_digitals_digital.variant_id shop_variant"),
    ("E022", {"SPREE_DIGITALS_STORE_MODEL": "auth.User"}, "spree_digitals_storelimits.store_id 'default' shop_store"),
    ("E023", {"SPREE_DIGITALS_CLIENT_ADDRESS": "Full"}, 'SPREE_DIGITALS_CLIENT_ADDRESS \'Full\' "none" mean "full"'),
    ("E023", {"SPREE_DIGITALS_CLIENT_ADDRESS": None}, 'SPREE_DIGITALS_CLIENT_ADDRESS None "network"'),
    ("E024", {"SPREE_DIGITALS_MAILS": "files_ready"}, "SPREE_DIGITALS_MAILS 'files_ready' [\"files_ready\"]"),
    ("E024", {"SPREE_DIGITALS_MAILS": None}, "SPREE_DIGITALS_MAILS None []"),
    ("E025", {"SPREE_DIGITALS_MAILS": ["files_redy"]}, "SPREE_DIGITALS_MAILS 'files_redy' \"new_version\" mean"),
    ("E025", {"SPREE_DIGITALS_MAILS": [None, "new_version"]}, "SPREE_DIGITALS_MAILS None"),
    ("E026", {"SPREE_DIGITALS_SIGN_IN_MINUTES": 0}, "SPREE_DIGITALS_SIGN_IN_MINUTES 0 = 30"),
    ("E026", {"SPREE_DIGITALS_SIGN_IN_MINUTES": "30"}, "SPREE_DIGITALS_SIGN_IN_MINUTES '30' = 30"),
    ("E026", {"SPREE_DIGITALS_SIGN_IN_MINUTES": True}, "SPREE_DIGITALS_SIGN_IN_MINUTES True"),
    ("E027", {"SPREE_DIGITALS_SIGN_IN_RATES": "10/hour"}, "SPREE_DIGITALS_SIGN_IN_RATES '10/hour' \"client\" 3/hour"),
    ("E027", {"SPREE_DIGITALS_SIGN_IN_RATES": {"client": "1/day"}}, "SPREE_DIGITALS_SIGN_IN_RATES {'client': '1/day'}"),
    ("E027", rates(ip="1/day"), "SPREE_DIGITALS_SIGN_IN_RATES 'ip' \"address\""),
    ("E028", rates(client="ten an hour"), "SPREE_DIGITALS_SIGN_IN_RATES['client'] 'ten \"10/hour\""),
    ("E028", rates(address="3/week"), "SPREE_DIGITALS_SIGN_IN_RATES['address'] '3/week' \"3/hour\""),
    ("E028", rates(address="3/"), "'3/'"),
    ("E028", rates(address=3), "is 3,"),
    ("E028", rates(address=None), "is None,"),
    ("E028", rates(address="0/hour"), "'0/hour'"),
    ("E029", {"SPREE_DIGITALS_PAGES_CSP": ["default-src 'none'"]}, "SPREE_DIGITALS_PAGES_CSP [ None"),
    ("E029", {"SPREE_DIGITALS_PAGES_CSP": "default-src 'none';\nimg-src *"}, "SPREE_DIGITALS_PAGES_CSP \\nimg-src"),
    ("E030", {"SPREE_DIGITALS_DELIVERY": "nginx"}, "SPREE_DIGITALS_DELIVERY 'nginx' \"BACKEND\": STORAGES"),
    ("E030", {"SPREE_DIGITALS_DELIVERY": {"OPTIONS": {}}}, "SPREE_DIGITALS_DELIVERY {'OPTIONS': {}}"),
    ("E030", {"SPREE_DIGITALS_DELIVERY": None}, "SPREE_DIGITALS_DELIVERY None"),
    (
        "E031",
        delivery("nginx.XAccelRedirekt"),
        "SPREE_DIGITALS_DELIVERY 'spree_digitals.delivery.nginx.XAccelRedirekt' ImportError "
        'mean "spree_digitals.delivery.nginx.XAccelRedirect"',
    ),
    ("E031", delivery("pathlib.nope.Path"), "'pathlib.nope.Path' ModuleNotFoundError stream.Stream"),
    ("E031", delivery("django.http.request.HttpRequest"), "'django.http.request.HttpRequest' is no delivery"),
    ("E031", delivery(OwnDelivery), "OwnDelivery dotted path"),
    ("E032", delivery(internal_ulr="/x/"), "XAccelRedirect TypeError 'internal_ulr' are: internal_url. mean"),
    ("E032", delivery("stream.Stream", speed=5), 'Stream ("speed") are: none.'),
    ("E032", delivery(f"{__name__}.OwnDelivery"), "OwnDelivery 'speed' speed, colour."),
    ("E032", delivery(f"{__name__}.OwnDelivery", speed=0), "OwnDelivery ValueError: too slow"),
    ("E032", {"SPREE_DIGITALS_DELIVERY": {"BACKEND": "spree_digitals.delivery.stream.Stream", "OPTIONS": 5}}, "Stream"),
    ("E032", delivery("base.Delivery"), "Delivery abstract"),
    (
        "E033",
        {"SPREE_DIGITALS_TRUSTED_PROXIES": "127.0.0.1"},
        "SPREE_DIGITALS_TRUSTED_PROXIES '127.0.0.1' [\"127.0.0.1\"",
    ),
    ("E033", {"SPREE_DIGITALS_TRUSTED_PROXIES": ["proxy.example"]}, "'proxy.example' \"unix\""),
    ("E033", {"SPREE_DIGITALS_TRUSTED_PROXIES": ["127.0.0.1:8000"]}, "'127.0.0.1:8000'"),
    ("E033", {"SPREE_DIGITALS_TRUSTED_PROXIES": [2130706433]}, "2130706433"),
    ("E033", {"SPREE_DIGITALS_TRUSTED_PROXIES": None}, "SPREE_DIGITALS_TRUSTED_PROXIES None"),
    ("E034", {"SPREE_DIGITALS_RESUME_WINDOW": 1800}, "SPREE_DIGITALS_RESUME_WINDOW 1800 = timedelta(minutes=30)"),
    ("E034", {"SPREE_DIGITALS_RESUME_WINDOW": timedelta(0)}, "SPREE_DIGITALS_RESUME_WINDOW datetime.timedelta(0)"),
    ("E035", {"SPREE_DIGITALS_RESUME_BUDGET": 0}, "SPREE_DIGITALS_RESUME_BUDGET 0 = 20"),
    ("E035", {"SPREE_DIGITALS_RESUME_BUDGET": "20"}, "SPREE_DIGITALS_RESUME_BUDGET '20'"),
    ("E035", {"SPREE_DIGITALS_RESUME_BUDGET": True}, "SPREE_DIGITALS_RESUME_BUDGET True"),
    ("E035", {"SPREE_DIGITALS_RESUME_BUDGET": 1.5}, "SPREE_DIGITALS_RESUME_BUDGET 1.5"),
    ("W001", adapter(NoToken), "NoToken.token_path None order_token(order)"),
    ("W002", {"SPREE_DIGITALS_STOREFORNT": "x"}, 'SPREE_DIGITALS_STOREFORNT "SPREE_DIGITALS_STOREFRONT"'),
    ("W003", migrations("no_lines_yet"), "SPREE_DIGITALS_LINE_ITEM_MODEL 'shop.LineItem' makemigrations shop"),
    ("W003", migrations(None), "SPREE_DIGITALS_STORE_MODEL 'shop.Store' makemigrations shop"),
    ("W004", writing_to("sqlite"), 'DATABASES["sqlite"] None "transaction_mode": "IMMEDIATE"'),
    ("W005", asgi("persistent"), 'DATABASES["persistent"] CONN_MAX_AGE 60 ASGI_APPLICATION "pool": True'),
    ("W005", asgi("for_ever"), "CONN_MAX_AGE None"),
    (
        "W006",
        including("api"),
        "SPREE_DIGITALS_MAILS ['files_ready'] spree_digitals.pages.urls path(\"downloads/\",",
    ),
    ("W007", {**including("api", "pages"), "MIDDLEWARE": []}, "MIDDLEWARE SessionMiddleware spree_digitals.pages.urls"),
    ("W007", {"MIDDLEWARE": ["shop.nope.Sessions"]}, '"django.contrib.sessions.middleware.SessionMiddleware"'),
    ("W008", including("pages"), 'spree_digitals.pages.urls path("api/v2/", include("spree_digitals.urls"))'),
    (
        "W009",
        delivery(trusted=()),
        'SPREE_DIGITALS_DELIVERY XAccelRedirect SPREE_DIGITALS_TRUSTED_PROXIES = ["127.0.0.1"]',
    ),
    ("W009", delivery("apache.XSendfile", trusted=()), "SPREE_DIGITALS_DELIVERY XSendfile"),
    (
        "W010",
        {**delivery(), **bucket()},
        'XAccelRedirect STORAGES["digitals"] test_checks.Bucket redirect.SignedRedirect',
    ),
    ("W010", {**delivery("apache.XSendfile"), **bucket()}, "XSendfile Bucket"),
    (
        "W011",
        {**delivery("apache.XSendfile"), **storage(location="/srv/my shop")},
        'STORAGES["digitals"] shop\' lighttpd',
    ),
    ("W011", {**delivery("apache.XSendfile"), **storage(location="/srv/läden")}, "'/srv/läden' /srv/shop/digitals"),
]

# What looks alike and is right.
RIGHT: list[tuple[str, dict[str, Any]]] = [
    ("E001", {"SPREE_DIGITALS_LINE_ITEM_MODEL": "shop.lineitem"}),
    ("E002", {"SPREE_DIGITALS_STOREFRONT": "spree_digitals.storefront.Storefront"}),
    ("E003", adapter(FollowsColumns)),
    ("E004", adapter(FollowsColumns)),
    ("E004", adapter(Answers)),
    ("E005", adapter(FollowsColumns)),
    ("E005", adapter(AnswersWithOddPaths)),
    ("E006", adapter(FollowsColumns)),
    ("E007", adapter(FollowsColumns)),
    ("E008", adapter(AnswersWithOddPaths)),
    ("E009", adapter(Answers)),
    ("E010", adapter(AnswersWithOddPaths)),
    ("E011", adapter(Answers)),
    ("E011", adapter(StoreAnswered)),
    ("E012", {"SPREE_DIGITALS_DEFAULT_AUTHORIZED_CLICKS": None, "SPREE_DIGITALS_DEFAULT_AUTHORIZED_DAYS": None}),
    ("E012", {"SPREE_DIGITALS_DEFAULT_AUTHORIZED_CLICKS": 0, "SPREE_DIGITALS_DEFAULT_AUTHORIZED_DAYS": 0}),
    (
        "E012",
        {f"SPREE_DIGITALS_DEFAULT_AUTHORIZED_{name}": most for name, most in [("CLICKS", 10**9), ("DAYS", 36_500)]},
    ),
    ("E012", {"SPREE_DIGITALS_DEFAULT_LINK_EXPIRE_TIME": 1}),
    ("E012", {"SPREE_DIGITALS_DEFAULT_LINK_EXPIRE_TIME": 604_800}),
    ("E013", {"SPREE_DIGITALS_AUTHENTICATION_CLASSES": ()}),
    ("E014", {"SPREE_DIGITALS_AUTHENTICATION_CLASSES": (SessionAuthentication,)}),
    ("E014", {"SPREE_DIGITALS_AUTHENTICATION_CLASSES": ["rest_framework.authentication.TokenAuthentication"]}),
    ("E017", storage("django.core.files.storage.InMemoryStorage")),
    ("E018", {"MEDIA_ROOT": "/srv/media", **storage(location="/srv/media-private")}),
    ("E018", {"MEDIA_ROOT": "", **storage(location=Path.cwd() / "var" / "digitals")}),
    ("E018", bucket(location="")),
    ("E019", bucket(custom_domain="cdn.example", cloudfront_signer="signer")),
    ("E019", s3()),
    ("E019", redirecting(s3())),
    ("E019", s3(custom_domain="cdn.example", cloudfront_signer="signer")),
    ("E019", azure(sas_token="sig=x")),
    ("E019", redirecting(azure(account_key="a2V5"))),
    ("E019", redirecting(azure(account_key="a2V5", custom_domain="cdn.example"))),
    ("E019", redirecting(azure(connection_string="AccountName=shop;AccountKey=a2V5"))),
    ("E019", redirecting(azure(token_credential="of the machine"))),
    ("E019", google(credentials=Unsigning())),
    ("E019", redirecting(google(credentials=Unsigning(), iam_sign_blob=True))),
    ("E019", redirecting(google(credentials=Signing()))),
    ("E019", redirecting(google())),
    ("E019", redirecting(storage(location="/srv/digitals"))),
    ("E019", {**azure(), "SPREE_DIGITALS_DELIVERY": {"BACKEND": "shop.nope.Delivery"}}),
    ("E020", s3(default_acl="private", object_parameters={"CacheControl": "private"})),
    ("E020", bucket(default_acl="bucket-owner-full-control")),
    ("E021", migrations("late_lines_put_first")),
    ("E021", migrations("no_lines_yet")),
    ("E021", migrations("from_nowhere")),
    ("E021", migrations("with_a_mistake")),
    ("E021", {"MIGRATION_MODULES": {"spree_digitals": None}}),
    *(("E023", {"SPREE_DIGITALS_CLIENT_ADDRESS": kept}) for kept in ("network", "full", "none")),
    ("E024", {"SPREE_DIGITALS_MAILS": ()}),
    ("E025", {"SPREE_DIGITALS_MAILS": ["files_ready", "new_version"]}),
    ("E026", {"SPREE_DIGITALS_SIGN_IN_MINUTES": 1}),
    ("E027", rates(client="100/day")),
    ("E028", rates(client="1/s", address="20/minute")),
    ("E029", {"SPREE_DIGITALS_PAGES_CSP": None}),
    ("E029", {"SPREE_DIGITALS_PAGES_CSP": "default-src 'self' https://cdn.example"}),
    ("E030", delivery()),
    ("E030", {"SPREE_DIGITALS_DELIVERY": {"BACKEND": "spree_digitals.delivery.redirect.SignedRedirect"}}),
    *(("E031", delivery(path)) for path in ("stream.Stream", "apache.XSendfile", f"{__name__}.OwnDelivery")),
    ("E032", delivery()),
    ("E032", delivery(f"{__name__}.OwnDelivery", speed=1, colour="red")),
    *(("E033", {"SPREE_DIGITALS_TRUSTED_PROXIES": proxies}) for proxies in ([], ("10.0.0.0/8", "::1", "unix"))),
    ("E034", {"SPREE_DIGITALS_RESUME_WINDOW": timedelta(seconds=1)}),
    ("E035", {"SPREE_DIGITALS_RESUME_BUDGET": 1}),
    ("W001", adapter(Answers)),
    ("W001", adapter(OrderFoundOtherwise)),
    ("W002", {f"SPREE_DIGITALS_{name}": None for name in NAMES if not name.endswith(("_MODEL", "STOREFRONT"))}),
    ("W003", migrations("late_lines")),
    ("W003", migrations("from_nowhere")),
    ("W004", writing_to("as_in_the_example")),
    ("W004", writing_to("postgres")),
    ("W005", asgi("postgres")),
    ("W005", asgi("pooled")),
    ("W005", writing_to("persistent")),
    ("W006", {**including("api"), "SPREE_DIGITALS_MAILS": []}),
    ("W006", {"ROOT_URLCONF": "shop.nope"}),
    ("W007", {"MIDDLEWARE": [f"{__name__}.OwnSessions"]}),
    ("W007", {**including("api"), "MIDDLEWARE": []}),
    ("W008", including("download", "pages")),
    ("W008", including()),
    ("W009", delivery(trusted=["unix"])),
    ("W009", delivery("stream.Stream", trusted=())),
    ("W009", delivery(trusted=["nobody"])),
    ("W010", delivery()),
    ("W010", {**delivery("redirect.SignedRedirect"), **bucket()}),
    ("W010", {**delivery(), **storage("shop.nope.Storage")}),
    ("W011", {**delivery("apache.XSendfile"), **storage(location="/srv/my-shop_2/~digitals.d")}),
    ("W011", {**delivery(), **storage(location="/srv/my shop")}),
]


@pytest.fixture(scope="module", autouse=True)
def shops_databases(django_db_setup: None) -> Iterator[None]:
    """DATABASES beside the one the tests run on."""
    for alias, configuration in DATABASES.items():
        connections.settings[alias] = connections.configure_settings({"default": {**configuration}})["default"]
        assert connections[alias].connection is None
    yield
    for alias in DATABASES:
        if (raw := connections[alias].connection) is not None:
            raw.close()  # Django itself never closes a database in memory
        del connections[alias]
        del connections.settings[alias]


@pytest.fixture(scope="module", autouse=True)
def shops_migrations(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """MIGRATIONS as packages that can be imported."""
    directory = tmp_path_factory.mktemp("migrations")
    for package, files in MIGRATIONS.items():
        (directory / package).mkdir()
        (directory / package / "__init__.py").touch()
        for name, contents in files.items():
            (directory / package / f"{name}.py").write_text(migration(name, contents.split()))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(directory)
        yield
    for module in [name for name in sys.modules if name.partition(".")[0] in MIGRATIONS]:
        del sys.modules[module]


INCLUDES = {
    "api": 'path("api/v2/", include("spree_digitals.urls"))',
    "download": 'path("shop/", include((spree_digitals.urls.download_urlpatterns, "spree_digitals")))',
    "pages": 'path("downloads/", include("spree_digitals.pages.urls"))',
}


@pytest.fixture(scope="module", autouse=True)
def shops_addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What ``including()`` names, as modules that can be imported."""
    directory = tmp_path_factory.mktemp("urls")
    named = {changes["ROOT_URLCONF"] for _, changes, *_ in [*WRONG, *RIGHT] if "ROOT_URLCONF" in changes}
    for name in named - {"shop.nope"}:
        parts = ", ".join(INCLUDES[part] for part in name.split("_")[2:] if part in INCLUDES)
        imports = "import spree_digitals.urls\nfrom django.urls import include, path\n"
        (directory / f"{name}.py").write_text(f"{imports}urlpatterns = [{parts}]\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(directory)
        yield
    for name in named & set(sys.modules):
        del sys.modules[name]


def migration(name: str, contents: Iterable[str]) -> str:
    """The file of a migration: names of models to make, ``rename``, ``first`` (before ours) or ``mistake``."""
    if "mistake" in contents:
        return "1 / 0\n"
    operations = {
        **{model: f"migrations.CreateModel('{model}', [])" for model in ("Store", "Variant", "Line", "LineItem")},
        "Rename": "migrations.RenameModel('Line', 'LineItem')",
    }
    wanted = [operation for word, operation in operations.items() if word.lower() in contents]
    before = {"0001_initial": [], "0002_lines": [("shop", "0001_initial")], "0002_rename": [("shop", "0001_initial")]}
    return (
        "from django.db import migrations\n"
        "class Migration(migrations.Migration):\n"
        f"    dependencies = {before.get(name, [('shop', '0002_lost')])}\n"
        f"    run_before = {[('spree_digitals', '0001_initial')] if 'first' in contents else []}\n"
        f"    operations = [{', '.join(wanted)}]\n"
    )


@pytest.fixture
def report(settings: Any) -> Callable[..., list[CheckMessage]]:
    """What ``check --deploy --database default --tag spree_digitals`` finds with these settings."""

    def report(changes: dict[str, Any] | None = None, databases: Iterable[str] = ("default",)) -> list[CheckMessage]:
        for name, value in {**writing_to("as_in_the_example"), **(changes or {})}.items():
            setattr(settings, name, value)
        return run_checks(tags=["spree_digitals"], include_deployment_checks=True, databases=[*databases])

    return report


def of(code: str, messages: Iterable[CheckMessage]) -> list[CheckMessage]:
    return [message for message in messages if message.id == f"spree_digitals.{code}"]


@pytest.mark.django_db
def test_the_example_shop_passes_every_check(report):
    assert report() == []


@pytest.mark.django_db
@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")  # of django-storages
@pytest.mark.parametrize(("code", "changes", "says"), WRONG)
def test_what_is_wrong_is_named_with_what_to_type(report, code, changes, says):
    found = of(code, report(changes))
    assert found
    text = " ".join(f"{message.msg} {message.hint}" for message in found)
    assert [word for word in says.split() if word not in text] == []
    assert all(message.hint for message in found)
    assert all((message.level >= ERROR) == code.startswith("E") for message in found)


@pytest.mark.django_db
@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")  # of django-storages
@pytest.mark.parametrize(("code", "changes"), RIGHT)
def test_what_is_right_is_not_complained_about(report, code, changes):
    assert of(code, report(changes)) == []


@pytest.mark.django_db
@pytest.mark.parametrize("cls", [FollowsColumns, Answers, AnswersWithOddPaths, StoreAnswered, OrderFoundOtherwise])
def test_an_adapter_that_answers_everything_passes_every_check(report, cls):
    assert report(adapter(cls)) == []


@pytest.fixture
def known_admin_pages():
    """An app that a test installs must not leave its admin pages behind: they could no longer be opened."""
    known = dict(admin.site._registry)
    yield
    admin.site._registry.clear()
    admin.site._registry.update(known)


@pytest.mark.django_db
def test_a_shop_without_stores_sells_through_its_site(report, known_admin_pages, settings):
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "django.contrib.sites"]
    one_store = {**adapter(NoStore), "SPREE_DIGITALS_STORE_MODEL": "sites.Site"}
    assert of("E010", report(one_store))
    assert of("E010", report({**one_store, "SITE_ID": 1})) == []


@pytest.mark.django_db
@pytest.mark.parametrize("cls", [NotAnAdapter, AdapterThatFails, OrderPathNone, MisspeltOrder, MisspeltToken])
def test_one_mistake_is_one_message(report, cls):
    assert len(report(adapter(cls))) == 1


def test_a_directory_is_public_by_whatever_name_it_is_reached(report, tmp_path):
    (tmp_path / "media").mkdir()
    os.symlink(tmp_path / "media", tmp_path / "private")
    public = {"MEDIA_ROOT": tmp_path / "media", **storage(location=tmp_path / "private" / "digitals")}
    assert of("E018", report(public, databases=[]))


@pytest.mark.django_db(databases=["default", "sqlite"])
def test_a_database_without_our_tables_has_no_foreign_key_to_complain_about(report):
    assert of("E022", report({"SPREE_DIGITALS_VARIANT_MODEL": "shop.Order"}, databases=["sqlite"])) == []


def test_a_database_that_is_down_stops_no_check(report, django_db_blocker):
    with django_db_blocker.unblock():
        assert report(databases=["postgres"]) == []


@pytest.mark.django_db
def test_paths_that_are_none_at_all_are_each_named(report):
    assert [message.id for message in report(adapter(NumbersAsPaths))] == ["spree_digitals.E004"] * 10


@pytest.mark.django_db
def test_the_rest_is_checked_where_several_things_are_wrong(report):
    broken = {f"SPREE_DIGITALS_{name}": 5 for name in NAMES}
    found = report({**broken, **asgi("nowhere"), **migrations("from_nowhere"), "STORAGES": {}, "USE_TZ": None})
    assert {message.id for message in found} == {
        f"spree_digitals.{code}"
        for code in (
            *("E001", "E002", "E013", "E015", "E016"),
            *("E023", "E024", "E027", "E029"),
            *("E030", "E033", "E034"),
        )
    }


def test_a_new_project_is_told_what_to_paste_and_can_paste_it(tmp_path):
    module, environment = tmp_path / "new_project.py", {**os.environ, "DJANGO_SETTINGS_MODULE": "new_project"}
    module.write_text("from example_project.settings import *\ndel STORAGES\n")
    environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path), str(example.BASE_DIR)])
    command = [sys.executable, "-m", "django", "check", "--tag", "spree_digitals"]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert "spree_digitals.E016" in told.stderr
    with module.open("a") as lines:
        lines.write(re.findall(r"STORAGES = .*", told.stderr)[0])
    subprocess.run(command, env=environment, capture_output=True, check=True)


@pytest.mark.django_db
def test_manage_check_fails_on_a_shop_that_gives_files_away(settings):
    call_command("check", tags=["spree_digitals"], databases=["default"])
    settings.STORAGES = {**settings.STORAGES, "digitals": settings.STORAGES["default"]}
    with pytest.raises(SystemCheckError, match="could be downloaded without a link"):
        call_command("check", tags=["spree_digitals"], databases=["default"])


def test_every_id_has_one_meaning_a_test_and_a_line_in_the_docs():
    source = "".join(path.read_text() for path in CHECKS.glob("*.py"))
    given = Counter(re.findall(r'id="spree_digitals\.([EW]\d{3})"', source))
    documented = Counter(re.findall(r"^\| `spree_digitals\.([EW]\d{3})` \|", DOCS.read_text(), re.MULTILINE))
    assert set(given.values()) == set(documented.values()) == {1}
    assert set(given) == set(documented) == {code for code, *_ in WRONG}
    for kind in "EW":
        numbers = sorted(int(code[1:]) for code in given if code[0] == kind)
        assert numbers == list(range(1, len(numbers) + 1))
