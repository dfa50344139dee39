"""The admin in a real browser, against a real server: what staff change is what the next download meets."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import ConsoleMessage, Page, expect

from example_project.shop.models import Store
from spree_digitals.models import Digital, DigitalLink
from tests.browser import chromium
from tests.conftest import DOWNLOAD, PDF, uses

pytestmark = pytest.mark.browser


@pytest.fixture
def page(live_server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """The admin's first page, with a member of staff signed in; no page may log an error."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    User.objects.create_superuser("ada", password="lovelace")
    problems: list[str] = []
    with chromium() as context:
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.extend(error_of(message)))
        page.goto(live_server.url + reverse("admin:index"))
        page.get_by_label("Username").fill("ada")
        page.get_by_label("Password").fill("lovelace")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("button", name="Log out")).to_be_visible()
        yield page
    assert problems == []


def error_of(message: ConsoleMessage) -> list[str]:
    """What the console has to complain about; the example shop has no icon, which every browser asks for."""
    fine = message.type != "error" or message.location["url"].endswith("/favicon.ico")
    return [] if fine else [message.text]


@pytest.fixture
def fetch(live_server: Any) -> Callable[[DigitalLink], tuple[int, bytes]]:
    """Status and body of a download over the network, as a program without cookies makes it."""

    def fetch(link: DigitalLink) -> tuple[int, bytes]:
        try:
            with urllib.request.urlopen(live_server.url + DOWNLOAD + link.token, timeout=20) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read()

    return fetch


def set_limit(page: Page, store: Store, downloads: int) -> None:
    """On the page of the store, as staff of the example shop do it."""
    page.get_by_role("link", name="Stores", exact=True).first.click()
    page.get_by_role("link", name=store.name).click()
    page.get_by_role("spinbutton", name="Downloads:").fill(str(downloads))
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()


def test_staff_change_the_limit_of_a_store_and_the_next_download_follows_it(page, fetch, link, store):
    set_limit(page, store, 1)
    assert fetch(link) == (200, PDF)
    assert fetch(link)[0] == 403
    set_limit(page, store, 2)
    assert fetch(link) == (200, PDF)
    assert fetch(link)[0] == 403
    page.goto(page.url.split("/admin/")[0] + reverse("admin:spree_digitals_storelimits_changelist"))
    expect(page.get_by_text("2 downloads within 7 days of purchase")).to_be_visible()
    assert uses(link) == 2


def test_staff_upload_a_file_that_is_sold_then(page, buy, fetch, make_variant, tmp_path: Path):
    variant = make_variant("An atlas")
    (tmp_path / "atlas.pdf").write_bytes(PDF)
    page.get_by_role("link", name="Digitals", exact=True).first.click()
    page.get_by_role("link", name="Add digital").click()
    page.get_by_label("File:").set_input_files(tmp_path / "atlas.pdf")
    with page.expect_popup() as popup:
        page.get_by_role("link", name="Lookup").click()
    popup.value.get_by_role("link", name="An atlas").click()
    expect(page.get_by_label("Variant:")).to_have_value(str(variant.pk))
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.get_by_text("was added successfully")).to_be_visible()
    expect(page.get_by_text("application/pdf")).to_be_visible()
    order = buy(Digital.objects.get())
    assert fetch(DigitalLink.objects.get(line_item__order=order)) == (200, PDF)


def test_staff_find_a_link_that_is_used_up_and_reset_it(page, fetch, make_link):
    link, other = make_link(uses=1), make_link()
    assert fetch(link)[0] == 200
    assert fetch(link)[0] == 403
    page.get_by_role("link", name="Digital links", exact=True).first.click()
    page.get_by_role("textbox", name="Search").fill(link.line_item.order.number)
    page.get_by_role("button", name="Search").click()
    row = page.get_by_role("row").filter(has_text=link.masked_token)
    expect(row).to_contain_text("used up")
    expect(row).to_contain_text("0 of 1 left")
    expect(page.get_by_text(other.masked_token)).to_have_count(0)
    row.get_by_role("checkbox").check()
    page.get_by_label("Action:").select_option("reset")
    page.get_by_role("button", name="Run").or_(page.get_by_role("button", name="Go")).click()
    page.get_by_role("button", name="Reset", exact=True).click()
    expect(page.get_by_text("1 link was reset.")).to_be_visible()
    expect(row).to_contain_text("1 of 1 left")
    assert fetch(link) == (200, PDF)
    row.get_by_role("link").first.click()
    expect(page.get_by_text("Downloaded", exact=True)).to_have_count(1)
    expect(page.get_by_text("Downloaded (before a reset)")).to_have_count(1)
    expect(page.get_by_role("listitem").filter(has_text="Refused")).to_contain_text("used up")
