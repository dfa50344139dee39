"""The servers in front, configured by what the documentation shows: only ports and directories differ."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.delivery import servers
from tests.delivery.servers import ROOT, Server

TRUSTED = {"SPREE_DIGITALS_TRUSTED_PROXIES": ["127.0.0.1"]}
X_ACCEL = {"BACKEND": "spree_digitals.delivery.nginx.XAccelRedirect", "OPTIONS": {"internal_url": "/protected/"}}
X_SENDFILE = {"BACKEND": "spree_digitals.delivery.apache.XSendfile"}


@dataclass(frozen=True)
class Way:
    """How files travel: the block of the documentation that configures the server in front, and the app's settings."""

    page: str = ""
    language: str = ""
    start: Callable[..., Server] | None = None
    port: str = ""  # as the block writes it
    settings: dict[str, Any] = field(default_factory=dict)
    packing: str = ""  # what packs all it can, wherever it is not told otherwise

    def in_front_of(self, application: Server, files: Path, directory: Path) -> Server:
        assert self.start is not None
        return self.start(lambda port: self.packing + self.configuration(port, application, files), directory)

    def configuration(self, port: int, application: Server, files: Path) -> str:
        written = {self.port: re.sub(r"\b80\b", str(port), self.port), "8000": str(application.port)}
        if self.sends_files:
            written["/srv/shop/digitals"] = str(files)
        return documented(self.page, self.language, written)

    @property
    def sends_files(self) -> bool:
        """Whether the server in front does, and not the application."""
        return "SPREE_DIGITALS_DELIVERY" in self.settings


GZIP = "gzip on; gzip_proxied any; gzip_types *; gzip_min_length 1;\n"
DEFLATE = "SetOutputFilter DEFLATE\n"
BY_NGINX = {**TRUSTED, "SPREE_DIGITALS_DELIVERY": X_ACCEL}
BY_OTHERS = {**TRUSTED, "SPREE_DIGITALS_DELIVERY": X_SENDFILE}

WAYS = {
    "stream": Way(),
    "stream behind nginx": Way("stream", "nginx", servers.nginx, "listen 80;", TRUSTED, GZIP),
    "nginx": Way("nginx", "nginx", servers.nginx, "listen 80;", BY_NGINX, GZIP),
    "apache": Way("apache", "apache", servers.apache, "*:80", BY_OTHERS, DEFLATE),
    "lighttpd": Way("apache", "lighttpd", servers.lighttpd, "port = 80", BY_OTHERS),
}


def documented(page: str, language: str, written: dict[str, str], *, containing: str = "") -> str:
    """The first block in this language, with these words, of a page about a delivery; what it says may be replaced."""
    text = (ROOT / "docs" / "delivery" / f"{page}.md").read_text()
    found = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    block: str = next(block for block in found if containing in block)
    for words, real in written.items():
        assert words in block, f"{page}.md does not say {words}"
        block = block.replace(words, real)
    return block
