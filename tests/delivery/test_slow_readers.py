"""Many who read slowly: they hold no database connection, and keep nobody else waiting."""

from __future__ import annotations

import os
from contextlib import ExitStack

import pytest
from django.db import connection

from tests.conftest import ORDER_STATUS
from tests.delivery.wire import Wire, fetch

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.environ.get("TEST_DATABASE") != "postgres", reason="SQLite has no connections to run out of"),
]

READERS = 200
POOL = {"OPTIONS": {"pool": {"min_size": 1, "max_size": 10, "timeout": 30}}}
SIZE = 32 << 20


def connections_of_the_server() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return cursor.fetchone()[0]


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("uvicorn", {"DATABASE": POOL}),
        ("uvicorn", {}),
        ("gunicorn", {"options": ("--threads=210",)}),
        ("gunicorn", {"options": ("--threads=210",), "DATABASE": POOL}),
    ],
    ids=["uvicorn with a pool", "uvicorn", "gunicorn", "gunicorn with a pool"],
)
def test_two_hundred_slow_readers_hold_no_connection_and_others_are_served(serve, sell, sell_sparse, kind, told):
    before = connections_of_the_server()
    server, link, other = serve(kind, **told), sell_sparse(SIZE), sell(b"a short story")
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
        assert connections_of_the_server() - before <= 10
        for number in range(50):
            answer = fetch(server, other, [("User-Agent", f"fast {number}")])
            assert (answer.status, answer.body) == (200, b"a short story")
        assert fetch(server, ORDER_STATUS + "R1").status == 404
        for reader in readers:  # they still get what they came for
            assert reader.exactly(1024) == bytes(1024)
    assert fetch(server, other).status == 200
    assert link.downloads.count() == READERS
