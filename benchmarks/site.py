"""What one Django process of a benchmark is told: where its files and its database are, and what stands in front."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from typing import Any

VARIABLE = "BENCHMARK_SITE"


@dataclass(frozen=True, kw_only=True)
class Site:
    """Travels to the process in one environment variable, so that all settings of a contender stand in one place."""

    directory: str
    files: dict[str, str] = field(default_factory=dict)  # "10 KiB" and its path below the directory of files
    database: dict[str, Any] = field(default_factory=dict)  # an entry of DATABASES; empty: the contender needs none
    storage: dict[str, Any] = field(default_factory=dict)  # an entry of STORAGES; empty: the directory of files
    behind_nginx: bool = False
    one_statement: bool = True  # how the app counts on PostgreSQL
    middleware: bool = False  # what ``startproject`` puts into MIDDLEWARE

    @property
    def file_root(self) -> str:
        return os.path.join(self.directory, "digitals")

    def environ(self, settings: str) -> dict[str, str]:
        return {**os.environ, "DJANGO_SETTINGS_MODULE": settings, VARIABLE: json.dumps(asdict(self))}

    @classmethod
    def current(cls) -> Site:
        return cls(**json.loads(os.environ[VARIABLE]))
