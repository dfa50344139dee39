"""The links desk: what staff see of a link, what they do about it, and what is written down."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from io import StringIO
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from example_project.shop.models import Order, Store
from spree_digitals import issuing
from spree_digitals.models import Digital, DigitalLink, Download, Mail, MailKind, MailState, Refusal, StoreLimits
from tests.conftest import PDF, uses
from tests.test_admin import (  # noqa: F401  (fixtures)
    DIGITALS,
    LINKS,
    act,
    change,
    history,
    messages,
    other_link,
    own_store_only,
    rows,
    staff,
)

ACTIONS = {
    "reset": ("reset_digitallink", "Reset"),
    "extend": ("extend_digitallink", "Extend…"),
    "revoke": ("revoke_digitallink", "Revoke"),
    "restore": ("restore_digitallink", "Restore"),
    "rotate": ("rotate_digitallink", "New token"),
    "copy": ("copy_digitallink", "Copy link"),
    "download": ("download_digital", "Download as staff"),
    "mail": ("mail_digitallink", "Mail again"),
}
MANY = [name for name in ACTIONS if name != "download"]


def address(link: DigitalLink, action: str) -> str:
    return reverse("admin:spree_digitals_digitallink_act", args=[link.pk, action])


def press(client: Client, link: DigitalLink, action: str, **answers: str) -> Any:
    """A button on the page of a link, and the one on the page that asks for a reason."""
    return client.post(address(link, action), {"confirmed": "yes", "days": "1", **answers}, follow=True)


def events(response: Any) -> list[str]:
    """The lines of the timeline, without their times."""
    found = re.findall(r'<li class="link-event.*?</time>(.*?)</li>', response.text, re.DOTALL)
    return [" ".join(unescape(re.sub(r"<[^>]+>", "", line)).split()) for line in found]


def written(link: DigitalLink) -> tuple[Any, ...]:
    """Everything that an action could leave behind."""
    link = DigitalLink.objects.get(pk=link.pk)
    kept = (link.token, link.generation, link.extra_days, link.extra_uses, link.revoked_at, link.access_counter)
    return (*kept, history(link), Mail.objects.count(), Download.objects.count())


# The list


def test_the_number_of_links_is_counted_without_another_table(admin_client, buy, digital):
    buy(digital, quantity=3)
    with CaptureQueriesContext(connection) as queries:
        assert len(rows(admin_client.get(LINKS))) == 3
    (counted,) = (query["sql"] for query in queries if "COUNT(*)" in query["sql"] and "digitallink" in query["sql"])
    assert "JOIN" not in counted
    assert len(queries) <= 10


@pytest.mark.parametrize(
    "chosen",
    [
        "state=active",
        "state=expired",
        "state=used_up",
        "state=never_used",
        "state=revoked",
        "created_at__gte=2026-01-01T00:00:00Z",
        "store={store}",
        "q={number}",
        "q=buyer@",
        "q={tail}",
    ],
)
def test_links_that_are_looked_for_are_counted_with_joins_in_subqueries_at_most(
    admin_client, buy, digital, store, chosen
):
    order = buy(digital, quantity=3)
    Store.objects.create(name="Waves", domain="waves.example")
    token = DigitalLink.objects.latest("pk").token
    with CaptureQueriesContext(connection) as queries:
        query = chosen.format(store=store.pk, number=order.number, tail=token[-4:])
        assert admin_client.get(f"{LINKS}?{query}").status_code == 200
    (counted,) = (query["sql"] for query in queries if "COUNT(*)" in query["sql"] and "digitallink" in query["sql"])
    before_subquery = counted.partition(" IN (SELECT")[0]
    assert "JOIN" not in before_subquery
    assert len(queries) <= 10


def test_whoever_acts_on_links_that_are_not_in_the_list_any_more_is_told(admin_client, link):
    form = {"action": "reset", "_selected_action": [link.pk], "confirmed": "yes"}
    response = admin_client.post(f"{LINKS}?state=revoked", form, follow=True)
    assert "Nothing was done: the links you chose are not in this list any more." in response.text
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("year", ["0001", "9999"])
@pytest.mark.parametrize(("records", "column"), [("download", "created_at"), ("refusal", "refused_at")])
def test_dates_that_no_calendar_has_are_refused_in_the_lists_of_records(admin_client, db, records, column, year):
    path = reverse(f"admin:spree_digitals_{records}_changelist")
    assert admin_client.get(path, {f"{column}__gte": "2026-01-01 00:00:00+00:00"}).status_code == 200
    assert admin_client.get(path, {f"{column}__gte": f"{year}-01-01 00:00:00+14:00"}).status_code == 400


def test_where_a_refused_attempt_came_from_is_for_those_who_may_see_downloads(staff, link):  # noqa: F811
    network = {"address": "198.51.100.0", "user_agent": "Firefox"}
    refusal = link.refusals.create(code="link_expired", minute=timezone.now(), **network)
    pages = [reverse("admin:spree_digitals_refusal_changelist"), refusal_page(refusal)]
    for page in pages:
        seen = staff("view_refusal").get(page).text
        assert "198.51.100.0" not in seen
        assert "Firefox" not in seen
    assert all("198.51.100.0" in staff("view_refusal", "view_download").get(page).text for page in pages)


def refusal_page(refusal) -> str:
    return reverse("admin:spree_digitals_refusal_change", args=[refusal.pk])


def test_a_withdrawn_file_is_not_given_by_hand(admin_client, make_digital, link):
    digital, page = make_digital(), reverse("admin:spree_digitals_digitallink_add")
    form = {"digital": digital.pk, "line_item": link.line_item_id, "extra_uses": 0, "extra_days": 0}
    Digital.objects.filter(pk=digital.pk).update(retired_at=timezone.now(), withdrawn_at=timezone.now())
    refused = admin_client.post(page, form)
    assert "novel.pdf is withdrawn: nobody can download it. Lift its withdrawal first." in refused.text
    Digital.objects.filter(pk=digital.pk).update(withdrawn_at=None)
    assert admin_client.post(page, form).status_code == 302
    assert digital.links.count() == 1


@pytest.mark.parametrize("column", ["retired_at", "withdrawn_at"])
@pytest.mark.parametrize("year", [1, 9999])
def test_a_date_that_no_calendar_has_is_refused_in_the_form_of_a_file(admin_client, digital, column, year):
    page = reverse("admin:spree_digitals_digital_change", args=[digital.pk])
    form = {f"{column}_0": f"{year:04}-01-01", f"{column}_1": "00:00:00"}
    response = admin_client.post(page, form)
    assert f"The year {year} is too far away. Give a year between 2000 and 9000." in unescape(response.text)
    assert admin_client.get(page).status_code == 200


def test_the_newest_links_come_first(admin_client, make_link):
    links = [make_link() for _ in range(3)]
    assert [row[2] for row in rows(admin_client.get(LINKS))] == [link.masked_token for link in reversed(links)]


@pytest.mark.parametrize(
    ("limits", "used", "bought", "words"),
    [
        ({}, 2, timedelta(0), "3 of 5 left, until "),
        ({}, 0, timedelta(days=9, hours=1), "5 of 5 left, expired 2\xa0days ago"),
        ({}, 7, timedelta(0), "0 of 5 left, until "),
        ({"unlimited_clicks": True, "unlimited_days": True}, 9, timedelta(days=99), "unlimited downloads, at any time"),
        ({"authorized_clicks": 1, "unlimited_days": True}, 0, timedelta(days=99), "1 of 1 left, at any time"),
    ],
)
def test_what_is_left_is_said_in_words(admin_client, link, limits, used, bought, words):
    DigitalLink.objects.update(access_counter=used, activated_at=timezone.now() - bought, **limits)
    (row,) = rows(admin_client.get(LINKS))
    assert row[4].startswith(words)


def _cancelled(link):
    Order.objects.update(cancelled_at=timezone.now())


@pytest.mark.parametrize(
    ("happen", "left"),
    [
        (lambda link: None, True),
        (lambda link: DigitalLink.objects.update(activated_at=timezone.now() - timedelta(days=9)), True),
        (lambda link: DigitalLink.objects.update(access_counter=5), True),
        (lambda link: issuing.revoke([link]), False),
        (_cancelled, False),
        (lambda link: Digital.objects.update(withdrawn_at=timezone.now()), False),
        (lambda link: link.line_item.delete(), False),
    ],
    ids=["just bought", "expired", "used up", "revoked", "order cancelled", "file withdrawn", "order deleted"],
)
def test_nothing_is_said_to_be_left_of_a_link_that_only_the_shop_brings_back(admin_client, link, happen, left):
    happen(link)
    (row,) = rows(admin_client.get(LINKS))
    assert (row[4] != "–") == left
    assert (" of 5 left" in admin_client.get(change(link)).text) == left


def test_days_that_have_not_begun_are_said_in_words(admin_client, link):
    Order.objects.update(completed_at=None)
    DigitalLink.objects.update(activated_at=None)
    (row,) = rows(admin_client.get(LINKS))
    assert row[3:] == ["pending", "5 of 5 left, for 7 days once it begins"]


def test_a_state_has_a_colour_and_words(admin_client, link):
    issuing.revoke([link])
    badge = '<span class="link-badge link-badge-link_revoked">revoked</span>'
    for page in (LINKS, change(link)):
        response = admin_client.get(page)
        assert badge in response.text
        assert "spree_digitals/admin/links.css" in response.text


def test_the_list_filters_by_file(admin_client, link, other_link):  # noqa: F811
    page = admin_client.get(LINKS)
    (chosen,) = re.findall(r'<a href="(\?digital__id__exact=\d+)">elsewhere.pdf</a>', page.text)
    assert [row[0] for row in rows(admin_client.get(LINKS + chosen))] == ["elsewhere.pdf"]


def test_a_shop_with_many_files_is_offered_the_newest_and_the_one_it_came_for(admin_client, link, make_digital):
    for number in range(20):
        make_digital(name=f"{number}.pdf")
    offered = re.findall(r'<a href="\?digital__id__exact=\d+">(.*?)</a>', admin_client.get(LINKS).text)
    assert offered == [f"{number}.pdf" for number in range(19, 4, -1)]
    response = admin_client.get(LINKS, {"digital__id__exact": link.digital_id})
    assert [row[0] for row in rows(response)] == ["novel.pdf"]
    assert re.search(r'class="selected">\s*<a href="[^"]*">novel.pdf</a>', response.text)


@pytest.mark.parametrize("key", ["x", "a\x00b", "0", "99999999999999999999", "1,2", "-1"])
def test_a_file_that_is_none_leads_back_to_the_whole_list(admin_client, link, key):
    response = admin_client.get(LINKS, {"digital__id__exact": key})
    assert response.status_code == 302
    assert response.url.endswith("?e=1")


def test_the_files_of_another_store_are_not_offered(own_store_only, staff, store, link, other_link):  # noqa: F811
    client = staff("view_digitallink", store=store.name)
    assert "elsewhere.pdf" not in client.get(LINKS).text
    assert client.get(LINKS, {"digital__id__exact": other_link.digital_id}).status_code == 302


@pytest.mark.parametrize("state", ["active", "expired", "used_up", "revoked"])
def test_filters_keep_the_columns(admin_client, make_link, state):
    links = {
        "active": make_link(),
        "expired": make_link(bought=timezone.now() - timedelta(days=8)),
        "used_up": make_link(uses=0),
        "revoked": make_link(),
    }
    issuing.revoke([links["revoked"]])
    (row,) = rows(admin_client.get(LINKS, {"state": state}))
    assert row[2:4] == [links[state].masked_token, state.replace("_", " ")]


# What happened


def test_what_happened_to_a_link_is_one_list_newest_first(admin_client, download, make_link, settings):
    settings.SPREE_DIGITALS_MAILS = []
    link = make_link(uses=1)
    download(link, user_agent="Firefox on a train")
    download(link, user_agent="Firefox on a train")
    press(admin_client, link, "reset", why="the train went into a tunnel")
    download(link, user_agent="Firefox at home")
    link.refresh_from_db()
    Download.objects.filter(generation=2).update(created_at=link.activated_at + timedelta(minutes=5))
    client = Download.objects.filter(generation=1).get().client[:8]
    assert events(admin_client.get(change(link))) == [
        f"Downloaded version 1, {len(PDF)} bytes 127.0.0.0 · Firefox at home · "
        f"client {Download.objects.get(generation=2).client[:8]}",
        "Reset: the train went into a tunnel. admin".replace(".", ""),
        "Activated The days count from here.",
        f"Refused used up 127.0.0.0 · Firefox on a train · client {client}",
        f"Downloaded (before a reset) version 1, {len(PDF)} bytes 127.0.0.0 · Firefox on a train · client {client}",
        "Issued For unit 1 of the line.",
    ]


def test_staff_see_how_much_of_a_download_that_broke_off_was_sent(admin_client, client, make_link, make_digital):
    link = make_link(make_digital(content=b"x" * 3_000_000, name="film.bin"))
    response = client.get(f"/api/v2/storefront/digitals/{link.token}")
    next(iter(response))
    response.finish()  # and not close(), with which Django's test client ends the whole request
    assert "version 1, 512.0 KB of 2.9 MB" in events(admin_client.get(change(link)))[0].replace("\xa0", " ")


def test_a_link_that_lost_its_right_tells_why(admin_client, buy, digital):
    order = buy(digital, quantity=2)
    order.line_items.update(refunded_units=1)
    issuing.issue_links(order)
    revoked = DigitalLink.objects.exclude(revoked_at=None).get()
    assert events(admin_client.get(change(revoked)))[0] == "Revoked the order gives a right to fewer units"


def test_a_favour_is_told_from_what_was_bought(admin_client, link):
    Mail.objects.all().delete()
    favour = DigitalLink.objects.create(digital=link.digital, line_item=link.line_item)
    assert events(admin_client.get(change(favour))) == ["Issued Made by hand, as a favour."]


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"state": MailState.WAITING}, "Mail waiting your files are ready"),
        ({"state": MailState.SENT, "sent_to": "b@example.com"}, "Mail sent your files are ready b@example.com"),
        ({"state": MailState.FAILED, "error": "SMTP: no"}, "Mail failed your files are ready, SMTP: no"),
        ({"state": MailState.POINTLESS}, "Mail left out your files are ready"),
    ],
)
def test_the_mails_of_the_order_are_told(admin_client, link, fields, line):
    Mail.objects.all().delete()
    mail = Mail(kind=MailKind.FILES_READY, key="one", order_pk=str(link.line_item.order_id), **fields)
    mail.save()
    Mail.objects.create(kind=MailKind.FILES_READY, key="another order's", order_pk="0")
    assert [found for found in events(admin_client.get(change(link))) if found.startswith("Mail")] == [line]


def test_staff_see_of_it_what_they_may_see(staff, download, make_link):  # noqa: F811
    link = make_link(uses=1)
    download(link, user_agent="Firefox")
    download(link, user_agent="Firefox")

    def seen(*codenames: str) -> tuple[bool, ...]:
        found = "\n".join(events(staff("view_digitallink", *codenames).get(change(link))))
        return tuple(word in found for word in ("Downloaded", "Refused", "Firefox", "127.0.0.0", "Mail "))

    assert seen() == (False, False, False, False, False)
    assert seen("view_refusal") == (False, True, False, False, False)
    assert seen("view_download") == (True, False, True, True, False)
    assert seen("view_download", "view_refusal") == (True, True, True, True, False)
    assert seen("view_mail") == (False, False, False, False, True)


def test_a_long_history_comes_in_pages_that_leave_nothing_out(admin_client, link):
    Mail.objects.all().delete()
    now = timezone.now()

    def refused(code, minutes_ago):
        at = now - timedelta(minutes=minutes_ago)
        return Refusal(link=link, code=code, minute=at, refused_at=at)

    rows_ = [refused("link_expired", n) for n in range(1, 121)]
    # Four that bear the same time as the last of the first page.
    rows_ += [refused(f"other_{n}", 50) for n in range(4)]
    Refusal.objects.bulk_create(rows_)
    DigitalLink.objects.update(created_at=now - timedelta(days=2), activated_at=now - timedelta(days=1))
    page, found, pages = change(link), [], 0
    while page:
        response = admin_client.get(page)
        found += events(response)
        pages += 1
        older = re.search(r'<a href="(\?before=[^"#]+)#timeline">Older</a>', response.text)
        assert ("Newest</a>" in response.text) == (pages > 1)
        page = older and change(link) + unescape(older[1])
    assert pages == 3
    assert len(found) == 124 + 2
    assert found[-2:] == ["Activated The days count from here.", "Issued For unit 1 of the line."]


@pytest.mark.parametrize(
    "before", ["x", "2026-02-30T00:00Z", "2026-01-01", "2026-01-01T00:00", "\x00", "0001-01-01T00:00Z"]
)
def test_a_time_that_is_none_shows_the_newest_or_nothing(admin_client, link, before):
    response = admin_client.get(change(link), {"before": before})
    assert response.status_code == 200
    assert events(response) == [] if before.startswith("0001") else len(events(response)) >= 2


def test_the_page_of_a_link_asks_no_more_for_many_downloads_than_for_one(admin_client, admin_user, link):
    def record(number: int) -> None:
        facts = {"generation": 1, "version": 1, "stored_name": "x", "byte_size": 1, "sha256": "x"}
        Download.objects.bulk_create(Download(link=link, **facts) for _ in range(number))
        LogEntry.objects.log_actions(admin_user.pk, [link] * number, 2, "Reset.")

    record(1)
    with CaptureQueriesContext(connection) as few:
        admin_client.get(change(link))
    record(40)
    with CaptureQueriesContext(connection) as many:
        assert len(events(admin_client.get(change(link)))) == 50
    assert len(many) == len(few) <= 16


# Buttons


@pytest.mark.parametrize("action", ACTIONS)
def test_a_button_is_there_for_those_who_may_press_it(staff, download, link, action):  # noqa: F811
    if action == "restore":
        issuing.revoke([link])
    permission, label = ACTIONS[action]
    others = [codename for name, (codename, _) in ACTIONS.items() if name != action]
    button = f'formaction="{address(link, action)}"'

    client = staff("view_digitallink", "change_digitallink", *others)
    assert button not in client.get(change(link)).text
    before = written(link)
    assert press(client, link, action).status_code == 403
    assert written(link) == before

    client = staff("view_digitallink", permission)
    page = client.get(change(link)).text
    assert re.search(rf"{re.escape(button)}[^>]*>{label}</button>", page)
    assert page.count("formaction=") == 1
    pressed = press(client, link, action)
    assert pressed.status_code == 200
    assert list(pressed), "read to the end, which closes the file"
    assert written(link) != before


@pytest.mark.parametrize("action", ACTIONS)
def test_looking_changes_nothing(admin_client, link, action):
    if action == "restore":
        issuing.revoke([link])
    before = written(link)
    assert admin_client.get(address(link, action)).status_code == 405
    asked = admin_client.post(address(link, action))
    assert asked.status_code == 200
    assert 'name="why"' in asked.text
    assert written(link) == before


@pytest.mark.parametrize("action", ACTIONS)
def test_nothing_is_done_for_another_site(link, admin_user, action):
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)
    before = written(link)
    assert press(client, link, action).status_code == 403
    assert written(link) == before


@pytest.mark.parametrize("action", ACTIONS)
def test_whoever_may_not_see_a_link_does_nothing_to_it(
    own_store_only,  # noqa: F811
    staff,  # noqa: F811
    store,
    link,
    other_link,  # noqa: F811
    action,
):
    if action == "restore":
        issuing.revoke([link, other_link])
    permission, _ = ACTIONS[action]
    client = staff("view_digitallink", permission, store=store.name)
    before = written(other_link)
    assert press(client, other_link, action).status_code == 404
    act(client, action, other_link, days="1")
    assert written(other_link) == before
    assert press(staff(permission, store=store.name), link, action).status_code == 403
    assert Client().post(address(link, action), {"confirmed": "yes"}).status_code == 302


@pytest.mark.parametrize(("key", "action"), [("1", "delete"), ("0", "reset"), ("x", "reset"), ("1", "act")])
def test_there_is_no_such_button(admin_client, link, key, action):
    pk = link.pk if key == "1" else key
    assert admin_client.post(reverse("admin:spree_digitals_digitallink_act", args=[pk, action])).status_code == 404


def test_restore_and_revoke_take_turns(admin_client, link):
    assert ">Restore</button>" not in admin_client.get(change(link)).text
    press(admin_client, link, "revoke")
    page = admin_client.get(change(link)).text
    assert ">Restore</button>" in page
    assert ">Revoke</button>" not in page


# What is done


def test_a_reason_is_written_into_the_history(admin_client, link):
    response = press(admin_client, link, "extend", days="7", uses="2", why="  bought in March, was ill ")
    told, left = messages(response)
    assert told == "1 link was extended."
    assert left.startswith(f"{link}: 7 downloads left, until ")
    assert history(link) == [f"Extended ({left.removeprefix(f'{link}: ')}): bought in March, was ill"]
    link.refresh_from_db()
    assert (link.extra_days, link.extra_uses) == (7, 2)


@pytest.mark.parametrize(
    ("numbers", "complaint"),
    [
        ({"days": "0", "uses": "0"}, "Both numbers are 0."),
        ({"days": "", "uses": ""}, "Both numbers are 0."),
        ({"days": "-1"}, "greater than or equal to 0"),
        ({"days": "3651"}, "less than or equal to 3650"),
        ({"uses": "10001"}, "less than or equal to 10000"),
        ({"uses": "1.5"}, "Enter a whole number"),
        ({"days": "a week"}, "Enter a whole number"),
        ({"days": "1", "why": "x" * 201}, "at most 200 characters"),
        ({"days": "1", "why": "a\x00b"}, "Null characters are not allowed"),
    ],
)
@pytest.mark.parametrize("where", ["link", "list"])
def test_a_wrong_number_is_asked_for_again(admin_client, link, numbers, complaint, where):
    before = written(link)
    response = press(admin_client, link, "extend", **numbers) if where == "link" else None
    response = response or act(admin_client, "extend", link, **numbers)
    assert response.status_code == 200
    assert complaint in response.text
    assert written(link) == before


def test_what_is_unlimited_is_not_extended_and_named(admin_client, make_link):
    limited, unlimited = make_link(), make_link()
    DigitalLink.objects.filter(pk=unlimited.pk).update(unlimited_days=True)
    told = messages(act(admin_client, "extend", limited, unlimited, days="3"))
    assert told[0] == "1 link was extended."
    assert told[1].startswith(f"{limited}: 5 downloads left, until ")
    assert told[2:] == [f"{unlimited} was not extended: it has no such limit, or its days have not begun."]
    assert history(unlimited) == []


def test_many_that_were_left_alone_are_not_all_named(admin_client, buy, digital):
    buy(digital, quantity=13)
    told = messages(act(admin_client, "restore", *DigitalLink.objects.all()))
    assert len(told) == 11
    assert told[-1] == "3 more links stayed as they were."


def test_too_many_links_at_once_are_left_alone(admin_client, buy, digital):
    buy(digital, quantity=501)
    chosen = {"action": "reset", "_selected_action": ["1"], "select_across": "1", "confirmed": "yes"}
    response = admin_client.post(LINKS, chosen, follow=True)
    assert messages(response) == ["Choose at most 500 links at a time; nothing was done."]
    assert LogEntry.objects.count() == 0


def test_as_many_links_as_are_allowed_go_through_both_pages(admin_client, buy, digital):
    buy(digital, quantity=500)
    asked = admin_client.post(LINKS, {"action": "revoke", "_selected_action": ["1"], "select_across": "1"})
    assert "500 links altogether" in asked.text
    chosen = re.findall(r'name="_selected_action" value="(\d+)"', asked.text)
    assert len(chosen) == 500
    response = admin_client.post(LINKS, {"action": "revoke", "_selected_action": chosen, "confirmed": "y"}, follow=True)
    assert messages(response) == ["500 links were revoked."]


def test_the_filters_of_the_list_are_kept(admin_client, link):
    filtered = f"{LINKS}?state=active"
    asked = admin_client.post(filtered, {"action": "revoke", "_selected_action": link.pk})
    assert f'href="{filtered}"' in asked.text
    done = admin_client.post(filtered, {"action": "revoke", "_selected_action": link.pk, "confirmed": "yes"})
    assert done.url == filtered


def test_a_new_token_ends_the_old_one(admin_client, download, link):
    old = link.token
    download(link)
    assert messages(press(admin_client, link, "rotate", why="forwarded")) == ["1 link has a new token."]
    assert download(old).status_code == 404
    assert uses(link) == 1
    assert download(link).status_code == 200
    assert history(link) == ["New token: forwarded"]


# Copy


def test_the_address_of_the_buyers_page_is_shown_once_and_written_down(admin_client, client, link, store):
    response = press(admin_client, link, "copy", why="their mail is broken")
    (shown,) = re.findall(r'value="(https?://[^"]+)"[^>]*readonly', response.text)
    assert shown == f"{store.domain}/downloads/{link.token}"
    assert response.text.count(link.token) == 1
    assert "no-store" in response["Cache-Control"]
    assert history(link) == ["Link copied: their mail is broken"]
    assert client.get(f"/downloads/{link.token}").status_code == 200
    assert link.token not in admin_client.get(change(link)).text


def test_addresses_of_several_links_are_copied_at_once(admin_client, make_link):
    links = [make_link(), make_link()]
    response = act(admin_client, "copy", *links)
    assert all(response.text.count(link.token) == 1 for link in links)
    assert all(history(link) == ["Link copied."] for link in links)


def test_the_address_does_not_follow_the_name_in_the_request(admin_client, link, settings):
    settings.ALLOWED_HOSTS = ["*"]
    response = admin_client.post(address(link, "copy"), {"confirmed": "yes"}, headers={"host": "evil.example"})
    assert "evil.example/downloads" not in response.text


def test_a_link_without_an_order_has_no_address(admin_client, link):
    link.line_item.delete()
    response = press(admin_client, link, "copy")
    assert messages(response) == [f"{link} was not copied: its order was deleted."]
    assert history(link) == []


def test_a_store_without_a_domain_is_told_about(admin_client, link):
    Store.objects.update(domain="")
    (message,) = messages(press(admin_client, link, "copy"))
    assert message.startswith(f"{link} was not copied: ")
    assert "domain_path" in message


# Download as staff


def test_staff_get_the_file_and_nothing_is_counted(admin_client, link):
    issuing.revoke([link])
    response = press(admin_client, link, "download", why="does it open?")
    assert b"".join(response.streaming_content) == PDF
    assert response["Content-Disposition"] == 'attachment; filename="novel.pdf"'
    assert uses(link) == 0
    assert not Download.objects.exists()
    assert history(link) == ["Downloaded as staff, uncounted: does it open?"]


def test_a_file_that_is_not_there_is_told_about(admin_client, link):
    link.digital.attachment.storage.delete(link.digital.attachment.name)
    response = press(admin_client, link, "download")
    assert response.redirect_chain == [(change(link), 302)]
    assert messages(response)[0].startswith("novel.pdf was not sent: it is not in the storage")
    assert history(link) == []


def test_a_storage_that_does_not_answer_is_told_about(admin_client, link, settings):
    broken = {"BACKEND": "tests.test_support_desk.SilentStorage"}
    settings.STORAGES = {**settings.STORAGES, "digitals": broken}
    (message,) = messages(press(admin_client, link, "download"))
    assert message == "novel.pdf was not sent: the storage does not answer. Please try again later."


class SilentStorage:
    """A storage that nobody can reach."""

    def size(self, name: str) -> int:
        raise TimeoutError


# Mail again


def test_the_buyer_is_mailed_again(admin_client, mailoutbox, link, django_capture_on_commit_callbacks):
    Mail.objects.all().delete()
    with django_capture_on_commit_callbacks(execute=True):
        assert messages(press(admin_client, link, "mail", why="in their spam")) == ["1 mail is on its way."]
    (mail,) = mailoutbox
    assert mail.to == ["buyer@example.com"]
    assert link.token in mail.body
    assert history(link) == ["Mailed to the buyer again: in their spam"]


def test_an_order_is_mailed_once_however_many_of_its_links_are_chosen(admin_client, buy, digital):
    buy(digital, quantity=3)
    buy(digital)
    Mail.objects.all().delete()
    assert messages(act(admin_client, "mail", *DigitalLink.objects.all())) == ["2 mails are on their way."]
    assert Mail.objects.count() == 2
    assert LogEntry.objects.count() == 4


def _no_line(link):
    link.line_item.delete()


@pytest.mark.parametrize(
    ("happen", "reason"),
    [
        (_no_line, "its order was deleted."),
        (lambda link: Order.objects.update(completed_at=None), "its order is not completed."),
        (lambda link: Order.objects.update(email=""), "its order has no e-mail address, or no link that works."),
        (lambda link: issuing.revoke([link]), "its order has no e-mail address, or no link that works."),
        (
            lambda link: Digital.objects.update(withdrawn_at=timezone.now()),
            "its order has no e-mail address, or no link that works.",
        ),
    ],
)
def test_a_mail_that_would_tell_nothing_is_not_sent(admin_client, link, happen, reason):
    Mail.objects.all().delete()
    happen(link)
    assert messages(press(admin_client, link, "mail")) == [f"{link} was not mailed: {reason}"]
    assert not Mail.objects.exists()
    assert history(link) == []


# A support case


def test_a_support_case_is_four_steps_from_the_first_page(admin_client, download, make_link):
    link = make_link(uses=1)
    make_link()
    download(link)
    assert LINKS in admin_client.get(reverse("admin:index")).text  # 1: Digital links
    found = admin_client.get(LINKS, {"q": link.line_item.order.number})  # the search, and Enter
    assert len(rows(found)) == 1
    assert change(link) in found.text  # 2: the link
    assert address(link, "reset") in admin_client.get(change(link)).text  # 3: Reset
    press(admin_client, link, "reset")  # 4: Reset, after the reason
    assert download(link).status_code == 200


def test_no_page_of_the_desk_shows_a_token_but_the_one_for_copying(admin_client, link, store):
    StoreLimits.objects.create(store=store)
    for action in ACTIONS:
        response = admin_client.post(address(link, action))
        assert link.token not in response.text
        assert link.masked_token in response.text
        listed = admin_client.post(LINKS, {"action": action, "_selected_action": link.pk}, follow=True)
        assert link.token not in listed.text
    for action in ("reset", "extend", "revoke", "restore", "mail"):
        assert link.token not in press(admin_client, link, action).text
    assert link.token not in admin_client.get(DIGITALS).text
    assert all(link.token not in f"{entry.object_repr} {entry.change_message}" for entry in LogEntry.objects.all())


# A shop with many links


def test_a_seeded_shop_is_consistent_and_is_not_seeded_twice(admin_client, db):
    for links in (30, 30, 45):
        call_command("seed", links=links, verbosity=0, stdout=StringIO())
        assert DigitalLink.objects.count() == links
    assert all(uses(link) >= 0 for link in DigitalLink.objects.all())
    assert len(rows(admin_client.get(LINKS))) == 45
    assert not DigitalLink.objects.filter(activated_at__gt=timezone.now()).exists()
    assert not Download.objects.filter(created_at__gt=timezone.now()).exists()


def test_a_shop_is_not_seeded_with_nothing(db):
    with pytest.raises(CommandError, match="give a number above 0"):
        call_command("seed", links=0)
