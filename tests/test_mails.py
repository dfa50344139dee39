"""Mails to buyers: what they say, that each is sent once, and that none ever breaks an order."""

from __future__ import annotations

import email
import email.policy
import re
from datetime import timedelta
from html.parser import HTMLParser
from importlib import import_module
from io import StringIO
from typing import Any

import django
import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core import mail as outgoing
from django.core.files.base import ContentFile
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.locmem import EmailBackend as WorkingServer
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import include, path, reverse
from django.utils import timezone, translation

from example_project.shop.checkout import complete, place_order
from example_project.shop.digitals import ShopStorefront
from example_project.shop.models import LineItem, Order, Store
from spree_digitals import issuing, mails, outbox
from spree_digitals.models import Digital, DigitalLink, DigitalVersion, Mail, MailState
from tests.at_once import at_once
from tests.conftest import PDF, uses

pytestmark = pytest.mark.django_db(transaction=True)

MAILS = reverse("admin:spree_digitals_mail_changelist")
TASKS = "django.tasks" if django.VERSION >= (6, 0) else "django_tasks"


# Shops and mail servers


class RefusingServer(BaseEmailBackend):
    """Refuses every mail and quotes what it was given, as mail servers and their libraries do."""

    def send_messages(self, messages):
        (message,) = messages
        raise OSError(f"smtp://shop:geheim@mail.example refused: {message.body}")


class SilentServer(BaseEmailBackend):
    """Takes no mail and says so by nothing but a number."""

    def send_messages(self, messages):
        return 0


class PullingThePlug(BaseEmailBackend):
    """The process ends while it sends."""

    def send_messages(self, messages):
        raise SystemExit


class SlowServer(BaseEmailBackend):
    """So slow with its first mail that another process takes over."""

    def send_messages(self, messages):
        outgoing.outbox.extend(messages)
        if len(outgoing.outbox) == 1:
            later(minutes=11)
            send_due()
        return len(messages)


class ForeignShop(ShopStorefront):
    def language(self, order):
        return "de"

    def from_email(self, order):
        return f"{order.store.name} <{order.store.name.split()[0].lower()}@shop.example>"


class OwnStoreOnly(ShopStorefront):
    def staff_stores(self, user):
        return Store.objects.filter(name=user.last_name)


def checkout(request):
    """A shop's view: it sells, and counts as having sold when it answers."""
    place_order(store=Store.objects.get(), email="buyer@example.com", basket={Digital.objects.get().variant: 1})
    return HttpResponse("sold")


def failing_checkout(request):
    checkout(request)
    raise ZeroDivisionError


urlpatterns = [
    path("checkout", checkout),
    path("failing-checkout", failing_checkout),
    path("", include("example_project.urls")),
]


@pytest.fixture
def mail_server(settings):
    """Use another mail backend; without one, Django's own for tests."""

    def use(backend: type = WorkingServer) -> None:
        name = f"{backend.__module__}.{backend.__qualname__}"
        if django.VERSION >= (6, 1):
            settings.MAILERS = {"default": {"BACKEND": name}}
        else:
            settings.EMAIL_BACKEND = name

    return use


@pytest.fixture
def queue(settings):
    """Tasks wait until somebody runs them, as with a queue: ``queue()`` tells which do."""
    settings.TASKS = {"default": {"BACKEND": f"{TASKS}.backends.dummy.DummyBackend"}}
    backend = import_module(TASKS).task_backends["default"]
    return lambda: [(result.task.func.__name__, *result.args) for result in backend.results]


def later(**kwargs: float) -> None:
    """Let time pass for every mail."""
    for mail in Mail.objects.exclude(tried_at=None):
        mail.tried_at -= timedelta(**kwargs)
        mail.save()


def send_due(*options: str) -> str:
    said = StringIO()
    call_command("send_digital_mails", *options, stdout=said)
    return said.getvalue()


def states() -> list[tuple[str, int]]:
    return list(Mail.objects.order_by("pk").values_list("state", "attempts"))


def arrived(message: Any) -> Any:
    """What arrives at the other end."""
    return email.message_from_bytes(message.message().as_bytes(), policy=email.policy.default)


def parts(message: Any) -> tuple[str, str]:
    """Text and HTML."""
    received = arrived(message)
    return received.get_body(["plain"]).get_content(), received.get_body(["html"]).get_content()


