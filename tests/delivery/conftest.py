"""Files that lie where real servers find them, and the servers, started once for all tests that want the same."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings as django_settings
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.db import connection
from django.test import override_settings
from django.test.utils import setup_databases, teardown_databases

from example_project.shop.checkout import place_order
from example_project.shop.models import Store, Variant
from spree_digitals.models import Digital, DigitalLink
from tests.delivery import servers
from tests.delivery.clouds import Scripted, azurite_blob, hang_up, seaweedfs, stop_at_once, storage_of
from tests.delivery.fronts import WAYS
from tests.delivery.servers import Server
from tests.delivery.wire import PROXY


@pytest.fixture(scope="session")
def served_directory() -> Iterator[Path]:
    """The private storage of all servers of the session; Apache, which is never root, must reach it."""
    with tempfile.TemporaryDirectory(prefix="served-") as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


@pytest.fixture(autouse=True)
def digitals_directory(settings: Any, served_directory: Path) -> Path:
    """The same for the test itself."""
    digitals = {**settings.STORAGES["digitals"], "OPTIONS": {"location": str(served_directory)}}
    settings.STORAGES = {**settings.STORAGES, "digitals": digitals}
    return served_directory


@pytest.fixture(scope="session")
def database(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The database of the tests, which pytest-django only makes for tests that have a transaction of their own."""
    is_made = str(connection.settings_dict["NAME"]) == str(connection.settings_dict["TEST"]["NAME"])
    with django_db_blocker.unblock():
        made = [] if is_made else setup_databases(verbosity=0, interactive=False, aliases=["default"])
    yield
    with django_db_blocker.unblock():
        teardown_databases(made, verbosity=0)


@pytest.fixture(scope="session")
def running_servers(database: None) -> Iterator[dict[str, Server]]:
    """All that were started, by what they are; stopped before the database of the tests is dropped."""
    started: dict[str, Server] = {}
    yield started
    for server in reversed(started.values()):
        server.stop()


@pytest.fixture(scope="session")
def serve(
    running_servers: dict[str, Server], served_directory: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Server]:
    """``serve("gunicorn", SPREE_DIGITALS_…=…)``: a server with these settings, which later tests share."""

    def serve(kind: str, **told: Any) -> Server:
        told = {"SPREE_DIGITALS_TRUSTED_PROXIES": [PROXY], **told}
        key = f"{kind} {told!r}"
        if key not in running_servers:
            log = tmp_path_factory.mktemp("logs") / f"{kind}.log"
            running_servers[key] = getattr(servers, kind)(served_directory, log, **told)
        return running_servers[key]

    return serve


@pytest.fixture(scope="session")
def behind_nginx(serve: Callable[..., Server], running_servers: dict[str, Server], tmp_path_factory: Any) -> Server:
    """nginx as a plain reverse proxy, which comes to gunicorn from an address that the shop trusts."""

    def configuration(port: int) -> str:
        return (
            f"server {{ listen 127.0.0.1:{port}; proxy_max_temp_file_size 0; proxy_bind {PROXY};\n"
            f"location / {{ proxy_pass {serve('gunicorn').url}; proxy_set_header Host $http_host;\n"
            "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; } }"
        )

    if "behind nginx" not in running_servers:
        running_servers["behind nginx"] = servers.nginx(configuration, tmp_path_factory.mktemp("nginx"))
    return running_servers["behind nginx"]


@pytest.fixture(scope="module")
def committed(database: None, django_db_blocker: Any, served_directory: Path) -> Iterator[None]:
    """
    What the tests of a module write is seen by servers, and stays until the last of them is over.

    That is faster than a database that is emptied after each test.
    """
    digitals = {**django_settings.STORAGES["digitals"], "OPTIONS": {"location": str(served_directory)}}
    with django_db_blocker.unblock(), override_settings(STORAGES={**django_settings.STORAGES, "digitals": digitals}):
        yield
        call_command("flush", interactive=False, verbosity=0)


@pytest.fixture(scope="module")
def sell(committed: None) -> Callable[..., DigitalLink]:
    """The link of a buyer to a file: ``sell(content, uses=1)``; by default for as many uses as they like."""

    def sell(content: bytes, *, name: str = "song.bin", uses: int | None = None, **fields: Any) -> DigitalLink:
        store, _ = Store.objects.get_or_create(name="Paper & Sound", domain="https://shop.example")
        variant = Variant.objects.create(store=store, sku=uuid4().hex, name=name, price="9.90")
        digital = Digital.objects.create(variant=variant, attachment=ContentFile(content, name=name))
        Digital.objects.filter(pk=digital.pk).update(**fields)
        order = place_order(store=store, email="buyer@example.com", basket={variant: 1})
        link = DigitalLink.objects.get(line_item__order=order)
        link.authorized_clicks, link.unlimited_clicks = uses, uses is None
        link.save()
        return link

    return sell


@pytest.fixture(scope="module")
def sell_sparse(sell: Callable[..., DigitalLink], served_directory: Path) -> Callable[..., DigitalLink]:
    """The same for a file of so many zeros, which take no place and no time."""

    def sell_sparse(size: int, **how: Any) -> DigitalLink:
        link = sell(b"0", byte_size=size, **how)
        os.truncate(served_directory / link.digital.attachment.name, 0)
        os.truncate(served_directory / link.digital.attachment.name, size)
        return DigitalLink.objects.get(pk=link.pk)

    return sell_sparse


@pytest.fixture
def deliver(
    running_servers: dict[str, Server],
    served_directory: Path,
    serve: Callable[..., Server],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., Server]:
    """``deliver("nginx", "uvicorn")``: whom clients ask where files travel in this way; by default before gunicorn."""

    def deliver(way: str, kind: str = "gunicorn", **told: Any) -> Server:
        application = serve(kind, **WAYS[way].settings, **told)
        if WAYS[way].start is None:
            return application
        key = f"{way} in front of {application.url}"
        if key not in running_servers:
            directory = tmp_path_factory.mktemp(way.split()[-1])
            running_servers[key] = WAYS[way].in_front_of(application, served_directory, directory)
        return running_servers[key]

    return deliver


@pytest.fixture(scope="session")
def weed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real S3."""
    server = seaweedfs(tmp_path_factory.mktemp("seaweedfs"))
    yield server
    stop_at_once(server)


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Azure Blob Storage, as Microsoft emulates it."""
    server = azurite_blob(tmp_path_factory.mktemp("azurite"))
    yield server
    server.stop()


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    """An object storage that does what the test tells it."""
    cloud = Scripted()
    cloud.start()
    yield cloud
    cloud.stop()


@pytest.fixture
def keep_files_in(settings: Any) -> Iterator[Callable[[str], Any]]:
    """``keep_files_in(source)``: the shop of the test has these settings from now on; its storage."""
    used = []

    def keep_files_in(source: str) -> Any:
        used.append(storage_of(settings, source))
        return used[-1]

    yield keep_files_in
    for storage in used:
        hang_up(storage)
