from ..base import *  # noqa: F403
from ..base import INTERNAL_URL, MIDDLEWARE, SITE

ROOT_URLCONF = "benchmarks.contenders.downloadview.urls"
MEDIA_URL = "/downloads/"  # what the rule replaces
if SITE.behind_nginx:
    MIDDLEWARE = [*MIDDLEWARE, "django_downloadview.SmartDownloadMiddleware"]
    DOWNLOADVIEW_BACKEND = "django_downloadview.nginx.XAccelRedirectMiddleware"
    DOWNLOADVIEW_RULES = [{"source_url": MEDIA_URL, "destination_url": INTERNAL_URL}]