class Addresses(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if tag == "a":
            self.links.append(found["href"])
        self.loaded += [found[name] for name in ("src", "srcset", "background") if name in found]
        assert tag not in {"script", "link", "style", "img", "table"}


# Your files are ready


def test_a_buyer_is_told_that_the_files_are_ready(buy, make_digital):
    digitals = [make_digital(name="novel.pdf"), make_digital(name="songs.pdf")]
    order = buy(*digitals, quantity=2)
    (message,) = outgoing.outbox
    assert message.to == ["buyer@example.com"]
    assert message.subject == f"Your files are ready: order {order.number}"
    assert message.from_email == "Paper & Sound <shop@example.com>"
    text, html = parts(message)
    pages = {f"https://shop.example/downloads/{link.token}" for link in DigitalLink.objects.all()}
    assert len(pages) == 4
    assert set(re.findall(r"https?://\S+", text)) == pages
    assert set(Addresses(html).links) == pages
    assert Addresses(html).loaded == []
    for shown in ("novel.pdf", "songs.pdf", order.number, "A novel"):
        assert shown in text
        assert shown in html
    assert "Paper & Sound" in text
    assert "Paper &amp; Sound" in html
    assert f"{len(PDF)}\xa0bytes" in text
    mail = Mail.objects.get()
    assert (mail.state, mail.sent_to, mail.attempts, mail.error) == ("sent", "buyer@example.com", 1, "")


def test_each_address_in_a_mail_opens_a_page_and_costs_no_download(buy, digital, client):
    buy(digital)
    text, _ = parts(outgoing.outbox[0])
    (address,) = re.findall(r"https?://\S+", text)
    for method in (client.get, client.head, client.get):
        assert method(address.removeprefix("https://shop.example")).status_code == 200
    assert uses(DigitalLink.objects.get()) == 0


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        pytest.param({}, r"5 downloads until [A-Z][a-z]+\.? \d+, 20\d\d, .+ \(Europe/Berlin\)", id="the default"),
        pytest.param({"authorized_clicks": 1, "unlimited_days": True}, "1 download, at any time", id="once"),
        pytest.param({"unlimited_clicks": True}, r"Unlimited downloads until .+ \(Europe/Berlin\)", id="for a week"),
        pytest.param(
            {"unlimited_clicks": True, "unlimited_days": True}, "Unlimited downloads, at any time", id="no limit"
        ),
    ],
)
def test_a_mail_tells_the_limits_in_words_with_the_time_zone(buy, make_digital, settings, limits, words):
    settings.TIME_ZONE = "Europe/Berlin"
    buy(make_digital(**limits))
    for part in parts(outgoing.outbox[0]):
        assert re.search(words, part)


def test_a_mail_has_the_time_of_the_project_whoever_s_request_sends_it(buy, digital, settings):
    settings.TIME_ZONE = "Asia/Tokyo"
    with timezone.override("America/New_York"):
        buy(digital)
    link = DigitalLink.objects.get()
    dead = timezone.localtime(link.activated_at + timedelta(days=7), timezone.get_default_timezone())
    assert f", {dead.hour % 12 or 12}:{dead.minute:02}" in parts(outgoing.outbox[0])[0] or dead.minute == 0
    assert "(Asia/Tokyo)" in parts(outgoing.outbox[0])[0]


def test_language_and_sender_come_from_the_shop(buy, digital, settings):
    settings.SPREE_DIGITALS_STOREFRONT = f"{__name__}.ForeignShop"
    with translation.override("fr"):
        buy(digital)
    (message,) = outgoing.outbox
    assert message.from_email == "Paper & Sound <paper@shop.example>"
    assert '<html lang="de"' in parts(message)[1]


def test_a_shop_writes_its_mails_anew_by_templates_of_its_own(buy, digital, settings, tmp_path):
    (tmp_path / "spree_digitals/mails").mkdir(parents=True)
    (tmp_path / "spree_digitals/mails/files_ready.subject.txt").write_text("{{ shop|safe }}: {{ links|length }} file")
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    buy(digital)
    assert outgoing.outbox[0].subject == "Paper & Sound: 1 file"


def test_machines_do_not_answer(buy, digital):
    buy(digital)
    assert arrived(outgoing.outbox[0])["Auto-Submitted"] == "auto-generated"


