"""What only the marketplace has: parents with files, several addresses, lines in an order of their own, returns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core import mail as outgoing
from django.core.files.base import ContentFile
from django.urls import reverse

from spree_digitals import mails
from spree_digitals.models import Digital, DigitalLink, Mail
from spree_digitals.storefront import Storefront, get_storefront

from . import adapter
from .adapter import MarketStorefront
from .models import Article, Purchase, PurchaseLine, Shopfront
from .selling import ADDRESS, open_store, sell


@pytest.fixture
def shopfront(db: None) -> Shopfront:
    return open_store(ADDRESS)


@pytest.fixture
def make_article(db: None) -> Callable[..., Article]:
    """An article with one file."""

    def make(title: str, parent: Article | None = None) -> Article:
        article = Article.objects.create(title=title, parent=parent)
        Digital.objects.create(variant=article, attachment=ContentFile(b"%PDF-", name=f"{title}.pdf"))
        return article

    return make


@pytest.fixture
def look_up(client: Any) -> Callable[[Purchase], Any]:
    def look_up(purchase: Purchase) -> Any:
        url = reverse("spree_digitals:order_status", args=[purchase.serial])
        secret = get_storefront().order_token(purchase)
        return client.get(url, {"include": "line_items"}, headers={"X-Spree-Order-Token": secret}).json()

    return look_up


def test_a_shop_that_fits_no_default_tells_everything_in_sixty_lines():
    assert len(Path(adapter.__file__).read_text().splitlines()) <= 60


def test_no_path_of_the_market_is_the_default():
    paths = [name for name in vars(Storefront) if name.endswith(("_path", "_paths"))]
    assert paths
    assert not [name for name in paths if getattr(get_storefront(), name) == getattr(Storefront, name)]


def test_a_child_is_sold_with_its_own_files_and_those_of_its_parent(shopfront, make_article):
    album = make_article("Album")
    vinyl, tape = make_article("Vinyl", parent=album), make_article("Tape", parent=album)
    sell(shopfront, vinyl)
    sell(shopfront, album)
    issued = DigitalLink.objects.values_list("line_item__article__title", "digital__filename")
    assert sorted(issued) == [("Album", "Album.pdf"), ("Vinyl", "Album.pdf"), ("Vinyl", "Vinyl.pdf")]
    assert not DigitalLink.objects.filter(digital__variant=tape).exists()


def test_the_first_address_that_is_not_empty_is_shown(shopfront, look_up, django_user_model):
    ann = django_user_model.objects.create_user("ann", email="ann@example.com")
    by_guest = sell(shopfront, contact="guest@example.com")
    by_customer = sell(shopfront, user=ann)
    by_both = sell(shopfront, user=ann, contact="work@example.com")
    shown = [look_up(purchase)["data"]["attributes"]["email"] for purchase in (by_guest, by_customer, by_both)]
    assert shown == ["guest@example.com", "ann@example.com", "work@example.com"]


def test_lines_appear_as_the_shop_sorts_them_whatever_their_keys_are(shopfront, look_up):
    titles = [f"Volume {number}" for number in range(9)]
    document = look_up(sell(shopfront, *(Article.objects.create(title=title) for title in titles)))
    names = {line["id"]: line["attributes"]["name"] for line in document["included"]}
    assert [names[line["id"]] for line in document["data"]["relationships"]["line_items"]["data"]] == titles


def test_a_returned_piece_takes_its_link_along(shopfront, make_article, look_up):
    purchase = sell(shopfront, make_article("Novel"), quantity=2)
    PurchaseLine.objects.update(returned=1)
    look_up(purchase)
    assert list(DigitalLink.objects.order_by("unit").values_list("unit", "revoke_reason")) == [
        (1, ""),
        (2, "entitlement"),
    ]


class OwnShopfrontOnly(MarketStorefront):
    def staff_stores(self, user: Any) -> Any:
        return Shopfront.objects.filter(hostname="market.example")


@pytest.mark.django_db(transaction=True)
def test_staff_find_the_mails_of_orders_whose_keys_are_no_numbers(admin_client, settings, tmp_path):
    settings.SPREE_DIGITALS_STOREFRONT = f"{__name__}.OwnShopfrontOnly"
    options = {**settings.STORAGES["digitals"]["OPTIONS"], "location": tmp_path}
    settings.STORAGES = {**settings.STORAGES, "digitals": {**settings.STORAGES["digitals"], "OPTIONS": options}}
    novel = Article.objects.create(title="A novel")
    digital = Digital.objects.create(variant=novel, attachment=ContentFile(b"%PDF-", name="novel.pdf"))
    own = sell(open_store("https://market.example"), novel, contact="own@example.com")
    foreign = sell(open_store("https://elsewhere.example"), novel, contact="foreign@example.com")
    assert "https://elsewhere.example/market/files/" in outgoing.outbox[1].body
    assert set(mails.buyers_of(digital)) == set()  # they have the present version
    digital.attachment = ContentFile(b"%PDF-2", name="novel.pdf")
    digital.save()
    assert set(mails.buyers_of(digital)) == {own.pk, foreign.pk}
    page = reverse("admin:spree_digitals_mail_changelist")
    for query in ({}, {"q": str(own.serial)}, {"q": "own@"}):
        text = admin_client.get(page, query).content.decode()
        assert "own@example.com" in text, query
        assert "foreign@example.com" not in text
    assert Mail.objects.filter(state="sent").count() == 2
