"""The download endpoint, as buyers and their programs meet it."""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.db import OperationalError, connection, connections, transaction
from django.http import HttpRequest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from example_project.shop.models import Order
from spree_digitals import signals
from spree_digitals.models import Digital, DigitalLink, Download, Refusal, StoreLimits
from tests.at_once import deadlocks
from tests.conftest import DOWNLOAD, PDF, error, uses

NOT_AUTHORIZED = "You are not authorized to access this page."
NOT_FOUND = "The resource you were looking for could not be found."
DAY = timedelta(days=1)


def test_a_link_downloads_as_often_as_the_store_allows_and_then_is_refused(download, link):
    for _ in range(5):
        response = download(link)
        assert response.status_code == 200
        assert response.body == PDF
    refused = download(link)
    assert error(refused) == (403, "download_limit_reached")
    assert refused.json()["error"] == NOT_AUTHORIZED
    assert refused.json()["errors"][0]["meta"] == {"limit": 5, "used": 5}
    assert uses(link) == 5
    assert link.downloads.count() == 5


def test_a_link_works_for_as_long_as_the_store_allows(download, make_link):
    last_minute = make_link(bought=timezone.now() - 7 * DAY + timedelta(minutes=1))
    too_late = make_link(bought=timezone.now() - 7 * DAY)
    assert download(last_minute).status_code == 200
    assert error(download(too_late)) == (403, "link_expired")
    assert uses(too_late) == 0


def test_changing_the_store_s_limits_changes_every_link_at_once(download, link, store):
    limits = StoreLimits.objects.create(store=store, authorized_clicks=1)
    assert download(link).status_code == 200
    assert error(download(link)) == (403, "download_limit_reached")
    limits.authorized_clicks = 2
    limits.save()
    assert download(link).status_code == 200
    limits.authorized_clicks, limits.unlimited_clicks = None, True
    limits.save()
    assert download(link).status_code == 200
    assert uses(link) == 3


def test_each_buyer_has_a_counter_of_their_own(download, make_link, digital):
    first, second = make_link(digital, uses=1), make_link(digital, uses=1)
    assert download(first).status_code == download(second).status_code == 200


def test_the_file_comes_with_headers_that_keep_it_private(download, link):
    response = download(link)
    digital = link.digital
    assert response["Content-Type"] == "application/pdf"
    assert response["Content-Length"] == str(len(PDF))
    assert response["Content-Disposition"] == 'attachment; filename="novel.pdf"'
    assert response["Content-Encoding"] == "identity"
    assert response["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert response["ETag"] == f'"{digital.sha256}"'
    assert response["Last-Modified"]
    assert response["Accept-Ranges"] == "bytes"
    assert "Set-Cookie" not in response


@pytest.mark.parametrize("case", ["file", "refused", "unknown", "prefetch", "method", "options"])
def test_no_answer_is_stored_sniffed_indexed_or_referred_from(client, download, link, make_link, case):
    answers = {
        "file": lambda: download(link),
        "refused": lambda: download(make_link(uses=0)),
        "unknown": lambda: download("z" * 24),
        "prefetch": lambda: download(link, **{"Sec-Purpose": "prefetch"}),
        "method": lambda: download(link, "post"),
        "options": lambda: download(link, "options"),
    }
    response = answers[case]()
    assert response["Cache-Control"] == "private, no-store"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Referrer-Policy"] == "no-referrer"
    assert response["X-Robots-Tag"] == "noindex, nofollow"


def test_head_answers_what_get_would_and_counts_nothing(download, link):
    head = download(link, "head")
    assert head.status_code == 200
    assert head.body == b""
    assert uses(link) == 0
    get = download(link)
    assert head.headers == get.headers


def test_head_of_a_link_that_is_refused_says_so(download, make_link):
    assert download(make_link(uses=0), "head").status_code == 403
    assert download("z" * 24, "head").status_code == 404


def test_options_names_the_methods_and_counts_nothing(download, link):
    response = download(link, "options")
    assert (response.status_code, response["Allow"]) == (204, "GET, HEAD, OPTIONS")
    assert uses(link) == 0


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_other_methods_are_not_allowed(download, link, method):
    response = download(link, method)
    assert error(response) == (405, "method_not_allowed")
    assert response["Allow"] == "GET, HEAD, OPTIONS"
    assert uses(link) == 0


def test_a_method_nobody_knows_is_not_allowed(client, link):
    assert error(client.generic("FOO", DOWNLOAD + link.token)) == (405, "method_not_allowed")


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Purpose": "prefetch"},
        {"Sec-Purpose": "prefetch;prerender"},
        {"Purpose": "prefetch"},
        {"X-Moz": "prefetch"},
    ],
    ids=str,
)
def test_a_prefetch_gets_no_file_and_counts_nothing(download, link, headers):
    assert error(download(link, **headers)) == (503, "temporarily_unavailable")
    assert uses(link) == 0