@pytest.mark.parametrize("break_", ["\n", "\r\n", "\r", "\x0b", "\x85", "\u2028"])
def test_names_with_line_breaks_make_no_header_and_no_line(buy, make_digital, settings, break_):
    settings.SPREE_DIGITALS_STOREFRONT = f"{__name__}.ForeignShop"
    name = f"Shop{break_}Bcc: all@evil.example{break_}{break_}https://evil.example/"
    digital = make_digital()
    Store.objects.update(name=name)
    Digital.objects.update(filename=name)
    place(digital, name, number=f"R1{break_}X: y")
    (message,) = outgoing.outbox
    received = arrived(message)
    assert received["Bcc"] is None
    assert received.get_body(["plain"]).get_content().count("\nhttps://") == 1
    assert not re.search(r"^Bcc", parts(message)[0], re.MULTILINE)
    assert len(str(message.subject).splitlines()) == 1
    assert len(message.recipients()) == 1


def place(digital: Digital, name: str, *, lines: int = 1, quantity: int = 1, **fields: Any) -> Order:
    """An order of so many lines, which are called as given."""
    order = Order.objects.create(store=Store.objects.get(), email="buyer@example.com", **fields)
    for _ in range(lines):
        LineItem.objects.create(order=order, variant=digital.variant, name=name, price=1, quantity=quantity)
    complete(order)
    return order


def test_markup_in_names_is_shown_and_not_run(make_digital):
    evil = "<script>alert(1)</script>"
    digital = make_digital()
    Store.objects.update(name=evil)
    Digital.objects.update(filename=evil)
    place(digital, evil)
    text, html = parts(outgoing.outbox[0])
    assert evil in text
    assert evil not in html
    assert "&lt;script&gt;" in html


def test_no_line_is_longer_than_mail_servers_take(make_digital):
    digital = make_digital()
    Digital.objects.update(filename="ä" * 255)
    place(digital, "x" * 200, lines=3, quantity=10)
    lines = outgoing.outbox[0].message().as_bytes().splitlines()
    assert max(map(len, lines)) <= 998


@pytest.mark.parametrize("address", ["buyer@example.com\nBcc: all@evil.example", "a@example.com, b@example.com", "no"])
def test_nothing_is_sent_to_what_is_no_address(buy, digital, address):
    buy(digital, email=address)
    assert outgoing.outbox == []
    assert Mail.objects.get().error.startswith("ValidationError")


# Once


def test_whoever_completes_an_order_again_mails_nobody_again(buy, digital):
    order = buy(digital)
    for _ in range(3):
        issuing.issue_links(order)
    order.line_items.update(quantity=3)
    issuing.issue_links(order)
    assert len(outgoing.outbox) == 1
    assert Mail.objects.count() == 1


def test_an_order_that_is_completed_by_many_at_once_is_mailed_once(store, digital):
    for _ in range(5):
        outgoing.outbox.clear()
        order = Order.objects.create(store=store, email="buyer@example.com", completed_at=timezone.now())
        LineItem.objects.create(order=order, variant=digital.variant, name="A novel", price=1, quantity=2)
        at_once(8, lambda: issuing.issue_links(order))  # noqa: B023
        send_due()
        assert len(outgoing.outbox) == 1
        assert Mail.objects.filter(order_pk=order.pk).count() == 1


def test_an_order_that_is_rolled_back_mails_nobody(buy, digital):
    with transaction.atomic():
        buy(digital)
        transaction.set_rollback(True)
    assert outgoing.outbox == []
    assert not Mail.objects.exists()


def test_nobody_is_told_before_the_order_is_committed(buy, digital):
    with transaction.atomic():
        buy(digital)
        assert outgoing.outbox == []
    assert len(outgoing.outbox) == 1


def test_who_has_ordered_and_not_completed_is_told_on_completion(store, digital):
    order = Order.objects.create(store=store, email="buyer@example.com")
    LineItem.objects.create(order=order, variant=digital.variant, name="A novel", price=1)
    issuing.issue_links(order)
    assert outgoing.outbox == []
    complete(order)
    assert len(outgoing.outbox) == 1


def test_a_shop_that_wants_no_mails_sends_none(buy, digital, settings):
    settings.SPREE_DIGITALS_MAILS = []
    buy(digital)
    assert not Mail.objects.exists()


