"""What people do with a shop that sells files, from its front page to the file, and at the desk that helps them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from example_project.shop.catalogue import stock
from example_project.shop.models import Order, Store
from spree_digitals import issuing
from spree_digitals.models import Digital, DigitalLink, Download, Mail, Refusal, StoreLimits
from tests.browser import chromium, eventually, sign_in_to_admin, somebody_else
from tests.browser.axe import assert_nothing_is_cut_off, assert_open_to_everybody, barriers
from tests.conftest import uses

pytestmark = pytest.mark.browser

GUEST = "guest@example.com"
USED_UP = "This download link has been used as often as the shop allows."


@pytest.fixture
def front(live_server: Any, monkeypatch: pytest.MonkeyPatch, store: Store) -> Iterator[Page]:
    """The front page of the stocked shop, in the browser of a buyer; no page may break a script or its policy."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    Store.objects.update(domain=live_server.url)
    stock(store)
    cache.clear()
    problems: list[str] = []
    with chromium() as context:
        context.on("weberror", lambda error: problems.append(str(error.error)))
        context.on("console", lambda message: problems.append(message.text) if "Security" in message.text else None)
        page = context.new_page()
        page.goto(live_server.url)
        yield page
    assert problems == []


@pytest.fixture
def desk(front: Page, live_server: Any) -> Page:
    """The front page of the admin, in the browser of a member of staff."""
    User.objects.create_superuser("ada", password="lovelace")
    page = somebody_else(front.context).new_page()
    sign_in_to_admin(page, live_server.url + reverse("admin:index"), "ada", "lovelace")
    return page


@pytest.fixture
def novel(buy: Callable[..., Order], front: Page) -> DigitalLink:
    """What a guest has bought: the link to a novel."""
    buy(Digital.objects.get(filename="the-paper-lighthouse.pdf"), email=GUEST)
    return DigitalLink.objects.get()


# What buyers do


def put_into_basket(page: Page, product: str) -> None:
    page.get_by_role("link", name="Paper & Sound").click()
    page.get_by_role("link", name=product, exact=True).first.click()
    page.get_by_role("button", name="Buy").click()
    expect(page.get_by_role("status")).to_have_text(f"“{product}” is in your basket.")


def check_out(page: Page, email: str) -> Order:
    page.get_by_role("link", name="Check out").click()
    page.get_by_label("E-mail").fill(email)
    page.get_by_role("button", name="Pay").click()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    return Order.objects.latest("pk")


def press_download(page: Page) -> Path:
    """The file that arrives."""
    with page.expect_download() as download:
        page.get_by_role("button", name="Download", exact=True).click()
    return Path(download.value.path())


def file_of(link: DigitalLink) -> bytes:
    return Path(link.digital.attachment.path).read_bytes()


def address(page: Page, link: DigitalLink) -> str:
    host = page.url.split("/", 3)[2]
    return f"http://{host}{reverse('spree_digitals_pages:link', kwargs={'token': link.token})}"


def addresses_in_mail(to: str) -> list[str]:
    """What can be clicked in the only mail that somebody got."""
    (message,) = eventually(lambda: [message for message in mail.outbox if message.to == [to]])
    return list(dict.fromkeys(re.findall(r"http://\S+", message.body)))


def test_a_guest_downloads_what_the_mail_leads_to_until_the_limit_and_then_reads_what_to_do(front):
    put_into_basket(front, "The Paper Lighthouse")
    put_into_basket(front, "Sun over the sea")
    order = check_out(front, GUEST)
    novel, poster = DigitalLink.objects.order_by("pk")
    assert addresses_in_mail(GUEST) == [address(front, novel), address(front, poster)]
    front.goto(addresses_in_mail(GUEST)[0])
    for left in (5, 4, 3, 2, 1):
        front.reload()
        front.reload()
        expect(front.get_by_text(f"{left} of 5 downloads left")).to_be_visible()
        assert uses(novel) == 5 - left
        assert press_download(front).read_bytes() == file_of(novel)
    front.get_by_role("button", name="Download", exact=True).click()
    expect(front.get_by_text(USED_UP)).to_be_visible()
    expect(front.get_by_text(f"Write to the shop and name order {order.number}.")).to_be_visible()
    expect(front.get_by_role("button", name="Download", exact=True)).to_have_count(0)
    front.goto(addresses_in_mail(GUEST)[1])
    assert press_download(front).read_bytes() == file_of(poster)
    assert (uses(novel), uses(poster)) == (5, 1)


