"""Django's admin for shop staff: the limits of stores, the files that are sold, and the links that buyers hold."""

from .digitals import DigitalAdmin, DigitalInline
from .limits import StoreLimitsAdmin, StoreLimitsInline
from .links import DigitalLinkAdmin

__all__ = ["DigitalAdmin", "DigitalInline", "DigitalLinkAdmin", "StoreLimitsAdmin", "StoreLimitsInline"]