def test_old_orders_are_imported_in_silence(buy, digital):
    with outbox.muted():
        buy(digital)
    assert not Mail.objects.exists()
    buy(digital)
    assert len(outgoing.outbox) == 1


def test_staff_mail_an_order_again_as_often_as_they_want(buy, digital):
    order = buy(digital)
    for _ in range(2):
        outbox.files_ready_again([order])
    assert len(outgoing.outbox) == 3


def test_a_mail_goes_to_the_address_that_the_order_has_when_it_is_sent(buy, digital, queue):
    order = buy(digital)
    Order.objects.filter(pk=order.pk).update(email="new@example.com")
    send_due()
    assert [message.to for message in outgoing.outbox] == [["new@example.com"]]
    assert Mail.objects.get().sent_to == "new@example.com"


@pytest.mark.parametrize("loss", ["cancelled", "deleted", "without an address", "revoked"])
def test_what_there_is_nothing_to_tell_about_is_not_sent(buy, digital, queue, loss):
    order = buy(digital)
    match loss:
        case "cancelled":
            Order.objects.update(cancelled_at=timezone.now())
        case "deleted":
            order.delete()
        case "without an address":
            Order.objects.update(email="")
        case "revoked":
            issuing.revoke_links(order)
    assert "Nothing to tell any more: 1." in send_due()
    assert outgoing.outbox == []
    assert states() == [("pointless", 1)]


# Failures


@pytest.fixture(params=[False, True], ids=["ATOMIC_REQUESTS off", "ATOMIC_REQUESTS on"])
def atomic_requests(request, monkeypatch):
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", request.param)


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("server", [RefusingServer, SilentServer])
def test_an_order_is_placed_whatever_the_mail_server_does(client, digital, mail_server, atomic_requests, server):
    mail_server(server)
    assert client.post("/checkout").content == b"sold"
    assert DigitalLink.objects.filter(activated_at__isnull=False).count() == 1
    assert states() == [("waiting", 1)]
    mail_server()
    assert "Mails sent: 0." in send_due()
    later(minutes=2)
    assert "Mails sent: 1." in send_due()
    assert states() == [("sent", 2)]
    assert Mail.objects.get().error == ""
    assert len(outgoing.outbox) == 1


@pytest.mark.urls(__name__)
def test_a_mistake_in_a_template_breaks_no_order(client, digital, settings, tmp_path, atomic_requests):
    (tmp_path / "spree_digitals/mails").mkdir(parents=True)
    (tmp_path / "spree_digitals/mails/files_ready.html").write_text("{% nonsense %}")
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    assert client.post("/checkout").content == b"sold"
    assert re.match("TemplateSyntaxError: .*Invalid block tag", Mail.objects.get().error)


@pytest.mark.urls(__name__)
def test_a_request_that_fails_after_the_sale_mails_nobody(digital, monkeypatch):
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)
    assert Client(raise_request_exception=False).post("/failing-checkout").status_code == 500
    assert not Order.objects.exists()
    assert outgoing.outbox == []


@pytest.mark.urls(__name__)
def test_a_queue_that_is_down_breaks_no_order_and_the_command_sends_the_mail(client, digital, settings):
    settings.TASKS = {"default": {"BACKEND": f"{__name__}.no_such_queue"}}
    assert client.post("/checkout").content == b"sold"
    assert states() == [("waiting", 0)]
    send_due()
    assert states() == [("sent", 1)]


@pytest.mark.urls(__name__)
def test_a_poisoned_host_changes_no_address_in_a_mail(client, digital, settings):
    settings.ALLOWED_HOSTS = ["*"]
    poisoned = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    assert client.post("/checkout", headers=poisoned).content == b"sold"
    outbox.files_ready_again(Order.objects.all())
    assert len(outgoing.outbox) == 2
    for message in outgoing.outbox:
        assert "https://shop.example/downloads/" in message.body
        assert b"evil.example" not in message.message().as_bytes()


def test_a_mail_that_fails_is_tried_eight_times_with_longer_and_longer_pauses(buy, digital, mail_server):
    mail_server(RefusingServer)
    buy(digital)
    for attempt in range(1, 8):
        later(minutes=2**attempt - 0.2)
        assert states() == [("waiting", attempt)]
        send_due()
        assert states() == [("waiting", attempt)]
        later(minutes=0.2)
        said = send_due()
    assert "Given up: 1." in said
    assert states() == [("failed", 8)]
    later(days=30)
    send_due()
    assert states() == [("failed", 8)]


