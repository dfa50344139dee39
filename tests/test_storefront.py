"""The adapter in shops that have one store only, or whose variants have several."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.authtoken.models import Token

from example_project.shop.digitals import ShopStorefront
from example_project.shop.models import Store
from spree_digitals.checks.storefront import check_paths_lead_to_one_object
from spree_digitals.mails import compose
from spree_digitals.models import Digital, DigitalLink, Mail
from spree_digitals.staff import path_to_store
from spree_digitals.storefront import Storefront, get_storefront, read_store_once
from tests.conftest import ACCOUNT_ORDERS
from tests.test_pages import Seen

CSV = "/admin/spree_digitals/download/report/downloads.csv"
LINKS = "/api/v2/platform/digital_links?per_page=100"
MY_DOWNLOADS = "/downloads/"


class OnlyStore(ShopStorefront):
    """Orders lead to no store: there is one, the row of SITE_ID."""

    store_path = None


class GroupsOfBuyer(Storefront):
    store_path = "order__user__groups"


@pytest.fixture
def only_store(settings, store):
    settings.SITE_ID = store.pk
    settings.SPREE_DIGITALS_STOREFRONT = "tests.test_storefront.OnlyStore"
    return store


@pytest.fixture
def seller(client, admin_user):
    """The shopkeeper, who has bought from the own shop as well."""
    client.force_login(admin_user)
    token = Token.objects.create(user=admin_user)
    client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {token.key}"
    client.user = admin_user
    return client


def ask(client, address):
    """The whole answer, and how many queries it took."""
    with CaptureQueriesContext(connection) as queries:
        response = client.get(address)
        assert response.status_code == 200
        body = response.getvalue().decode()
    return body, len(queries)


@pytest.mark.parametrize("address", [CSV, LINKS, MY_DOWNLOADS, f"{ACCOUNT_ORDERS}?include=line_items.digital_links"])
def test_an_only_store_is_read_once_for_however_many_rows(seller, only_store, buy, digital, download, address):
    def sell(times):
        for _ in range(times):
            order = buy(digital, user=seller.user)
            download(DigitalLink.objects.get(line_item__order=order))

    sell(1)
    _, few = ask(seller, address)
    sell(29)
    body, many = ask(seller, address)
    assert many == few
    named = only_store.name if address == CSV else only_store.domain
    assert address == MY_DOWNLOADS or body.count(named) >= 10


def test_a_mail_with_many_links_reads_an_only_store_as_often_as_one_with_few(only_store, buy, digital):
    found = []
    for quantity in (1, 30):
        buy(digital, quantity=quantity)
        mail = Mail.objects.latest("pk")
        with CaptureQueriesContext(connection) as queries:
            assert compose(mail).body.count(only_store.domain) == quantity
        found.append(len(queries))
    assert found[0] == found[1]


@pytest.mark.usefixtures("plain_look")
def test_an_only_store_that_was_renamed_has_its_new_name_at_once(client, only_store, link):
    def header():
        return Seen(client.get(f"/downloads/{link.token}").text).text

    assert "Paper & Sound" in header()
    Store.objects.update(name="Paper & Noise")
    assert "Paper & Noise" in header()


def test_the_store_is_kept_for_as_long_as_one_answer_takes(only_store, django_assert_num_queries):
    storefront = get_storefront()
    with django_assert_num_queries(2):
        storefront.store(None), storefront.store(None)
    for _ in range(2):
        with django_assert_num_queries(1), read_store_once():
            assert storefront.store(None) == storefront.store(None) == only_store


def test_a_store_that_only_some_of_a_variant_s_are_is_not_the_variant_s_store(settings):
    settings.SPREE_DIGITALS_VARIANT_MODEL, settings.SPREE_DIGITALS_STORE_MODEL = "auth.User", "auth.Group"
    assert path_to_store(apps.get_model("auth.User")) is None
    assert path_to_store(Digital) is None
    # One store for each variant is another matter.
    settings.SPREE_DIGITALS_VARIANT_MODEL, settings.SPREE_DIGITALS_STORE_MODEL = "shop.Variant", "shop.Store"
    assert path_to_store(Digital) == "variant__store"


def test_a_path_through_many_stores_is_no_path_to_the_store(settings):
    settings.SPREE_DIGITALS_STOREFRONT = "tests.test_storefront.GroupsOfBuyer"
    settings.SPREE_DIGITALS_STORE_MODEL = "auth.Group"
    (message,) = check_paths_lead_to_one_object()
    assert message.id == "spree_digitals.E006"
    assert "'groups' is not a foreign key of auth.User" in message.msg
