"""Where a client finds its links: completed orders, for guests with a token and for signed-in customers."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework import serializers
from rest_framework.authtoken.models import Token

from example_project.shop.models import LineItem, Order, Store
from spree_digitals.api.serializers import DigitalLinksMixin
from spree_digitals.models import Digital, DigitalLink, StoreLimits
from tests.conftest import ACCOUNT_ORDERS, ORDER_STATUS, error

INCLUDE = "?include=line_items.digital_links"
SPREE_CLIENT = {"Accept": "application/json, text/plain, */*", "Content-Type": "application/json"}


@pytest.fixture
def look_up(client):
    """What a guest gets who knows the order's number and token."""

    def look_up(order, query=INCLUDE, token=None, **headers):
        headers = {"X-Spree-Order-Token": order.token if token is None else token, **headers}
        return client.get(f"{ORDER_STATUS}{order.number}{query}", headers=headers)

    return look_up


@pytest.fixture
def customer(django_user_model):
    return django_user_model.objects.create_user("kim", "kim@example.com", "secret")


@pytest.fixture
def account(client, customer):
    """What the signed-in customer gets."""
    headers = {"Authorization": f"Bearer {Token.objects.create(user=customer).key}"}

    def account(path="", **extra):
        return client.get(ACCOUNT_ORDERS + path, headers={**headers, **extra})

    return account


def included(document, kind):
    return [found for found in document["included"] if found["type"] == kind]


def attributes_of_links(response):
    return [found["attributes"] for found in included(response.json(), "digital_link")]


def test_a_guest_finds_the_links_of_a_completed_order(look_up, buy, digital, store):
    order = buy(digital, quantity=2)
    response = look_up(order)
    assert response.status_code == 200
    assert response["Content-Type"] == "application/vnd.api+json"
    document = response.json()
    assert (document["data"]["type"], document["data"]["id"]) == ("cart", str(order.pk))
    attributes = document["data"]["attributes"]
    assert attributes["number"] == order.number
    assert attributes["token"] == order.token
    assert attributes["email"] == "buyer@example.com"
    assert attributes["state"] == "complete"
    assert attributes["total"] == "19.80"
    (line,) = included(document, "line_item")
    assert line["attributes"]["quantity"] == 2
    assert line["relationships"]["variant"]["data"] == {"type": "variant", "id": str(digital.variant_id)}
    links = included(document, "digital_link")
    assert [link["id"] for link in links] == [found["id"] for found in line["relationships"]["digital_links"]["data"]]
    token = links[0]["attributes"].pop("token")
    assert links[0]["attributes"] == {
        "filename": "novel.pdf",
        "content_type": "application/pdf",
        "byte_size": digital.byte_size,
        "download_url": f"https://shop.example/api/v2/storefront/digitals/{token}",
        "access_counter": 0,
        "downloads_remaining": 5,
        "expires_at": (order.completed_at + timedelta(days=7)).isoformat().replace("+00:00", "Z"),
        "authorizable": True,
        "expired": False,
        "access_limit_exceeded": False,
        "revoked": False,
    }
    assert links[0]["relationships"] == {
        "line_item": {"data": {"type": "line_item", "id": line["id"]}},
        "digital": {"data": {"type": "digital", "id": str(digital.pk)}},
    }


def test_no_limit_is_shown_as_null(look_up, buy, digital):
    Digital.objects.update(unlimited_clicks=True, unlimited_days=True)
    (link,) = attributes_of_links(look_up(buy(digital)))
    assert link["downloads_remaining"] is None
    assert link["expires_at"] is None


def test_a_line_without_files_has_an_empty_list_of_links(look_up, buy, make_variant):
    order = buy(basket={make_variant("A mug"): 1})
    (line,) = included(look_up(order).json(), "line_item")
    assert line["relationships"]["digital_links"] == {"data": []}


