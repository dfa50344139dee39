"""The example shop over its pages, as the people do who visit it."""

from __future__ import annotations

import re
import threading
import uuid
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.staticfiles import finders
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from example_project.shop.basket import MOST_UNITS
from example_project.shop.catalogue import PRODUCTS, stock
from example_project.shop.models import PLAIN_PICTURE, LineItem, Order
from spree_digitals.models import DigitalLink, StoreLimits
from tests.conftest import PDF, uses

CARD = "0000 0000 0000 0000"


@pytest.fixture
def put_into_basket(client):
    def put(variant, quantity=1):
        return client.post(variant.get_absolute_url(), {"quantity": quantity}, follow=True)

    return put


@pytest.fixture
def check_out(client):
    """Fill in the form that is shown, and press its button."""

    def check_out(**fields):
        shown = client.get(reverse("shop:checkout"), follow=True)
        key = re.search(r'name="key" value="([^"]+)"', text(shown))
        form = {"email": "guest@example.com", "card": CARD, "key": key[1] if key else "", **fields}
        return client.post(reverse("shop:checkout"), form, follow=True)

    return check_out


def text(response) -> str:
    return response.content.decode()


# The catalogue


def test_the_catalogue_shows_every_product_with_its_own_picture_and_price(client, store):
    stock(store)
    page = text(client.get("/"))
    pictures = re.findall(r'src="/static/(shop/pictures/[^"]+)"', page)
    assert len(set(pictures)) == len(PRODUCTS) == 12
    for product in PRODUCTS:
        assert f"shop/pictures/{product.picture}.svg" in pictures
        assert product.name in page
        assert f"€ {product.price}" in page


@pytest.mark.parametrize("picture", [PLAIN_PICTURE, *(product.picture for product in PRODUCTS)])
def test_each_picture_is_a_static_file(picture):
    assert finders.find(f"shop/pictures/{picture}.svg")


def test_a_product_without_a_picture_gets_a_plain_one(client, make_variant):
    assert "shop/pictures/plain.svg" in text(client.get(make_variant().get_absolute_url()))


def test_products_that_a_shop_had_before_there_were_pictures_get_theirs(make_variant, store):
    old = make_variant("The Paper Lighthouse (e-book)", sku="BOOK", price="7.50")
    stock(store)
    old.refresh_from_db()
    assert (old.kind, old.picture, str(old.price)) == ("E-book", "lighthouse", "7.50")


def test_a_shop_that_is_not_open_yet_says_how_to_open_it(client, db):
    assert "manage.py demo" in text(client.get("/"))


def test_a_long_catalogue_has_pages(client, make_variant):
    for number in range(25):
        make_variant(f"Volume {number}")
    assert "Page 1 of 2" in text(client.get("/"))
    assert "Volume 24" in text(client.get("/?page=2"))


def test_the_catalogue_takes_as_many_queries_for_many_products_as_for_one(
    client, make_digital, make_variant, django_assert_max_num_queries
):
    for number in range(20):
        make_digital(make_variant(f"Volume {number}"))
    with django_assert_max_num_queries(4):
        client.get("/")


# A product


def test_a_product_tells_what_its_files_are(client, digital, make_digital):
    make_digital(digital.variant, content=b"Monday\n", name="planner.txt")
    page = text(client.get(digital.variant.get_absolute_url()))
    assert "novel.pdf" in page
    assert "PDF" in page
    assert "planner.txt" in page
    assert "TXT" in page
    assert "7\xa0bytes" in page


def test_a_file_that_is_not_sold_any_more_is_not_shown(client, make_digital):
    retired = make_digital(retired_at=timezone.now())
    assert "novel.pdf" not in text(client.get(retired.variant.get_absolute_url()))


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({}, "5 downloads within 7 days of purchase"),
        ({"authorized_clicks": 2, "authorized_days": 1}, "2 downloads within 1 day of purchase"),
        ({"unlimited_clicks": True, "unlimited_days": True}, "Unlimited downloads, at any time"),
    ],
)
def test_a_product_tells_the_limits_that_staff_have_set_for_the_store(client, digital, store, limits, words):
    StoreLimits.objects.create(store=store, **limits)
    assert words in text(client.get(digital.variant.get_absolute_url()))


