"""The report and the records, as shop staff read them: in the admin, and as files for a spreadsheet."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import repeat
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from example_project.shop.digitals import ShopStorefront
from example_project.shop.models import Store
from spree_digitals import issuing
from spree_digitals.admin.reports import CsvResponse, round_up
from spree_digitals.exceptions import DownloadRefused, LinkNotFound
from spree_digitals.models import DigitalLink, Download, Refusal
from spree_digitals.reports import ROWS_AT_ONCE, Period, Report, as_csv, harmless
from spree_digitals.reports import TABLES as ALL_TABLES
from spree_digitals.wording import REASONS
from tests.browser import chromium, sign_in_to_admin
from tests.browser.axe import assert_open_to_everybody
from tests.conftest import PDF

DOWNLOADS = reverse("admin:spree_digitals_download_changelist")
REFUSALS = reverse("admin:spree_digitals_refusal_changelist")
REPORT = reverse("admin:spree_digitals_download_report")
TABLES = {name: reverse("admin:spree_digitals_download_csv", args=[name]) for name in ALL_TABLES}
READERS = ("view_download", "view_digitallink", "view_refusal")
BUYER = {"User-Agent": "Firefox"}


class OwnStoreOnly(ShopStorefront):
    """Staff bear the name of their store, which keeps the test short."""

    def staff_stores(self, user: Any) -> Any:
        return Store.objects.filter(name=user.last_name)


class OneStoreShop(OwnStoreOnly):
    """A shop whose orders lead to no store: all belong to the only one."""

    store_path = None

    def single_store_pk(self) -> Any:
        return Store.objects.get(name="Paper & Sound").pk


@pytest.fixture
def staff(db: None) -> Any:
    """A signed-in member of staff: ``staff(*READERS, store="Paper & Sound")``."""

    def sign_in(*codenames: str, store: str = "") -> Client:
        user = User.objects.create_user(f"staff-{User.objects.count()}", is_staff=True, last_name=store)
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        client = Client()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def other_link(make_digital: Any, make_variant: Any, buy: Any) -> DigitalLink:
    """A link that was sold in another store."""
    other = Store.objects.create(name="Elsewhere", domain="elsewhere.example")
    digital = make_digital(make_variant("Elsewhere's novel", store=other), name="elsewhere.pdf")
    return DigitalLink.objects.get(line_item__order=buy(digital, store=other))


@pytest.fixture
def two_stores(settings: Any, link: DigitalLink, other_link: DigitalLink, download: Any) -> list[DigitalLink]:
    """One download and one refusal in each of two stores, whose staff see their own only."""
    links = [link, other_link]
    for sold in links:
        assert download(sold, **BUYER).status_code == 200
        issuing.revoke([sold])
        assert download(sold).status_code == 403
    settings.SPREE_DIGITALS_STOREFRONT = "tests.test_reports.OwnStoreOnly"
    return links


def downloaded_at(link: DigitalLink, *times: datetime, **fields: Any) -> None:
    """Downloads of other days, as they were recorded."""
    size = {"version": 1, "stored_name": "x", "byte_size": link.digital.byte_size, "sha256": "0" * 64, "generation": 1}
    Download.objects.bulk_create(Download(link=link, created_at=time, **{**size, **fields}) for time in times)


def text(markup: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", markup).split())


def cells(response: Any) -> list[list[str]]:
    """The rows of the page's list, as text."""
    assert response.status_code == 200
    found = re.findall(r"<tr>(.*?)</tr>", response.text.partition("<tbody>")[2].partition("</tbody>")[0], re.DOTALL)
    return [[text(cell) for cell in re.findall(r"<t[dh].*?</t[dh]>", row, re.DOTALL)] for row in found]


def section(response: Any, heading: str) -> str:
    """The text below a heading of the report."""
    assert response.status_code == 200
    return text(response.text.partition(f"<h2>{heading}</h2>")[2].partition("</section>")[0])


def totals(response: Any) -> dict[str, str]:
    assert response.status_code == 200
    return dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", response.text))


def file(response: Any, delimiter: str = ",") -> list[list[str]]:
    """The rows of a CSV file, as a spreadsheet reads them."""
    assert response.status_code == 200
    body = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(body, newline=""), delimiter=delimiter))


# The records


