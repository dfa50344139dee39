"""My downloads: customers with an account find theirs, guests sign in with a link that is mailed to them."""

from __future__ import annotations

import asyncio
import re
import time
from datetime import timedelta
from email.utils import parseaddr

import django
import pytest
from asgiref.sync import async_to_sync
from django.core import mail
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.mail.backends.base import BaseEmailBackend
from django.db import OperationalError, connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import clear_script_prefix, set_script_prefix
from django.utils import timezone

from example_project.shop.models import Order, Store
from spree_digitals import issuing
from spree_digitals.models import DigitalLink
from spree_digitals.pages import sign_in, views
from spree_digitals.storefront import Storefront
from tests.conftest import uses
from tests.test_pages import Seen

pytestmark = pytest.mark.usefixtures("plain_look")

DOWNLOADS = "/downloads/"
SIGN_IN = "/downloads/sign-in"
SIGN_OUT = "/downloads/sign-out"
BUYER = "buyer@example.com"
SENT = "If the shop has orders with the address"


@pytest.fixture(autouse=True)
def nobody_has_asked_before():
    cache.clear()


@pytest.fixture
def customer(django_user_model):
    return django_user_model.objects.create_user("kim", "kim@example.com", "secret")


@pytest.fixture
def order(buy, digital):
    order = buy(digital)
    mail.outbox.clear()  # what is sent when an order completes
    return order


@pytest.fixture
def ask(client, order):
    """Ask for a sign-in link; the mails that are there then."""

    def ask(address=BUYER, status=200, **extra):
        mail.outbox.clear()
        response = client.post(SIGN_IN, {"email": address}, **extra)
        assert response.status_code == status
        return list(mail.outbox)

    return ask


@pytest.fixture
def mailed(ask):
    """The path of the link in the mail."""
    (message,) = ask()
    return link_in(message)


@pytest.fixture
def guest(client, mailed):
    """A browser whose guest has signed in."""
    assert client.post(mailed).status_code == 303
    return client


def link_in(message) -> str:
    (url,) = set(re.findall(r"https?://\S+", message.body))
    assert url in message.alternatives[0].content
    assert url.startswith("https://shop.example/")
    return url.removeprefix("https://shop.example")


def text(response) -> str:
    return Seen(response.content.decode()).text.replace("\xa0", " ")


# What is shown


def test_a_customer_finds_every_file_with_what_is_left_of_it(client, customer, buy, make_digital, download):
    novel, song = make_digital(), make_digital(name="song.mp3", content=b"ID3\x04\x00\x00\x00\x00\x00\x00")
    order = buy(novel, song, user=customer)
    links = list(DigitalLink.objects.order_by("pk"))
    download(links[0])
    issuing.revoke(links[1:])
    client.force_login(customer)
    response = client.get(DOWNLOADS)
    seen = text(response)
    assert f"Order {order.number}" in seen
    assert "novel.pdf Ready PDF document" in seen
    assert "4 of 5 downloads left · Until" in seen
    assert "(6 days left)" in seen
    assert "song.mp3 Revoked" in seen
    assert {f"/downloads/{link.token}" for link in links} <= set(Seen(response.content.decode()).addresses)
    assert "Sign out" not in seen


def test_copies_of_one_file_are_told_apart(client, customer, buy, digital):
    buy(digital, quantity=2, user=customer)
    client.force_login(customer)
    assert "novel.pdf , copy 1" in text(client.get(DOWNLOADS))
    assert "novel.pdf , copy 2" in text(client.get(DOWNLOADS))


def test_nobody_finds_the_orders_of_others_or_orders_that_are_not_completed(
    client, customer, buy, digital, django_user_model
):
    other = django_user_model.objects.create_user("eve", BUYER, "secret")
    orders = [buy(digital, user=other), buy(digital), buy(digital, user=customer, email=BUYER)]
    Order.objects.filter(pk=buy(digital, user=customer).pk).update(completed_at=None)
    client.force_login(customer)
    seen = text(client.get(DOWNLOADS))
    assert [order.number in seen for order in orders] == [False, False, True]
    assert seen.count("Order R") == 1


