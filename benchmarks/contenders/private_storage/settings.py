from ..base import *  # noqa: F403
from ..base import INSTALLED_APPS, INTERNAL_URL, SITE

ROOT_URLCONF = "benchmarks.contenders.private_storage.urls"
INSTALLED_APPS = [*INSTALLED_APPS, "private_storage"]
PRIVATE_STORAGE_ROOT = SITE.file_root
PRIVATE_STORAGE_AUTH_FUNCTION = "benchmarks.contenders.private_storage.permissions.everybody"
if SITE.behind_nginx:
    PRIVATE_STORAGE_SERVER = "nginx"
    PRIVATE_STORAGE_INTERNAL_URL = INTERNAL_URL