def test_a_file_with_limits_of_its_own_tells_those(client, make_digital, store):
    StoreLimits.objects.create(store=store, authorized_clicks=2)
    digital = make_digital(authorized_clicks=50)
    assert "50 downloads within 7 days of purchase" in text(client.get(digital.variant.get_absolute_url()))


# Buying


def test_a_guest_buys_and_downloads_over_the_pages(client, digital, put_into_basket, check_out):
    assert "is in your basket" in text(put_into_basket(digital.variant))
    page = check_out(email="guest@example.com")
    order = Order.objects.get()
    assert page.redirect_chain == [(order.get_absolute_url(), 302)]
    assert (order.email, order.user) == ("guest@example.com", None)
    assert order.completed_at is not None
    assert "Thank you" in text(page)
    assert "5 downloads left" in text(page)
    assert order.get_absolute_url() == f"/orders/{order.number}/{order.token}"
    link = DigitalLink.objects.get()
    address = reverse("spree_digitals_pages:link", args=[link.token])
    assert f'href="{address}"' in text(page)
    file = client.post(address, follow=True)
    assert b"".join(file.streaming_content) == PDF
    assert uses(link) == 1
    assert "4 downloads left" in text(client.get(order.get_absolute_url()))


def test_several_products_are_bought_in_one_order(client, make_digital, make_variant, put_into_basket, check_out):
    novel, atlas = make_digital().variant, make_variant("An atlas", price="20.00")
    put_into_basket(novel, 2)
    assert "€ 39.80" in text(put_into_basket(atlas))
    page = text(check_out())
    order = Order.objects.get()
    assert [str(line) for line in order.line_items.order_by("pk")] == ["2 × A novel", "1 × An atlas"]
    assert str(order.total) == "39.80"
    assert DigitalLink.objects.count() == 2
    assert "copy 2" in page
    assert "Nothing to download" in page
    assert client.get(reverse("shop:checkout")).status_code == 302


def test_buying_the_same_twice_makes_two_orders(digital, put_into_basket, check_out):
    for _ in range(2):
        put_into_basket(digital.variant)
        check_out()
    assert Order.objects.count() == 2
    assert DigitalLink.objects.count() == 2


def test_a_form_that_is_sent_twice_makes_one_order_and_leads_to_it_twice(digital, put_into_basket, check_out):
    key = str(uuid.uuid4())
    put_into_basket(digital.variant)
    first, again = check_out(key=key), check_out(key=key)
    assert first.redirect_chain == again.redirect_chain
    assert Order.objects.count() == 1


def test_going_back_to_a_form_that_was_sent_does_not_sell_what_was_chosen_since(digital, put_into_basket, check_out):
    key = str(uuid.uuid4())
    put_into_basket(digital.variant)
    check_out(key=key)
    put_into_basket(digital.variant)
    check_out(key=key)
    assert Order.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_form_that_is_sent_several_times_at_once_makes_one_order(client, digital, put_into_basket):
    put_into_basket(digital.variant)
    form = {"email": "guest@example.com", "card": CARD, "key": str(uuid.uuid4())}
    together, answers = threading.Barrier(4), []

    def send():
        browser = Client()
        browser.cookies = client.cookies
        together.wait()
        answers.append(browser.post(reverse("shop:checkout"), form)["Location"])
        connection.close()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [Order.objects.get().get_absolute_url()] * 4


@pytest.mark.parametrize("quantity", ["0", "-1", str(MOST_UNITS + 1), "9" * 400, "", "two", "1.5", "1\x00", "٣٣"])
def test_quantities_that_cannot_be_bought_are_refused_and_kept_in_the_form(client, digital, put_into_basket, quantity):
    page = put_into_basket(digital.variant, quantity)
    assert page.status_code == 200
    assert 'class="errorlist"' in text(page)
    assert 'aria-invalid="true"' in text(page)
    if quantity.isascii() and quantity.isprintable() and quantity:
        assert f'value="{quantity}"' in text(page)
    assert "Nothing is in it yet" in text(client.get(reverse("shop:basket")))