def test_an_order_without_files_is_not_shown(client, customer, buy, make_variant):
    buy(basket={make_variant("A mug"): 1}, user=customer)
    client.force_login(customer)
    seen = text(client.get(DOWNLOADS))
    assert "There is nothing to download yet." in seen
    assert "Find orders by their e-mail address" in seen


def test_a_refund_shows_at_once(client, customer, buy, digital):
    order = buy(digital, quantity=2, user=customer)
    client.force_login(customer)
    assert text(client.get(DOWNLOADS)).count("Ready") == 2
    order.line_items.update(refunded_units=1)
    assert text(client.get(DOWNLOADS)).count("Ready") == 1


@pytest.fixture
def customer_with_many_orders(client, customer, buy, digital):
    orders = [buy(digital, user=customer) for _ in range(23)]
    client.force_login(customer)
    return [order.number for order in reversed(orders)]


def numbers(response) -> list[str]:
    return re.findall(r"Order (R\d+)", text(response))


def test_orders_come_ten_at_a_time_the_newest_first(client, customer_with_many_orders):
    first = client.get(DOWNLOADS)
    assert numbers(first) == customer_with_many_orders[:10]
    assert "Page 1 of 3" in text(first)
    found, response = numbers(first), first
    while older := re.search(r'rel="next" href="([^"]+)"', response.content.decode()):
        response = client.get(DOWNLOADS + older.group(1))
        found += numbers(response)
    assert found == customer_with_many_orders
    assert "Page 3 of 3" in text(response)


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        *((page, 1) for page in ("", "abc", "1.5", "%00", "١", "<script>", "é", "9" * 5000, "1e3", "None")),
        *((page, 3) for page in ("3", "4", "0", "-1", "999999999999999999999999")),
    ],
)
def test_whatever_page_is_asked_for_there_is_one(client, customer_with_many_orders, page, shown):
    response = client.get(f"{DOWNLOADS}?page={page}")
    assert response.status_code == 200
    assert f"Page {shown} of 3" in text(response)


@pytest.mark.parametrize("how_many", [1, 10])
def test_the_page_takes_the_same_few_queries_for_any_number_of_orders(client, customer, buy, make_digital, how_many):
    for _ in range(how_many):
        buy(make_digital(), make_digital(), user=customer, quantity=2)
    client.force_login(customer)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(DOWNLOADS).status_code == 200
    assert len(queries) == 6


def test_a_guest_s_page_takes_few_queries_too(guest, buy, digital):
    for _ in range(12):
        buy(digital)
    with CaptureQueriesContext(connection) as queries:
        assert len(numbers(guest.get(DOWNLOADS))) == 10
    assert len(queries) <= 6


def test_looking_costs_nothing(guest):
    for address in Seen(guest.get(DOWNLOADS).content.decode()).addresses:
        guest.get(address)
    assert uses(DigitalLink.objects.get()) == 0


# Asking for a link


def test_whoever_is_not_known_is_asked_for_an_address(client, db):
    response = client.get(DOWNLOADS, follow=True)
    assert response.redirect_chain == [(SIGN_IN, 302)]
    assert "E-mail address" in text(response)


def test_a_guest_gets_a_mail_and_with_it_the_downloads(client, ask, order):
    (message,) = ask()
    assert message.to == [BUYER]
    assert message.subject == "Your downloads from Paper & Sound"
    assert "30 minutes" in message.body
    page = client.get(link_in(message))
    assert BUYER in text(page)
    assert "Show my downloads" in text(page)
    assert client.get(DOWNLOADS).status_code == 302  # opening the link has signed nobody in
    response = client.post(link_in(message), follow=True)
    assert response.redirect_chain == [(DOWNLOADS, 303)]
    assert f"Order {order.number}" in text(response)
    assert f"Orders of {BUYER}" in text(response)


def test_the_answer_is_the_same_whether_the_shop_knows_the_address_or_not(client, order):
    known = client.post(SIGN_IN, {"email": BUYER})
    assert len(mail.outbox) == 1
    unknown = client.post(SIGN_IN, {"email": "nobody@example.com"})
    assert len(mail.outbox) == 1
    assert SENT in text(known)
    assert text(known).replace(BUYER, "") == text(unknown).replace("nobody@example.com", "")
    assert (known.status_code, dict(known.items()) | {"Content-Length": ""}) == (
        unknown.status_code,
        dict(unknown.items()) | {"Content-Length": ""},
    )