def test_a_missing_file_costs_no_use(download, link):
    link.digital.attachment.storage.delete(link.digital.attachment.name)
    response = download(link)
    assert error(response) == (404, "file_missing")
    assert response.json()["error"] == NOT_FOUND
    assert download(link, "head").status_code == 404
    assert uses(link) == 0


def test_a_file_of_another_size_than_was_uploaded_is_not_sold_as_the_product(
    download, link, digitals_directory, caplog
):
    (digitals_directory / link.digital.attachment.name).write_bytes(PDF[:-1])
    assert error(download(link)) == (404, "file_missing")
    assert uses(link) == 0
    assert "were uploaded" in caplog.text


def test_a_directory_or_a_pipe_in_the_place_of_a_file_costs_no_use(download, link, digitals_directory):
    path = digitals_directory / link.digital.attachment.name
    path.unlink()
    path.mkdir()
    assert error(download(link)) == (404, "file_missing")
    path.rmdir()
    os.mkfifo(path)
    assert error(download(link)) == (404, "file_missing")
    assert uses(link) == 0


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/../../secret"])
def test_a_stored_name_that_leaves_the_storage_is_not_followed(download, link, digitals_directory, name):
    (digitals_directory.parent / "secret").write_bytes(PDF)
    Digital.objects.update(attachment=name)
    assert error(download(link)) == (404, "file_missing")
    assert uses(link) == 0


def test_a_storage_that_cannot_answer_costs_no_use(download, link, settings, digitals_directory):
    settings.STORAGES = {**settings.STORAGES, "digitals": {"BACKEND": "tests.test_download.BrokenStorage"}}
    response = download(link)
    assert error(response) == (503, "temporarily_unavailable")
    assert response["Retry-After"]
    assert uses(link) == 0


class BrokenStorage:
    """A storage whose disk has failed."""

    def size(self, name):
        raise OSError(5, "Input/output error", name)


def test_a_withdrawn_file_is_refused_and_costs_no_use(download, link):
    Digital.objects.update(withdrawn_at=timezone.now())
    assert error(download(link)) == (403, "file_withdrawn")
    assert uses(link) == 0
    for later in (None, timezone.now() + DAY):
        Digital.objects.update(withdrawn_at=later)
        assert download(link).status_code == 200


def test_an_order_that_is_not_completed_gives_no_access(download, link):
    Order.objects.update(completed_at=None)
    assert error(download(link)) == (403, "order_not_entitled")


def test_a_refund_between_two_clicks_takes_effect_at_the_second(download, link):
    assert download(link).status_code == 200
    link.line_item.refunded_units = 1
    link.line_item.save()
    assert error(download(link)) == (403, "order_not_entitled")


def test_an_exhausted_link_is_refused_whatever_the_client_has_in_its_cache(download, make_link):
    link = make_link(uses=0)
    tag = f'"{link.digital.sha256}"'
    for headers in ({"If-None-Match": tag}, {"If-Match": tag}, {"Range": "bytes=0-"}, {"Range": "bytes=-1"}):
        assert error(download(link, **headers)) == (403, "download_limit_reached")


@pytest.mark.parametrize("middleware", [False, True], ids=["as it is", "with ConditionalGetMiddleware"])
def test_a_client_that_has_the_file_already_is_told_so_and_nothing_is_counted(download, link, settings, middleware):
    if middleware:
        settings.MIDDLEWARE = ["django.middleware.http.ConditionalGetMiddleware", *settings.MIDDLEWARE]
    tag = f'"{link.digital.sha256}"'
    modified = download(link, "head")["Last-Modified"]
    for method in ("get", "head"):
        for headers in ({"If-None-Match": tag}, {"If-None-Match": f'"other", {tag}'}, {"If-Modified-Since": modified}):
            response = download(link, method, **headers)
            assert (response.status_code, response.body) == (304, b"")
            assert (response["ETag"], response["Last-Modified"]) == (tag, modified)
            assert response["Cache-Control"] == "private, no-store"
        for headers in ({"If-Match": '"other"'}, {"If-Unmodified-Since": "Thu, 01 Jan 2026 00:00:00 GMT"}):
            assert download(link, method, **headers).status_code == 412
    assert error(download(link, **{"If-Match": '"other"'})) == (412, "precondition_failed")
    assert uses(link) == 0
    assert not link.refusals.exists()
    assert download(link, **{"If-None-Match": '"other"', "If-Match": tag}).body == PDF
    assert uses(link) == 1