def test_neither_error_nor_log_tells_the_token_of_a_link_or_a_password(buy, digital, mail_server, caplog):
    mail_server(RefusingServer)
    buy(digital)
    token = DigitalLink.objects.get().token
    error = Mail.objects.get().error
    assert "OSError: smtp://***@mail.example refused" in error
    assert "/downloads/***" in error
    assert "RefusingServer" not in error
    assert "could not be sent (attempt 1 of 8)" in caplog.text
    assert "send_messages" in caplog.text
    for secret in (token, "geheim"):
        assert secret not in error + caplog.text


def test_two_commands_at_once_send_each_mail_once(buy, digital, queue):
    for _ in range(10):
        buy(digital)
    said = at_once(4, send_due)
    assert sum(int(re.search(r"sent: (\d+)", line).group(1)) for line in said) == 10
    assert len(outgoing.outbox) == 10
    assert states() == [("sent", 1)] * 10


def test_the_command_tries_as_many_as_it_is_told_the_oldest_first(buy, digital, queue):
    orders = [buy(digital) for _ in range(3)]
    assert send_due("--limit=2") == ("Mails sent: 2. Nothing to tell any more: 0. To be tried again: 0. Given up: 0.\n")
    assert [orders[number].number in outgoing.outbox[number].subject for number in range(2)] == [True, True]
    assert send_due().startswith("Mails sent: 1.")


@pytest.mark.parametrize("limit", ["0", "-1"])
def test_a_limit_that_makes_no_sense_is_named(db, limit):
    with pytest.raises(CommandError, match=f"--limit is {limit}; give a whole number from 1"):
        call_command("send_digital_mails", f"--limit={limit}")


def test_a_mail_whose_sender_died_is_sent_by_the_command_when_its_claim_is_over(buy, digital, queue, mail_server):
    buy(digital)
    mail_server(PullingThePlug)
    with pytest.raises(SystemExit):
        send_due()
    mail_server()
    later(minutes=9)
    send_due()
    assert outgoing.outbox == []
    later(minutes=1)
    send_due()
    assert states() == [("sent", 2)]
    assert len(outgoing.outbox) == 1


def test_a_mail_that_kills_whoever_sends_it_is_given_up(buy, digital, queue, mail_server):
    buy(digital)
    mail_server(PullingThePlug)
    for _ in range(8):
        with pytest.raises(SystemExit):
            send_due()
        later(days=1)
    assert "Given up: 1." in send_due()
    assert Mail.objects.get().error == "Broken off at every attempt."


def test_who_is_slow_sends_twice_at_most_and_both_mails_are_known_to_be_the_same(buy, digital, queue, mail_server):
    """The window that is left."""
    buy(digital)
    mail_server(SlowServer)
    send_due()
    first, second = map(arrived, outgoing.outbox)
    assert first["Message-ID"] == second["Message-ID"]
    assert first["Message-ID"].endswith("@example.com>")
    assert states() == [("sent", 2)]


def test_a_success_that_is_noted_late_ends_the_attempts_of_others(buy, digital, queue):
    buy(digital)
    slow = mails._claim(Mail.objects.get().pk)
    later(minutes=11)
    other = mails._claim(slow.pk)
    mails._note(slow, MailState.SENT, sent_at=timezone.now(), sent_to="buyer@example.com")
    mails._put_off(other, OSError("refused"))
    assert states() == [("sent", 2)]


# Queues


def test_with_a_queue_a_mail_is_enqueued_once_and_sent_when_its_task_runs(buy, digital, queue):
    order = buy(digital)
    issuing.issue_links(order)
    mail = Mail.objects.get()
    assert queue() == [("deliver_mail", mail.pk)]
    assert outgoing.outbox == []
    for _ in range(2):
        mails.deliver(mail.pk)
    assert len(outgoing.outbox) == 1


def test_what_is_sent_already_is_not_announced_as_due(buy, digital, queue):
    order = buy(digital)
    send_due()
    order.line_items.update(quantity=2)
    issuing.issue_links(order)
    assert len(queue()) == 1


