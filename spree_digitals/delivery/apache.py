"""Apache with mod_xsendfile, or lighttpd, sends the file: ``X-Sendfile``."""

from __future__ import annotations

from urllib.parse import quote

from ..storage import StoredFile
from .handover import HandOver


class XSendfile(HandOver):
    """
    The server in front must be allowed to send from the directory of the storage: ``XSendFilePath`` of Apache.

    Files of a storage that is no directory of this server are streamed, and those whose path is not written in ASCII
    letters, digits and ``/._-~``: lighttpd decodes the header, as Apache's module will in its next release, and the
    module that distributions have does not.
    """

    header = "X-Sendfile"

    def place_of(self, file: StoredFile) -> str | None:
        path = file.path
        return path if path is not None and quote(path) == path else None