def test_the_list_of_downloads_tells_who_downloaded_which_file(admin_client, download, link):
    download(link, **BUYER)
    (row,) = cells(admin_client.get(DOWNLOADS))
    assert row[1:] == ["novel.pdf", "1", link.line_item.order.number, f"…{link.token[-4:]}", "127.0.0.0"]
    record = Download.objects.get()
    page = admin_client.get(reverse("admin:spree_digitals_download_change", args=[record.pk])).text
    assert "Firefox" in page
    assert record.sha256 in page


def test_the_list_of_refusals_tells_the_reason_in_words(admin_client, download, make_link):
    link = make_link(uses=0)
    download(link)
    (row,) = cells(admin_client.get(REFUSALS))
    assert row[1:4] == ["used up", "novel.pdf", link.line_item.order.number]
    assert len(cells(admin_client.get(REFUSALS + "?reason=download_limit_reached"))) == 1
    assert cells(admin_client.get(REFUSALS + "?reason=link_expired")) == []


def test_each_reason_that_can_be_recorded_has_words():
    # What is not found has no link that a refusal could be recorded for.
    assert set(REASONS) == {refusal.code for refusal in DownloadRefused.__subclasses__()} - {LinkNotFound.code}


@pytest.mark.parametrize("records", [DOWNLOADS, REFUSALS], ids=["downloads", "refusals"])
def test_an_order_leads_to_its_link_for_those_who_may_see_links(staff, download, make_link, records):
    link = make_link(uses=1)
    download(link)
    download(link)
    page = reverse("admin:spree_digitals_digitallink_change", args=[link.pk])
    assert f'<a href="{page}">{link.line_item.order.number}</a>' in staff(*READERS).get(records).text
    assert page not in staff("view_download", "view_refusal").get(records).text