@pytest.mark.parametrize("address", [BUYER, "nobody@example.com"])
def test_the_request_asks_no_database_and_sends_nothing_until_it_was_answered(order, address, rf: RequestFactory):
    request = rf.post(SIGN_IN, {"email": address})
    request.session = {}
    with CaptureQueriesContext(connection) as queries:
        response = views.SignInPage.as_view()(request)
    assert SENT in text(response)
    assert (len(queries), len(mail.outbox)) == (0, 0)
    with CaptureQueriesContext(connection) as queries:
        response.close()
        response.close()
    assert len(queries) > 0
    assert len(mail.outbox) == (1 if address == BUYER else 0)


@pytest.mark.django_db(transaction=True)
def test_the_mail_goes_out_after_the_last_byte_under_wsgi(order, rf: RequestFactory):
    environ = rf.post(SIGN_IN, {"email": BUYER}).environ
    started: list[str] = []
    response = WSGIHandler()(environ, lambda status, headers: started.append(status))
    body = b"".join(response)
    assert started == ["200 OK"]
    assert SENT.encode() in body
    assert mail.outbox == []
    response.close()
    assert len(mail.outbox) == 1


@pytest.mark.django_db(transaction=True)
def test_the_mail_goes_out_after_the_last_byte_under_asgi(order):
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "path": SIGN_IN,
        "headers": [(b"host", b"testserver"), (b"content-type", b"application/x-www-form-urlencoded")],
        "query_string": b"",
        "client": ("127.0.0.1", 1),
        "server": ("testserver", 80),
    }
    waiting = [{"type": "http.request", "body": f"email={BUYER}".encode()}]
    sent: list[tuple[dict, int]] = []

    async def receive() -> dict:
        if not waiting:
            await asyncio.sleep(60)
        return waiting.pop()

    async def send(message: dict) -> None:
        sent.append((message, len(mail.outbox)))

    async_to_sync(ASGIHandler())(scope, receive, send)
    (start, _), (body, mails_by_then) = sent
    assert start["status"] == 200
    assert SENT in body["body"].decode()
    assert mails_by_then == 0
    assert len(mail.outbox) == 1


def test_the_mail_goes_to_the_address_that_the_order_has(ask, buy, digital):
    buy(digital, email="Kim.Novak@Example.COM")
    (message,) = ask("kim.novak@example.com")
    assert message.to == ["Kim.Novak@Example.COM"]


@pytest.mark.parametrize(
    "typed",
    ["mıke@example.com", "mike@exampIe.com", "ｍike@example.com", "mi\u200bke@example.com", "míke@example.com"],
    ids=ascii,
)
def test_an_address_that_only_looks_alike_opens_nothing(client, buy, digital, typed):
    buy(digital, email="mike@example.com")
    client.post(SIGN_IN, {"email": typed})
    assert {message.to[0] for message in mail.outbox} <= {"mike@example.com"}
    assert typed not in [message.to[0] for message in mail.outbox]
    if "ı" in typed:
        assert mail.outbox == []


@pytest.mark.parametrize(
    "typed",
    [
        f"{BUYER}\r\nBcc: eve@example.com",
        f"{BUYER}\nSubject: hello",
        f"{BUYER},eve@example.com",
        f"eve@example.com <{BUYER}>",
        f"{BUYER}\x00",
        "\x00",
        f"{'x' * 10_000}@example.com",
        f"x@{'example.' * 2000}com",
        "%",
        "_" * 16,
        "",
        " ",
        "@",
        "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
    ],
    ids=lambda typed: ascii(typed)[:30],
)
def test_what_is_no_address_is_told_and_mails_nobody(ask, client, typed):
    assert ask(typed, status=400) == []
    assert "Error:" in text(client.post(SIGN_IN, {"email": typed}))


