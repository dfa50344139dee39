"""The limits hold when everybody clicks at once, over real HTTP, on a real database."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from collections import Counter

import pytest
from django.db import connection, connections

from spree_digitals.issuing import reset
from tests.at_once import at_once
from tests.conftest import DOWNLOAD, PDF, uses

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

CLIENTS = 50
TRIALS = 20
LIMIT = 5


def fetch(url: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(url, timeout=60) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()


@pytest.fixture(params=[False, True], ids=["ATOMIC_REQUESTS off", "ATOMIC_REQUESTS on"])
def atomic_requests(request, monkeypatch):
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", request.param)


def test_50_clients_at_once_get_exactly_5_files_in_each_of_20_trials(atomic_requests, live_server, make_link, digital):
    for _ in range(TRIALS):
        link = make_link(digital)
        answers = at_once(CLIENTS, lambda: fetch(live_server.url + DOWNLOAD + link.token))  # noqa: B023
        assert Counter(status for status, _ in answers) == {200: LIMIT, 403: CLIENTS - LIMIT}
        assert [content for status, content in answers if status == 200] == [PDF] * LIMIT
        assert uses(link) == LIMIT


def test_a_reset_among_50_clients_gives_each_generation_no_more_than_its_limit(live_server, make_link, digital):
    for _ in range(5):
        link = make_link(digital)
        calls = [lambda: fetch(live_server.url + DOWNLOAD + link.token)] * CLIENTS  # noqa: B023
        calls.insert(CLIENTS // 2, lambda: reset([link]) and (0, b""))  # noqa: B023
        answers = Counter(status for status, _ in at_once(len(calls), lambda: calls.pop()()))  # noqa: B023
        assert set(answers) <= {0, 200, 403}
        assert LIMIT <= answers[200] <= 2 * LIMIT
        assert uses(link) <= LIMIT
        assert link.downloads.count() == answers[200]


def options_of_projects():
    """What projects set for their databases, by name."""
    if os.environ.get("TEST_DATABASE") == "postgres":
        import psycopg

        levels = psycopg.IsolationLevel
        return {level.name: {"isolation_level": level} for level in (levels.REPEATABLE_READ, levels.SERIALIZABLE)}
    return {"IMMEDIATE": {"transaction_mode": "IMMEDIATE"}, "WAL": {"init_command": "PRAGMA journal_mode=WAL;"}}


@pytest.mark.parametrize("options", options_of_projects().values(), ids=options_of_projects())
def test_whatever_a_project_sets_for_its_database_no_download_fails(
    options, live_server, make_link, digital, monkeypatch
):
    default = connections.settings["default"]
    monkeypatch.setitem(default, "OPTIONS", {**default["OPTIONS"], **options})
    connection.close()
    connection.ensure_connection()  # as a project does before it has visitors: a file becomes a WAL once, by one
    for _ in range(3):
        link = make_link(digital)
        answers = at_once(CLIENTS, lambda: fetch(live_server.url + DOWNLOAD + link.token))  # noqa: B023
        assert Counter(status for status, _ in answers) == {200: LIMIT, 403: CLIENTS - LIMIT}
        assert uses(link) == LIMIT


def read_compare_save(link) -> bool:
    """How not to count: what most shops do."""
    link = type(link).objects.get(pk=link.pk)
    if link.access_counter >= LIMIT:
        return False
    link.access_counter += 1
    link.save()
    return True


def test_the_same_clients_oversell_a_counter_that_is_read_compared_and_saved(make_link, digital):
    """The trial above can fail: this is what it looks like."""
    oversold, trials = 0, 8
    for _ in range(trials):
        link = make_link(digital)
        oversold += sum(at_once(CLIENTS, lambda: read_compare_save(link))) > LIMIT  # noqa: B023
    assert oversold >= trials / 2