@pytest.mark.parametrize("model", [Download, Refusal], ids=["downloads", "refusals"])
def test_nobody_can_add_change_or_delete_a_record(admin_client, download, make_link, model):
    link = make_link(uses=1)
    download(link)
    download(link)
    before = list(model.objects.values())
    (record,) = model.objects.all()
    name = f"admin:spree_digitals_{model._meta.model_name}"
    for page in ("add", "change", "delete"):
        address = reverse(f"{name}_{page}", args=[] if page == "add" else [record.pk])
        assert admin_client.post(address, {"version": "9", "code": "x", "post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [record.pk], "post": "yes"}
    admin_client.post(reverse(f"{name}_changelist"), chosen)
    assert list(model.objects.values()) == before


@pytest.mark.parametrize("lookup", ["client__startswith=a", "link__token__startswith=a", "link__line_item__order=1"])
def test_the_list_answers_no_question_that_would_let_staff_guess(admin_client, download, link, lookup):
    download(link)
    assert admin_client.get(f"{DOWNLOADS}?{lookup}").status_code == 400


def test_downloads_are_found_by_their_time_and_link(admin_client, make_link):
    old, new = make_link(), make_link()
    downloaded_at(old, timezone.now() - timedelta(days=30))
    downloaded_at(new, timezone.now())
    recent = re.search(r'href="([^"]+)">Past 7 days', admin_client.get(DOWNLOADS).text)[1]
    found = cells(admin_client.get(DOWNLOADS + html.unescape(recent)))
    assert [row[3] for row in found] == [new.line_item.order.number]
    found = cells(admin_client.get(f"{DOWNLOADS}?link__id__exact={old.pk}"))
    assert [row[3] for row in found] == [old.line_item.order.number]


def test_a_download_whose_line_item_was_deleted_stays_on_record(admin_client, download, link):
    download(link)
    link.line_item.delete()
    (row,) = cells(admin_client.get(DOWNLOADS))
    assert row[3] == "deleted"
    counted = totals(admin_client.get(REPORT))
    assert (counted["Downloads"], counted["Buyers"]) == ("1", "0")
    (_, (_, store, order, *_)) = file(admin_client.get(TABLES["downloads"]))
    assert (store, order) == ("", "")


@pytest.mark.parametrize("records", [DOWNLOADS, REFUSALS], ids=["downloads", "refusals"])
def test_lists_ask_no_more_for_many_records_and_count_them_with_joins_in_subqueries_at_most(
    admin_client, make_link, other_link, records
):
    link = make_link()
    own = f"{records}?store={link.line_item.order.store_id}"

    def add(count: int) -> None:
        downloaded_at(link, *repeat(timezone.now(), count))
        minutes = [timezone.now() - timedelta(minutes=Refusal.objects.count() + number) for number in range(count)]
        Refusal.objects.bulk_create(Refusal(link=link, code="link_expired", minute=minute) for minute in minutes)

    add(2)
    with CaptureQueriesContext(connection) as few:
        assert len(cells(admin_client.get(own))) == 2
    add(40)
    with CaptureQueriesContext(connection) as many:
        assert len(cells(admin_client.get(own))) == 42
    assert len(many) == len(few) <= 10
    counts = [query["sql"] for query in few if "COUNT(" in query["sql"]]
    assert len(counts) == 1
    assert "JOIN" not in counts[0].partition(" IN (SELECT ")[0]


# Whose downloads


@pytest.mark.parametrize("records", [DOWNLOADS, REFUSALS], ids=["downloads", "refusals"])
def test_staff_see_the_records_of_their_own_store(staff, two_stores, records):
    own, other = two_stores
    client = staff(*READERS, store="Paper & Sound")
    (row,) = cells(client.get(records))
    assert own.line_item.order.number in row
    assert cells(client.get(f"{records}?store={other.line_item.order.store_id}")) == [row]
    for record in (other.downloads.get(), other.refusals.get()):
        page = reverse(f"admin:spree_digitals_{record._meta.model_name}_change", args=[record.pk])
        assert client.get(page).status_code == 302
    assert cells(staff(*READERS, store="Nowhere").get(records)) == []


def test_the_report_and_its_files_are_about_the_own_store(staff, two_stores):
    _, other = two_stores
    client = staff(*READERS, store="Paper & Sound")
    page = client.get(REPORT)
    assert totals(page)["Downloads"] == totals(page)["Buyers"] == totals(page)["Links issued"] == "1"
    assert section(page, "Refused downloads").startswith("Reason Refusals revoked 1")
    for table, address in TABLES.items():
        written = str(file(client.get(address)))
        assert ("novel.pdf" in written) == (table in ("downloads", "files"))
        assert "elsewhere.pdf" not in written
    # Another store in the address changes nothing: it is not theirs to choose.
    address = f"?store={other.line_item.order.store_id}"
    assert totals(client.get(REPORT + address)) == totals(page)
    assert "elsewhere.pdf" not in str(file(client.get(TABLES["files"] + address)))
    assert totals(staff(*READERS, store="Nowhere").get(REPORT))["Downloads"] == "0"


def test_staff_of_several_stores_choose_one(admin_client, two_stores, settings):
    settings.SPREE_DIGITALS_STOREFRONT = "example_project.shop.digitals.ShopStorefront"
    _, other = two_stores
    assert totals(admin_client.get(REPORT))["Downloads"] == "2"
    chosen = f"?store={other.line_item.order.store_id}&days=7"
    page = admin_client.get(REPORT + chosen)
    assert totals(page)["Downloads"] == totals(page)["Links issued"] == "1"
    assert section(page, "Most downloaded files").startswith(
        "File Downloads Links used elsewhere.pdf Elsewhere&#x27;s novel 1 1"
    )
    assert section(page, "Refused downloads").startswith("Reason Refusals revoked 1")
    assert [row[1] for row in file(admin_client.get(TABLES["downloads"] + chosen))] == ["store", "Elsewhere"]
    for address in re.findall(r'href="(/[^"]+\.csv\?[^"]+|\?days=[^"]+)"', page.text):
        assert f"store={other.line_item.order.store_id}" in address
    wrong = admin_client.get(f"{REPORT}?store=999")
    assert "999 is not one of the available choices" in wrong.text
    assert totals(wrong) == {}


def test_in_a_shop_of_one_store_its_staff_see_everything(settings, staff, two_stores):
    settings.SPREE_DIGITALS_STOREFRONT = "tests.test_reports.OneStoreShop"
    client = staff(*READERS, store="Paper & Sound")
    assert len(cells(client.get(DOWNLOADS))) == 2
    assert totals(client.get(REPORT))["Downloads"] == "2"
    assert 'name="store"' not in client.get(REPORT).text
    assert [row[1] for row in file(client.get(TABLES["downloads"]))] == ["store", "Paper & Sound", "Paper & Sound"]
    assert totals(staff(*READERS, store="Elsewhere").get(REPORT))["Downloads"] == "0"


@pytest.mark.parametrize("address", [REPORT, *TABLES.values()])
@pytest.mark.parametrize("missing", ["view_download", "view_digitallink"])
def test_the_report_takes_the_permissions_for_downloads_and_for_links(staff, address, missing):
    assert staff(*READERS).get(address).status_code == 200
    assert staff(*{*READERS} - {missing}).get(address).status_code == 403


@pytest.mark.parametrize("address", [REPORT, DOWNLOADS, REFUSALS, *TABLES.values()])
def test_strangers_are_asked_to_log_in(client, db, address):
    response = client.get(address)
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("admin:login"))


def test_refusals_are_reported_to_those_who_may_see_them(staff, two_stores):
    assert "Refused downloads" in staff(*READERS, store="Elsewhere").get(REPORT).text
    assert "Refused downloads" not in staff(*READERS[:2], store="Elsewhere").get(REPORT).text


@pytest.mark.parametrize("page", [DOWNLOADS, reverse("admin:app_list", args=["spree_digitals"])])
def test_the_report_is_one_click_away_for_those_who_may_see_it(staff, page):
    assert f'href="{REPORT}"' in staff(*READERS).get(page).text
    assert f'href="{REPORT}"' not in staff("view_download").get(page).text


# The numbers


def test_the_report_counts_downloads_buyers_links_and_bytes(admin_client, buy, make_digital, download):
    novel, song = make_digital(), make_digital(content=PDF + b"%" * 1000, name="song.pdf")
    buy(novel, song)
    buy(novel, quantity=2)
    for link in DigitalLink.objects.filter(digital=novel):
        download(link, **BUYER)
    link = DigitalLink.objects.get(digital=song)
    download(link, **BUYER)
    assert download(link, **BUYER, Range="bytes=5-").status_code in (200, 206)
    page = admin_client.get(REPORT)
    counted = Download.objects.count()
    size = sum(Download.objects.values_list("byte_size", flat=True))
    assert totals(page) == {
        "Downloads": str(counted),
        "Buyers": "2",
        "Links issued": "4",
        "Data": f"{size / 1024:.1f}\xa0KB",
    }
    files = section(page, "Most downloaded files")
    assert files.startswith(f"File Downloads Links used novel.pdf A novel 3 3 song.pdf A novel {counted - 3} 1")


def test_an_empty_shop_gets_a_friendly_page(admin_client):
    page = admin_client.get(REPORT)
    assert totals(page) == {"Downloads": "0", "Buyers": "0", "Links issued": "0", "Data": "0\xa0bytes"}
    assert section(page, "Downloads per day") == "Nothing was downloaded on these days."
    assert section(page, "Links never used") == "No links were issued on these days."
    assert section(page, "Refused downloads") == "No download was refused on these days."
    assert cells(admin_client.get(DOWNLOADS)) == []
    assert [len(file(admin_client.get(address))) for address in TABLES.values()] == [1, 31, 1, 1, 1]


@pytest.mark.parametrize(
    ("asked", "length"),
    [
        ("", 30),
        ("days=7", 7),
        ("days=30", 30),
        ("days=90", 90),
        ("days=365", 365),
        ("days=12", 30),
        ("days=x", 30),
        ("start=2026-01-01&end=2026-01-01", 1),
        ("start=2024-02-01&end=2024-03-01", 30),
        ("start=2024-01-01&end=2024-12-31", 366),
    ],
)
def test_a_report_is_about_whole_days(admin_client, link, asked, length):
    rows = file(admin_client.get(f"{TABLES['days']}?{asked}"))
    assert len(rows) == 1 + length
    if "end" not in asked:
        assert rows[-1][0] == str(timezone.localdate())


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ("start=2026-01-05&end=2026-01-01", "Jan. 1, 2026 is before Jan. 5, 2026: give the first day first."),
        ("start=2024-01-01&end=2025-06-01", "These are 518 days: choose at most 366."),
        ("start=2026-01-01&end=9999-12-31", "Dec. 31, 9999 is in the future: choose"),
        ("start=0001-01-01&end=0001-01-02", "0001-01-01 is too early: choose 2000-01-01 or later."),
        ("start=2026-02-30&end=2026-03-01", "Enter a valid date."),
        ("start=2026-01-01", "This field is required."),
        ("end=2026-01-01", "This field is required."),
        ("start=%00&end=x'--", "Enter a valid date."),
    ],
)
def test_days_that_make_no_period_are_refused_with_a_reason(admin_client, asked, complaint):
    page = admin_client.get(f"{REPORT}?{asked}")
    assert page.status_code == 200
    assert complaint in page.text.replace("&#x27;", "'")
    assert totals(page) == {}
    for address in TABLES.values():
        answer = admin_client.get(f"{address}?{asked}", follow=True)
        assert answer.redirect_chain[0][0].startswith(REPORT)
        assert complaint in answer.text.replace("&#x27;", "'")


