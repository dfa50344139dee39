"""On PostgreSQL a use is counted and recorded in one statement, which does what the transaction elsewhere does."""

from __future__ import annotations

import os
from datetime import timedelta
from functools import partial

import pytest
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from spree_digitals import downloads, one_statement
from spree_digitals.models import DigitalLink, Download
from tests.at_once import at_once, deadlocks
from tests.conftest import PDF, error, uses

ON_POSTGRES = os.environ.get("TEST_DATABASE") == "postgres"
# Whether in one statement, and CONN_MAX_AGE: statements are prepared where connections last.
WAYS = {"a transaction": (False, 0)}
if ON_POSTGRES:
    WAYS |= {"one statement": (True, 0), "one prepared statement": (True, 60)}

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=WAYS.values(), ids=WAYS, autouse=True)
def in_one_statement(request, settings, monkeypatch):
    settings.SPREE_DIGITALS_ONE_STATEMENT, max_age = request.param
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", max_age)
    connection.close()  # how long it lasts is decided when it is opened
    yield settings.SPREE_DIGITALS_ONE_STATEMENT
    connection.close()


@pytest.mark.parametrize("pooler", [False, True], ids=["", "behind a pooler of transactions"])
def test_statements_are_prepared_where_connections_last(download, link, in_one_statement, monkeypatch, pooler):
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", pooler)
    lasting = in_one_statement and connection.settings_dict["CONN_MAX_AGE"] != 0
    download(link), download(link)
    if lasting:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_prepared_statements")
            assert cursor.fetchone() == (0 if pooler else 2,)
    assert uses(link) == 2


def counts(sql: list[dict[str, str]]) -> list[str]:
    return [query["sql"] for query in sql if "UPDATE" in query["sql"] and "access_counter" in query["sql"]]


def test_the_count_and_its_record_are_one_statement_where_the_database_can(download, link, in_one_statement):
    with CaptureQueriesContext(connection) as queries:
        assert download(link).body == PDF
    (count,) = counts(queries.captured_queries)
    assert ("INSERT" in count) is in_one_statement
    assert len(queries) == (2 if in_one_statement else 5)
    assert uses(link) == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, None),
        ({"authorized_clicks": 1}, None),
        ({"unlimited_clicks": True, "access_counter": 7, "purged_uses": 7}, None),
        ({"authorized_clicks": 0}, "download_limit_reached"),
        ({"access_counter": 5, "purged_uses": 5}, "download_limit_reached"),
        ({"revoked_at": timezone.now(), "revoke_reason": "staff"}, "link_revoked"),
    ],
    ids=["as the store allows", "a last use", "unlimited", "none allowed", "used up", "revoked"],
)
def test_a_link_is_used_or_refused(download, link, change, code):
    DigitalLink.objects.update(**change)
    response = download(link)
    if code is None:
        assert response.body == PDF
    else:
        assert error(response) == (403, code)
    assert link.downloads.count() == (code is None)
    uses(link)


def test_the_record_is_the_same_however_it_was_written(download, link, settings):
    rows = []
    for whether in (True, False):
        settings.SPREE_DIGITALS_ONE_STATEMENT = whether
        download(link, **{"User-Agent": "Firefox on a train"})
        row = Download.objects.latest("created_at")
        assert timezone.now() - row.created_at < timedelta(minutes=1)
        rows.append({field.name: getattr(row, field.name) for field in Download._meta.fields})
    for varying in ("id", "created_at", "last_granted_at"):
        assert rows[0].pop(varying) != rows[1].pop(varying)
    assert rows[0] == rows[1]


@pytest.mark.parametrize("change", [{"generation": 2}, {"token": "2" * 24}], ids=["reset", "given a new token"])
def test_a_link_that_changed_after_it_was_read_is_not_counted_as_it_was(link, change):
    standing = downloads.find_link(link.token)
    grant = downloads.Grant.whole(link.digital.stored_file)
    DigitalLink.objects.update(**change)
    assert downloads._count(standing.link, standing.limits, downloads.Client(), grant) is None
    assert not link.downloads.exists()


def test_of_twenty_at_once_five_are_counted(link):
    standing = downloads.find_link(link.token)
    grant = downloads.Grant.whole(link.digital.stored_file)
    found = at_once(20, lambda: downloads._count(standing.link, standing.limits, downloads.Client(), grant))
    assert sum(record is not None for record in found) == uses(link) == 5


def test_a_deadlock_is_tried_again(download, link):
    with deadlocks(2, "access_counter"):
        assert download(link).body == PDF
    assert uses(link) == 1


@pytest.mark.parametrize("carried_out", [True, False])
def test_when_the_answer_is_lost_the_record_tells_whether_it_was_counted(
    download, link, monkeypatch, in_one_statement, carried_out
):
    def lose(answer, *args):
        if carried_out:
            answer(*args)
        raise OperationalError("server closed the connection unexpectedly")

    def execute(run, sql, params, many, context):
        is_count = in_one_statement and "UPDATE" in sql and "access_counter" in sql
        return lose(run, sql, params, many, context) if is_count else run(sql, params, many, context)

    if not in_one_statement:  # there it is the answer to COMMIT
        monkeypatch.setattr(connection, "_commit", partial(lose, connection._commit))
    with connection.execute_wrapper(execute):
        assert download(link).status_code == (200 if carried_out else 503)
    assert uses(link) == (1 if carried_out else 0)


def test_a_project_s_own_transaction_is_no_place_to_count_in(download, link):
    with transaction.atomic():
        assert not one_statement.available("default")
        assert error(download(link)) == (503, "temporarily_unavailable")
    assert uses(link) == 0