def test_a_basket_takes_no_more_of_a_product_however_it_is_filled(digital, put_into_basket):
    put_into_basket(digital.variant, MOST_UNITS - 1)
    assert f"There are {MOST_UNITS - 1} in your basket already" in text(put_into_basket(digital.variant, 2))


@pytest.mark.parametrize(("quantity", "bought"), [("3", 3), ("0", 0)])
def test_quantities_are_changed_in_the_basket(client, digital, put_into_basket, quantity, bought):
    put_into_basket(digital.variant)
    page = client.post(reverse("shop:basket_line", args=[digital.variant.pk]), {"quantity": quantity}, follow=True)
    assert f'class="count">{bought}</span>' in text(page)


@pytest.mark.parametrize("quantity", ["-1", str(MOST_UNITS + 1), "", "many"])
def test_a_quantity_that_cannot_be_bought_leaves_the_basket_as_it_was(client, digital, put_into_basket, quantity):
    put_into_basket(digital.variant, 2)
    page = client.post(reverse("shop:basket_line", args=[digital.variant.pk]), {"quantity": quantity})
    assert 'class="errorlist"' in text(page)
    assert 'class="count">2</span>' in text(page)


def test_a_product_that_was_deleted_is_not_in_the_basket_any_more(client, make_variant, put_into_basket, check_out):
    gone, kept = make_variant("A novel"), make_variant("An atlas")
    put_into_basket(gone)
    put_into_basket(kept)
    gone.delete()
    assert "A novel" not in text(client.get(reverse("shop:basket")))
    check_out()
    assert [line.name for line in LineItem.objects.all()] == ["An atlas"]


def test_nothing_in_the_basket_is_nothing_to_pay_for(check_out, store):
    assert "Your basket is empty" in text(check_out())
    assert not Order.objects.exists()


@pytest.mark.parametrize(
    ("field", "typed", "complaint"),
    [
        ("email", "", "This field is required."),
        ("email", "nobody", "Enter a valid email address."),
        ("email", "a@example.com\nBcc: b@example.com", "Enter a valid email address."),
        ("email", f"{'a' * 400}@example.com", "at most 254 characters"),
        ("email", "a\x00@example.com", "Null characters are not allowed."),
        ("card", "", "This field is required."),
        ("card", "my card", "Digits only, please. Any number works."),
        ("key", "1", "This form is incomplete."),
    ],
)
def test_what_is_wrong_with_the_checkout_is_said_and_what_was_typed_is_kept(
    digital, put_into_basket, check_out, field, typed, complaint
):
    put_into_basket(digital.variant)
    page = text(check_out(**{"email": "kept@example.com", field: typed}))
    assert complaint in page
    assert field == "email" or "kept@example.com" in page
    assert not Order.objects.exists()


def test_the_payment_is_marked_as_a_demonstration(client, digital, put_into_basket):
    put_into_basket(digital.variant)
    page = text(client.get(reverse("shop:checkout")))
    assert "This is a demonstration. No money moves. Any number works." in page


@pytest.mark.parametrize("page", ["product", "basket_line", "checkout", "sign_up", "log_in", "log_out"])
def test_forms_of_other_sites_do_nothing(make_variant, page):
    strict = Client(enforce_csrf_checks=True)
    address = reverse(f"shop:{page}", args=[make_variant().pk] if page in ("product", "basket_line") else [])
    assert strict.post(address, {"quantity": 1}).status_code == 403


# The order


def test_orders_open_to_those_who_have_their_address_only(client, buy, digital):
    order, other = buy(digital), buy(digital)
    assert client.get(reverse("shop:order", args=[order.number, order.token])).status_code == 200
    assert client.get(reverse("shop:order", args=[order.number, other.token])).status_code == 404
    assert client.get(reverse("shop:order", args=["R000000000", order.token])).status_code == 404