@pytest.mark.parametrize(
    ("time", "day"),
    [
        ("2026-03-28T22:59:59", "2026-03-28"),
        ("2026-03-28T23:00:00", "2026-03-29"),  # the day of 23 hours begins in winter time
        ("2026-03-29T21:59:59", "2026-03-29"),  # and ends in summer time
        ("2026-03-29T22:00:00", "2026-03-30"),
        ("2026-10-24T21:59:59", "2026-10-24"),
        ("2026-10-24T22:00:00", "2026-10-25"),  # the day of 25 hours
        ("2026-10-25T00:30:00", "2026-10-25"),  # half past two,
        ("2026-10-25T01:30:00", "2026-10-25"),  # and once more
        ("2026-10-25T22:59:59", "2026-10-25"),
        ("2026-10-25T23:00:00", "2026-10-26"),
    ],
)
def test_days_are_those_of_the_time_zone_also_when_the_clocks_change(admin_client, settings, link, time, day):
    settings.TIME_ZONE = "Europe/Warsaw"
    downloaded_at(link, datetime.fromisoformat(time).replace(tzinfo=UTC))
    rows = file(admin_client.get(f"{TABLES['days']}?start=2026-03-01&end=2026-10-31"))
    assert [row[0] for row in rows[1:] if row[1] != "0"] == [day]
    only = f"?start={day}&end={day}"
    assert totals(admin_client.get(REPORT + only))["Downloads"] == "1"
    (_, (written, *_)) = file(admin_client.get(TABLES["downloads"] + only))
    assert written == f"{time}Z"
    assert "time zone Europe/Warsaw" in admin_client.get(REPORT + only).text


