"""The example shop: SQLite and local files, so that nothing has to be set up. Not for production."""

import os
from pathlib import Path

import django

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(os.environ.get("EXAMPLE_DATA_DIR", BASE_DIR / "var"))
DATA_DIR.mkdir(parents=True, exist_ok=True)

SECRET_KEY = "only-for-the-example-shop-which-holds-nothing-worth-hiding"
DEBUG = True
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]", "testserver"]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework.authtoken",
    "drf_spectacular",
    "drf_spectacular_sidecar",  # what the page of the API consists of, so that no other server is asked for it
    "example_project.shop",  # before the app whose pages it gives its own look
    "spree_digitals",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",  # pages speak what the browser asks for, if they can
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "example_project.urls"
WSGI_APPLICATION = "example_project.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATA_DIR / "shop.sqlite3",
        # Readers do not wait for the writer, and writers wait for each other instead of failing.
        "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL;"},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": DATA_DIR / "media"}},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    # What is sold: outside of everything a web server serves.
    "digitals": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": DATA_DIR / "digitals", "file_permissions_mode": 0o600},
    },
}
MEDIA_URL = "media/"
STATIC_URL = "static/"
LOGIN_URL = "/account/log-in"
LANGUAGE_CODE = "en-us"
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("es", "Español"), ("pl", "Polski")]
USE_TZ = True
# Mails are written to files, to be looked at.
if django.VERSION >= (6, 1):
    MAILERS = {
        "default": {
            "BACKEND": "django.core.mail.backends.filebased.EmailBackend",
            "OPTIONS": {"file_path": DATA_DIR / "mails"},
        }
    }
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = DATA_DIR / "mails"
# Each mail is a task, and each task would be a line on the screen.
LOGGING = {"version": 1, "disable_existing_loggers": False, "loggers": {"django.tasks": {"level": "WARNING"}}}
DEFAULT_FROM_EMAIL = "Paper & Sound <shop@example.com>"
TIME_ZONE = "UTC"

SPREE_DIGITALS_STORE_MODEL = "shop.Store"
SPREE_DIGITALS_VARIANT_MODEL = "shop.Variant"
SPREE_DIGITALS_LINE_ITEM_MODEL = "shop.LineItem"
SPREE_DIGITALS_STOREFRONT = "example_project.shop.digitals.ShopStorefront"
SPREE_DIGITALS_AUTHENTICATION_CLASSES = ["spree_digitals.api.authentication.BearerAuthentication"]

# The document of the API, at api/v2/openapi.json and as a page at api/v2/docs.
SPECTACULAR_SETTINGS = {
    "TITLE": "Digital downloads",  # of the page, as the document calls itself
    "OAS_VERSION": "3.1.1",
    "PREPROCESSING_HOOKS": ["spree_digitals.api.openapi.only_ours"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}