@pytest.mark.parametrize("path", ["%00/%00", "R1/é", "R1/%20", "%F0%9F%92%A9/x", f"{'9' * 5000}/x", "'%20OR%201=1--/x"])
def test_nonsense_in_the_address_of_an_order_is_not_found(client, db, path):
    assert client.get(f"/orders/{path}").status_code == 404


@pytest.mark.parametrize(
    "path", ["/products/0", f"/products/{'9' * 40}", "/products/-1", "/?page=0", "/?page=x", "/?page=%00"]
)
def test_nonsense_in_the_address_of_a_product_is_not_found(client, store, path):
    page = client.get(path)
    assert page.status_code == 404
    assert "There is nothing here" in text(page)


def test_an_order_that_is_not_completed_has_no_page(client, store):
    order = Order.objects.create(store=store, email="guest@example.com")
    assert client.get(order.get_absolute_url()).status_code == 404


def test_the_page_of_an_order_is_kept_by_no_cache_and_found_by_no_search_engine(client, buy, digital):
    page = client.get(buy(digital).get_absolute_url())
    assert "no-store" in page["Cache-Control"]
    assert "noindex" in text(page)


def test_the_page_of_an_order_says_why_a_file_cannot_be_downloaded(client, make_link):
    expired = make_link(days=1, bought=timezone.now() - timedelta(days=2))
    page = text(client.get(expired.line_item.order.get_absolute_url()))
    assert "This download link has expired." in page
    assert "downloads left" not in page


def test_names_are_shown_as_text_however_they_are_written(client, buy, make_digital, make_variant):
    digital = make_digital(make_variant("<script>alert(1)</script>"), name="<img src=x onerror=alert(1)>.pdf")
    for page in ("/", digital.variant.get_absolute_url(), buy(digital).get_absolute_url()):
        answer = text(client.get(page))
        assert "<script" not in answer
        assert "<img src=x" not in answer
        assert "&lt;script&gt;" in answer


# Customers


def test_a_customer_makes_an_account_buys_and_finds_the_order(client, digital, put_into_basket, check_out):
    secret = "a lighthouse of paper"
    form = {"username": "ada", "email": "ada@example.com", "password1": secret, "password2": secret}
    assert "Hello, ada" in text(client.post(reverse("shop:sign_up"), form, follow=True))
    put_into_basket(digital.variant)
    assert 'value="ada@example.com"' in text(client.get(reverse("shop:checkout")))
    check_out(email="ada@example.com")
    order = Order.objects.get()
    assert order.user == User.objects.get(username="ada")
    page = text(client.get(reverse("shop:account")))
    assert order.get_absolute_url() in page
    assert reverse("spree_digitals_pages:downloads") in page


def test_a_customer_sees_no_order_of_another_with_the_same_address(client, buy, digital):
    order = buy(digital, email="ada@example.com")
    client.force_login(User.objects.create_user("ada", "ada@example.com"))
    assert order.number not in text(client.get(reverse("shop:account")))


def test_a_customer_logs_in_changes_the_password_and_logs_out(client, db):
    User.objects.create_user("ada", password="lovelace")
    account, log_in = reverse("shop:account"), reverse("shop:log_in")
    assert client.get(account).headers["Location"] == f"{log_in}?next={account}"
    assert "correct username and password" in text(client.post(log_in, {"username": "ada", "password": "x"}))
    page = client.post(log_in, {"username": "ada", "password": "lovelace"}, follow=True)
    assert "Hello, ada" in text(page)
    new = "the analytical engine"
    form = {"old_password": "lovelace", "new_password1": new, "new_password2": new}
    page = client.post(reverse("shop:password"), form, follow=True)
    assert "Your password was changed." in text(page)
    assert client.post(reverse("shop:log_out")).headers["Location"] == "/"
    assert client.login(username="ada", password=new)


def test_logging_in_leads_back_to_the_checkout_and_to_no_other_site(client, db):
    User.objects.create_user("ada", password="lovelace")
    form = {"username": "ada", "password": "lovelace"}
    for wanted, seen in [("/checkout", "/checkout"), ("https://evil.example/", "/account")]:
        assert client.post(reverse("shop:log_in"), {**form, "next": wanted}).headers["Location"] == seen