def test_a_customer_with_an_account_finds_the_files_among_the_downloads(front):
    User.objects.create_user("kim", email="kim@example.com", password="secret")
    front.get_by_role("link", name="Log in", exact=True).click()
    front.get_by_label("Username").fill("kim")
    front.get_by_label("Password").fill("secret")
    front.get_by_role("button", name="Log in").click()
    put_into_basket(front, "A small waltz")
    order = check_out(front, "kim@example.com")
    front.get_by_role("navigation").get_by_role("link", name="My downloads").click()
    expect(front.get_by_role("heading", name=f"Order {order.number}")).to_be_visible()
    front.get_by_role("link", name="a-small-waltz.mid").click()
    link = DigitalLink.objects.get(digital__filename="a-small-waltz.mid")
    assert press_download(front).read_bytes() == file_of(link)
    front.get_by_role("link", name="All my downloads").click()
    row = front.get_by_role("listitem").filter(has_text="a-small-waltz.mid")
    expect(row).to_contain_text("4 of 5 downloads left")


def test_a_guest_signs_in_by_mail_sees_no_other_orders_and_signs_out(front, buy, novel):
    buy(Digital.objects.get(filename="icons.zip"), email="other@example.com")
    mail.outbox.clear()
    front.get_by_role("link", name="My downloads").click()
    front.get_by_label("E-mail address").fill(GUEST)
    front.get_by_role("button", name="Send me a link").click()
    expect(front.get_by_role("heading", name="Look into your mail")).to_be_visible()
    front.goto(addresses_in_mail(GUEST)[0])
    front.get_by_role("button", name="Show my downloads").click()
    expect(front.get_by_text(f"Orders of {GUEST}")).to_be_visible()
    expect(front.get_by_role("listitem")).to_have_count(1)
    front.get_by_role("link", name="the-paper-lighthouse.pdf").click()
    assert press_download(front).read_bytes() == file_of(novel)
    front.get_by_role("link", name="All my downloads").click()
    front.get_by_role("button", name="Sign out").click()
    expect(front.get_by_role("heading", name="Find your downloads")).to_be_visible()
    front.get_by_role("navigation").get_by_role("link", name="My downloads").click()
    expect(front.get_by_role("heading", name="Find your downloads")).to_be_visible()


# What staff do


@pytest.fixture
def clicks(desk: Page) -> list[str]:
    """
    Every press of a mouse button on pages that the desk opens from now on, told by the browser: where it went.

    Typing, Enter and Tab are not clicks. A click into a field, to type there, is one.
    """
    clicked: list[str] = []
    desk.expose_binding("clicked", lambda source, where: clicked.append(where))
    desk.add_init_script(
        "addEventListener('pointerdown', event => window.clicked(event.target.value || event.target.innerText), true)"
    )
    desk.reload()
    return clicked


def sold_in_march(link: DigitalLink) -> None:
    march = timezone.now() - timedelta(days=200)
    Order.objects.update(completed_at=march)
    DigitalLink.objects.update(activated_at=march, created_at=march)


def test_an_expired_link_works_again_four_clicks_from_the_front_page_of_the_admin(front, desk, clicks, novel):
    """ "I bought it in March, it says expired, and my mail is guest@example.com." """
    sold_in_march(novel)
    front.goto(address(front, novel))
    expect(front.get_by_text("This download link has expired.")).to_be_visible()
    desk.get_by_role("link", name="Digital links", exact=True).first.click()
    desk.keyboard.type(GUEST)
    desk.keyboard.press("Enter")
    desk.get_by_role("link", name="the-paper-lighthouse.pdf").click()
    desk.get_by_role("button", name="Reset").click()
    desk.get_by_role("button", name="Reset").click()
    expect(desk.get_by_text("1 link was reset.")).to_be_visible()
    assert clicks == ["Digital links", "the-paper-lighthouse.pdf", "Reset", "Reset"]
    front.reload()
    assert press_download(front).read_bytes() == file_of(novel)


def open_link(desk: Page, link: DigitalLink) -> None:
    host = desk.url.split("/admin/")[0]
    desk.goto(host + reverse("admin:spree_digitals_digitallink_change", args=[link.pk]))