def test_many_mails_of_one_occasion_are_left_to_the_command(buy, digital, queue):
    orders = [buy(digital) for _ in range(25)]
    before = len(queue())
    outbox.files_ready_again(orders)
    assert len(queue()) - before == outbox.AT_ONCE
    assert Mail.objects.filter(key__startswith="resent:").count() == 25


# A new version


@pytest.fixture
def tells_versions(settings):
    settings.SPREE_DIGITALS_MAILS = ["new_version"]


def replace(digital: Digital, content: bytes = b"%PDF-1.5") -> None:
    digital = Digital.objects.get(pk=digital.pk)
    digital.attachment = ContentFile(content, name="novel-2.pdf")
    digital.save()


def test_who_can_still_download_a_file_is_told_of_its_new_version_once(buy, digital, make_digital, tells_versions):
    order = buy(digital, quantity=3)
    buy(make_digital(name="other.pdf"))
    replace(digital)
    (message,) = outgoing.outbox
    assert message.subject == f"A new version of novel-2.pdf is here: order {order.number}"
    text, html = parts(message)
    tokens = DigitalLink.objects.filter(digital=digital).values_list("token", flat=True)
    assert {address.rpartition("/")[2] for address in Addresses(html).links} == set(tokens)
    assert set(re.findall(r"https?://\S+", text)) == set(Addresses(html).links)
    digital.refresh_from_db()
    outbox.new_version(digital, mails.buyers_of(digital))
    assert len(outgoing.outbox) == 1
    replace(digital, b"%PDF-1.6")
    assert len(outgoing.outbox) == 2


def test_by_default_nobody_is_told_of_a_new_version_until_staff_say_so(buy, digital):
    order = buy(digital)
    outgoing.outbox.clear()
    replace(digital)
    assert outgoing.outbox == []
    digital.refresh_from_db()
    outbox.new_version(digital, mails.buyers_of(digital))
    assert [order.number in message.subject for message in outgoing.outbox] == [True]


def test_a_replacement_that_is_rolled_back_tells_nobody(buy, digital, tells_versions):
    buy(digital)
    with transaction.atomic():
        replace(digital)
        transaction.set_rollback(True)
    assert outgoing.outbox == []


def test_a_first_upload_and_a_change_of_limits_are_no_new_version(buy, digital, tells_versions):
    buy(digital)
    digital.authorized_clicks = 9
    digital.save()
    assert outgoing.outbox == []


@pytest.mark.parametrize("lost", ["expired", "used up", "revoked", "cancelled", "withdrawn"])
def test_who_cannot_download_any_more_is_not_told_of_a_new_version(buy, digital, tells_versions, lost):
    order = buy(digital)
    links = DigitalLink.objects.all()
    match lost:
        case "expired":
            links.update(activated_at=timezone.now() - timedelta(days=8))
        case "used up":
            links.update(access_counter=5, purged_uses=5)
        case "revoked":
            issuing.revoke(links)
        case "cancelled":
            Order.objects.filter(pk=order.pk).update(cancelled_at=timezone.now())
        case "withdrawn":
            Digital.objects.update(withdrawn_at=timezone.now())
    replace(digital)
    assert outgoing.outbox == []


def test_each_buyer_of_a_file_is_found_once_in_one_query(buy, digital, make_digital):
    orders = {buy(digital, quantity=2).pk for _ in range(5)}
    buy(make_digital(name="other.pdf"))
    with CaptureQueriesContext(connection) as queries:
        assert list(mails.buyers_of(digital)) == []  # they have no other version
    assert len(queries) == 1
    replace(digital)
    digital.refresh_from_db()
    with CaptureQueriesContext(connection) as queries:
        assert sorted(mails.buyers_of(digital)) == sorted(orders)
    assert len(queries) == 1


def test_who_bought_the_second_version_is_not_told_that_it_is_new(buy, digital, tells_versions):
    early = buy(digital)
    replace(digital)
    outgoing.outbox.clear()
    late = buy(Digital.objects.get(pk=digital.pk))
    digital.refresh_from_db()
    outbox.new_version(digital, mails.buyers_of(digital))
    assert outgoing.outbox == []
    replace(digital, b"%PDF-1.6")
    assert {message.subject.rpartition(" ")[2] for message in outgoing.outbox} == {early.number, late.number}