def test_a_guest_may_include_variants_and_files_and_ask_for_some_fields_only(look_up, buy, digital):
    order = buy(digital)
    query = "?include=line_items.variant,line_items.digital_links.digital"
    document = look_up(order, query).json()
    assert included(document, "variant")[0]["attributes"]["name"] == "A novel"
    assert included(document, "digital")[0]["attributes"]["filename"] == "novel.pdf"
    query = f"{INCLUDE}&fields[cart]=number&fields[line_item]=digital_links&fields[digital_link]=token,authorizable"
    document = look_up(order, query).json()
    assert document["data"]["attributes"] == {"number": order.number}
    assert "relationships" not in document["data"]


def test_fields_can_be_chosen_of_everything_included(look_up, buy, digital):
    order = buy(digital)
    query = f"{INCLUDE}&fields[line_item]=quantity,digital_links&fields[digital_link]=token"
    document = look_up(order, query).json()
    (line,) = included(document, "line_item")
    assert line["attributes"] == {"quantity": 1}
    assert set(line["relationships"]) == {"digital_links"}
    (link,) = included(document, "digital_link")
    assert set(link["attributes"]) == {"token"}
    assert "relationships" not in link


def test_an_include_nobody_knows_is_a_clear_400(look_up, buy, digital):
    response = look_up(buy(digital), "?include=line_items.payments")
    assert error(response) == (400, "malformed_request")
    assert "line_items.payments" in response.json()["errors"][0]["detail"]


def test_spree_s_javascript_client_gets_the_same_document(look_up, buy, digital):
    order = buy(digital)
    plain, spree = look_up(order), look_up(order, **SPREE_CLIENT)
    assert spree["Content-Type"] == "application/json"
    assert spree.json() == plain.json()
    refused = look_up(order, token="wrong", **SPREE_CLIENT)
    assert error(refused) == (404, "not_found")


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(None, id="missing"),
        pytest.param("", id="empty"),
        pytest.param(" ", id="blank"),
        pytest.param("\t", id="a tab"),
        pytest.param("null", id="null"),
        pytest.param("None", id="None"),
        pytest.param("undefined", id="undefined"),
        pytest.param("{other}", id="another order's"),
        pytest.param("{own},{own}", id="sent twice"),
        pytest.param("{own}x", id="with something after it"),
        pytest.param("{own_start}", id="the beginning only"),
        pytest.param("{swapped}", id="in the other case"),
        pytest.param("*", id="a wildcard"),
        pytest.param("ü", id="not ASCII"),
        pytest.param("0", id="zero"),
    ],
)
@pytest.mark.parametrize("stored", ["a token", "an empty token"])
def test_an_order_opens_to_nobody_without_its_token(client, buy, digital, token, stored):
    order, other = buy(digital), buy(digital)
    if stored == "an empty token":
        Order.objects.filter(pk=order.pk).update(token="")
    texts = {
        "own": order.token,
        "own_start": order.token[:8],
        "other": other.token,
        "swapped": order.token.swapcase(),
    }
    headers = {} if token is None else {"X-Spree-Order-Token": token.format(**texts)}
    response = client.get(ORDER_STATUS + order.number, headers=headers)
    assert error(response) == (404, "not_found")
    assert response.json()["error"] == "The resource you were looking for could not be found."


def test_the_token_is_not_accepted_in_the_address(client, buy, digital):
    order = buy(digital)
    assert client.get(ORDER_STATUS + order.number, {"order_token": order.token}).status_code == 404


def test_wrong_token_unknown_number_and_unfinished_order_are_the_same_404(look_up, buy, digital):
    order, unfinished = buy(digital), buy(digital)
    Order.objects.filter(pk=unfinished.pk).update(completed_at=None)
    answers = [look_up(order, token="wrong"), look_up(Order(number="R0", token=order.token)), look_up(unfinished)]
    assert {(answer.status_code, answer.content) for answer in answers} == {(404, answers[0].content)}


def test_an_order_number_may_contain_slashes(look_up, account, buy, digital, customer):
    order = buy(digital, user=customer)
    order.number = "2026/08/15"
    order.save()
    assert look_up(order).status_code == 200
    assert account("/2026%2F08%2F15").status_code == 200


@pytest.mark.parametrize("number", ["%00", "R%00", "x" * 5000, "-", "%F0%9F%92%A9", "..%2f"])
def test_a_number_that_is_none_is_a_404(client, account, number, db):
    assert client.get(f"{ORDER_STATUS}{number}", headers={"X-Spree-Order-Token": "x"}).status_code == 404
    assert account(f"/{number}").status_code == 404


