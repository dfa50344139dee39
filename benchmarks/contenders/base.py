"""Settings that all contenders share. No middleware, unless asked for: what all pay alike hides differences."""

from benchmarks.site import Site

SITE = Site.current()
INTERNAL_URL = "/protected/"  # what nginx serves for X-Accel-Redirect, and to nobody else

SECRET_KEY = "only-for-benchmarks-on-the-loopback-interface"  # noqa: S105
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "testserver"]
INSTALLED_APPS: list[str] = []
MIDDLEWARE: list[str] = []
if SITE.middleware:
    INSTALLED_APPS += [f"django.contrib.{name}" for name in ("auth", "contenttypes", "sessions", "messages")]
    MIDDLEWARE += [
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ]
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
