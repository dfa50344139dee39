"""Extending a link and giving it another token: what changes, and what stays."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import formats, timezone

from example_project.shop.models import Order
from spree_digitals import issuing, signals
from spree_digitals.limits import MAX_CLICKS, MAX_DAYS
from spree_digitals.models import DigitalLink, StoreLimits
from tests.conftest import error, uses
from tests.test_admin import act, messages
from tests.test_platform import Colleague, history, path_of

DAY = timedelta(days=1)


def stored(link: DigitalLink) -> tuple[int, int]:
    link.refresh_from_db()
    return link.extra_uses, link.extra_days


def ago(**duration: float) -> Any:
    return timezone.now() - timedelta(**duration)


@pytest.fixture
def heard() -> Any:
    """The links that were announced, by the signal."""
    found: dict[str, list[Any]] = {"link_extended": [], "link_rotated": []}
    receivers = []
    for name, links in found.items():

        def hear(sender: Any, link: DigitalLink, links: list[Any] = links, **kwargs: Any) -> None:
            links.append(link.pk)

        receivers.append(hear)
        getattr(signals, name).connect(hear)
    yield found
    for name, hear in zip(found, receivers, strict=True):
        getattr(signals, name).disconnect(hear)


# Uses


@pytest.mark.parametrize(
    ("limit", "used", "more", "left"),
    [
        pytest.param(5, 0, 2, 7, id="nothing used"),
        pytest.param(5, 3, 2, 4, id="some used"),
        pytest.param(5, 5, 2, 2, id="used up"),
        pytest.param(2, 9, 3, 3, id="used more often than the limit that was lowered since"),
        pytest.param(0, 0, 1, 1, id="none allowed"),
        pytest.param(5, 5, 0, 0, id="by none"),
    ],
)
def test_a_link_may_be_used_so_many_times_more(make_link, limit, used, more, left):
    link = make_link(uses=limit)
    DigitalLink.objects.update(access_counter=used)
    issuing.extend([link], uses=more)
    found = DigitalLink.objects.with_limits().get()
    assert found.limits.uses_left(found.access_counter) == left


def test_an_extended_link_is_downloaded_as_often_as_was_said(make_link, download):
    link = make_link(uses=1)
    assert [download(link).status_code for _ in range(2)] == [200, 403]
    issuing.extend([link], uses=2)
    assert [download(link).status_code for _ in range(3)] == [200, 200, 403]
    assert uses(link) == 3


# Days


@pytest.mark.parametrize(
    ("bought", "more", "left"),
    [
        pytest.param({"days": 0}, 3, 10 * DAY, id="just bought"),
        pytest.param({"days": 6}, 3, 4 * DAY, id="one day left"),
        pytest.param({"days": 7, "hours": 1}, 1, DAY, id="over for an hour: a day from now"),
        pytest.param({"days": 100}, 7, 7 * DAY, id="over for months"),
        pytest.param({"days": 9, "hours": 12}, 2, 2 * DAY, id="over for half days"),
    ],
)
def test_a_link_works_so_many_days_longer(make_link, bought, more, left):
    link = make_link(bought=ago(**bought))
    issuing.extend([link], days=more)
    found = DigitalLink.objects.with_limits().get()
    remaining = found.limits.expires_at(found.activated_at) - timezone.now()
    # Days are whole from purchase on: never less than was said, and less than a day more.
    assert left - timedelta(minutes=1) < remaining < left + DAY


def test_an_expired_link_works_again(make_link, download):
    link = make_link(bought=ago(days=30))
    assert error(download(link)) == (403, "link_expired")
    issuing.extend([link], days=1)
    assert download(link).status_code == 200


def test_an_extension_holds_whatever_limits_come_later(make_link, store):
    link = make_link()
    issuing.extend([link], uses=2, days=3)
    StoreLimits.objects.create(store=store, authorized_clicks=10, authorized_days=30)
    limits = DigitalLink.objects.with_limits().get().limits
    assert (limits.uses, limits.lifetime) == (12, 33 * DAY)


def test_extensions_add_up(make_link):
    link = make_link()
    issuing.extend([link], uses=1)
    issuing.extend([link], uses=1, days=2)
    assert stored(link) == (2, 2)


# What stays as it is


@pytest.mark.parametrize(
    ("fields", "extras"),
    [
        ({"unlimited_clicks": True, "unlimited_days": True}, (0, 0)),
        ({"unlimited_clicks": True}, (0, 4)),
        ({"unlimited_days": True}, (3, 0)),
        ({"activated_at": None}, (3, 0)),
    ],
    ids=["without limits", "without a limit of uses", "without a limit of days", "days that have not begun"],
)
def test_what_has_no_limit_or_has_not_begun_is_left_alone(link, fields, extras):
    Order.objects.update(completed_at=None)
    DigitalLink.objects.update(**fields)
    changed = issuing.extend([link], uses=3, days=4)
    assert stored(link) == extras
    assert [found.pk for found in changed] == ([link.pk] if any(extras) else [])


def test_only_what_changed_is_returned_and_announced(make_link, heard, django_capture_on_commit_callbacks):
    limited, unlimited = make_link(), make_link()
    DigitalLink.objects.filter(pk=unlimited.pk).update(unlimited_clicks=True)
    with django_capture_on_commit_callbacks(execute=True):
        changed = issuing.extend([limited, unlimited], uses=1)
    assert [link.pk for link in changed] == [limited.pk]
    assert heard["link_extended"] == [limited.pk]


def test_a_revoked_link_stays_revoked(link, download):
    issuing.revoke([link])
    issuing.extend([link], uses=1, days=1)
    assert stored(link) == (1, 1)
    assert error(download(link)) == (403, "link_revoked")


def test_a_link_holds_no_more_than_a_link_may_hold(link):
    DigitalLink.objects.update(extra_uses=MAX_CLICKS - 1, extra_days=MAX_DAYS - 8)
    issuing.extend([link], uses=10_000, days=1)
    assert stored(link) == (MAX_CLICKS, MAX_DAYS - 7)


@pytest.mark.parametrize(
    ("numbers", "sentence"),
    [
        ({"uses": -1}, "uses is -1; a link is extended by 0 to 10,000 uses at a time."),
        ({"uses": 10_001}, "uses is 10001; a link is extended by 0 to 10,000 uses at a time."),
        ({"days": -1}, "days is -1; a link is extended by 0 to 3,650 days at a time."),
        ({"days": 3_651}, "days is 3651; a link is extended by 0 to 3,650 days at a time."),
    ],
)
def test_a_number_that_is_out_of_range_changes_nothing(link, numbers, sentence):
    with pytest.raises(ValueError, match=sentence):
        issuing.extend([link], **numbers)
    assert stored(link) == (0, 0)


def test_many_links_are_extended_in_few_queries(buy, digital):
    buy(digital, quantity=100)
    with CaptureQueriesContext(connection) as queries:
        assert len(issuing.extend(DigitalLink.objects.all(), uses=1, days=1)) == 100
    assert len(queries) < 15


# What is written down


@pytest.mark.parametrize(
    ("limits", "bought", "more", "words"),
    [
        pytest.param((5, 7), {"days": 0}, (2, 7), "7 downloads left, until {date}", id="just bought"),
        pytest.param((1, 7), {"days": 0}, (0, 1), "1 download left, until {date}", id="one download"),
        pytest.param((5, 7), {"days": 9, "hours": 12}, (0, 2), "5 downloads left, until {date}", id="over half days"),
        pytest.param((5, 7), {"days": 30}, (1, 0), "6 downloads left, expired on {date}", id="stays expired"),
        pytest.param((5, None), {"days": 30}, (1, 0), "6 downloads left", id="no limit of days"),
        pytest.param((None, 7), {"days": 1}, (0, 1), "until {date}", id="no limit of uses"),
    ],
)
@pytest.mark.parametrize("where", ["admin", "API"])
def test_the_history_tells_what_came_of_an_extension(
    make_link, admin_client, admin_user, client, where, limits, bought, more, words
):
    link = make_link(uses=limits[0], days=limits[1], bought=ago(**bought))
    DigitalLink.objects.update(unlimited_clicks=limits[0] is None, unlimited_days=limits[1] is None)
    numbers = {"uses": more[0], "days": more[1]}
    told = None
    if where == "admin":
        told = messages(act(admin_client, "extend", link, **numbers, why="was ill"))
    else:
        Colleague(client, admin_user)("PATCH", f"{path_of(link)}/extend", {"digital_link": numbers})
    found = DigitalLink.objects.with_limits().get()
    expires_at = found.limits.expires_at(found.activated_at)
    date = expires_at and formats.localize(timezone.localtime(expires_at))
    left = words.format(date=date)
    assert history(link) == [f"Extended ({left}): was ill" if told else f"Extended ({left}) over the API."]
    assert told in (None, ["1 link was extended.", f"{link}: {left}"])


def test_each_of_many_links_is_told_what_it_has_left(admin_client, make_link):
    links = [make_link(uses=number, days=1) for number in (1, 2, 2)]
    told = messages(act(admin_client, "extend", *links, uses=3))
    assert told[0] == "3 links were extended."
    for link, line, left in zip(links, told[1:], (4, 5, 5), strict=True):
        assert line.startswith(f"{link}: {left} downloads left, until ")
        assert history(link)[0].startswith(f"Extended ({left} downloads left, until ")


def test_listeners_are_given_the_new_limits(make_link, django_capture_on_commit_callbacks):
    link, heard_limits = make_link(uses=1, days=1), []

    def hear(sender: Any, link: DigitalLink, **kwargs: Any) -> None:
        heard_limits.append((link.limits.uses, link.limits.lifetime))

    signals.link_extended.connect(hear)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            issuing.extend([link], uses=2, days=3)
    finally:
        signals.link_extended.disconnect(hear)
    assert heard_limits == [(3, 4 * DAY)]


# A new token


def test_the_old_token_leads_nowhere_and_the_new_one_to_what_is_left(link, download, client):
    old = link.token
    download(link)
    issuing.rotate([link])
    link.refresh_from_db()
    assert link.token != old
    assert error(download(old)) == (404, "not_found")
    assert client.get(f"/downloads/{old}").status_code == 404
    assert download(link).status_code == 200
    assert uses(link) == 2


def test_a_new_token_changes_nothing_else(link):
    before = DigitalLink.objects.values().get()
    issuing.rotate([link])
    after = DigitalLink.objects.values().get()
    assert {name for name in after if after[name] != before[name]} == {"token", "token_tail"}
    assert after["token_tail"] == after["token"][-4:]


def test_a_revoked_link_gets_a_new_token_and_stays_revoked(link, download):
    issuing.revoke([link])
    issuing.rotate([link])
    link.refresh_from_db()
    assert error(download(link)) == (403, "link_revoked")


def test_links_get_tokens_of_their_own(buy, digital, heard, django_capture_on_commit_callbacks):
    buy(digital, quantity=20)
    with django_capture_on_commit_callbacks(execute=True):
        rotated = issuing.rotate(DigitalLink.objects.all())
    assert len({link.token for link in rotated}) == DigitalLink.objects.values("token").distinct().count() == 20
    assert heard["link_rotated"] == [link.pk for link in rotated]
