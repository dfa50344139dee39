from ..base import *  # noqa: F403
from ..base import INSTALLED_APPS, INTERNAL_URL, SITE

ROOT_URLCONF = "benchmarks.contenders.sendfile2.urls"
INSTALLED_APPS = [*INSTALLED_APPS, "django_sendfile"]
SENDFILE_ROOT = SITE.file_root
if SITE.behind_nginx:
    SENDFILE_BACKEND = "django_sendfile.backends.nginx"
    SENDFILE_URL = INTERNAL_URL
else:
    SENDFILE_BACKEND = "django_sendfile.backends.simple"
