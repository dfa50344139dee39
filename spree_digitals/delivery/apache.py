"""Apache with mod_xsendfile, or lighttpd, sends the file: ``X-Sendfile``."""

from __future__ import annotations

from urllib.parse import quote

from ..storage import StoredFile
from .handover import HandOver


class XSendfile(HandOver):
    """
    The server in front must be allowed to send from the directory of the storage: ``XSendFilePath`` of Apache.

    Files of a storage that is no directory of this server are streamed.
    """

    header = "X-Sendfile"

    def place_of(self, file: StoredFile) -> str | None:
        # Both servers decode every % once.
        return None if file.path is None else quote(file.path, safe="/")
