"""What buyer, guest and shopkeeper notice in every shop. test_hosts.py runs it under the settings of each host."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from importlib import import_module
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.admin import site
from django.contrib.auth import get_user_model
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.authtoken.models import Token

from spree_digitals import compiled
from spree_digitals.compiled import NUMBERS
from spree_digitals.models import Digital, DigitalLink, StoreLimits
from spree_digitals.storefront import get_storefront

PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"


@pytest.fixture(autouse=True)
def digitals_directory(settings: Any, tmp_path: Path) -> None:
    options = {**settings.STORAGES["digitals"]["OPTIONS"], "location": tmp_path}
    settings.STORAGES = {**settings.STORAGES, "digitals": {**settings.STORAGES["digitals"], "OPTIONS": options}}


@pytest.fixture
def shop() -> ModuleType:
    """How this host opens, is stocked and sells."""
    return import_module(f"tests.hosts.{os.environ['HOST']}.selling")


@pytest.fixture
def store(shop: ModuleType, db: None) -> Model:
    return shop.open_store(shop.ADDRESS)


@pytest.fixture
def sell(shop: ModuleType, store: Model) -> Callable[..., Model]:
    """Sell what two files hang on: ``sell(quantity=2, user=user, completed=False)``."""
    product, variants = shop.stock(store)
    for number, variant in enumerate(variants, start=1):
        Digital.objects.create(variant=variant, attachment=ContentFile(PDF, name=f"volume-{number}.pdf"))
    return partial(shop.sell, store, product)


@pytest.fixture
def customer(db: None) -> Any:
    user = get_user_model().objects.create_user("buyer", email="buyer@example.com")
    Token.objects.create(user=user)
    return user


def number(order: Model) -> str:
    return get_storefront().number(order)


def look_up(client: Client, order: Model, token: str | None = None) -> Any:
    secret = get_storefront().order_token(order) if token is None else token
    return client.get(
        reverse("spree_digitals:order_status", args=[number(order)]),
        {"include": "line_items.digital_links"},
        headers={"X-Spree-Order-Token": secret},
    )


def links(client: Client, order: Model) -> list[dict[str, Any]]:
    """The links that the look-up of this order shows."""
    included = look_up(client, order).json()["included"]
    return [resource["attributes"] for resource in included if resource["type"] == "digital_link"]


def account(client: Client, user: Any, name: str = "account_orders", *arguments: str) -> Any:
    url = reverse(f"spree_digitals:{name}", args=arguments)
    bearer = {"Authorization": f"Bearer {user.auth_token}"}
    return client.get(url, {"include": "line_items.digital_links"}, headers=bearer)


def download(client: Client, link: dict[str, Any]) -> tuple[int, bytes]:
    response = client.get(urlsplit(link["download_url"]).path)
    return response.status_code, response.getvalue()


def test_every_unit_gets_a_link_for_every_file(sell):
    sell(quantity=2)
    issued = DigitalLink.objects.order_by("unit", "digital").values_list("unit", "digital__filename")
    assert list(issued) == [(1, "volume-1.pdf"), (1, "volume-2.pdf"), (2, "volume-1.pdf"), (2, "volume-2.pdf")]


def test_a_guest_finds_the_links_of_an_order_at_the_address_of_its_store(client, shop, sell):
    shown = links(client, sell(quantity=2))
    tokens = set(DigitalLink.objects.values_list("token", flat=True))
    assert len(tokens) == 4
    assert {link["token"] for link in shown} == tokens
    for link in shown:
        path = reverse("spree_digitals:download", args=[link["token"]])
        assert link["download_url"] == shop.ADDRESS + path


def test_the_look_up_shows_the_order_in_the_words_of_spree(client, sell):
    order = sell(quantity=2, user=None)
    document = look_up(client, order).json()
    (line,) = [resource for resource in document["included"] if resource["type"] == "line_item"]
    assert document["data"]["id"] == str(order.pk)
    assert document["data"]["attributes"]["number"] == number(order)
    assert document["data"]["attributes"]["token"] == get_storefront().order_token(order)
    assert line["attributes"]["quantity"] == 2


def test_a_link_downloads_to_its_limit_and_no_further(client, sell):
    order = sell()
    link, other = links(client, order)
    assert [download(client, link) for _ in range(5)] == [(200, PDF)] * 5
    assert download(client, link)[0] == 403
    left = {shown["token"]: shown["downloads_remaining"] for shown in links(client, order)}
    assert left == {link["token"]: 0, other["token"]: 5}


def test_the_limits_of_the_store_hold_for_links_it_has_issued_already(client, shop, store, sell):
    order = sell()
    StoreLimits.objects.create(store=store, authorized_clicks=1)
    StoreLimits.objects.create(store=shop.open_store("https://elsewhere.example"), authorized_clicks=9)
    link, _ = links(client, order)
    assert link["downloads_remaining"] == 1
    assert [download(client, link)[0] for _ in range(2)] == [200, 403]
    assert DigitalLink.objects.used_up().get().token == link["token"]


def test_an_order_opens_with_no_token_but_its_own(client, sell):
    order, other = sell(), sell()
    foreign = get_storefront().order_token(other)
    for token in ("", " ", "wrong", foreign, "é"):
        assert look_up(client, order, token).status_code == 404


@pytest.mark.parametrize("unknown", ["R000000000", "0", "9" * 40, "²", "%00"])
def test_a_number_that_no_order_has_is_not_found(client, sell, unknown):
    token = get_storefront().order_token(sell())
    url = reverse("spree_digitals:order_status", args=["number"]).replace("number", unknown)
    assert client.get(url, headers={"X-Spree-Order-Token": token}).status_code == 404


def test_an_order_that_is_not_completed_gives_nothing_away(client, customer, sell):
    order = sell(user=customer, completed=False)
    token = DigitalLink.objects.first().token
    assert look_up(client, order).status_code == 404
    assert account(client, customer).json()["data"] == []
    response = client.get(reverse("spree_digitals:download", args=[token]))
    assert (response.status_code, response.json()["errors"][0]["code"]) == (403, "order_not_entitled")


def test_customers_find_their_own_completed_orders_newest_first(client, customer, sell):
    stranger = get_user_model().objects.create_user("stranger")
    first, second = sell(user=customer), sell(user=customer)
    foreign = sell(user=stranger)
    sell(user=customer, completed=False)
    sell(user=None)
    document = account(client, customer).json()
    assert [order["id"] for order in document["data"]] == [str(second.pk), str(first.pk)]
    assert sum(resource["type"] == "digital_link" for resource in document["included"]) == 4
    assert account(client, customer, "account_order", number(first)).json()["data"]["id"] == str(first.pk)
    assert account(client, customer, "account_order", number(foreign)).status_code == 404


def test_more_orders_and_units_cost_no_more_queries(client, customer, sell, django_assert_max_num_queries):
    sell(user=customer)
    with CaptureQueriesContext(connection) as queries:
        account(client, customer)
    for _ in range(3):
        sell(user=customer, quantity=2)
    with django_assert_max_num_queries(len(queries)):
        account(client, customer)


def test_staff_can_open_and_search_every_page_of_the_admin(admin_client, store, sell):
    StoreLimits.objects.create(store=store)
    sell()
    ours = [model for model in site._registry if model._meta.app_label == "spree_digitals"]
    assert ours
    for model in ours:
        page = f"admin:spree_digitals_{model._meta.model_name}"
        assert admin_client.get(reverse(f"{page}_changelist"), {"q": "1000"}).status_code == 200
        assert admin_client.get(reverse(f"{page}_changelist")).status_code == 200
        for row in model.objects.all()[:1]:
            assert admin_client.get(reverse(f"{page}_change", args=[row.pk])).status_code == 200


def test_the_checks_have_nothing_to_say(db):
    call_command("check", databases=["default"])


def test_no_model_has_changed_without_a_migration(db):
    output = StringIO()
    try:
        call_command("makemigrations", check=True, dry_run=True, stdout=output)
    except SystemExit:
        pytest.fail(output.getvalue())


def test_the_migrations_run_backwards_and_forwards_again(transactional_db):
    call_command("migrate", "spree_digitals", "zero", verbosity=0)
    assert not {table for table in connection.introspection.table_names() if table.startswith("spree_digitals")}
    call_command("migrate", verbosity=0)
    assert not Digital.objects.exists()


def everything(link: DigitalLink) -> dict[str, Any]:
    """All that was loaded with a link, by path."""
    found: dict[str, Any] = {name: getattr(link, name) for name in NUMBERS}
    reached: list[tuple[str, Model]] = [("", link)]
    for path, model in reached:
        found |= {f"{path}{field.attname}": getattr(model, field.attname) for field in model._meta.concrete_fields}
        cached = [field for field in model._meta.concrete_fields if field.is_relation and field.is_cached(model)]
        related = [(f"{path}{field.name}__", getattr(model, field.name)) for field in cached]
        found |= {name: found.get(name) for name, value in related if value is None}
        reached += [(name, value) for name, value in related if value is not None]
    return found


def test_the_compiled_query_of_a_download_finds_what_django_s_own_does(sell, store):
    StoreLimits.objects.create(store=store, authorized_clicks=3)
    sell(quantity=2)
    sell(completed=False)
    links = DigitalLink.objects.all()
    links.filter(pk=links.first().pk).update(unlimited_days=True, extra_uses=2)
    links.filter(pk=links.last().pk).update(line_item=None)
    compiled.load(links[0].token, "default")  # from then on Django builds nothing
    for token in links.values_list("token", flat=True):
        with CaptureQueriesContext(connection) as queries:
            found = compiled.load(token, "default")
            loaded = everything(found)
        assert len(queries) == 1
        expected = everything(DigitalLink.objects.with_standing().get(token=token))
        assert loaded == expected
        assert {name: type(value) for name, value in loaded.items()} == {
            name: type(value) for name, value in expected.items()
        }
    assert compiled.load("z" * 24, "default") is None