def test_a_form_without_the_field_is_an_empty_one(client, order):
    assert client.post(SIGN_IN).status_code == 400
    assert client.post(SIGN_IN, {"email[]": BUYER}).status_code == 400


def test_a_shop_s_name_cannot_write_headers(ask, store):
    Store.objects.update(name="Paper\r\nBcc: eve@example.com\r\n\r\nhello")
    (message,) = ask()
    assert "\n" not in message.subject
    assert message.message()["Bcc"] is None
    assert message.recipients() == [BUYER]


@pytest.mark.parametrize(
    "extra",
    [{"headers": {"Host": "evil.example"}}, {"headers": {"X-Forwarded-Host": "evil.example"}}],
    ids=["Host", "X-Forwarded-Host"],
)
def test_the_link_leads_to_the_domain_of_the_store_whatever_the_request_says(ask, settings, extra):
    settings.ALLOWED_HOSTS, settings.USE_X_FORWARDED_HOST = ["*"], True
    (message,) = ask(**extra)
    assert link_in(message)
    assert "evil" not in str(message.message())


def test_the_domain_and_the_sender_are_those_of_the_newest_order(ask, buy, make_variant, make_digital, client):
    newer = Store.objects.create(name="Records", domain="https://records.example")
    buy(make_digital(make_variant(store=newer)), store=newer)
    (message,) = ask()
    assert "https://records.example/downloads/sign-in/" in message.body
    assert message.subject == "Your downloads from Records"


class MultilingualStorefront(Storefront):
    """A shop that writes to its buyers in German, from an address of its own."""

    def language(self, order):
        return "de"

    def from_email(self, order):
        return "Papier <post@papier.example>"


def test_mail_and_sender_are_the_shop_s_choice(ask, settings):
    settings.SPREE_DIGITALS_STOREFRONT = "tests.test_my_downloads.MultilingualStorefront"
    (message,) = ask()
    assert parseaddr(message.from_email)[1] == "post@papier.example"
    assert '<html lang="de"' in message.alternatives[0].content


def test_the_link_survives_mail_programs(ask):
    (message,) = ask()
    url = link_in(message)
    assert re.fullmatch(r"/downloads/sign-in/[\w.-]+\w", url)
    assert max(map(len, message.body.splitlines())) < 998


def test_a_mail_server_that_refuses_is_logged_without_the_link_and_the_guest_sees_no_difference(
    client, order, settings, caplog
):
    server = "tests.test_my_downloads.RefusingServer"
    if django.VERSION >= (6, 1):
        settings.MAILERS = {"default": {"BACKEND": server}}
    else:
        settings.EMAIL_BACKEND = server
    assert SENT in text(client.post(SIGN_IN, {"email": BUYER}))
    assert "A sign-in link could not be mailed: OSError: refused" in caplog.text
    assert "https://shop.example/downloads/sign-in/***" in caplog.text


class RefusingServer(BaseEmailBackend):
    """Refuses every mail and quotes what it was given."""

    def send_messages(self, messages):
        (message,) = messages
        raise OSError(f"refused: {message.body}")


# Throttling


def test_one_client_may_ask_ten_times_an_hour_for_whatever_address(client, order):
    answers = [client.post(SIGN_IN, {"email": f"{number}@example.com"}) for number in range(12)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429] * 2
    assert 0 < int(answers[-1]["Retry-After"]) <= 3600
    assert "Too many attempts" in text(answers[-1])
    assert client.get(SIGN_IN).status_code == 200
    assert client.post(SIGN_IN, {"email": BUYER}, REMOTE_ADDR="192.0.2.7").status_code == 200


def test_one_address_gets_three_mails_an_hour_and_nobody_is_told(client, order):
    typed = [BUYER, BUYER.upper(), f" {BUYER} ", BUYER, BUYER]
    answers = [client.post(SIGN_IN, {"email": address}, REMOTE_ADDR=f"192.0.2.{n}") for n, address in enumerate(typed)]
    assert {answer.status_code for answer in answers} == {200}
    assert text(answers[0]) == text(answers[-1])
    assert len(mail.outbox) == 3