def test_a_day_without_a_midnight_begins_when_the_clocks_are_set_forward():
    with timezone.override("America/Sao_Paulo"):
        period = Period(date(2018, 11, 4), date(2018, 11, 4))
    assert period.begins_at == datetime(2018, 11, 4, 3, tzinfo=UTC)
    assert period.ends_at - period.begins_at == timedelta(hours=23)


def test_a_file_keeps_the_days_of_the_request_when_it_is_written_later(admin_user, link):
    downloaded_at(link, datetime(2026, 3, 1, 23, 30, tzinfo=UTC))
    with timezone.override("Europe/Warsaw"):
        report = Report(Period(date(2026, 3, 1), date(2026, 3, 2)), user=admin_user)
    assert [day.downloads for day in report.days()] == [0, 1]


def test_the_report_tells_how_many_links_were_never_used(admin_client, make_link, download):
    used, was_reset, revoked, *fresh = (make_link() for _ in range(6))
    for link in (used, was_reset):
        download(link)
    issuing.reset([was_reset])
    issuing.revoke([revoked])
    for days, link in zip((0, 3, 40), fresh, strict=True):
        DigitalLink.objects.filter(pk=link.pk).update(created_at=timezone.now() - timedelta(days=days))
    page = section(admin_client.get(f"{REPORT}?days=90"), "Links never used")
    assert page == (
        "4 of 6 links that were issued on these days have not been used until now: 67 %. Never used Links "
        "issued less than a day ago 1 issued 1 to 7 days ago 1 issued more than 30 days ago 1 revoked since 1 "
        "Show these links . For a spreadsheet: links never used (CSV)"
    )
    download(fresh[0])
    DigitalLink.objects.exclude(pk=fresh[0].pk).update(created_at=timezone.now() - timedelta(days=400))
    only_used = section(admin_client.get(f"{REPORT}?days=90"), "Links never used")
    assert only_used == "Every link that was issued on these days has been used."


