"""The example shop in a real browser: with the keyboard alone, without barriers, on a phone and in the dark."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page, expect

from example_project.shop.catalogue import stock
from example_project.shop.models import Order, Store, Variant
from spree_digitals.models import DigitalLink
from tests.browser import chromium
from tests.browser.axe import SCHEMES, assert_open_to_everybody
from tests.conftest import uses

pytestmark = pytest.mark.browser


@pytest.fixture
def page(live_server: Any, monkeypatch: pytest.MonkeyPatch, store: Store) -> Iterator[Page]:
    """The catalogue; no page may log an error."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    stock(store)
    problems: list[str] = []
    with chromium() as context:
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.goto(live_server.url)
        yield page
    assert problems == []


def tab_to(page: Page, role: Any, name: str) -> None:
    """Press Tab until it is there, as somebody does who has no mouse."""
    wanted = page.get_by_role(role, name=name, exact=True).first
    expect(wanted).to_be_visible()
    for _ in range(60):
        page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"The keyboard does not reach the {role} {name!r}.")


def focused_outline(page: Page) -> str:
    style: str = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    return style


def log_in(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/account/log-in")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill("lovelace")
    page.get_by_role("button", name="Log in").click()


def colour_of(page: Page, text: str) -> str:
    colour: str = page.get_by_text(text, exact=True).evaluate("element => getComputedStyle(element).color")
    return colour


def test_a_guest_buys_and_downloads_with_the_keyboard_alone(page):
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    tab_to(page, "link", "440 hertz")
    assert focused_outline(page) == "solid"
    page.keyboard.press("Enter")
    tab_to(page, "spinbutton", "Quantity")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("“440 hertz” is in your basket.")
    tab_to(page, "link", "Check out")
    page.keyboard.press("Enter")
    tab_to(page, "textbox", "E-mail:")
    page.keyboard.type("guest@example.com")
    tab_to(page, "button", "Pay € 2.58")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    order = Order.objects.get()
    assert (order.email, str(order.total), DigitalLink.objects.count()) == ("guest@example.com", "2.58", 4)
    tab_to(page, "link", "440-hertz.wav copy 1")
    page.keyboard.press("Enter")
    tab_to(page, "button", "Download")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename == "440-hertz.wav"
    link = DigitalLink.objects.get(unit=1, digital__filename="440-hertz.wav")
    assert download.value.path().read_bytes() == Path(link.digital.attachment.path).read_bytes()
    assert uses(link) == 1


def test_every_page_is_open_to_everybody_and_fits_its_screen(page, live_server, buy):
    """As guest and as customer, errors included."""
    album = Variant.objects.get(sku="ALBUM")
    buy(album.digitals.first(), user=User.objects.create_user("ada", password="lovelace"))
    assert_open_to_everybody(page)
    page.goto(live_server.url + album.get_absolute_url())
    assert_open_to_everybody(page)
    page.get_by_label("Quantity").fill("99")
    page.get_by_role("button", name="Buy").click()
    assert_open_to_everybody(page)
    page.get_by_label("Quantity").fill("2")
    page.get_by_role("button", name="Buy").click()
    assert_open_to_everybody(page)
    page.get_by_role("link", name="Check out").click()
    page.get_by_role("button", name="Pay").click()
    assert_open_to_everybody(page)
    page.get_by_label("E-mail").fill("guest@example.com")
    page.get_by_role("button", name="Pay").click()
    assert_open_to_everybody(page)
    for path in ("basket", "account/sign-up", "account/log-in"):
        page.goto(f"{live_server.url}/{path}")
        assert_open_to_everybody(page)
    log_in(page, live_server)
    assert_open_to_everybody(page)
    page.goto(f"{live_server.url}/account/password")
    assert_open_to_everybody(page)


def test_a_file_that_is_ready_does_not_look_like_one_that_has_expired(page, live_server, buy):
    ada = User.objects.create_user("ada", password="lovelace")
    for sku in ("BOOK", "POSTER"):
        order = buy(Variant.objects.get(sku=sku).digitals.get(), user=ada)
    last_month = timezone.now() - timedelta(days=30)
    DigitalLink.objects.filter(line_item__order=order).update(activated_at=last_month)
    log_in(page, live_server)
    page.goto(f"{live_server.url}/downloads/")
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        assert colour_of(page, "Ready") != colour_of(page, "Expired")
    assert_open_to_everybody(page)


@pytest.mark.parametrize("language", dict(settings.LANGUAGES))
def test_text_twice_as_large_still_fits_a_phone(page, live_server, language):
    page.set_extra_http_headers({"Accept-Language": language})
    page.set_viewport_size({"width": 360, "height": 800})
    for path in ("/", Variant.objects.get(sku="ALBUM").get_absolute_url(), "/account/log-in"):
        page.goto(live_server.url + path)
        page.add_style_tag(content="html { font-size: 200% }")
        assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_an_order_is_printed_without_what_only_a_screen_needs(page, live_server, buy):
    order = buy(Variant.objects.get(sku="BOOK").digitals.get())
    page.goto(live_server.url + order.get_absolute_url())
    page.emulate_media(media="print")
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    expect(page.get_by_text("the-paper-lighthouse.pdf")).to_be_visible()
    expect(page.get_by_role("link", name="My downloads")).to_be_hidden()
    expect(page.get_by_role("link", name="For staff")).to_be_hidden()
