"""What limits and files are called, wherever people read of them."""

from __future__ import annotations

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_lazy, ngettext

from . import exceptions
from .limits import Limits
from .storage import OCTET_STREAM

# Why a download was refused, for staff: shorter than what buyers are told.
REASONS: dict[str, str | Promise] = {
    exceptions.LinkExpired.code: gettext_lazy("expired"),
    exceptions.LimitReached.code: gettext_lazy("used up"),
    exceptions.LinkRevoked.code: gettext_lazy("revoked"),
    exceptions.OrderNotEntitled.code: gettext_lazy("order not completed, cancelled or refunded"),
    exceptions.FileWithdrawn.code: gettext_lazy("file withdrawn"),
    exceptions.FileMissing.code: gettext_lazy("file missing"),
    exceptions.TemporarilyUnavailable.code: gettext_lazy("temporarily unavailable"),
}
KINDS: dict[str, Any] = {
    "application/epub+zip": gettext_lazy("E-book (EPUB)"),
    "application/gzip": gettext_lazy("Gzip archive"),
    "application/json": gettext_lazy("JSON file"),
    "application/msword": gettext_lazy("Word document"),
    "application/pdf": gettext_lazy("PDF document"),
    "application/vnd.ms-excel": gettext_lazy("Excel spreadsheet"),
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": gettext_lazy("PowerPoint slides"),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": gettext_lazy("Excel spreadsheet"),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": gettext_lazy("Word document"),
    "application/x-7z-compressed": gettext_lazy("7-Zip archive"),
    "application/x-mobipocket-ebook": gettext_lazy("E-book (Mobipocket)"),
    "application/x-tar": gettext_lazy("Tar archive"),
    "application/zip": gettext_lazy("ZIP archive"),
    "audio/aac": gettext_lazy("AAC audio"),
    "audio/flac": gettext_lazy("FLAC audio"),
    "audio/midi": gettext_lazy("MIDI music"),
    "audio/mp4": gettext_lazy("MP4 audio"),
    "audio/mpeg": gettext_lazy("MP3 audio"),
    "audio/ogg": gettext_lazy("Ogg audio"),
    "audio/wav": gettext_lazy("WAV audio"),
    "audio/x-midi": gettext_lazy("MIDI music"),
    "font/otf": gettext_lazy("OpenType font"),
    "font/ttf": gettext_lazy("TrueType font"),
    "font/woff": gettext_lazy("Web font (WOFF)"),
    "font/woff2": gettext_lazy("Web font (WOFF2)"),
    "image/bmp": gettext_lazy("BMP image"),
    "image/gif": gettext_lazy("GIF image"),
    "image/jpeg": gettext_lazy("JPEG image"),
    "image/png": gettext_lazy("PNG image"),
    "image/svg+xml": gettext_lazy("SVG image"),
    "image/tiff": gettext_lazy("TIFF image"),
    "image/webp": gettext_lazy("WebP image"),
    "text/csv": gettext_lazy("CSV table"),
    "text/html": gettext_lazy("HTML page"),
    "text/plain": gettext_lazy("Text file"),
    "video/mp4": gettext_lazy("MP4 video"),
    "video/mpeg": gettext_lazy("MPEG video"),
    "video/quicktime": gettext_lazy("QuickTime video"),
    "video/webm": gettext_lazy("WebM video"),
    OCTET_STREAM: gettext_lazy("File"),
}


def in_words(limits: Limits) -> str:
    """What a buyer may do: "5 downloads within 7 days of purchase"."""
    downloads = gettext("Unlimited downloads")
    if limits.uses is not None:
        downloads = ngettext("%(count)d download", "%(count)d downloads", limits.uses) % {"count": limits.uses}
    if limits.lifetime is None:
        return gettext("%(downloads)s, at any time") % {"downloads": downloads}
    days = limits.lifetime.days
    within = ngettext(
        "%(downloads)s within %(days)d day of purchase", "%(downloads)s within %(days)d days of purchase", days
    )
    return within % {"downloads": downloads, "days": days}


def kind_in_words(content_type: str) -> str:
    """What people call such a file; the media type itself where nothing better is known."""
    return str(KINDS.get(content_type, content_type))
