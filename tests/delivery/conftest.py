"""Files that lie where real servers find them, and the servers, started once for all tests that want the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.delivery import servers
from tests.delivery.clouds import Scripted, seaweedfs, stop_at_once
from tests.delivery.servers import Server


@pytest.fixture(scope="session")
def served_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The private storage of all servers of the session."""
    return tmp_path_factory.mktemp("served")


@pytest.fixture(autouse=True)
def digitals_directory(settings: Any, served_directory: Path) -> Path:
    """The same for the test itself."""
    digitals = {**settings.STORAGES["digitals"], "OPTIONS": {"location": str(served_directory)}}
    settings.STORAGES = {**settings.STORAGES, "digitals": digitals}
    return served_directory


@pytest.fixture(scope="session")
def running_servers(django_db_setup: None) -> Iterator[dict[str, Server]]:
    """All that were started, by what they are; stopped before the database of the tests is dropped."""
    started: dict[str, Server] = {}
    yield started
    for server in reversed(started.values()):
        server.stop()


@pytest.fixture
def serve(
    running_servers: dict[str, Server], served_directory: Path, tmp_path_factory: pytest.TempPathFactory, db: None
) -> Callable[..., Server]:
    """``serve("gunicorn", SPREE_DIGITALS_…=…)``: a server with these settings, which later tests share."""

    def serve(kind: str, **told: Any) -> Server:
        key = f"{kind} {told!r}"
        if key not in running_servers:
            log = tmp_path_factory.mktemp("logs") / f"{kind}.log"
            running_servers[key] = getattr(servers, kind)(served_directory, log, **told)
        return running_servers[key]

    return serve


@pytest.fixture(params=["gunicorn", "uvicorn"])
def application(request: pytest.FixtureRequest, transactional_db: None, serve: Callable[..., Server]) -> Server:
    """The app as it streams files itself, under WSGI and under ASGI."""
    return serve(request.param)


@pytest.fixture(scope="session")
def weed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real S3."""
    server = seaweedfs(tmp_path_factory.mktemp("seaweedfs"))
    yield server
    stop_at_once(server)


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    """An object storage that does what the test tells it."""
    cloud = Scripted()
    cloud.start()
    yield cloud
    cloud.stop()
