"""Real servers, each a process of its own on a port of its own: gunicorn, uvicorn, nginx, Apache, lighttpd."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from tests.services import program

ROOT = Path(__file__).resolve().parent.parent.parent
STARTS_WITHIN = 20  # seconds
APACHE_MODULES = Path("/usr/lib/apache2/modules")
# What the documentation asks for, and what every Apache on Debian has without being asked.
APACHE_LOADS = (
    *("mpm_event", "authz_core", "filter", "deflate", "env"),
    *("proxy", "proxy_http", "headers", "xsendfile"),
)


@dataclass
class Server:
    """A running server. ``url`` has no slash at its end; ``log`` is a file."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def open_files(self, place: Path) -> list[str]:
        """What its processes have open of this directory, or this file: a path for each time."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        found = []
        for process in [str(pid), *children]:
            for descriptor in Path(f"/proc/{process}/fd").iterdir():
                with suppress(OSError):  # it was closed meanwhile
                    found.append(os.readlink(descriptor))
        return [path for path in found if Path(path).is_relative_to(place)]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def served_environment(directory: Path, **overrides: Any) -> dict[str, str]:
    """
    What a server of ours needs to know: the database of the tests, where files are, and settings that differ.

    ``SOURCE`` is Python that is appended to them, for what cannot be written as JSON.
    """
    source = overrides.pop("SOURCE", "")
    database = {**settings.DATABASES["default"], "NAME": str(connection.settings_dict["NAME"])}
    database.pop("TEST", None)
    storages = {**settings.STORAGES}
    storages["digitals"] = {**storages["digitals"], "OPTIONS": {"location": str(directory)}}
    told = {"DATABASES": {"default": database}, "STORAGES": storages, **overrides}
    told["DATABASES"]["default"] |= told.pop("DATABASE", {})
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.delivery.served_settings",
        "SERVED_SETTINGS": json.dumps(told, default=str),
        "SERVED_SOURCE": source,
        "PYTHONUNBUFFERED": "1",
        # django-storages asks for the time as newer Pythons would rather not be.
        "PYTHONWARNINGS": "error,ignore:datetime.datetime.utcnow:DeprecationWarning",
    }


def start(command: list[str], log: Path, *, port: int, env: dict[str, str] | None = None) -> Server:
    """Start a server and wait until it listens; whatever it says goes into ``log``."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=output, stderr=output)
    server = Server(process, port, log)
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return server
    server.stop()
    raise RuntimeError(f"{command[0]} did not start:\n{server.said()}")


def gunicorn(directory: Path, log: Path, *, options: tuple[str, ...] = ("--threads=16",), **overrides: Any) -> Server:
    """WSGI, as most shops run it."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", f"--bind=127.0.0.1:{port}", "--worker-class=gthread", *options]
    return start([*command, "example_project.wsgi"], log, port=port, env=served_environment(directory, **overrides))


def uvicorn(directory: Path, log: Path, *, options: tuple[str, ...] = (), **overrides: Any) -> Server:
    """ASGI. The app itself reads who has forwarded a request."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", f"--port={port}", "--no-proxy-headers", "--lifespan=off", *options]
    env = served_environment(directory, **overrides)
    return start([*command, "example_project.asgi:application"], log, port=port, env=env)


def nginx(configuration: Callable[[int], str], directory: Path) -> Server:
    """
    nginx with what ``configuration`` returns for its port: the contents of its ``http`` block.

    All that it writes stays in ``directory``.
    """
    port = free_port()
    directory.mkdir(parents=True, exist_ok=True)
    temporary = "".join(
        f"{name}_temp_path {directory / name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (directory / "nginx.conf").write_text(
        f"daemon off;\nuser root;\nworker_processes 1;\npid {directory / 'nginx.pid'};\nerror_log stderr warn;\n"
        "events { worker_connections 512; }\n"
        f"http {{\naccess_log off;\n{temporary}{configuration(port)}\n}}\n"
    )
    command = [program("nginx"), "-p", str(directory), "-c", str(directory / "nginx.conf"), "-e", "stderr"]
    return start(command, directory / "nginx.log", port=port)


def apache(configuration: Callable[[int], str], directory: Path) -> Server:
    """
    Debian's Apache with what ``configuration`` returns for its port. Its workers never run as root, so what they serve
    must be readable to others.
    """
    port = free_port()
    directory.mkdir(parents=True, exist_ok=True)
    modules = "".join(f"LoadModule {name}_module {APACHE_MODULES}/mod_{name}.so\n" for name in APACHE_LOADS)
    (directory / "apache.conf").write_text(
        f"{modules}ServerRoot {directory}\nDefaultRuntimeDir {directory}\nPidFile {directory}/apache.pid\n"
        f"Mutex posixsem\nUser www-data\nGroup www-data\nErrorLog /dev/stderr\nListen 127.0.0.1:{port}\n"
        f"ServerName localhost\n{configuration(port)}\n"
    )
    command = [program("apache2"), "-f", str(directory / "apache.conf"), "-DFOREGROUND"]
    return start(command, directory / "apache.log", port=port)


def lighttpd(configuration: Callable[[int], str], directory: Path) -> Server:
    """lighttpd with what ``configuration`` returns for its port: all but where it keeps what it writes."""
    port = free_port()
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "lighttpd.conf").write_text(
        f'server.upload-dirs = ("{directory}")\nserver.bind = "127.0.0.1"\n{configuration(port)}\n'
    )
    command = [program("lighttpd"), "-D", "-f", str(directory / "lighttpd.conf")]
    return start(command, directory / "lighttpd.log", port=port)