def test_the_report_leads_to_the_links_that_were_never_used(admin_client, make_link, other_link, download):
    used, too_old, fresh = make_link(), make_link(), make_link()
    download(used)
    DigitalLink.objects.filter(pk=too_old.pk).update(created_at=timezone.now() - timedelta(days=40))
    own = f"?store={fresh.line_item.order.store_id}"
    for chosen, found in (("", [fresh, other_link]), (own, [fresh])):
        page = admin_client.get(REPORT + chosen)
        assert section(page, "Links never used").startswith(f"{len(found)} of ")
        leads_to = html.unescape(re.search(r'href="([^"]+)">Show these links', page.text)[1])
        assert {row[3] for row in cells(admin_client.get(leads_to))} == {link.masked_token for link in found}
        rows = file(admin_client.get(TABLES["never-used"] + chosen))
        assert [row[4] for row in rows[1:]] == [link.masked_token for link in sorted(found, key=lambda link: link.pk)]


def test_links_never_used_are_told_in_a_file_with_their_order(admin_client, link):
    issuing.revoke([link])
    link.refresh_from_db()
    issued, revoked = (f"{time:%Y-%m-%dT%H:%M:%SZ}" for time in (link.created_at, link.revoked_at))
    assert file(admin_client.get(TABLES["never-used"])) == [
        ["issued", "store", "order", "file", "link", "revoked"],
        [issued, "Paper & Sound", link.line_item.order.number, "novel.pdf", link.masked_token, revoked],
    ]


def test_a_link_that_was_reset_after_a_download_is_not_among_those_never_used(admin_client, download, link):
    download(link)
    issuing.reset([link])
    assert cells(admin_client.get(reverse("admin:spree_digitals_digitallink_changelist") + "?state=never_used")) == []


def test_refusals_are_counted_by_reason_in_a_file_for_those_who_may_see_them(staff, two_stores, link):
    Refusal.objects.create(link=link, code="link_expired", minute=timezone.now() - timedelta(minutes=2))
    Refusal.objects.create(link=link, code="link_expired", minute=timezone.now() - timedelta(minutes=3))
    rows = file(staff(*READERS, store="Paper & Sound").get(TABLES["refusals"]))
    assert rows == [["reason", "refusals"], ["link_expired", "2"], ["link_revoked", "1"]]
    assert staff(*READERS[:2], store="Paper & Sound").get(TABLES["refusals"]).status_code == 403


def test_files_of_the_same_name_are_told_apart_by_their_product(admin_client, make_digital, make_link, make_variant):
    for product, count in (("The lighthouse", 2), ("The waltz", 1)):
        link = make_link(make_digital(make_variant(product), name="cover.png"))
        downloaded_at(link, *repeat(timezone.now(), count))
    shown = section(admin_client.get(REPORT), "Most downloaded files")
    assert "cover.png The lighthouse 2 1 cover.png The waltz 1 1" in shown
    assert file(admin_client.get(TABLES["files"])) == [
        ["file", "product", "downloads", "links"],
        ["cover.png", "The lighthouse", "2", "1"],
        ["cover.png", "The waltz", "1", "1"],
    ]


def test_a_link_whose_records_were_purged_was_used(admin_client, download, link):
    download(link)
    link.downloads.all().delete()
    DigitalLink.objects.update(purged_uses=1)
    assert "has been used" in section(admin_client.get(REPORT), "Links never used")


def test_the_report_asks_a_fixed_number_of_questions(staff, make_link, other_link):
    client = staff(*READERS)
    link = make_link()
    address = f"{REPORT}?days=365&store={link.line_item.order.store_id}"
    downloaded_at(link, timezone.now())
    with CaptureQueriesContext(connection) as few:
        client.get(address)
    for number in range(20):
        downloaded_at(make_link(), *(timezone.now() - timedelta(days=day) for day in range(number)))
    with CaptureQueriesContext(connection) as many:
        assert totals(client.get(address))["Downloads"] == "191"
    assert len(many) == len(few) <= 12


# The chart


@pytest.mark.parametrize(
    ("count", "top"), [(0, 1), (1, 1), (2, 2), (3, 4), (5, 5), (6, 10), (11, 20), (41, 50), (99, 100), (1234, 2000)]
)
def test_the_scale_of_the_chart_ends_with_a_number_that_is_easy_to_read(count, top):
    assert round_up(count) == top


