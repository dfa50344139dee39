"""The page of a link, as a buyer sees it: looking costs nothing, and only the button downloads."""

from __future__ import annotations

import re
from datetime import timedelta
from html.parser import HTMLParser
from types import ModuleType
from urllib.parse import urljoin, urlsplit

import pytest
from django.conf import settings as project
from django.core.files.base import ContentFile
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.urls import include, path
from django.utils import timezone

from example_project.shop.models import LineItem, Order
from spree_digitals import issuing
from spree_digitals.models import Digital, DigitalLink, StoreLimits
from spree_digitals.pages.wording import REASONS
from spree_digitals.wording import KINDS
from tests.conftest import DOWNLOAD, PDF, uses

pytestmark = pytest.mark.usefixtures("plain_look")

UNKNOWN = "4WaA5vjMbnivskav2rMPGKzt"
MALFORMED = ["abc", "a/b", UNKNOWN + "/", UNKNOWN + "%0A", UNKNOWN + "1", "%00", "é" * 24, "sign-in/", "x" * 5000]


class Seen(HTMLParser):
    """What a person sees of a page, and every address on it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.words: list[str] = []
        self.feed(html)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("href", "src", "action", "srcset", "data")]

    def handle_data(self, data):
        self.words.append(data)


def address(link: DigitalLink | str) -> str:
    return f"/downloads/{link if isinstance(link, str) else link.token}"


@pytest.fixture
def see(client):
    """What is on the page of a link, after checking that it is one."""

    def see(link, status=200):
        response = client.get(address(link))
        assert response.status_code == status
        assert response["Content-Type"] == "text/html; charset=utf-8"
        return Seen(response.content.decode()).text

    return see


def test_the_page_says_what_the_file_is_and_what_is_left(see, link, download):
    download(link)
    text = see(link)
    assert "Paper & Sound" in text
    assert "novel.pdf" in text
    assert f"PDF document · {len(PDF)}\xa0bytes · version 1".replace("\xa0", " ") in text.replace("\xa0", " ")
    assert f"Order {link.line_item.order.number}" in text
    assert "4 of 5 downloads left" in text
    assert "(6 days left)" in text


def test_a_replaced_file_is_shown_with_its_version(see, link):
    link.digital.attachment.save("novel.epub", ContentFile(PDF))
    assert "novel.epub" in see(link)
    assert "version 2" in see(link)


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        ({"uses": 1}, "1 of 1 download left"),
        ({"uses": 3}, "3 of 3 downloads left"),
        ({"days": 2}, "(1 day left)"),
        ({"days": 1}, "(23 hours left)"),
    ],
    ids=str,
)
def test_what_is_left_in_words(see, make_link, limits, sentence):
    assert sentence in see(make_link(**limits)).replace("\xa0", " ")


def test_a_link_without_limits_says_so(see, link):
    Digital.objects.update(unlimited_clicks=True, unlimited_days=True)
    text = see(link)
    assert "Unlimited downloads" in text
    assert "Without time limit" in text
    assert "left)" not in text


def test_the_last_day_is_told_in_the_time_zone_of_the_project(see, make_link, settings):
    settings.TIME_ZONE = "Asia/Tokyo"
    link = make_link(days=2, bought=timezone.now().replace(hour=23, minute=5) - timedelta(days=1))
    day = link.activated_at + timedelta(days=3)
    text = see(link)
    assert "8:05 a.m. JST" in text
    assert str(day.day) in text


@pytest.mark.parametrize("media_type", KINDS)
def test_common_kinds_of_files_have_a_name(see, link, media_type):
    Digital.objects.update(content_type=media_type)
    assert f"{KINDS[media_type]} ·" in see(link)


def test_other_kinds_are_shown_as_they_are_called(see, link):
    Digital.objects.update(content_type="application/x-krita")
    assert "application/x-krita ·" in see(link)


def expire(link):
    DigitalLink.objects.update(activated_at=timezone.now() - timedelta(days=7))


def use_up(link):
    DigitalLink.objects.update(authorized_clicks=0)


def revoke(link):
    issuing.revoke([link])


def refund(link):
    LineItem.objects.update(refunded_units=1)


def cancel(link):
    Order.objects.update(cancelled_at=timezone.now())


def leave_pending(link):
    Order.objects.update(completed_at=None)
    DigitalLink.objects.update(activated_at=None)


def withdraw(link):
    Digital.objects.update(withdrawn_at=timezone.now())


def lose(link):
    link.digital.attachment.storage.delete(link.digital.attachment.name)


def drop_the_line(link):
    LineItem.objects.all().delete()


REFUSED = [
    pytest.param(expire, 403, "This download link has expired.", id="expired"),
    pytest.param(use_up, 403, "has been used as often as the shop allows", id="used up"),
    pytest.param(revoke, 403, "The shop has revoked this download link.", id="revoked"),
    pytest.param(refund, 403, "its order was cancelled or refunded", id="refunded"),
    pytest.param(cancel, 403, "its order was cancelled or refunded", id="cancelled"),
    pytest.param(leave_pending, 403, "The order is not completed yet.", id="pending"),
    pytest.param(withdraw, 403, "The shop has withdrawn this file", id="withdrawn"),
    pytest.param(lose, 404, "The shop cannot find this file at the moment.", id="missing"),
]


@pytest.mark.parametrize(("happen", "status", "sentence"), REFUSED)
def test_a_refused_link_says_why_and_whom_to_ask(client, see, link, happen, status, sentence):
    happen(link)
    page = client.get(address(link))
    text = see(link)
    assert sentence in text
    assert f"Write to the shop and name order {link.line_item.order.number}." in text
    assert b"<button" not in page.content
    posted = client.post(address(link))
    assert posted.status_code == status
    assert sentence in Seen(posted.content.decode()).text
    assert uses(link) == 0


@pytest.mark.parametrize("happen", [revoke, refund, withdraw])
def test_what_is_left_of_a_link_that_will_not_come_back_is_not_shown(see, link, happen):
    happen(link)
    assert "left" not in see(link)


def test_a_link_whose_order_is_gone_names_no_order(see, link):
    drop_the_line(link)
    text = see(link)
    assert "cancelled or refunded" in text
    assert "Write to the shop." in text


def test_every_reason_for_a_refusal_has_its_words():
    from spree_digitals import exceptions

    codes = {kind.code for kind in exceptions.DownloadRefused.__subclasses__()}
    assert codes - {"not_found"} <= set(REASONS)


def test_a_pending_order_tells_how_long_the_link_will_work(see, link):
    leave_pending(link)
    assert "7 days from the completion of the order" in see(link)


def test_the_button_leads_to_the_file_and_counts_there(client, link):
    response = client.post(address(link))
    assert (response.status_code, response["Location"]) == (303, DOWNLOAD + link.token)
    assert uses(link) == 0
    file = client.get(response["Location"])
    assert b"".join(file.streaming_content) == PDF
    assert uses(link) == 1


def test_looking_at_a_page_and_at_everything_it_links_to_costs_nothing(client, link):
    addresses, visited = [address(link)], set()
    while addresses:
        found = addresses.pop()
        if found in visited:
            continue
        visited.add(found)
        for method in (client.get, client.head, client.options):
            response = method(found, headers={"Sec-Purpose": "prefetch"})
            response = method(found)
        if "html" in response.get("Content-Type", "") or (response := client.get(found)).status_code == 200:
            page = client.get(found)
            if "html" in page.get("Content-Type", ""):
                addresses += [urljoin(found, other) for other in Seen(page.content.decode()).addresses]
    assert {urlsplit(found).netloc for found in visited} == {""}
    assert len(visited) >= 3
    assert not any(found.startswith("/api/") for found in visited)
    assert uses(link) == 0


@pytest.mark.django_db
def test_no_token_is_the_same_page_whatever_is_wrong_with_it(client, link):
    deleted = link.token
    link.delete()
    pages = {client.get(address(token)).content for token in (UNKNOWN, deleted, *MALFORMED)}
    assert len(pages) == 1
    assert "There is no such download link" in Seen(pages.pop().decode()).text
    assert {client.get(address(token)).status_code for token in (UNKNOWN, *MALFORMED)} == {404}
    assert client.post(address(UNKNOWN)).status_code == 404


@pytest.mark.parametrize("token", MALFORMED, ids=lambda token: token[:8])
def test_what_is_no_token_never_reaches_the_database(client, token, django_assert_num_queries, db):
    with django_assert_num_queries(0):
        assert client.get(address(token)).status_code == 404


@pytest.mark.parametrize("method", ["get", "post", "head"])
@pytest.mark.parametrize("token", [UNKNOWN, None], ids=["unknown", "known"])
def test_pages_tell_no_one_and_let_nothing_in(client, link, method, token):
    response = getattr(client, method)(address(token or link))
    assert response["Cache-Control"] == "private, no-store"
    assert response["Referrer-Policy"] == "no-referrer"
    assert response["X-Robots-Tag"] == "noindex, nofollow"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Frame-Options"] == "DENY"
    assert response["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'")


def test_a_project_may_send_a_policy_of_its_own(client, link, settings):
    settings.SPREE_DIGITALS_PAGES_CSP = None
    assert "Content-Security-Policy" not in client.get(address(link))


@pytest.mark.parametrize("method", ["get", "post"])
def test_the_page_needs_and_leaves_no_cookie(client, link, settings, method):
    settings.SESSION_SAVE_EVERY_REQUEST = True
    client.handler.enforce_csrf_checks = True
    response = getattr(client, method)(address(link), headers={"Origin": "null"})
    assert response.status_code == (200 if method == "get" else 303)
    assert not response.cookies
    assert "Cookie" not in response.get("Vary", "")


@pytest.mark.parametrize("method", ["put", "patch", "delete", "trace"])
def test_other_methods_do_nothing(client, link, method):
    response = getattr(client, method)(address(link))
    assert response.status_code == 405
    assert set(response["Allow"].split(", ")) == {"GET", "HEAD", "POST", "OPTIONS"}
    assert response["Cache-Control"] == "private, no-store"


def test_the_page_has_no_script_and_nothing_for_link_previews(client, link):
    html = client.get(address(link)).content.decode()
    assert not {"script", "iframe", "img", "object"} & set(Seen(html).tags)
    assert "og:" not in html
    assert "style=" not in html


HOSTILE = {
    "script": "<script>alert(1)</script>.pdf",
    "quotes": "\"' onmouseover='x.pdf",
    "template": "{{ settings.SECRET_KEY }}{% debug %}.pdf",
    "direction": "invoice\u202efdp.exe",
    "right to left": "حساب.pdf",
    "long": "x" * 250 + ".pdf",
}


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_a_file_name_is_text_and_nothing_else(client, link, name):
    Digital.objects.update(filename=name)
    html = client.get(address(link)).content.decode()
    seen = Seen(html)
    assert "script" not in seen.tags
    assert "\u202e" not in html
    assert name.replace("\u202e", "") in "".join(seen.words)
    assert re.search(r"<h1><bdi>.+</bdi></h1>", html)


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_database_that_cannot_answer_is_a_page_that_says_so(client, link, method, caplog):
    def fail(execute, sql, params, many, context):
        raise OperationalError("server closed the connection unexpectedly")

    with connection.execute_wrapper(fail):
        response = getattr(client, method)(address(link))
    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert "Please come back in a moment" in Seen(response.content.decode()).text
    assert response["Cache-Control"] == "private, no-store"
    assert "The database could not answer." in caplog.text
    assert not any(link.token in record.getMessage() for record in caplog.records if record.name[:5] == "spree")


def test_a_storage_that_cannot_answer_is_told_on_the_page(client, see, link, settings):
    broken = {"BACKEND": "tests.test_pages.BrokenStorage"}
    settings.STORAGES = {**settings.STORAGES, "digitals": broken}
    text = see(link, status=503)
    assert "The file cannot be sent at the moment." in text
    assert "novel.pdf" in text
    posted = client.post(address(link))
    assert posted.status_code == 503
    assert client.get(address(link))["Retry-After"] == posted["Retry-After"] == "5"
    assert not link.refusals.exists()


class BrokenStorage:
    """A cloud on a bad day."""

    def size(self, name: str) -> int:
        raise ConnectionError("no route to host")


@pytest.mark.parametrize("how", ["get", "post"])
def test_only_pressing_the_button_of_a_refused_link_is_on_record(client, link, how):
    expire(link)
    getattr(client, how)(address(link))
    assert [refusal.code for refusal in link.refusals.all()] == (["link_expired"] if how == "post" else [])


def test_limits_of_the_store_are_shown_as_they_are_now(see, link, store):
    StoreLimits.objects.create(store=store, authorized_clicks=2, authorized_days=30)
    assert "2 of 2 downloads left" in see(link)
    assert "(29 days left)" in see(link)


def test_a_page_takes_few_queries(client, link):
    with CaptureQueriesContext(
        connection,
    ) as queries:
        client.get(address(link))
    assert len(queries) == 1


def urls(*patterns) -> ModuleType:
    module = ModuleType("urls")
    module.urlpatterns = list(patterns)
    return module


def test_pages_and_api_may_be_mounted_anywhere(client, link, settings):
    settings.ROOT_URLCONF = urls(
        path("shop/interface/", include("spree_digitals.urls")), path("files/", include("spree_digitals.pages.urls"))
    )
    response = client.post(f"/files/{link.token}")
    assert response["Location"] == f"/shop/interface/storefront/digitals/{link.token}"
    assert b'href="/files/"' in client.get(f"/files/{link.token}").content


def test_the_page_of_a_link_works_without_sessions_accounts_and_messages(client, link, settings):
    settings.MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
    settings.INSTALLED_APPS = [
        app
        for app in project.INSTALLED_APPS
        if app not in ("django.contrib.sessions", "django.contrib.messages", "django.contrib.admin")
    ]
    settings.TEMPLATES = [
        {"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": settings.TEMPLATES[0]["DIRS"]}
    ]
    settings.ROOT_URLCONF = urls(
        path("api/v2/", include("spree_digitals.urls")), path("downloads/", include("spree_digitals.pages.urls"))
    )
    response = client.get(address(link))
    assert "5 of 5 downloads left" in Seen(response.content.decode()).text
    assert b"All my downloads" not in response.content
    assert client.post(address(link)).status_code == 303
    for token in (UNKNOWN, "abc"):
        response = client.get(address(token))
        assert response.status_code == 404
        assert "There is no such download link" in Seen(response.content.decode()).text
        assert b"All my downloads" not in response.content


@pytest.mark.django_db(transaction=True)
def test_pages_do_not_need_the_transaction_that_a_project_puts_around_requests(client, link, settings):
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    try:
        assert client.get(address(link)).status_code == 200
        LineItem.objects.update(quantity=1, refunded_units=1)
        assert client.post(address(link)).status_code == 403
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = False


def test_a_shop_puts_its_own_frame_around_all_pages(client, link, settings, tmp_path):
    (tmp_path / "spree_digitals" / "pages").mkdir(parents=True)
    frame = "<title>{% block title %}{% endblock %}</title><nav>Our shop</nav>{% block content %}{% endblock %}"
    (tmp_path / "spree_digitals" / "pages" / "base.html").write_text(frame)
    settings.TEMPLATES = [{**project.TEMPLATES[0], "DIRS": [tmp_path]}]
    for found in (address(link), address(UNKNOWN), "/downloads/sign-in"):
        assert "Our shop" in client.get(found).content.decode()
    assert "novel.pdf" in client.get(address(link)).content.decode()