def test_middleware_that_compresses_and_translates_leaves_files_as_they_are(
    download, make_link, make_digital, settings
):
    text = b"once upon a time " * 1000
    link = make_link(make_digital(content=text, name="tale.txt"))
    plain = download(link)
    others = ["cache.UpdateCache", "gzip.GZip", "http.ConditionalGet", "locale.Locale", "cache.FetchFromCache"]
    settings.MIDDLEWARE = [f"django.middleware.{name}Middleware" for name in others] + settings.MIDDLEWARE
    response = download(link, **{"Accept-Encoding": "gzip", "Accept-Language": "de"})
    assert response.body == plain.body == text
    for name in ("Content-Length", "ETag", "Content-Encoding"):
        assert response[name] == plain[name]


def test_a_download_says_which_bytes_went_to_whom(download, link):
    download(link, **{"User-Agent": "curl/8.0 \x00 " + "x" * 500})
    record = link.downloads.get()
    assert (record.version, record.byte_size, record.sha256) == (1, len(PDF), link.digital.sha256)
    assert record.stored_name == link.digital.attachment.name
    assert record.user_agent.startswith("curl/8.0")
    assert len(record.user_agent) == 200
    assert len(record.client) == 64
    assert "127.0.0.1" not in record.client


def test_clients_are_told_apart_by_address_and_by_program(client, link):
    for address, program in (("192.0.2.1", "a"), ("192.0.2.1", "a"), ("192.0.2.2", "a"), ("192.0.2.1", "b")):
        response = client.get(DOWNLOAD + link.token, REMOTE_ADDR=address, headers={"User-Agent": program})
        b"".join(response.streaming_content)
    first, again, elsewhere, other = link.downloads.order_by("created_at").values_list("client", flat=True)
    assert first == again
    assert len({first, elsewhere, other}) == 3


def test_a_refusal_names_the_first_of_its_reasons(download, link, make_link):
    """In this order: each reason is added before those that were there already."""
    DigitalLink.objects.update(authorized_clicks=0)
    assert error(download(link))[1] == "download_limit_reached"
    DigitalLink.objects.update(authorized_days=0)
    assert error(download(link))[1] == "link_expired"
    Order.objects.update(cancelled_at=timezone.now())
    assert error(download(link))[1] == "order_not_entitled"
    DigitalLink.objects.update(revoked_at=timezone.now(), revoke_reason="staff")
    assert error(download(link))[1] == "link_revoked"
    Digital.objects.update(withdrawn_at=timezone.now())
    assert error(download(link))[1] == "file_withdrawn"


def test_a_replaced_file_is_what_old_links_download(download, link):
    assert download(link).body == PDF
    digital = link.digital
    digital.attachment = ContentFile(b"%PDF-1.7 second edition", name="second.pdf")
    digital.save()
    assert download(link).body == b"%PDF-1.7 second edition"
    assert list(link.downloads.order_by("created_at").values_list("version", flat=True)) == [1, 2]


def test_refusals_are_kept_once_a_minute_for_each_reason(download, make_link):
    link = make_link(uses=0)
    for _ in range(20):
        download(link)
    DigitalLink.objects.update(revoked_at=timezone.now(), revoke_reason="staff")
    download(link)
    codes = sorted(Refusal.objects.filter(link=link).values_list("code", flat=True))
    assert 2 <= len(codes) <= 4  # a minute may have ended meanwhile
    assert set(codes) == {"download_limit_reached", "link_revoked"}


def test_listeners_hear_of_downloads_and_refusals(download, make_link):
    heard = []

    def started(sender, link, download, request, **sent):
        assert isinstance(request, HttpRequest)
        heard.append(("started", link.pk, download.pk))

    def refused(sender, link, refusal, request, **sent):
        assert isinstance(request, HttpRequest)
        heard.append(("refused", link.pk, refusal.code))

    signals.download_started.connect(started)
    signals.download_refused.connect(refused)
    try:
        link = make_link(uses=1)
        download(link)
        download(link)
    finally:
        signals.download_started.disconnect(started)
        signals.download_refused.disconnect(refused)
    assert heard == [
        ("started", link.pk, Download.objects.get().pk),
        ("refused", link.pk, "download_limit_reached"),
    ]