def test_the_rates_are_settings(client, order, settings):
    settings.SPREE_DIGITALS_SIGN_IN_RATES = {"client": "1/min"}
    assert [client.post(SIGN_IN, {"email": BUYER}).status_code for _ in range(2)] == [200, 429]
    settings.SPREE_DIGITALS_SIGN_IN_RATES = {"address": "1/min"}
    for _ in range(20):
        assert client.post(SIGN_IN, {"email": "kim@example.com"}).status_code == 200


@pytest.mark.parametrize(
    ("proxies", "statuses"),
    [((), [200] * 3), (("192.0.2.99",), [200] * 3), (("127.0.0.1",), [200, 200, 429])],
    ids=["none is trusted", "another one is", "the one in front is"],
)
def test_a_client_makes_up_no_address_and_a_proxy_locks_nobody_out(client, order, settings, proxies, statuses):
    settings.SPREE_DIGITALS_SIGN_IN_RATES = {"client": "1/hour"}
    settings.SPREE_DIGITALS_TRUSTED_PROXIES = proxies
    # What the client claims, and what the proxy in front has added.
    forwarded = ["1.1.1.1, 192.0.2.1", "2.2.2.2, 192.0.2.2", "3.3.3.3, 192.0.2.2"]
    found = [
        client.post(SIGN_IN, {"email": BUYER}, headers={"X-Forwarded-For": value}).status_code for value in forwarded
    ]
    assert found == statuses


def test_clients_that_cannot_be_told_apart_do_not_lock_each_other_out(client, order, settings):
    settings.SPREE_DIGITALS_SIGN_IN_RATES = {"client": "1/hour"}
    assert [client.post(SIGN_IN, {"email": BUYER}, REMOTE_ADDR="").status_code for _ in range(3)] == [200] * 3


def test_the_cache_holds_no_address(client, order, monkeypatch):
    client.post(SIGN_IN, {"email": BUYER}, REMOTE_ADDR="192.0.2.7")
    kept = repr(cache._cache)
    assert "spree_digitals.sign_in.address." in kept
    assert "buyer" not in kept
    assert "192.0.2.7" not in kept


# The link in the mail


def test_the_link_works_until_it_expires_and_as_often_as_it_is_opened(client, mailed, settings):
    for _ in range(3):
        assert client.get(mailed).status_code == 200
        assert client.head(mailed).status_code == 200
        assert Client().post(mailed).status_code == 303
    settings.SPREE_DIGITALS_SIGN_IN_MINUTES = 0
    time.sleep(0.01)
    for response in (client.get(mailed), client.post(mailed)):
        assert response.status_code == 403
        assert "This sign-in link has expired or is not complete." in text(response)
        assert "Send me a link" in text(response)
        assert SIGN_IN in Seen(response.content.decode()).addresses
    assert client.get(DOWNLOADS).status_code == 302


def tampered(path: str) -> list[str]:
    payload, stamp, signature = path.removeprefix(SIGN_IN + "/").split(".")
    other = sign_in.sign("eve@example.com").split(".")
    return [
        f"{other[0]}.{stamp}.{signature}",
        f"{payload}.{other[1]}x.{signature}",
        f"{payload}.{stamp}.{signature[:-1]}",
        f"{payload}.{stamp}.{signature.swapcase()}",
        *(payload, f"{payload}.{stamp}", f"{payload}.{stamp}.", "..", ".", "x", "%00", "é.é.é", "x" * 9000),
    ]


def test_a_link_that_was_changed_is_a_page_with_the_form(client, mailed):
    for signed in tampered(mailed):
        for response in (client.get(f"{SIGN_IN}/{signed}"), client.post(f"{SIGN_IN}/{signed}")):
            assert response.status_code == 403, signed
            assert "Send me a link" in text(response)
    assert client.get(DOWNLOADS).status_code == 302


def test_what_is_signed_for_something_else_is_no_sign_in_link(client, mailed, settings):
    from django.core.signing import TimestampSigner

    foreign = TimestampSigner(salt="shop.newsletter", sep=".").sign_object(BUYER)
    assert client.post(f"{SIGN_IN}/{foreign}").status_code == 403
    settings.SECRET_KEY = "another" * 8
    assert client.post(mailed).status_code == 403