def press(desk: Page, button: str, why: str = "", **numbers: int) -> None:
    """A button on the page of a link, what it asks for, and the button that does it."""
    desk.get_by_role("button", name=button).click()
    for label, number in numbers.items():
        desk.get_by_label(f"More {label}").fill(str(number))
    desk.get_by_label("Why").fill(why)
    desk.get_by_role("button", name=button).click()


def test_staff_extend_and_reset_a_link_that_is_used_up(front, desk, novel):
    DigitalLink.objects.update(authorized_clicks=1)
    front.goto(address(front, novel))
    press_download(front)
    front.reload()
    expect(front.get_by_text(USED_UP)).to_be_visible()
    open_link(desk, novel)
    press(desk, "Extend…", why="the train went into a tunnel", downloads=2, days=7)
    expect(desk.get_by_text("Extended (2 downloads left, until ")).to_contain_text(": the train went into a tunnel")
    front.reload()
    expect(front.get_by_text("2 of 3 downloads left")).to_be_visible()
    expect(front.get_by_text("13 days left")).to_be_visible()
    press_download(front)
    press(desk, "Reset")
    front.reload()
    expect(front.get_by_text("3 of 3 downloads left")).to_be_visible()
    assert press_download(front).read_bytes() == file_of(novel)


def test_staff_take_a_link_away_and_give_it_back(front, desk, novel):
    front.goto(address(front, novel))
    open_link(desk, novel)
    press(desk, "Revoke", why="card reported stolen")
    front.get_by_role("button", name="Download", exact=True).click()
    expect(front.get_by_text("The shop has revoked this download link.")).to_be_visible()
    press(desk, "Restore")
    expect(desk.get_by_text("Revoked: card reported stolen")).to_be_visible()
    front.goto(address(front, novel))
    assert press_download(front).read_bytes() == file_of(novel)
    assert uses(novel) == 1


def test_a_link_in_the_wrong_hands_gets_a_new_token_and_the_buyer_gets_its_address(front, desk, novel):
    old = address(front, novel)
    open_link(desk, novel)
    press(desk, "New token", why="posted in a forum")
    front.goto(old)
    expect(front.get_by_role("heading", name="There is no such download link")).to_be_visible()
    assert front.reload().status == 404
    press(desk, "Copy link")
    desk.context.grant_permissions(["clipboard-read", "clipboard-write"])
    desk.get_by_role("button", name="Copy").click()
    expect(desk.get_by_role("status")).to_have_text("Copied")
    copied = desk.evaluate("navigator.clipboard.readText()")
    novel.refresh_from_db()
    assert copied == address(front, novel) != old
    front.goto(copied)
    assert press_download(front).read_bytes() == file_of(novel)


# For everybody


def test_everybody_can_use_what_buyers_see_in_the_look_of_the_shop(front, novel):
    front.goto(address(front, novel))
    assert_open_to_everybody(front)
    issuing.revoke([novel])
    front.reload()
    assert_open_to_everybody(front)
    front.get_by_role("link", name="All my downloads").click()
    assert_open_to_everybody(front)
    mail.outbox.clear()
    front.get_by_label("E-mail address").fill(GUEST)
    front.get_by_role("button", name="Send me a link").click()
    assert_open_to_everybody(front)
    front.goto(addresses_in_mail(GUEST)[0])
    assert_open_to_everybody(front)
    front.get_by_role("button", name="Show my downloads").click()
    assert_open_to_everybody(front)


def test_everybody_can_read_the_mail(front, novel):
    (message,) = mail.outbox
    ((html, _type),) = message.alternatives
    front.goto("about:blank")
    front.set_content(f"<html lang=en><title>Inbox</title><main>{html}</main>")
    expect(front.get_by_role("link")).to_have_count(1)
    assert_open_to_everybody(front)


PAGES = {
    "digitallink": (DigitalLink, ["changelist", "add", "change"]),
    "digital": (Digital, ["changelist", "add", "change"]),
    "download": (Download, ["changelist", "change"]),
    "refusal": (Refusal, ["changelist", "change"]),
    "mail": (Mail, ["changelist", "change"]),
    "storelimits": (StoreLimits, ["changelist", "add", "change"]),
}  # the report: tests/test_reports.py


