"""Django's admin for shop staff: the limits of stores, the files that are sold, and the links that buyers hold."""

from .digitals import DigitalAdmin, DigitalInline
from .limits import StoreLimitsAdmin, StoreLimitsInline
from .links import DigitalLinkAdmin
from .mails import MailAdmin
from .records import RefusalAdmin
from .reports import DownloadAdmin
from .scope import OwnStores

__all__ = [
    "DigitalAdmin",
    "DigitalInline",
    "DigitalLinkAdmin",
    "DownloadAdmin",
    "MailAdmin",
    "OwnStores",
    "RefusalAdmin",
    "StoreLimitsAdmin",
    "StoreLimitsInline",
]
