"""nginx sends the file: ``X-Accel-Redirect``."""

from __future__ import annotations

from urllib.parse import quote

from ..storage import StoredFile
from .handover import HandOver


class XAccelRedirect(HandOver):
    """
    ``internal_url`` is the ``location`` of nginx whose ``alias`` is the directory of the storage, "/protected/".

    Files of a storage that is no directory of this server are streamed.
    """

    header = "X-Accel-Redirect"
    said_in_front = HandOver.said_in_front | {"Accept-Ranges"}  # nginx would pass ours on and add its own

    def __init__(self, *, internal_url: str) -> None:
        super().__init__()
        self.internal_url = f"/{internal_url.strip('/')}/"

    def place_of(self, file: StoredFile) -> str | None:
        if file.path is None:
            return None
        # Not what Django's helpers make of it: nginx decodes every % once, and cuts at "?" and "#".
        return self.internal_url + quote(file.relative_path, safe="/")