@pytest.mark.parametrize(
    "accept",
    ["application/octet-stream", "text/html,application/xhtml+xml,*/*;q=0.8", "application/json, text/plain, */*", ""],
)
def test_nobody_is_told_that_the_file_is_not_acceptable(download, make_link, accept):
    assert download(make_link(), Accept=accept).status_code == 200
    assert error(download(make_link(uses=0), Accept=accept))[0] == 403


def test_query_parameters_that_others_append_are_ignored(client, link):
    response = client.get(DOWNLOAD + link.token, {"utm_source": "mail", "fbclid": "x", "format": "xml", "page": "abc"})
    assert response.status_code == 200
    assert b"".join(response.streaming_content) == PDF


GOOD = "4WaA5vjMbnivskav2rMPGKzt"
ENDS = (
    *("%00", "%0A", "%0D%0A", "%09", "%20", "/", "//", "/x.css", "/..", ";.css", ";jsessionid=1", "%2Fx.js", "%00.png"),
    *(".json", ".pdf", "%ff", "%C0%80", "%E2%80%AE", "é", "+", "*", "'", '"', "\\", "|", ":", "@", ",", "!", "~", "^"),
)
ELSEWHERE = (
    *("", "/", ".", "..", "./", "../", "../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e/", "....//", "C:\\boot"),
    *("null", "undefined", "None", "NaN", "true", "[]", "{}", "0", "-1", "1e9", "abc/", "a%2Fb", "a/b/c", "%", "%zz"),
    *("' OR '1'='1", "1; DROP TABLE x", "') --", "${jndi:x}", "{{7*7}}", "<script>", "%3Cscript%3E", "$(id)", "|id"),
    *("index.php", "favicon.ico", ".env", ".git/config", "robots.txt", "wp-login.php", "admin", "storefront/digitals"),
    *(GOOD * 2, "x" * 8192, "%00" * 24, "%F0%9F%92%A9" * 6, "\u0661" * 24, "\uff11" * 24, " " * 24, "-" * 24),
)


def malformed_tokens():
    """A good token, changed in every place and in many ways, and what strangers ask for elsewhere."""
    tokens = [GOOD + end for end in ENDS] + [start + GOOD for start in ENDS] + list(ELSEWHERE)
    tokens += [GOOD[:length] for length in range(24)]
    tokens += [GOOD[:place] + char + GOOD[place + 1 :] for place in range(24) for char in "0OIl"]
    return sorted({token for token in tokens if token not in ("?", "#")})


def test_200_malformed_tokens_get_the_same_404_without_a_query(client, db, django_assert_num_queries):
    tokens = malformed_tokens()
    assert len(tokens) >= 200
    unknown = client.get(DOWNLOAD + "z" * 24)
    assert unknown.status_code == 404
    assert unknown.json()["error"] == NOT_FOUND
    for token in tokens:
        with django_assert_num_queries(0):
            response = client.get(DOWNLOAD + token)
        assert (response.status_code, response.content) == (404, unknown.content), token
        assert response.headers == unknown.headers


@given(token=st.text(max_size=200).filter(lambda text: "?" not in text and "#" not in text))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_at_all_in_the_place_of_a_token_is_more_than_a_404(client, db, token):
    assert error(client.get(DOWNLOAD + token.encode("utf-8", "replace").decode())) == (404, "not_found")