def test_a_customer_sees_their_completed_orders_newest_first(account, buy, digital, customer):
    old, new, unfinished = (buy(digital, user=customer) for _ in range(3))
    Order.objects.filter(pk=old.pk).update(completed_at=timezone.now() - timedelta(days=3))
    Order.objects.filter(pk=unfinished.pk).update(completed_at=None)
    buy(digital)
    document = account(INCLUDE).json()
    assert [found["attributes"]["number"] for found in document["data"]] == [new.number, old.number]
    assert {found["type"] for found in document["data"]} == {"order"}
    assert len(included(document, "digital_link")) == 2
    assert document["meta"] == {"count": 2, "total_count": 2, "total_pages": 1}


def test_a_customer_opens_one_order(account, buy, digital, customer, django_user_model):
    order = buy(digital, user=customer)
    document = account(f"/{order.number}{INCLUDE}").json()
    assert (document["data"]["type"], document["data"]["attributes"]["number"]) == ("order", order.number)
    assert included(document, "digital_link")
    foreign = buy(digital, user=django_user_model.objects.create_user("other"))
    guest = buy(digital)
    unfinished = buy(digital, user=customer)
    Order.objects.filter(pk=unfinished.pk).update(completed_at=None)
    for hidden in (foreign, guest, unfinished):
        assert error(account(f"/{hidden.number}")) == (404, "not_found")


def test_without_a_bearer_403_and_with_a_bad_one_401(client, account, customer, db):
    for path in ("", "/R1"):
        assert error(client.get(ACCOUNT_ORDERS + path)) == (403, "not_authenticated")
        bad = client.get(ACCOUNT_ORDERS + path, headers={"Authorization": "Bearer wrong"})
        assert error(bad) == (401, "authentication_failed")
        assert bad["WWW-Authenticate"] == "Bearer"
        for token in ("Bearer", "Bearer a b", "Bearer a\x00b", "Bearer ü"):
            assert client.get(ACCOUNT_ORDERS + path, headers={"Authorization": token}).status_code == 401
    customer.is_active = False
    customer.save()
    assert error(account()) == (401, "authentication_failed")


def test_pages_are_counted_as_spree_counts_them(account, buy, digital, customer):
    numbers = [buy(digital, user=customer).number for _ in range(5)][::-1]
    document = account("?per_page=2&page=2").json()
    assert [found["attributes"]["number"] for found in document["data"]] == numbers[2:4]
    assert document["meta"] == {"count": 2, "total_count": 5, "total_pages": 3}
    page = f"{ACCOUNT_ORDERS}?per_page=2&page="
    assert {name: _sorted(link) for name, link in document["links"].items()} == {
        name: _sorted(page + str(number))
        for name, number in {"self": 2, "first": 1, "last": 3, "next": 3, "prev": 1}.items()
    }
    assert account("?per_page=2&page=3").json()["links"]["next"] is None
    assert account("?per_page=2").json()["links"]["prev"] is None
    beyond = account("?per_page=2&page=9").json()
    assert (beyond["data"], beyond["meta"]["count"]) == ([], 0)


def _sorted(link):
    path, _, query = link.partition("?")
    return path, sorted(query.split("&"))


def test_a_customer_without_orders_has_one_empty_page(account):
    document = account().json()
    assert document["data"] == []
    assert document["meta"] == {"count": 0, "total_count": 0, "total_pages": 1}


@pytest.mark.parametrize("query", ["page=0", "page=-1", "page=x", "page=", "per_page=0", "per_page=%C2%B2", "page=1e3"])
def test_a_page_that_is_none_is_a_clear_400(account, query):
    response = account(f"?{query}")
    assert error(response) == (400, "malformed_request")
    assert query.partition("=")[0] in response.json()["errors"][0]["detail"]


