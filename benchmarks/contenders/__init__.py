"""
Who takes part. Each package below is a small Django project, set up as the documentation of what it shows says.

This module knows the contenders by name only; the projects themselves run in processes of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

GUNICORN, UVICORN = "gunicorn", "uvicorn"
POSTGRES, SQLITE = "PostgreSQL", "SQLite"
DATABASES = (POSTGRES, SQLITE)
LOOK_UP = "/api/v2/storefront/order_status/{number}?include=line_items.digital_links"


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One way of sending a file, and what it runs on."""

    title: str
    path: str  # with {token}, {name} (below the directory of files) or {label} (as "10 KiB")
    project: str = ""  # a package beside this module; empty: nginx does without
    server: str = GUNICORN  # empty: nginx alone
    database: str = ""
    behind_nginx: bool = False
    counts: bool = False  # every download adds one to its link
    records: bool = False  # every download adds a row
    holds_the_file: bool = False  # in memory, whole, for each client
    one_statement: bool = True  # the app's way of counting on PostgreSQL; False: the one for all databases
    s3: bool = False

    @property
    def name(self) -> str:
        place = "behind nginx" if self.behind_nginx and self.server else ""
        storage = "from S3" if self.s3 else ""
        return ", ".join(part for part in (self.title, storage, self.server, place, self.database) if part)

    def on(self, server: str = GUNICORN, database: str = "") -> Contender:
        return replace(self, server=server, database=database)

    def accelerated(self) -> Contender:
        return replace(self, behind_nginx=True, holds_the_file=False)

    def from_s3(self) -> Contender:
        return replace(self, s3=True)


APP = Contender(
    title="spree_digitals",
    project="spree_digitals",
    path="/api/v2/storefront/digitals/{token}",
    database=POSTGRES,
    counts=True,
    records=True,
)
PORTABLE = replace(APP, title="spree_digitals, portable", one_statement=False)
BARE = Contender(title="bare FileResponse", project="bare", path="/files/{label}")
BARE_ACCEL = Contender(title="bare X-Accel-Redirect", project="bare", path="/accel/{label}", behind_nginx=True)
NGINX = Contender(title="nginx, static file", path="/static/{name}", server="", behind_nginx=True)
SEND_FILE = Contender(
    title="lock-read-save, FileResponse",
    project="lock_read_save",
    path="/file/{token}",
    database=POSTGRES,
    counts=True,
)
SEND_DATA = replace(SEND_FILE, title="lock-read-save, file in memory", path="/data/{token}", holds_the_file=True)
DOWNLOADVIEW = Contender(title="django-downloadview", project="downloadview", path="/files/{name}")
PRIVATE_STORAGE = Contender(title="django-private-storage", project="private_storage", path="/private-media/{name}")
SENDFILE = Contender(title="django-sendfile2", project="sendfile2", path="/files/{label}", holds_the_file=True)
PEERS = (DOWNLOADVIEW, PRIVATE_STORAGE, SENDFILE)