def test_the_chart_has_a_bar_for_each_day_with_downloads_and_says_so_in_words(admin_client, link):
    downloaded_at(link, *repeat(datetime(2026, 1, 2, 12, tzinfo=UTC), 4), datetime(2026, 1, 4, 12, tzinfo=UTC))
    page = admin_client.get(f"{REPORT}?start=2026-01-01&end=2026-01-05").text
    bars = re.findall(r'<rect x="(\d+)" y="(\d+)" width="8" height="(\d+)"><title>(.+?)</title></rect>', page)
    assert bars == [("11", "0", "1000", "Jan. 2, 2026: 4"), ("31", "750", "250", "Jan. 4, 2026: 1")]
    assert "Most downloads: 4, on Jan. 2, 2026." in page
    table = text(page.partition("<details>")[2].partition("</details>")[0])
    assert f"Jan. 2, 2026 4 {4 * len(PDF)}" in table
    assert "Jan. 3, 2026 0 0" in table


def test_the_chart_is_drawn_in_languages_that_write_numbers_differently(admin_client, settings, link):
    settings.LANGUAGE_CODE, settings.USE_THOUSAND_SEPARATOR = "de", True
    downloaded_at(link, timezone.now(), *repeat(timezone.now() - timedelta(days=300), 2999))
    page = admin_client.get(f"{REPORT}?days=365").text
    assert 'viewBox="0 0 3650 1000"' in page
    bars = re.findall(r"<rect ([^>]*)>", page)
    assert len(bars) == 2
    assert all(re.fullmatch(r'(?:\w+="\d+" ?){4}', bar) for bar in bars)
    assert "<dd>3.000</dd>" in page


# Files for a spreadsheet


def test_each_download_is_a_row_of_the_file(admin_client, download, link):
    download(link, **BUYER)
    record, order = Download.objects.get(), link.line_item.order
    response = admin_client.get(TABLES["downloads"])
    assert file(response) == [
        ["time", "store", "order", "file", "version", "bytes", "network", "browser", "link"],
        [
            *(f"{record.created_at:%Y-%m-%dT%H:%M:%SZ}", "Paper & Sound", order.number, "novel.pdf", "1"),
            *(str(len(PDF)), "127.0.0.0", "Firefox", f"…{link.token[-4:]}"),
        ],
    ]


def test_files_are_downloaded_by_browsers_and_kept_by_nobody_else(admin_client, link):
    response = admin_client.get(f"{TABLES['files']}?start=2026-01-01&end=2026-01-31")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="files-2026-01-01-2026-01-31.csv"'
    assert {"private", "no-store"} <= set(response["Cache-Control"].split(", "))
    assert response["X-Content-Type-Options"] == "nosniff"
    assert admin_client.get(REPORT + "secrets.csv").status_code == 404


def test_spreadsheets_see_that_a_file_is_in_unicode(admin_client, make_link, make_digital, download):
    download(make_link(make_digital(name="Żółć – 音楽.pdf")))
    body = b"".join(admin_client.get(TABLES["files"]).streaming_content)
    assert body.startswith(b"\xef\xbb\xbf")
    assert "Żółć – 音楽.pdf" in body.decode()


HOSTILE = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://evil.example","Click")',
    "  =1+1",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "\tplain",
    "\xa0=1+1",
    "\u3000=1+1",
    "\u200b=1+1",
    "\ufeff=1+1",
    "\x00=1+1",
    '"=1+1',
    "＝1+1",
    "＋1+1",
    "－1+1",
    "＠SUM(A1)",
    "﹦1+1",
    "novel;=1+1",
    'novel";"=1+1',
    "novel\t=1+1",
    "novel\n=1+1",
    'novel\r\n"=1+1',
]


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
def test_no_cell_of_a_file_is_a_formula(name, delimiter):
    written = b"".join(as_csv([("first", name, "last")])).decode("utf-8-sig")
    for row in csv.reader(io.StringIO(written, newline=""), delimiter=delimiter):
        for cell in row:
            seen = cell.replace("\x00", "").strip(' \t\r\n\xa0\u3000\u200b\ufeff"')
            assert not seen.startswith(tuple("=+-@＝＋－＠﹦")), cell
    assert written.replace("'", "").replace('""', '"') == f'"first","{name}","last"\r\n'.replace("'", "")


@pytest.mark.parametrize(
    "cell", ["novel.pdf", "A-Z (2nd ed.)", "O'Neill", "a=b", "Mozilla/5.0 (X11; x)", "a; b = c", "", -5], ids=ascii
)
def test_harmless_cells_stay_as_they_are(cell):
    assert harmless(cell) == cell