def test_nobody_gets_more_than_100_orders_a_page(account, buy, digital, customer):
    order = buy(digital, user=customer)
    copies = [Order(store=order.store, user=customer, email="a@b.c", completed_at=timezone.now()) for _ in range(120)]
    Order.objects.bulk_create(copies)
    assert len(account("?per_page=1000000").json()["data"]) == 100


def test_addresses_come_from_the_shop_and_never_from_the_host_header(client, buy, digital, settings):
    settings.ALLOWED_HOSTS = ["*"]
    order = buy(digital)
    headers = {"X-Spree-Order-Token": order.token, "Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    response = client.get(f"{ORDER_STATUS}{order.number}{INCLUDE}", headers=headers)
    assert "evil.example" not in response.content.decode()
    (link,) = attributes_of_links(response)
    assert link["download_url"].startswith("https://shop.example/")


@pytest.mark.parametrize("lines", [1, 100])
def test_a_look_up_takes_at_most_12_queries_for_1_and_for_100_lines(
    look_up, account, buy, make_digital, make_variant, customer, lines, django_assert_max_num_queries
):
    basket = {make_digital(make_variant(f"Book {n}")).variant: 2 for n in range(lines)}
    order = buy(basket=basket, user=customer)
    query = "?include=line_items.variant,line_items.digital_links.digital"
    with django_assert_max_num_queries(12):
        assert len(included(look_up(order, query).json(), "digital_link")) == lines * 2
    with django_assert_max_num_queries(12):
        assert len(included(account(query).json(), "digital_link")) == lines * 2
    LineItem.objects.update(refunded_units=1)
    with django_assert_max_num_queries(12):
        assert sum(link["revoked"] for link in attributes_of_links(look_up(order, query))) == lines


def test_ten_orders_take_as_many_queries_as_one(account, buy, digital, customer):
    counts = []
    for orders in (1, 9):
        for _ in range(orders):
            buy(digital, user=customer)
        with CaptureQueriesContext(connection) as queries:
            account(INCLUDE)
        counts.append(len(queries))
    assert counts[0] == counts[1]


@given(
    counter=st.integers(0, 3),
    limit=st.none() | st.integers(0, 3),
    age=st.integers(0, 3),
    days=st.none() | st.integers(0, 3),
    revoked=st.booleans(),
    withdrawn=st.booleans(),
    completed=st.booleans(),
    cancelled=st.booleans(),
    refunded=st.integers(0, 3),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_look_up_s_authorizable_is_the_endpoint_s_answer(
    look_up, account, download, buy, digital, customer,
    counter, limit, age, days, revoked, withdrawn, completed, cancelled, refunded,
):  # fmt: skip
    now = timezone.now()
    DigitalLink.objects.all().delete()
    Digital.objects.update(withdrawn_at=None)
    order = buy(digital, quantity=3, user=customer)
    DigitalLink.objects.update(
        authorized_clicks=limit,
        unlimited_clicks=limit is None,
        authorized_days=days,
        unlimited_days=days is None,
        activated_at=now - timedelta(days=age),
    )
    first = DigitalLink.objects.earliest("unit")
    DigitalLink.objects.filter(pk=first.pk).update(
        access_counter=counter,
        purged_uses=counter,
        revoked_at=now if revoked else None,
        revoke_reason="staff" if revoked else "",
    )
    LineItem.objects.update(refunded_units=refunded)
    Digital.objects.update(withdrawn_at=now if withdrawn else None)
    Order.objects.update(cancelled_at=now if cancelled else None)
    shown = {link["token"]: link for link in attributes_of_links(look_up(order))}
    if not completed:
        Order.objects.update(completed_at=None)
        assert look_up(order).status_code == 404
        shown = {token: {**link, "authorizable": False} for token, link in shown.items()}
    for token, link in shown.items():
        answer = download(token)
        assert (answer.status_code == 200) is link["authorizable"], answer.json()


CAMELIZED = {
    "JSON_API_FORMAT_FIELD_NAMES": "camelize",
    "JSON_API_FORMAT_TYPES": "camelize",
    "JSON_API_PLURALIZE_TYPES": True,
    "JSON_API_UNIFORM_EXCEPTIONS": True,
    "REST_FRAMEWORK": {
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.MultiPartParser"],
        "DEFAULT_PAGINATION_CLASS": "rest_framework_json_api.pagination.JsonApiPageNumberPagination",
        "DEFAULT_FILTER_BACKENDS": ["rest_framework_json_api.filters.QueryParameterValidationFilter"],
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
        "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.AnonRateThrottle"],
        "DEFAULT_THROTTLE_RATES": {"anon": "1/day"},
        "DEFAULT_VERSIONING_CLASS": "rest_framework.versioning.AcceptHeaderVersioning",
        "EXCEPTION_HANDLER": "rest_framework_json_api.exceptions.exception_handler",
        "DATETIME_FORMAT": "%d.%m.%Y",
        "COERCE_DECIMAL_TO_STRING": False,
    },
    "TIME_ZONE": "Europe/Warsaw",
    "LANGUAGE_CODE": "en-gb",
}


def test_the_documents_are_the_same_whatever_the_project_sets_for_its_own_api(
    look_up, account, download, buy, digital, customer, settings
):
    order = buy(digital, user=customer)
    query = "?include=line_items.variant,line_items.digital_links.digital&per_page=5"

    def documents():
        answers = [
            look_up(order, query),
            account(query),
            account(f"/{order.number}"),
            look_up(order, token=""),
            account("?page=x"),
            download("z" * 24),
            download("z" * 24, "post"),
        ]
        return [json.dumps([answer.status_code, answer.json()]) for answer in answers]

    before = documents()
    for name, value in CAMELIZED.items():
        setattr(settings, name, value)
    assert documents() == before


class LineSerializer(DigitalLinksMixin, serializers.ModelSerializer):
    class Meta(DigitalLinksMixin.Meta):
        model = LineItem
        fields = ("id", "name", "digital_links")


class OrderSerializer(serializers.ModelSerializer):
    line_items = LineSerializer(many=True)

    class Meta:
        model = Order
        fields = ("number", "line_items")


def test_a_shop_with_its_own_order_api_adds_the_links_with_one_mixin(
    look_up, buy, make_digital, make_variant, django_assert_max_num_queries
):
    basket = {make_digital(make_variant(f"Book {n}")).variant: 2 for n in range(20)}
    order = buy(basket={**basket, make_variant("A mug"): 1})
    with django_assert_max_num_queries(4):
        shown = OrderSerializer(order).data["line_items"]
    assert [len(line["digital_links"]) for line in shown] == [2] * 20 + [0]
    wanted = {link["token"]: link for link in attributes_of_links(look_up(order))}
    assert {link["token"]: dict(link) for line in shown for link in line["digital_links"]} == wanted
    alone = LineSerializer(order.line_items.first()).data
    assert alone["digital_links"] == shown[0]["digital_links"]


def test_two_stores_have_limits_of_their_own(look_up, buy, digital, store):
    other = Store.objects.create(name="Other", domain="http://other.example/")
    StoreLimits.objects.create(store=other, authorized_clicks=1)
    (link,) = attributes_of_links(look_up(buy(digital)))
    (other_link,) = attributes_of_links(look_up(buy(digital, store=other)))
    assert (link["downloads_remaining"], other_link["downloads_remaining"]) == (5, 1)
    assert other_link["download_url"].startswith("http://other.example/api/v2/storefront/digitals/")


def test_replacing_a_file_shows_its_new_name_and_size(look_up, buy, digital):
    order = buy(digital)
    digital.attachment = ContentFile(b"second edition", name="second.txt")
    digital.save()
    (link,) = attributes_of_links(look_up(order))
    assert (link["filename"], link["byte_size"]) == ("second.txt", 14)


def test_the_addresses_are_where_spree_s_clients_expect_them():
    assert reverse("spree_digitals:download", kwargs={"token": "t"}) == "/api/v2/storefront/digitals/t"
    assert reverse("spree_digitals:order_status", kwargs={"number": "R1"}) == "/api/v2/storefront/order_status/R1"
    assert reverse("spree_digitals:account_orders") == "/api/v2/storefront/account/orders"
    assert reverse("spree_digitals:account_order", kwargs={"number": "R1"}) == "/api/v2/storefront/account/orders/R1"