def test_no_other_site_can_sign_a_visitor_in_or_out(mailed, guest):
    stranger = Client(enforce_csrf_checks=True)
    assert stranger.post(mailed).status_code == 403
    assert stranger.get(DOWNLOADS).status_code == 302
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', stranger.get(mailed).content.decode()).group(1)
    own, foreign = {"Origin": "http://testserver"}, {"Origin": "https://evil.example"}
    form = {"csrfmiddlewaretoken": token}
    assert stranger.post(mailed, form, headers=foreign).status_code == 403
    assert stranger.post(mailed, form, headers=own).status_code == 303
    assert stranger.post(SIGN_OUT, headers=own).status_code == 403
    assert stranger.get(DOWNLOADS).status_code == 200
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', stranger.get(DOWNLOADS).content.decode()).group(1)
    assert stranger.post(SIGN_OUT, {"csrfmiddlewaretoken": token}, headers=own).status_code == 303
    assert stranger.get(DOWNLOADS).status_code == 302


def test_a_session_key_that_somebody_has_planted_is_worth_nothing(client, mailed, db):
    session = client.session
    session["basket"] = [1]
    session.save()
    planted = session.session_key
    client.cookies["sessionid"] = planted
    client.post(mailed)
    assert client.cookies["sessionid"].value != planted
    assert client.session["basket"] == [1]
    eve = Client()
    eve.cookies["sessionid"] = planted
    assert eve.get(DOWNLOADS).status_code == 302


def test_signing_out_forgets_the_guest_and_nothing_else(guest):
    session = guest.session
    session["basket"] = [1]
    session.save()
    response = guest.post(SIGN_OUT, follow=True)
    assert response.redirect_chain == [(DOWNLOADS, 303), (SIGN_IN, 302)]
    assert guest.session["basket"] == [1]
    assert BUYER not in repr(dict(guest.session))
    assert guest.get(SIGN_OUT).status_code == 405


def test_a_guest_is_signed_out_after_twelve_hours_however_busy(guest):
    assert guest.get(DOWNLOADS).status_code == 200
    session = guest.session
    until = session[sign_in.SESSION_KEY]["until"]
    assert timedelta(hours=11) < timedelta(seconds=until - timezone.now().timestamp()) <= timedelta(hours=12)
    session[sign_in.SESSION_KEY] = {**session[sign_in.SESSION_KEY], "until": timezone.now().timestamp() - 1}
    session.save()
    assert guest.get(DOWNLOADS).status_code == 302


def test_whoever_logs_in_after_a_guest_sees_their_own_orders_only(guest, customer, order, buy, digital):
    own = buy(digital, user=customer, email="kim@example.com")
    guest.login(username="kim", password="secret")
    seen = text(guest.get(DOWNLOADS))
    assert own.number in seen
    assert order.number not in seen


def test_a_customer_may_look_at_orders_made_as_a_guest_and_come_back(client, customer, order, buy, digital, ask):
    own = buy(digital, user=customer, email="kim@example.com")
    client.force_login(customer)
    (message,) = ask()
    assert numbers(client.post(link_in(message), follow=True)) == [order.number]
    assert numbers(client.post(SIGN_OUT, follow=True)) == [own.number]


def test_a_guest_sees_the_orders_of_the_address_and_no_others(guest, order, buy, digital):
    other, upper = buy(digital, email="eve@example.com"), buy(digital, email="BUYER@example.com")
    Order.objects.filter(pk=buy(digital).pk).update(completed_at=None)
    assert numbers(guest.get(DOWNLOADS)) == [upper.number, order.number]
    assert other.number not in text(guest.get(DOWNLOADS))


def test_a_guest_sees_no_order_of_an_address_that_only_looks_alike(client, buy, digital):
    alike = buy(digital, email="ſam@example.com")  # a database may take ſ for s
    own = buy(digital, email="sam@example.com")
    client.post(f"{SIGN_IN}/{sign_in.sign('sam@example.com')}")
    seen = text(client.get(DOWNLOADS))
    assert own.number in seen
    assert alike.number not in seen
    assert list(Storefront().orders_with_email("SAM@example.com")) == [own]


