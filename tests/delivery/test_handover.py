"""What the application says to the server in front, and when it sends the file itself instead."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage, Storage
from django.db import connection

from spree_digitals.delivery.handover import warn_of_missing_server
from spree_digitals.exceptions import FileMissing
from spree_digitals.models import Digital
from spree_digitals.storefront import Storefront
from tests.conftest import uses
from tests.delivery.fronts import WAYS, X_ACCEL, X_SENDFILE

CONTENT = b"0123456789" * 10
ROT = bytes((byte + 1) % 256 for byte in range(256))
KNOWN_DATE = "Wed, 25 Nov 2026 10:00:00 GMT"
HEADERS = {"nginx": "X-Accel-Redirect", "apache": "X-Sendfile"}


@pytest.fixture(params=HEADERS)
def header(request, settings):
    """The header of a delivery, which is switched on as the documentation says."""
    for name, value in WAYS[request.param].settings.items():
        setattr(settings, name, value)
    return HEADERS[request.param]


@pytest.fixture
def sold(make_link, make_digital):
    return make_link(make_digital(content=CONTENT, name="song.txt"), uses=50)


@pytest.fixture
def ask(download, header):
    """What the application answers to a server in front that takes files."""

    def ask(link: Any, method: str = "get", **headers: str) -> Any:
        return download(link, method, X_Sendfile_Type=header, X_Forwarded_For="203.0.113.7", **headers)

    return ask


def place(header: str, link: Any) -> str:
    attachment = Digital.objects.get(pk=link.digital_id).attachment
    return f"/protected/{attachment.name}" if header == "X-Accel-Redirect" else attachment.path


def handed_over(response: Any) -> bool:
    return any(name in response for name in HEADERS.values())


def test_the_server_in_front_is_told_where_the_file_is_and_what_to_say_of_it(ask, header, sold):
    response = ask(sold)
    assert (response.status_code, response.body) == (200, b"")
    assert response[header] == place(header, sold)
    digital = sold.digital
    assert {
        "Content-Disposition": 'attachment; filename="song.txt"',
        "Content-Type": "text/plain",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Cache-Control": "private, no-store",
        "ETag": f'"{digital.sha256}"',
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex, nofollow",
    }.items() <= dict(response.items()).items()
    assert "Last-Modified" in response
    assert "Content-Encoding" not in response
    assert uses(sold) == 1


@pytest.mark.parametrize("asked", ["bytes=0-", "bytes=0-0", "bytes=10-19", "bytes=99-", "bytes=-1", "bytes=-500"])
def test_one_range_is_left_to_the_server_in_front(ask, header, sold, asked):
    response = ask(sold, Range=asked)
    assert (response.status_code, response[header]) == (200, place(header, sold))
    assert "Content-Range" not in response
    assert uses(sold) == 1


# What nginx, Apache or lighttpd would answer otherwise than we do, after the use was counted.
READ_OTHERWISE = [
    *("bytes=0-1,4-5", "bytes=5-2", "bytes=abc", "bytes=", "items=0-1", "bytes=+1-2", "bytes=0-1,", "bytes=,0-1"),
    *("bytes=\t0-1", "bytes= 0-1", "BYTES=0-1", "bytes=0-99999999999999999999", f"bytes={'0' * 30}-5"),
    *("bytes=-99999999999999999999", "bytes=0-0" + "," * 5_000),
]


@pytest.mark.parametrize("asked", READ_OTHERWISE, ids=lambda asked: asked[:30])
def test_what_that_server_would_read_otherwise_is_sent_by_the_application(ask, sold, asked):
    response = ask(sold, Range=asked)
    assert not handed_over(response)
    assert response.status_code in (200, 206)
    assert response.body == (CONTENT if response.status_code == 200 else response.body)
    assert int(response["Content-Length"]) == len(response.body) > 0


@pytest.mark.parametrize("asked", [None, "bytes=10-"])
@pytest.mark.parametrize("condition", ["If-Match", "If-Unmodified-Since", "If-Range"])
def test_conditions_that_server_would_judge_again_keep_the_file_with_the_application(ask, sold, condition, asked):
    known = ask(sold, "head")
    value = known["Last-Modified"] if condition == "If-Unmodified-Since" else known["ETag"]
    response = ask(sold, **{condition: value}, **({"Range": asked} if asked else {}))
    assert not handed_over(response)
    assert (response.status_code, response.body) == ((206, CONTENT[10:]) if asked else (200, CONTENT))


def test_an_answer_that_is_not_the_file_hands_nothing_over(ask, make_link, sold):
    etag = ask(sold, "head")["ETag"]
    answers = {
        200: ask(sold, "head"),
        204: ask(sold, "options"),
        304: ask(sold, If_None_Match=etag),
        403: ask(make_link(uses=0)),
        404: ask("2" * 24),
        405: ask(sold, "post"),
        412: ask(sold, If_Match='"another"'),
        416: ask(sold, Range="bytes=100-"),
        503: ask(sold, Sec_Purpose="prefetch"),
    }
    assert {status: response.status_code for status, response in answers.items()} == {s: s for s in answers}
    assert not any(map(handed_over, answers.values()))
    assert uses(sold) == 0


def test_head_with_a_range_is_answered_in_full_and_hands_nothing_over(ask, sold):
    response = ask(sold, "head", Range="bytes=0-0")
    assert (response.status_code, response["Content-Length"]) == (200, str(len(CONTENT)))
    assert not handed_over(response)


@pytest.mark.parametrize(
    ("trusted", "said"),
    [
        ([], "its own"),  # nobody is trusted: it may be anyone
        (["192.0.2.1"], "its own"),  # it did not come through the proxy
        (["127.0.0.1"], None),  # the proxy does not say that it can
        (["127.0.0.1"], ""),
        (["127.0.0.1"], "X-Lighttpd-Send-File"),
    ],
)
def test_nobody_is_told_where_a_file_lies_who_cannot_take_it(download, header, sold, settings, caplog, trusted, said):
    settings.SPREE_DIGITALS_TRUSTED_PROXIES = trusted
    warn_of_missing_server.cache_clear()
    sent = {} if said is None else {"X-Sendfile-Type": header if said == "its own" else said}
    for _ in range(3):
        response = download(sold, X_Accel_Mapping="/=/", X_Accel_Redirect="/protected/x", **sent)
        assert not handed_over(response)
        assert (response.status_code, response.body) == (200, CONTENT)
    (warning,) = [record.getMessage() for record in caplog.records if "SPREE_DIGITALS_TRUSTED" in record.getMessage()]
    assert f'"X-Sendfile-Type: {header}"' in warning


def test_a_server_that_reaches_the_application_over_a_unix_socket_takes_files(client, header, sold, settings):
    settings.SPREE_DIGITALS_TRUSTED_PROXIES = ["unix"]
    url = f"/api/v2/storefront/digitals/{sold.token}"
    assert handed_over(client.get(url, headers={"X-Sendfile-Type": header}, REMOTE_ADDR=""))
    streamed = client.get(url, headers={"X-Sendfile-Type": header})
    assert not handed_over(streamed)
    assert streamed.getvalue() == CONTENT


OUTSIDE = ["../secret", "a/../../secret", "/etc/passwd", "//etc/passwd", "..", ".", "./", "a/..", "../served/../secret"]


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_stored_name_that_leads_elsewhere_is_a_missing_file(ask, sold, digitals_directory, name):
    Path(digitals_directory, "a").mkdir(exist_ok=True)
    Path(digitals_directory, "..", "secret").write_bytes(CONTENT)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE spree_digitals_digital SET attachment = %s WHERE id = %s", [name, sold.digital_id])
    for headers in ({}, {"Range": "bytes=0-"}):
        response = ask(sold, **headers)
        assert response.status_code == 404
        assert not handed_over(response)
    assert uses(sold) == 0


def test_a_stored_name_with_a_nul_is_a_missing_file(sold):
    file = replace(sold.digital.stored_file, name="nul\0nul")  # which PostgreSQL could not even store
    with pytest.raises(FileMissing):
        file.check()


def test_a_link_out_of_the_directory_is_a_missing_file(ask, sold, digitals_directory, tmp_path):
    (tmp_path / "secret").write_bytes(CONTENT)
    stored = Path(digitals_directory, sold.digital.attachment.name)
    stored.unlink()
    stored.symlink_to(tmp_path / "secret")
    response = ask(sold)
    assert (response.status_code, handed_over(response), uses(sold)) == (404, False, 0)


def removed(path: Path) -> None:
    path.unlink()


def a_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def cut(path: Path) -> None:
    os.truncate(path, 5)


@pytest.mark.parametrize("happened", [removed, a_directory, a_pipe, cut])
def test_a_file_that_is_not_there_in_full_costs_nothing_and_is_handed_to_nobody(
    ask, sold, digitals_directory, happened
):
    happened(Path(digitals_directory, sold.digital.attachment.name))
    response = ask(sold)
    assert (response.status_code, handed_over(response), uses(sold)) == (404, False, 0)


def test_middleware_that_packs_answers_leaves_one_without_a_body_alone(ask, header, sold, settings):
    settings.MIDDLEWARE = [
        "django.middleware.gzip.GZipMiddleware",
        "django.middleware.http.ConditionalGetMiddleware",
        *settings.MIDDLEWARE,
    ]
    response = ask(sold, Accept_Encoding="gzip")
    assert (response.status_code, response[header]) == (200, place(header, sold))
    assert "Content-Encoding" not in response
    assert response["ETag"] == f'"{sold.digital.sha256}"'


class Drawer(Storage):
    """A storage that is no directory: what it keeps is in memory."""

    kept: ClassVar[dict[str, bytes]] = {}

    def _open(self, name: str, mode: str = "rb") -> File[bytes]:
        return ContentFile(self.kept[name], name=name)

    def _save(self, name: str, content: File[bytes]) -> str:
        content.seek(0)
        self.kept[name] = content.read()
        return name

    def exists(self, name: str) -> bool:
        return name in self.kept

    def size(self, name: str) -> int:
        return len(self.kept[name])

    def url(self, name: str) -> str:
        raise NotImplementedError


class Scrambled(FileSystemStorage):
    """Files lie in a directory, but not as they are sold."""

    def _open(self, name: str, mode: str = "rb") -> File[bytes]:
        with super()._open(name, "rb") as file:
            return File(io.BytesIO(bytes(byte - 1 for byte in file.read())), name=name)

    def _save(self, name: str, content: Any) -> str:
        content.seek(0)
        return super()._save(name, ContentFile(content.read().translate(ROT)))


@pytest.mark.parametrize("storage", [Drawer, Scrambled])
def test_a_file_that_the_server_in_front_cannot_reach_is_sent_by_the_application(
    ask, settings, digitals_directory, make_link, make_digital, storage
):
    options = {"location": str(digitals_directory)} if storage is Scrambled else {}
    entry = {"BACKEND": f"{__name__}.{storage.__name__}", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "digitals": entry}
    link = make_link(make_digital(content=CONTENT, name="song.txt"), uses=5)
    for headers, expected in (({}, (200, CONTENT)), ({"Range": "bytes=10-"}, (206, CONTENT[10:]))):
        response = ask(link, **headers)
        assert not handed_over(response)
        assert (response.status_code, response.body) == expected
    assert uses(link) == 1


@pytest.mark.parametrize("name", ["two words", "100%", "Übung", "a+b", "what?", 'say "hi"', "\x01"])
def test_apache_is_told_no_path_that_would_have_to_be_encoded(ask, header, sold, digitals_directory, name):
    """Its module takes the header as it is, lighttpd decodes it; nginx decodes always."""
    Path(digitals_directory, name).write_bytes(CONTENT)
    Digital.objects.filter(pk=sold.digital_id).update(attachment=name)
    response = ask(sold)
    assert response.status_code == 200
    assert handed_over(response) == (header == "X-Accel-Redirect")
    assert response.body == (b"" if handed_over(response) else CONTENT)


class ByFile(Storefront):
    """Large files go through nginx, those of one store through Apache, and the rest as the setting says."""

    def delivery(self, link: Any) -> Any:
        if link.digital.byte_size > 50:
            return X_ACCEL
        return X_SENDFILE if link.line_item.order.store.name == "Paper & Sound" else None


@pytest.mark.parametrize(
    ("size", "store_name", "expected"),
    [(51, "Paper & Sound", "X-Accel-Redirect"), (50, "Paper & Sound", "X-Sendfile"), (50, "Another", None)],
)
def test_the_shop_chooses_the_delivery_of_each_store_and_file(
    download, settings, store, make_link, make_digital, size, store_name, expected
):
    settings.SPREE_DIGITALS_STOREFRONT = f"{__name__}.ByFile"
    settings.SPREE_DIGITALS_TRUSTED_PROXIES = ["127.0.0.1"]
    store.name = store_name
    store.save()
    link = make_link(make_digital(content=b"x" * size, name="song.txt"), uses=5)
    for header in HEADERS.values():
        response = download(link, X_Sendfile_Type=header)
        assert response.status_code == 200
        assert handed_over(response) == (header in response) == (header == expected)
    assert uses(link) == 2


def test_links_work_on_when_the_shop_changes_its_delivery(download, settings, sold):
    settings.SPREE_DIGITALS_TRUSTED_PROXIES = ["127.0.0.1"]
    asked = {"X-Forwarded-For": "203.0.113.7", "Range": "bytes=0-"}
    for delivery, header in ((X_ACCEL, "X-Accel-Redirect"), (X_SENDFILE, "X-Sendfile")):
        settings.SPREE_DIGITALS_DELIVERY = delivery
        assert header in download(sold, X_Sendfile_Type=header, **asked)
    assert uses(sold) == 1
    del settings.SPREE_DIGITALS_DELIVERY
    assert download(sold, **asked).body == CONTENT
    assert uses(sold) == 2  # streamed, a download takes twice its size at most


def test_a_delivery_that_does_not_exist_is_an_error_that_costs_nothing(client, settings, sold):
    settings.SPREE_DIGITALS_DELIVERY = {"BACKEND": "shop.nope.Delivery"}
    client.raise_request_exception = False
    assert client.get(f"/api/v2/storefront/digitals/{sold.token}").status_code == 500
    assert uses(sold) == 0


@pytest.mark.parametrize("times", [20, 3])
def test_a_download_takes_so_many_times_its_size_where_nobody_sees_what_arrives(ask, settings, sold, times):
    settings.SPREE_DIGITALS_RESUME_BUDGET = times
    for _ in range(times):
        assert handed_over(ask(sold, Range="bytes=0-"))
    assert uses(sold) == 1
    assert handed_over(ask(sold, Range="bytes=0-"))
    assert uses(sold) == 2


def test_the_last_use_ends_with_its_budget(ask, make_link, make_digital):
    link = make_link(make_digital(content=CONTENT, name="song.txt"), uses=1)
    answers = [ask(link, Range="bytes=0-").status_code for _ in range(22)]
    assert answers == [200] * 20 + [403] * 2
    assert uses(link) == 1
