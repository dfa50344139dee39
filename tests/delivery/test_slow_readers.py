"""Many who read slowly: they hold no database connection, and keep nobody else waiting."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.db import connection

from tests.conftest import ORDER_STATUS
from tests.delivery.wire import Wire, fetch

pytestmark = pytest.mark.slow

READERS = 200
SIZE = 32 << 20
SERVERS = {"uvicorn": ("uvicorn", {}), "gunicorn": ("gunicorn", {"options": ("--threads=210",)})}
if os.environ.get("TEST_DATABASE") == "postgres":
    pool = {"OPTIONS": {"pool": {"min_size": 1, "max_size": 10, "timeout": 30}}}
    SERVERS |= {f"{name} with a pool": (name, {**told, "DATABASE": pool}) for name, (_, told) in SERVERS.items()}


def connections_of(server) -> int:
    """Those of all servers, on PostgreSQL."""
    if connection.vendor == "sqlite":
        return len(server.open_files(Path(connection.settings_dict["NAME"])))
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        return cursor.fetchone()[0]


@pytest.mark.parametrize("name", SERVERS)
def test_two_hundred_slow_readers_hold_no_connection_and_others_are_served(serve, sell, sell_sparse, name):
    kind, told = SERVERS[name]
    server, link, other = serve(kind, **told), sell_sparse(SIZE), sell(b"a short story")
    before = connections_of(server)
    with ExitStack() as open_lines:
        programs = [f"slow {number}" for number in range(READERS)]
        readers = [open_lines.enter_context(Wire(server, program=program, far_away=True)) for program in programs]
        # A pool lets them wait for each other; without one, each who comes at the same time needs a connection.
        group = READERS if "DATABASE" in told else 10
        for first in range(0, READERS, group):
            for reader in readers[first : first + group]:
                reader.send(link)
            for reader in readers[first : first + group]:
                assert reader.head()[0] == 200
                assert reader.exactly(1024) == bytes(1024)
        assert connections_of(server) - before <= 10
        for number in range(50):
            answer = fetch(server, other, [("User-Agent", f"fast {number}")])
            assert (answer.status, answer.body) == (200, b"a short story")
        assert fetch(server, ORDER_STATUS + "R1").status == 404
        for reader in readers:  # they still get what they came for
            assert reader.exactly(1024) == bytes(1024)
    assert fetch(server, other).status == 200
    assert link.downloads.count() == READERS