def test_an_unknown_token_costs_one_query(client, db, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert client.get(DOWNLOAD + "z" * 24).status_code == 404


def test_a_token_is_matched_letter_by_letter(download, link):
    assert download(link.token.swapcase()).status_code == 404
    assert uses(link) == 0


def test_a_deleted_link_is_the_same_404_as_one_that_never_was(download, link):
    link.delete()
    deleted, unknown = download(link), download("z" * 24)
    assert (deleted.content, deleted.headers) == (unknown.content, unknown.headers)


def test_a_download_takes_five_queries(client, link, django_assert_max_num_queries):
    with django_assert_max_num_queries(5):  # SELECT, BEGIN, UPDATE, INSERT, COMMIT
        b"".join(client.get(DOWNLOAD + link.token).streaming_content)


def test_a_download_needs_no_session_and_sets_no_cookie(admin_client, link, django_assert_max_num_queries):
    with django_assert_max_num_queries(5):  # none of them for the session
        response = admin_client.get(DOWNLOAD + link.token)
        b"".join(response.streaming_content)
    assert "Set-Cookie" not in response


@pytest.mark.django_db(transaction=True)
def test_inside_a_transaction_of_the_project_nothing_is_sent_and_the_log_says_why(download, link, caplog):
    with transaction.atomic():
        assert error(download(link)) == (503, "temporarily_unavailable")
    assert "must not run inside a transaction of the project" in caplog.text
    assert uses(link) == 0


@contextmanager
def just_before_the_count(change):
    """Somebody else is quicker: ``change`` happens after the link was found, before its use is counted."""
    pending = [change]

    def execute(run, sql, params, many, context):
        if "access_counter" in sql and "UPDATE" in sql and "FOR UPDATE" not in sql and pending:
            pending.pop()()
        return run(sql, params, many, context)

    with connection.execute_wrapper(execute):
        yield
    assert not pending


def test_a_reset_just_before_the_count_is_counted_in_the_new_generation(download, link):
    download(link)
    with just_before_the_count(lambda: DigitalLink.objects.update(generation=2, access_counter=0)):
        assert download(link).status_code == 200
    assert uses(link) == 1
    assert list(link.downloads.order_by("created_at").values_list("generation", flat=True)) == [1, 2]


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        pytest.param({"revoked_at": timezone.now(), "revoke_reason": "staff"}, (403, "link_revoked"), id="revoked"),
        pytest.param({"token": "2" * 24}, (404, "not_found"), id="given a new token"),
        pytest.param({"authorized_clicks": 0}, (200, None), id="limited meanwhile"),
        pytest.param({"access_counter": 5, "purged_uses": 5}, (403, "download_limit_reached"), id="used up"),
    ],
)
def test_what_happens_to_a_link_just_before_the_count_decides(download, link, change, answer):
    with just_before_the_count(lambda: DigitalLink.objects.update(**change)):
        response = download(link)
    assert response.status_code == answer[0]
    if answer[1]:
        assert error(response) == answer
        assert not link.downloads.exists()


def test_a_deleted_link_just_before_the_count_is_a_404(download, link):
    with just_before_the_count(lambda: DigitalLink.objects.all().delete()):
        assert error(download(link)) == (404, "not_found")


def test_the_record_names_the_bytes_that_were_sent(download, link):
    def replace():
        digital = Digital.objects.get()
        digital.attachment = ContentFile(b"second edition", name="second.txt")
        digital.save()
        DigitalLink.objects.update(generation=2)

    with just_before_the_count(replace):
        assert download(link).body == PDF
    record = link.downloads.get()
    assert (record.version, record.byte_size, record.sha256) == (1, len(PDF), hashlib.sha256(PDF).hexdigest())


def test_what_no_header_can_say_is_noticed_before_the_use_is_counted(client, link):
    Digital.objects.update(content_type="text/plain\r\nX-Evil: 1")
    client.raise_request_exception = False
    assert client.get(DOWNLOAD + link.token).status_code == 500
    assert uses(link) == 0


@pytest.mark.django_db(transaction=True)
def test_a_deadlock_is_tried_again(download, link):
    with deadlocks(2, "access_counter"):
        assert download(link).status_code == 200
    assert uses(link) == 1


@pytest.mark.django_db(transaction=True)
def test_a_database_that_keeps_failing_is_a_503_and_nothing_is_counted(download, link, caplog):
    with deadlocks(3, "access_counter"):
        response = download(link)
    assert error(response) == (503, "temporarily_unavailable")
    assert response["Retry-After"]
    assert caplog.text.count("could not be counted") == 3
    assert uses(link) == 0


@pytest.mark.django_db(transaction=True)
def test_a_database_that_cannot_be_asked_is_a_503(download, link):
    def refuse(run, sql, params, many, context):
        raise OperationalError("the database is starting up")

    with connection.execute_wrapper(refuse):
        assert error(download(link)) == (503, "temporarily_unavailable")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("max_age", "held"), [(0, False), (60, True)], ids=["by default", "kept by the thread"])
def test_a_slow_reader_holds_no_database_connection(client, link, monkeypatch, max_age, held):
    connection = connections["default"]
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", max_age)
    response = client.get(DOWNLOAD + link.token)
    assert (connection.connection is not None) is held
    assert b"".join(response.streaming_content) == PDF