def test_a_guest_whose_orders_were_given_to_another_address_sees_nothing(guest):
    Order.objects.update(email="eve@example.com")
    assert "There is nothing to download yet." in text(guest.get(DOWNLOADS))


# Around it


def test_customers_are_shown_the_way_to_log_in_where_there_is_one(client, db, settings):
    settings.LOGIN_URL = "admin:login"
    assert "/admin/login/?next=%2Fdownloads%2F" in Seen(client.get(SIGN_IN).content.decode()).addresses
    for nowhere in ("/nowhere/", "nowhere"):
        settings.LOGIN_URL = nowhere
        assert "Do you have an account?" not in text(client.get(SIGN_IN))


def test_a_shop_below_a_path_shows_the_way_to_log_in_too(client, db, settings):
    settings.LOGIN_URL = "admin:login"
    set_script_prefix("/shop/")
    try:
        found = Seen(client.get(SIGN_IN).text).addresses
    finally:
        clear_script_prefix()
    assert "/shop/admin/login/?next=%2Fshop%2Fdownloads%2F" in found


@pytest.mark.parametrize("path", [SIGN_IN, f"{SIGN_IN}/x", SIGN_OUT])
def test_a_project_without_sessions_is_told_what_to_add(client, settings, db, path):
    settings.MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
    with pytest.raises(ImproperlyConfigured, match=r"SessionMiddleware.* to MIDDLEWARE"):
        client.post(path)


def test_a_database_that_cannot_answer_is_a_page_that_says_so(client, customer, order):
    client.force_login(customer)

    def fail(execute, sql, params, many, context):
        raise OperationalError("server closed the connection unexpectedly")

    with connection.execute_wrapper(fail):
        response = client.get(DOWNLOADS)
    assert response.status_code == 503
    assert "Please come back in a moment" in text(response)


def test_it_says_so_too_where_the_shop_s_frame_asks_the_database_itself(client, customer, order, settings):
    frame = "{{ request.user.username }}{% block content %}{% endblock %}"
    loaders = [
        ("django.template.loaders.locmem.Loader", {"spree_digitals/pages/base.html": frame}),
        "django.template.loaders.app_directories.Loader",
    ]
    (engine,) = settings.TEMPLATES
    options = {**engine["OPTIONS"], "loaders": loaders}
    settings.TEMPLATES = [{**engine, "APP_DIRS": False, "DIRS": [], "OPTIONS": options}]
    client.force_login(customer)
    assert client.get(DOWNLOADS).text.startswith(customer.username)

    def fail(execute, sql, params, many, context):
        raise OperationalError("server closed the connection unexpectedly")

    for path in (DOWNLOADS, f"{DOWNLOADS}no-token"):
        with connection.execute_wrapper(fail):
            response = client.get(path)
        assert response.status_code == 503
        assert response["Retry-After"] == "5"
        assert "Please come back in a moment" in text(response)
        assert response.text.startswith("<!doctype html>")


def test_orders_of_several_stores_say_which_they_are_from(client, customer, buy, digital, store):
    buy(digital, user=customer)
    client.force_login(customer)
    assert text(client.get(DOWNLOADS)).count(store.name) == 2  # in the title and the header, not at the order
    other = Store.objects.create(name="Waves & Records", domain="waves.example")
    Order.objects.filter(pk=buy(digital, user=customer).pk).update(store=other)
    seen = text(client.get(DOWNLOADS))
    assert seen.count(store.name) == seen.count(other.name) == 1


def test_pages_of_a_guest_are_kept_nowhere_and_tell_no_path(guest, mailed):
    for path, policy in ((DOWNLOADS, "strict-origin"), (SIGN_IN, "no-referrer"), (mailed, "strict-origin")):
        response = guest.get(path)
        assert response["Cache-Control"] == "private, no-store"
        assert response["Referrer-Policy"] == policy
        assert response["X-Robots-Tag"] == "noindex, nofollow"
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["X-Frame-Options"] == "DENY"
        assert response["Content-Security-Policy"].startswith("default-src 'none'")
