"""What every delivery says about a file, however its bytes travel."""

from __future__ import annotations

import re

from django.utils.http import content_disposition_header, http_date

from ..storage import StoredFile, visible

NAME_BYTES = 150
# What Windows allows in no name, and its devices, which no file may be called after.
FORBIDDEN = re.compile(r'[<>:"/\\|?*]')
RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in "0123456789¹²³")}

# On every response of the app that a token leads to.
PRIVATE_HEADERS = {
    "Cache-Control": "private, no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}


def file_headers(stored: StoredFile) -> dict[str, str]:
    """The headers of a response that carries, or for HEAD would carry, the whole file."""
    disposition = content_disposition_header(as_attachment=True, filename=download_name(stored.filename))
    return {
        **PRIVATE_HEADERS,
        "Accept-Ranges": "none",
        "Content-Disposition": disposition or "attachment",
        # Keeps GZipMiddleware and proxies from packing the file anew, which would change its bytes and length.
        "Content-Encoding": "identity",
        "Content-Length": str(stored.byte_size),
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Content-Type": stored.content_type,
        "ETag": stored.etag,
        "Last-Modified": http_date(stored.modified_at.timestamp()),
    }


def download_name(filename: str) -> str:
    """
    ``filename`` as it may be saved on any system: no path, no control or direction marks, no device names.

    Longer ones are cut to 150 bytes of UTF-8; the extension stays.
    """
    name = FORBIDDEN.sub("_", visible(filename)).strip(". ")
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension) > 10:
        stem, dot, extension = name, "", ""
    if stem.split(".")[0].rstrip().upper() in RESERVED:
        stem = f"_{stem}"
    room = NAME_BYTES - len(f"{dot}{extension}".encode())
    stem = stem.encode()[:room].decode(errors="ignore")
    return f"{stem}{dot}{extension}".rstrip(". ") or "download"