def test_a_guest_keeps_the_basket_when_logging_in(client, digital, put_into_basket):
    User.objects.create_user("ada", password="lovelace")
    put_into_basket(digital.variant)
    client.post(reverse("shop:log_in"), {"username": "ada", "password": "lovelace"})
    assert "A novel" in text(client.get(reverse("shop:basket")))


# The look


def test_pages_of_spree_digitals_wear_the_look_of_the_shop(client, link):
    page = text(client.get(reverse("spree_digitals_pages:link", args=[link.token])))
    assert "shop/shop.css" in page
    assert "My downloads" in page
    assert "noindex" in page


def test_staff_find_the_admin_from_every_page(client, store):
    assert f'href="{reverse("admin:index")}"' in text(client.get("/"))


@pytest.mark.parametrize("page", ["catalogue", "basket", "log_in", "sign_up"])
def test_nothing_on_a_page_comes_from_elsewhere(client, store, page):
    answer = text(client.get(reverse(f"shop:{page}")))
    assert not re.findall(r'(?:src|href|action)="(?:https?:)?//', answer)
    assert "<script" not in answer


# The back office


@pytest.fixture
def staff(client, admin_user):
    client.force_login(admin_user)
    return client


def act(staff, model, action, *objects):
    form = {"action": action, "_selected_action": [found.pk for found in objects]}
    return text(staff.post(reverse(f"admin:shop_{model}_changelist"), form, follow=True))


def test_staff_see_products_with_their_pictures(staff, make_variant):
    make_variant(picture="tides")
    page = text(staff.get(reverse("admin:shop_variant_changelist")))
    assert 'src="/static/shop/pictures/tides.svg"' in page


def test_staff_cancel_an_order_and_its_links_stop(staff, buy, digital, download):
    order, other = buy(digital), buy(digital)
    assert "1 order was cancelled." in act(staff, "order", "cancel", order)
    link = DigitalLink.objects.get(line_item__order=order)
    assert download(link).status_code == 403
    assert download(DigitalLink.objects.get(line_item__order=other)).status_code == 200
    assert "This order was cancelled" in text(staff.get(order.get_absolute_url()))
    assert "Cancelled." in text(staff.get(reverse("admin:shop_order_history", args=[order.pk])))
    order.refresh_from_db()
    assert "0 orders were cancelled." in act(staff, "order", "cancel", order)
    assert Order.objects.get(pk=order.pk).cancelled_at == order.cancelled_at


def test_staff_refund_one_unit_and_the_link_that_was_used_least_stops(staff, buy, digital, download):
    line = buy(digital, quantity=2).line_items.get()
    first, second = DigitalLink.objects.order_by("unit")
    assert download(second).status_code == 200
    assert "One unit of 1 line was refunded." in act(staff, "lineitem", "refund_one_unit", line)
    assert download(first).status_code == 403
    assert download(second).status_code == 200
    assert "One unit was refunded." in text(staff.get(reverse("admin:shop_lineitem_history", args=[line.pk])))
    act(staff, "lineitem", "refund_one_unit", line)
    assert download(second).status_code == 403
    assert "Lines without a unit left were skipped." in act(staff, "lineitem", "refund_one_unit", line)
    line.refresh_from_db()
    assert line.refunded_units == 2


def test_the_secret_address_of_an_order_is_not_shown_to_staff(staff, buy, digital):
    order = buy(digital)
    assert order.token not in text(staff.get(reverse("admin:shop_order_change", args=[order.pk])))


def test_staff_who_may_only_look_can_neither_cancel_nor_refund(client, buy, digital):
    order = buy(digital)
    watcher = User.objects.create_user("watcher", is_staff=True)
    watcher.user_permissions.set(Permission.objects.filter(codename__in=["view_order", "view_lineitem"]))
    client.force_login(watcher)
    act(client, "order", "cancel", order)
    act(client, "lineitem", "refund_one_unit", order.line_items.get())
    order.refresh_from_db()
    assert order.cancelled_at is None
    assert order.line_items.get().refunded_units == 0
