"""A visitor of the example shop reads it in German, Polish or Spanish, from the first page to the last."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from example_project.shop.catalogue import PRODUCTS, stock
from example_project.shop.checkout import place_order
from example_project.shop.models import LineItem, Order, Store, Variant
from spree_digitals.models import DigitalLink
from tests.test_translations import APP, LANGUAGES, SHOP, catalog

pytestmark = pytest.mark.once

SECRET = "a lighthouse of paper"
SPOKEN = {"alt", "aria-label", "placeholder", "title"}
VOID = {"br", "hr", "img", "input", "link", "meta"}
FOR_STAFF = {"admin.py", "apps.py", "models.py"}
# Called the same in every language: people, orders, files, programs, units, and the shop.
NAMES = re.compile(
    r"\S+@example\.com|\bada\b|\bR\d{9}\b|\b[\w-]+\.[a-z0-9]{3,4}\b|\b[A-Z]{3,4}\b|\bbytes\b"
    r"|python manage\.py demo|Paper & Sound"
)


class Reader(HTMLParser):
    """The texts of a page that it does not mark as English."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.english: list[bool] = [False]
        self.language: str | None = None
        self.texts: set[str] = set()
        self.descriptions: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "html":
            self.language = attributes["lang"]
        english = self.english[-1] or (tag != "html" and attributes.get("lang") == "en")
        if not english:
            self.descriptions |= {value for name, value in attrs if name in SPOKEN and value}
        if tag not in VOID:
            self.english.append(english)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            self.english.pop()

    def handle_data(self, data: str) -> None:
        if not self.english[-1]:
            self.texts |= {part.strip() for part in re.split(r" · |, |\n", data)}


def fill(store: Store, buy: Any) -> None:
    """A shop whose customer has an order in every state."""
    stock(store)
    for number in range(13):
        Variant.objects.create(store=store, sku=f"V{number}", name=f"Volume {number}", price="1.00")
    ada = User.objects.create_user("ada", "ada@example.com", SECRET)
    files = [Variant.objects.get(sku=sku).digitals.earliest("pk") for sku in ("BOOK", "SCORE", "FIELD", "PHOTOS")]
    ready, unlimited, expired, cancelled = (buy(file, user=ada, email=ada.email) for file in files)
    LineItem.objects.filter(order=ready).update(quantity=2, refunded_units=1)
    links = DigitalLink.objects.all()
    links.filter(line_item__order=unlimited).update(unlimited_clicks=True, unlimited_days=True)
    links.filter(line_item__order=expired).update(activated_at=timezone.now() - timedelta(days=30))
    Order.objects.filter(pk=cancelled.pk).update(cancelled_at=timezone.now())
    place_order(store=store, user=ada, email=ada.email, basket={Variant.objects.get(sku="V1"): 1})


def as_guest(visitor: Client) -> Iterator[Any]:
    """Choose, hesitate, make every mistake, buy."""
    poster = Variant.objects.get(sku="POSTER")
    product, line = poster.get_absolute_url(), reverse("shop:basket_line", args=[poster.pk])
    basket, checkout = reverse("shop:basket"), reverse("shop:checkout")
    for path in ("/", "/?page=2", product, Variant.objects.get(sku="ALBUM").get_absolute_url(), "/products/0", basket):
        yield visitor.get(path)
    yield visitor.get(checkout, follow=True)
    for quantity in ("99", "many", "", "20", "2"):
        yield visitor.post(product, {"quantity": quantity}, follow=True)
    for quantity in ("-1", "2"):
        yield visitor.post(line, {"quantity": quantity}, follow=True)
    form = {"email": "guest@example.com", "card": "0000", "key": str(uuid.uuid4())}
    yield visitor.get(checkout)
    for mistake in ({"email": ""}, {"email": "nobody"}, {"card": "my card"}, {"key": ""}, {}):
        yield visitor.post(checkout, {**form, **mistake}, follow=True)