def at_the_desk(live_server: Any, kind: str) -> Iterator[str]:
    """The addresses of all pages about one kind of thing."""
    model, pages = PAGES[kind]
    for page in pages:
        keys = [model.objects.latest("pk").pk] if page == "change" else []
        yield live_server.url + reverse(f"admin:spree_digitals_{kind}_{page}", args=keys)


@pytest.fixture
def much_happened(front, novel) -> None:
    """Everything that has a page is there, with long names and all that a page can say."""
    novel.digital.attachment = ContentFile(b"%PDF-1.4 second edition", name="novel.pdf")
    novel.digital.save()
    StoreLimits.objects.create(store=Store.objects.get(), authorized_clicks=3)
    front.goto(address(front, novel))
    press_download(front)
    DigitalLink.objects.update(authorized_clicks=1)
    front.get_by_role("button", name="Download", exact=True).click()
    Order.objects.update(cancelled_at=timezone.now())


@pytest.mark.parametrize("kind", PAGES)
def test_everybody_can_work_at_the_desk(desk, live_server, much_happened, kind):
    for page in at_the_desk(live_server, kind):
        desk.goto(page)
        assert_open_to_everybody(desk)


@pytest.mark.parametrize("language", ["de", "es", "pl"])
def test_lists_show_all_columns_beside_the_sidebar_in_languages_with_longer_words(
    desk, live_server, much_happened, language
):
    desk.context.add_cookies([{"name": "django_language", "value": language, "url": live_server.url}])
    for kind in PAGES:
        desk.goto(next(at_the_desk(live_server, kind)))
        for width in (360, 1280):
            desk.set_viewport_size({"width": width, "height": 800})
            assert_nothing_is_cut_off(desk)


def test_a_list_on_a_phone_tells_what_each_number_means(desk, live_server, much_happened):
    desk.set_viewport_size({"width": 360, "height": 800})
    desk.goto(next(at_the_desk(live_server, "digital")))
    labels = (
        desk.locator("#result_list tbody tr")
        .first.locator("td")
        .evaluate_all("cells => cells.map(cell => getComputedStyle(cell, '::before').content)")
    )
    assert labels[1:] == ['"Variant"', '"Sale"', '"Links"', '"Downloads"', '"Uploaded at"']


def test_on_a_phone_the_buttons_of_a_question_are_as_wide_as_the_screen(desk, novel):
    desk.set_viewport_size({"width": 360, "height": 800})
    for page in (novel, novel.digital):
        desk.goto(
            desk.url.split("/admin/")[0]
            + reverse(f"admin:spree_digitals_{page._meta.model_name}_change", args=[page.pk])
        )
        desk.get_by_role("button", name="Download as staff").click()
        for button in (desk.get_by_role("button", name="Download as staff"), desk.get_by_role("link", name="Back")):
            box = button.bounding_box()
            assert box["width"] > 260
            assert box["height"] >= 40


def test_everybody_can_use_what_a_button_asks(desk, live_server, novel):
    for button in ("Reset", "Extend…", "Copy link"):
        open_link(desk, novel)
        desk.get_by_role("button", name=button).click()
        expect(desk.get_by_label("Why")).to_be_visible()
        assert_open_to_everybody(desk)
    desk.get_by_role("button", name="Copy link").click()
    expect(desk.get_by_role("button", name="Copy")).to_be_visible()
    assert_open_to_everybody(desk)
    desk.goto(live_server.url + reverse("admin:spree_digitals_digital_change", args=[novel.digital.pk]))
    desk.get_by_role("button", name="Withdraw").click()
    expect(desk.get_by_label("Why")).to_be_visible()
    assert_open_to_everybody(desk)


BARRIERS = {
    "image-alt": '<img src="data:,">',
    "label": '<input name="email">',
    "color-contrast": '<p style="color: #999; background: #aaa">Download</p>',
    "target-size": '<p><input type="checkbox" aria-label="a"><input type="checkbox" aria-label="b"></p>',
}


def test_a_barrier_that_is_there_is_found(front):
    assert barriers(front) == ""
    for rule, barrier in BARRIERS.items():
        front.evaluate("html => document.querySelector('main').insertAdjacentHTML('beforeend', html)", barrier)
        assert rule in barriers(front)
        assert rule in barriers(front, "main")
    with pytest.raises(AssertionError, match="image-alt"):
        assert_open_to_everybody(front)
    assert_open_to_everybody(front, "header")