def test_a_new_version_is_told_by_the_command_where_the_queue_has_lost_it(buy, digital, tells_versions, queue):
    order = buy(digital)
    replace(digital)
    assert queue() == [("announce_new_versions",)]  # and nobody ever runs it
    assert outgoing.outbox == []
    assert not Mail.objects.exists()
    send_due()
    assert [order.number in message.subject for message in outgoing.outbox] == [True]
    send_due()
    assert len(outgoing.outbox) == 1
    assert not DigitalVersion.objects.filter(to_announce=True).exists()


def test_a_version_that_was_replaced_before_anybody_was_told_is_not_told(buy, digital, tells_versions, queue):
    buy(digital)
    replace(digital)
    replace(digital, b"%PDF-1.6")
    send_due()
    assert len(outgoing.outbox) == 1
    assert not DigitalVersion.objects.filter(to_announce=True).exists()


def test_what_is_loaded_from_a_fixture_mails_nobody(buy, digital, tells_versions, tmp_path):
    buy(digital)
    replace(digital)
    outgoing.outbox.clear()
    dump = tmp_path / "versions.json"
    call_command("dumpdata", "spree_digitals.digitalversion", output=str(dump))
    DigitalVersion.objects.all().delete()
    Mail.objects.all().delete()
    call_command("loaddata", str(dump), verbosity=0)
    assert DigitalVersion.objects.filter(digital=digital).count() == 2
    assert outgoing.outbox == []


def test_copies_of_one_file_are_told_apart_in_the_mail(buy, digital, make_digital):
    buy(digital, make_digital(name="single.mp3"), quantity=2)
    for part in parts(outgoing.outbox[0]):
        assert part.count("novel.pdf, copy 1") == part.count("novel.pdf, copy 2") == 1


def test_a_sender_with_letters_that_are_not_ascii_has_a_message_id_that_is(buy, digital, settings):
    settings.DEFAULT_FROM_EMAIL = "Bücher <laden@münchen.example>"
    buy(digital)
    assert outgoing.outbox[0].extra_headers["Message-ID"].endswith("@xn--mnchen-3ya.example>")


# Files that are added later


def test_links_for_a_file_that_is_added_later_are_mailed_only_if_asked_for(buy, make_digital, digital):
    old, other = buy(digital), buy(make_digital(name="other.pdf"))
    outgoing.outbox.clear()
    added = make_digital(digital.variant, name="bonus.pdf")
    with outbox.muted():
        recent = buy(digital)
    call_command("issue_digital_links", stdout=StringIO())
    assert outgoing.outbox == []
    make_digital(digital.variant, name="second-bonus.pdf")
    for _ in range(2):
        call_command("issue_digital_links", "--mail", stdout=StringIO())
    told = {message.subject.rpartition(" ")[2] for message in outgoing.outbox}
    assert len(outgoing.outbox) == 2
    assert told == {old.number, recent.number}
    assert other.number not in told
    assert added.filename in outgoing.outbox[0].body


# In the admin


@pytest.fixture
def staff():
    def sign_in(*codenames: str, store: str = "") -> Client:
        user = User.objects.create_user(f"staff-{User.objects.count()}", is_staff=True, last_name=store)
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        client = Client()
        client.force_login(user)
        return client

    return sign_in


def shown(response: Any) -> str:
    assert response.status_code == 200
    body = re.search(r"<tbody>(.*?)</tbody>", response.text, re.DOTALL)
    return re.sub(r"<[^>]+>", " ", body[1]) if body else ""


def test_staff_see_which_mail_went_where_and_why_one_did_not(staff, buy, digital, mail_server):
    first = buy(digital)
    mail_server(RefusingServer)
    second = buy(digital, email="unlucky@example.com")
    rows = shown(staff("view_mail").get(MAILS))
    for text in (first.number, "buyer@example.com", "sent", second.number, "unlucky@example.com", "waiting", "OSError"):
        assert text in rows
    assert not any(link.token in rows for link in DigitalLink.objects.all())


@pytest.mark.parametrize("word", ["number", "buyer@", "went-to@"])
def test_staff_search_mails_by_order_number_and_address(staff, buy, digital, word):
    order = buy(digital, email="went-to@example.com")
    Order.objects.filter(pk=order.pk).update(email="buyer@example.com")
    other = buy(digital, email="other@example.com")
    rows = shown(staff("view_mail").get(MAILS, {"q": order.number if word == "number" else word}))
    assert order.number in rows
    assert other.number not in rows