def as_newcomer(visitor: Client, name: str) -> Iterator[Any]:
    """Fail to log in, and make an account."""
    sign_up, log_in = reverse("shop:sign_up"), reverse("shop:log_in")
    form = {"username": name, "email": f"{name}@example.com", "password1": SECRET, "password2": SECRET}
    for path in (log_in, sign_up, reverse("spree_digitals_pages:sign_in")):
        yield visitor.get(path)
    yield visitor.post(log_in, {"username": "ada", "password": "x"})
    for mistake in (
        {"username": ""},
        {"username": "ada"},
        {"password2": "x"},
        {"password1": "1", "password2": "1"},
        {},
    ):
        yield visitor.post(sign_up, {**form, **mistake}, follow=True)


def as_customer(visitor: Client) -> Iterator[Any]:
    """See what was bought, and change the password."""
    customer = User.objects.get(username="ada")
    visitor.force_login(customer)
    for path in (reverse("shop:account"), reverse("spree_digitals_pages:downloads")):
        yield visitor.get(path)
    for order in Order.objects.filter(user=customer):
        yield visitor.get(order.get_absolute_url())
    for link in DigitalLink.objects.filter(line_item__order__user=customer):
        yield visitor.get(reverse("spree_digitals_pages:link", args=[link.token]))
    password = reverse("shop:password")
    yield visitor.get(password)
    for old in ("x", SECRET):
        form = {"old_password": old, "new_password1": SECRET, "new_password2": SECRET}
        yield visitor.post(password, form, follow=True)


@pytest.fixture
def seen(store: Store, buy: Any) -> dict[str, list[str]]:
    """Every page in every language, first of a shop that has nothing to sell."""
    visitors = {language: Client(headers={"Accept-Language": language}) for language in ("en", *LANGUAGES)}
    pages = {language: [visitor.get("/")] for language, visitor in visitors.items()}
    fill(store, buy)
    for language, visitor in visitors.items():
        pages[language] += as_guest(visitor)
        pages[language] += as_newcomer(visitor, language)
        pages[language] += as_customer(visitor)
    return {language: [page.content.decode() for page in found] for language, found in pages.items()}


def read(pages: list[str]) -> set[str]:
    """What a visitor reads or is read to, names and numbers aside."""
    readers = [Reader(page) for page in pages]
    texts = set().union(*(reader.texts | reader.descriptions for reader in readers))
    return {text.rstrip(":") for text in texts if re.search(r"[^\W\d_]", NAMES.sub("", text))}


def same_in(language: str) -> set[str]:
    """What the translators chose to say as English does."""
    entries = [entry for package in (APP, SHOP) for entry in catalog(language, package)]
    return {entry.msgid for entry in entries if entry.msgid == entry.msgstr}


def pattern(message: str) -> re.Pattern[str]:
    """Finds a message with whatever it was filled in with."""
    return re.compile(re.sub(r"%\\\(\w+\\\)[sd]|\\\{\w+\\\}", ".+?", re.escape(message)))


def test_no_english_is_left_on_any_page(seen):
    english = read(seen["en"])
    left = {language: (english & read(seen[language])) - same_in(language) for language in LANGUAGES}
    assert left == {language: set() for language in LANGUAGES}


def test_the_walk_through_the_shop_meets_all_that_can_be_translated(seen):
    pages = unescape("\n".join(seen["en"]))
    for entry in catalog("de", SHOP):
        if {file for file, _ in entry.occurrences} <= FOR_STAFF:
            continue
        forms = [pattern(form) for form in (entry.msgid, entry.msgid_plural) if form]
        assert any(form.search(pages) for form in forms), entry.msgid


def test_every_page_says_which_language_it_is_in(seen):
    for language, pages in seen.items():
        assert {Reader(page).language for page in pages} == {language}


def test_names_and_texts_of_products_are_marked_as_english(seen):
    texts = set().union(*(Reader(page).texts for page in seen["pl"]))
    for product in PRODUCTS:
        for text in (product.name, product.kind, product.description):
            assert not [found for found in texts if text in found]


STATES = {"de": "storniert", "en": "cancelled", "es": "cancelado", "pl": "anulowane"}


@pytest.mark.parametrize("language", STATES)
def test_staff_read_the_state_of_an_order_in_their_language(admin_client, buy, digital, language):
    Order.objects.filter(pk=buy(digital).pk).update(cancelled_at=timezone.now())
    orders = reverse("admin:shop_order_changelist")
    page = admin_client.get(orders, headers={"Accept-Language": language}).content.decode()
    assert f'<td class="field-state_in_words">{STATES[language]}</td>' in page