def test_what_strangers_send_is_harmless_in_files_and_on_pages(admin_client, make_link, make_digital, download):
    link = make_link(make_digital(name="=1+1<img src=x onerror=alert(1)>.pdf"))
    download(link, **{"User-Agent": "@SUM(1+1)*cmd|' /C calc'!A0"})
    (_, row) = file(admin_client.get(TABLES["downloads"]))
    assert row[3].startswith("'=1+1")
    assert row[7].startswith("'@SUM")
    pages = [REPORT, DOWNLOADS, reverse("admin:spree_digitals_download_change", args=[Download.objects.get().pk])]
    for page in pages:
        assert "<img src=x" not in admin_client.get(page).text


def test_files_are_written_block_by_block():
    blocks = as_csv(repeat(("endless",)))
    next(blocks)
    assert next(blocks).count(b"\r\n") == ROWS_AT_ONCE


def test_a_file_asks_once_for_all_downloads(admin_client, make_link):
    for _ in range(3):
        downloaded_at(make_link(), *repeat(timezone.now(), ROWS_AT_ONCE))
    response = admin_client.get(TABLES["downloads"])
    assert response.streaming
    with CaptureQueriesContext(connection) as queries:
        assert len(file(response)) == 1 + 3 * ROWS_AT_ONCE
    assert len([query for query in queries if "spree_digitals_download" in query["sql"]]) == 1


def test_a_file_is_sent_block_by_block_under_asgi():
    async def send() -> list[bytes]:
        return [block async for block in CsvResponse(as_csv([("one",)] * (ROWS_AT_ONCE + 1)), "one.csv")]

    blocks = async_to_sync(send)()
    assert [block.count(b"\r\n") for block in blocks] == [0, ROWS_AT_ONCE, 1]


def test_neither_pages_nor_files_tell_a_whole_token_or_where_a_file_is_stored(admin_client, download, make_link):
    link = make_link(uses=1)
    download(link)
    download(link)
    details = [
        reverse(f"admin:spree_digitals_{record._meta.model_name}_change", args=[record.pk])
        for record in (Download.objects.get(), Refusal.objects.get())
    ]
    pages = [admin_client.get(page).text for page in (REPORT, DOWNLOADS, REFUSALS, *details)]
    files = [str(file(admin_client.get(address))) for address in TABLES.values()]
    for shown in (*pages, *files):
        assert link.token not in shown
        assert link.digital.attachment.name not in shown


# In a browser


@pytest.fixture
def open_page(live_server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Page]]:
    """The admin, with a member of staff signed in: opens an address."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    User.objects.create_superuser("ada", password="lovelace")
    with chromium() as context:
        page = context.new_page()

        def visit(address: str) -> Page:
            page.goto(live_server.url + address)
            return page

        sign_in_to_admin(page, live_server.url + REPORT, "ada", "lovelace")
        yield visit


@pytest.mark.browser
@pytest.mark.parametrize(
    "asked",
    ["", "?days=365", "?start=2026-02-01&end=2026-01-01", "?start=2020-01-01&end=2020-01-02"],
    ids=["days", "a year", "an error", "nothing"],
)
def test_everybody_can_read_the_report_on_a_phone_and_on_a_desk(open_page, make_link, other_link, asked):
    downloaded_at(make_link(), *(timezone.now() - timedelta(days=day) for day in range(20)))
    Refusal.objects.create(link=other_link, code="link_expired", minute=timezone.now())
    page = open_page(REPORT + asked)
    for table in page.get_by_text("The same numbers as a table").all():
        table.click()
    assert_open_to_everybody(page)


@pytest.mark.browser
def test_staff_choose_days_and_take_the_numbers_along(open_page, link, other_link):
    downloaded_at(link, datetime(2026, 1, 2, 12, tzinfo=UTC))
    downloaded_at(other_link, datetime(2026, 1, 3, 12, tzinfo=UTC))
    page = open_page(DOWNLOADS)
    page.get_by_role("link", name="Report").click()
    page.get_by_label("From:").fill("2026-01-01")
    page.get_by_label("To:").fill("2026-01-31")
    page.get_by_label("Store:").select_option("Elsewhere")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("img", name="Downloads per day").locator("rect")).to_have_count(1)
    with page.expect_download() as taken:
        page.get_by_role("link", name="each download (CSV)").click()
    assert taken.value.suggested_filename == "downloads-2026-01-01-2026-01-31.csv"
    rows = taken.value.path().read_text("utf-8-sig").splitlines()
    assert [row.split(",")[1] for row in rows] == ['"store"', '"Elsewhere"']