@pytest.mark.parametrize(
    ("query", "found"), [("state__exact=waiting", 1), ("state__exact=sent", 2), ("kind__exact=new_version", 0)]
)
def test_staff_filter_mails_by_state_and_kind(staff, buy, digital, mail_server, query, found):
    buy(digital)
    buy(digital)
    mail_server(RefusingServer)
    buy(digital)
    assert shown(staff("view_mail").get(f"{MAILS}?{query}")).count("files are ready") == found


def test_staff_see_mails_of_their_own_stores_only(staff, buy, digital, settings):
    settings.SPREE_DIGITALS_STOREFRONT = f"{__name__}.OwnStoreOnly"
    own = buy(digital)
    elsewhere = Store.objects.create(name="Elsewhere", domain="elsewhere.example")
    foreign = buy(digital, store=elsewhere)
    client = staff("view_mail", "change_mail", store="Paper & Sound")
    for query in ({}, {"q": "buyer@example.com"}, {"q": foreign.number}):
        assert foreign.number not in shown(client.get(MAILS, query))
    assert own.number in shown(client.get(MAILS))
    theirs = Mail.objects.get(order_pk=foreign.pk)
    assert client.get(reverse("admin:spree_digitals_mail_change", args=[theirs.pk])).status_code == 302
    Mail.objects.update(state="failed")
    client.post(MAILS, {"action": "send_again", "_selected_action": [theirs.pk]})
    theirs.refresh_from_db()
    assert theirs.state == "failed"


def test_staff_have_a_mail_that_was_given_up_sent_again(staff, buy, digital, mail_server):
    mail_server(RefusingServer)
    buy(digital)
    Mail.objects.update(state="failed", attempts=8)
    mail_server()
    client = staff("view_mail", "change_mail")
    again = {"action": "send_again", "_selected_action": [Mail.objects.get().pk]}
    answer = client.post(MAILS, again, follow=True)
    assert "1 mail is tried again." in answer.text
    assert states() == [("sent", 1)]
    assert len(outgoing.outbox) == 1
    assert [entry.get_change_message() for entry in LogEntry.objects.all()] == ["Sent again."]
    assert "was sent already" in client.post(MAILS, again, follow=True).text
    assert len(outgoing.outbox) == 1


def test_a_mail_that_is_just_being_sent_is_left_alone(staff, buy, digital, queue):
    buy(digital)
    mail = mails._claim(Mail.objects.get().pk)
    assert mails.try_again([mail]) == []
    assert states() == [("waiting", 1)]


@pytest.mark.parametrize("codenames", [["view_mail"], ["view_digitallink"]])
def test_without_the_permission_nobody_sends_again(staff, buy, digital, codenames, mail_server):
    mail_server(RefusingServer)
    buy(digital)
    mail_server()
    again = {"action": "send_again", "_selected_action": [Mail.objects.get().pk]}
    staff(*codenames).post(MAILS, again)
    assert states() == [("waiting", 1)]
    assert outgoing.outbox == []


def test_nobody_changes_adds_or_deletes_a_mail_by_hand(admin_client, buy, digital):
    buy(digital)
    mail = Mail.objects.get()
    page = reverse("admin:spree_digitals_mail_change", args=[mail.pk])
    assert admin_client.get(page).status_code == 200
    assert admin_client.post(page, {"state": "waiting"}).status_code == 403
    for name, arguments in (("add", []), ("delete", [mail.pk])):
        assert admin_client.get(reverse(f"admin:spree_digitals_mail_{name}", args=arguments)).status_code == 403


def test_more_mails_on_the_list_cost_no_more_queries(staff, buy, digital, settings):
    settings.SPREE_DIGITALS_STOREFRONT = f"{__name__}.OwnStoreOnly"
    client = staff("view_mail", "change_mail", store="Paper & Sound")
    counts = []
    for _ in range(2):
        for _ in range(10):
            buy(digital)
        for query in ({}, {"q": "buyer@example.com"}):
            with CaptureQueriesContext(connection) as queries:
                assert client.get(MAILS, query).status_code == 200
            counts.append(len(queries))
    assert max(counts) <= 10
    assert counts[:2] == counts[2:]
