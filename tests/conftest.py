"""Fixtures in the words of a shop."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import Client

import spree_digitals
from example_project.shop.checkout import place_order
from example_project.shop.models import Order, Store, Variant
from spree_digitals.models import Digital, DigitalLink, Download
from tests.services import REQUIRE_SERVICES

DOWNLOAD = "/api/v2/storefront/digitals/"
ORDER_STATUS = "/api/v2/storefront/order_status/"
ACCOUNT_ORDERS = "/api/v2/storefront/account/orders"
PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Where every service is required, a test that was skipped was not passed."""
    report = yield
    if report.skipped and REQUIRE_SERVICES:
        report.outcome = "failed"
    return report


@pytest.fixture(autouse=True)
def digitals_directory(settings: Any, tmp_path: Path) -> Path:
    """Every test has a private storage of its own."""
    directory = tmp_path / "digitals"
    options = {**settings.STORAGES["digitals"]["OPTIONS"], "location": directory}
    settings.STORAGES = {**settings.STORAGES, "digitals": {**settings.STORAGES["digitals"], "OPTIONS": options}}
    return directory


@pytest.fixture
def plain_look(settings: Any) -> None:
    """The pages as the app has them, and not in the example shop's own frame."""
    own = Path(spree_digitals.__file__).parent / "templates"
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [own]}]


@pytest.fixture
def store(db: None) -> Store:
    return Store.objects.create(name="Paper & Sound", domain="https://shop.example")


@pytest.fixture
def make_variant(store: Store) -> Callable[..., Variant]:
    def make(name: str = "A novel", **fields: Any) -> Variant:
        sku = f"{name}-{Variant.objects.count()}"
        return Variant.objects.create(**{"store": store, "sku": sku, "name": name, "price": "9.90", **fields})

    return make


@pytest.fixture
def make_digital(make_variant: Callable[..., Variant]) -> Callable[..., Digital]:
    def make(
        variant: Variant | None = None, *, content: bytes = PDF, name: str = "novel.pdf", **fields: Any
    ) -> Digital:
        file = ContentFile(content, name=name)
        return Digital.objects.create(variant=variant or make_variant(), attachment=file, **fields)

    return make


@pytest.fixture
def digital(make_digital: Callable[..., Digital]) -> Digital:
    return make_digital()


@pytest.fixture
def buy(store: Store) -> Callable[..., Order]:
    """Buy what these files are sold with: ``buy(digital, quantity=2)``."""

    def buy(*digitals: Digital, quantity: int = 1, email: str = "buyer@example.com", **fields: Any) -> Order:
        basket = {digital.variant: quantity for digital in digitals}
        return place_order(**{"store": store, "email": email, "basket": basket, **fields})

    return buy


@pytest.fixture
def make_link(buy: Callable[..., Order], make_digital: Callable[..., Digital]) -> Callable[..., DigitalLink]:
    """A link of a completed order: ``make_link(uses=3, days=1, bought=some_datetime)``."""

    def make(
        digital: Digital | None = None,
        *,
        uses: int | None = None,
        days: int | None = None,
        bought: datetime | None = None,
    ) -> DigitalLink:
        order = buy(digital or make_digital())
        link = DigitalLink.objects.get(line_item__order=order)
        link.authorized_clicks, link.authorized_days = uses, days
        if bought is not None:
            link.activated_at = bought
        link.save()
        return link

    return make


@pytest.fixture
def link(make_link: Callable[..., DigitalLink]) -> DigitalLink:
    return make_link()


@pytest.fixture
def download(client: Client) -> Callable[..., Any]:
    """GET the link's file as a buyer does, to the last byte of its ``body``; other methods by name."""

    def download(link: DigitalLink | str, method: str = "get", **headers: str) -> Any:
        token = link if isinstance(link, str) else link.token
        response = getattr(client, method)(DOWNLOAD + token, headers=headers)
        response.body = b"".join(response.streaming_content) if response.streaming else response.content
        return response

    return download


def uses(link: DigitalLink) -> int:
    """How many uses are counted, after checking that each has its record."""
    link.refresh_from_db()
    recorded = Download.objects.filter(link=link, generation=link.generation).count()
    assert link.access_counter == link.purged_uses + recorded
    return link.access_counter


def error(response: Any) -> tuple[int, str]:
    """Status and code of an error document, after checking its form."""
    assert response["Content-Type"] == "application/vnd.api+json"
    document = response.json()
    assert isinstance(document["error"], str)
    (entry,) = document["errors"]
    assert entry["status"] == str(response.status_code)
    assert entry["title"]
    assert entry["detail"]
    return response.status_code, entry["code"]
