"""Why a download was refused: one exception for each reason, each with the code the API sends."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class DownloadRefused(Exception):
    """
    A download that may not happen. Nothing was counted.

    ``code`` is stable and for programs, ``message`` is translated and for people, ``meta`` holds the numbers behind it.
    """

    code: ClassVar[str]
    message: ClassVar[str | Promise]

    def __init__(self, **meta: Any) -> None:
        super().__init__(self.code)
        self.meta = meta


class LinkNotFound(DownloadRefused):
    """The token is unknown, malformed or no longer in use; the three are told apart nowhere."""

    code = "not_found"
    message = _("There is no such download link.")


class LinkRevoked(DownloadRefused):
    """Staff, the shop or a refund took the link away."""

    code = "link_revoked"
    message = _("This download link was revoked by the shop.")


class OrderNotEntitled(DownloadRefused):
    """The order is not completed, gives a right to no unit any more, or was deleted."""

    code = "order_not_entitled"
    message = _("This order does not give access to the file: it is not completed, or was cancelled or refunded.")


class FileWithdrawn(DownloadRefused):
    """The shop lets nobody have the file any more. ``Digital.withdrawn_at`` has come."""

    code = "file_withdrawn"
    message = _("The shop has withdrawn this file.")


class LinkExpired(DownloadRefused):
    """The days are over. ``meta``: ``expired_at``, the first instant at which the link was dead."""

    code = "link_expired"
    message = _("This download link has expired.")


class LimitReached(DownloadRefused):
    """Every allowed use is spent. ``meta``: ``limit`` and ``used``, in uses."""

    code = "download_limit_reached"
    message = _("This download link has been used as often as the shop allows.")


class FileMissing(DownloadRefused):
    """The file that was sold is not in the storage, or is not the file that was uploaded."""

    code = "file_missing"
    message = _("The file cannot be found at the moment. This attempt was not counted. Please tell the shop.")


class TemporarilyUnavailable(DownloadRefused):
    """The database or the storage cannot answer now; a later attempt may succeed."""

    code = "temporarily_unavailable"
    message = _("The file cannot be sent at the moment. Please try again later.")


class EntitlementExceeded(ValueError):
    """A link may not be restored: the order no longer gives a right to that many units."""
