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

    def in_front_of(self, application: Server, files: Path, directory: Path) -> Server:
        assert self.start is not None
        return self.start(lambda port: self.configuration(port, application, files), directory)

    def configuration(self, port: int, application: Server, files: Path) -> str:
        written = {
            self.port: re.sub(r"\b80\b", str(port), self.port),
            "8000": str(application.port),
            "/srv/shop/digitals": str(files),
        }
        return documented(self.page, self.language, written)


WAYS = {
    "stream": Way(),
    "stream behind nginx": Way("stream", "nginx", servers.nginx, "listen 80;", TRUSTED),
    "nginx": Way("nginx", "nginx", servers.nginx, "listen 80;", {**TRUSTED, "SPREE_DIGITALS_DELIVERY": X_ACCEL}),
    "apache": Way("apache", "apache", servers.apache, "*:80", {**TRUSTED, "SPREE_DIGITALS_DELIVERY": X_SENDFILE}),
    "lighttpd": Way(
        *("apache", "lighttpd", servers.lighttpd, "port = 80"),
        {**TRUSTED, "SPREE_DIGITALS_DELIVERY": X_SENDFILE},
    ),
}


def documented(page: str, language: str, written: dict[str, str]) -> str:
    """The first block in this language of a page about a delivery, with some of what is written replaced."""
    text = (ROOT / "docs" / "delivery" / f"{page}.md").read_text()
    found = re.search(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found, f"{page}.md shows no {language}"
    block = found[1]
    for words, real in written.items():
        assert words in block or words in ("/srv/shop/digitals",), f"{page}.md does not say {words}"
        block = block.replace(words, real)
    return block
