"""The pages that buyers see, in a real browser: without a mouse, on a phone, in the dark, and with nobody listening."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core import mail
from django.core.cache import cache
from django.utils import timezone
from playwright.sync_api import Page, expect

from example_project.shop.models import LineItem, Order, Store
from spree_digitals import issuing
from spree_digitals.models import Digital, DigitalLink
from spree_digitals.pages import sign_in
from tests.browser import chromium, eventually
from tests.browser.axe import assert_open_to_everybody
from tests.conftest import PDF, uses

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("plain_look")]

BUYER = "buyer@example.com"


@pytest.fixture
def page(live_server: Any, monkeypatch: pytest.MonkeyPatch, link: DigitalLink) -> Iterator[Page]:
    """A browser that has been nowhere. No page may ask another site for anything, or log an error."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    Store.objects.update(domain=live_server.url)
    mail.outbox.clear()
    cache.clear()
    asked: list[str] = []
    problems: list[str] = []
    with chromium() as context:
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "console", lambda message: problems.append(message.text) if "Content Security" in message.text else None
        )
        yield page
    # Browsers report every status but 200, and ask for an icon that is not there.
    assert [problem for problem in problems if not problem.startswith("Failed to load resource: the server")] == []
    assert {urlsplit(url).netloc for url in asked} <= {urlsplit(live_server.url).netloc}


@pytest.fixture
def visit(page: Page, live_server: Any) -> Callable[[str], None]:
    def visit(path: str) -> None:
        page.goto(path if "://" in path else live_server.url + path)

    return visit


@pytest.fixture
def check(page: Page) -> Callable[[], None]:
    """Whether everybody can use what is shown now."""
    return lambda: assert_open_to_everybody(page)


def address(link: DigitalLink) -> str:
    return f"/downloads/{link.token}"


def link_in_mail() -> str:
    (message,) = eventually(lambda: mail.outbox)
    (url,) = set(re.findall(r"http://\S+", message.body))
    return url


def nothing(link):
    pass


def without_limits(link):
    Digital.objects.update(unlimited_clicks=True, unlimited_days=True)


def expired(link):
    DigitalLink.objects.update(activated_at=timezone.now() - timedelta(days=7))


def used_up(link):
    DigitalLink.objects.update(authorized_clicks=0)


def revoked(link):
    issuing.revoke([link])


def cancelled(link):
    Order.objects.update(cancelled_at=timezone.now())


def pending(link):
    Order.objects.update(completed_at=None)
    DigitalLink.objects.update(activated_at=None)


def withdrawn(link):
    Digital.objects.update(withdrawn_at=timezone.now())


def missing(link):
    link.digital.attachment.storage.delete(link.digital.attachment.name)


def without_order(link):
    LineItem.objects.all().delete()


def endless_name(link):
    Digital.objects.update(filename="x" * 250 + ".pdf")


def right_to_left(link):
    Digital.objects.update(filename="دليل المستخدم 2.pdf")


STATES = [
    *(nothing, without_limits, expired, used_up, revoked, cancelled, pending, withdrawn, missing, without_order),
    *(endless_name, right_to_left),
]


@pytest.mark.parametrize("happen", STATES, ids=lambda happen: happen.__name__)
def test_everybody_can_use_the_page_of_a_link(visit, check, link, happen):
    happen(link)
    visit(address(link))
    check()
    assert uses(link) == 0


def test_everybody_can_use_the_pages_around_it(page, visit, check, link, buy, make_digital, client):
    visit("/downloads/nothing")
    check()
    visit("/downloads/")
    expect(page.get_by_role("heading", name="Find your downloads")).to_be_visible()
    check()
    page.get_by_role("textbox", name="E-mail address").fill("nobody@example")
    page.get_by_role("button", name="Send me a link").click()
    expect(page.get_by_text("Enter a valid email address.")).to_be_visible()
    check()
    page.get_by_role("textbox", name="E-mail address").fill(BUYER)
    page.get_by_role("button", name="Send me a link").click()
    expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()
    check()
    visit(link_in_mail()[:-1])
    expect(page.get_by_text("This sign-in link has expired or is not complete.")).to_be_visible()
    check()
    visit(link_in_mail())
    check()
    for number in range(11):
        buy(make_digital(name=f"A file with a rather long name, number {number}.pdf"), quantity=2)
    expired(None)
    page.get_by_role("button", name="Show my downloads").click()
    expect(page.get_by_role("heading", name="My downloads")).to_be_visible()
    check()
    Order.objects.update(email="other@example.com")
    page.reload()
    expect(page.get_by_text("There is nothing to download yet.")).to_be_visible()
    check()
    cache.clear()
    for _ in range(11):
        client.post("/downloads/sign-in", {"email": "x@example.com"})
    visit("/downloads/sign-in")
    page.get_by_role("textbox", name="E-mail address").fill(BUYER)
    page.get_by_role("button", name="Send me a link").click()
    expect(page.get_by_role("heading", name="Too many attempts")).to_be_visible()
    check()


def test_a_guest_comes_from_the_mail_to_the_file_with_the_keyboard_alone(page, visit, link):
    visit("/downloads/")
    tab_to(page, "E-mail address")
    page.keyboard.type(BUYER)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()
    visit(link_in_mail())
    tab_to(page, "Show my downloads")
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"Orders of {BUYER}")).to_be_visible()
    tab_to(page, "novel.pdf")
    page.keyboard.press("Enter")
    expect(page.get_by_text("5 of 5 downloads left")).to_be_visible()
    tab_to(page, "Download")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert Path(download.value.path()).read_bytes() == PDF
    assert download.value.suggested_filename == "novel.pdf"
    expect(page.get_by_role("button", name="Download")).to_be_visible()
    page.reload()
    expect(page.get_by_text("4 of 5 downloads left")).to_be_visible()
    assert uses(link) == 1
    tab_to(page, "All my downloads")
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"Orders of {BUYER}")).to_be_visible()
    tab_to(page, "Sign out")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Find your downloads")).to_be_visible()
    page.go_back()
    expect(page.get_by_text("novel.pdf")).to_have_count(0)


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the focus is on what is called so, which then has a ring around it."""
    for _ in range(20):
        page.keyboard.press("Tab")
        found = page.evaluate(
            "() => { const e = document.activeElement; return (e.labels?.[0]?.innerText ?? e.innerText ?? '') }"
        )
        if found.strip().startswith(name):
            assert page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle") == "solid"
            return
    raise AssertionError(f"Tab never comes to {name!r}")


def test_whatever_a_file_is_called_no_script_runs(page, visit, link):
    Digital.objects.update(filename="<img src=x onerror=document.title='run'><script>document.title='run'</script>")
    visit(address(link))
    assert "run" not in page.title().split("<")[0]
    expect(page.get_by_role("heading", level=1)).to_have_text(Digital.objects.get().filename)


def test_a_link_to_somebody_else_s_downloads_names_the_address_and_signs_nobody_in(page, visit, live_server, link):
    visit(f"/downloads/sign-in/{sign_in.sign('eve@example.com')}")
    expect(page.get_by_text("eve@example.com")).to_be_visible()
    visit("/downloads/")
    expect(page.get_by_role("heading", name="Find your downloads")).to_be_visible()
