"""Signed addresses: real ones of S3, and what every storage would sign."""

from __future__ import annotations

import base64
import logging
import os
import subprocess
import time
from datetime import timedelta
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from django.test import RequestFactory
from django.utils import timezone

from spree_digitals.delivery.redirect import SignedRedirect
from spree_digitals.delivery.stream import StreamedFile
from spree_digitals.models import Download, StoreLimits
from tests.conftest import error, uses
from tests.delivery.clouds import (
    KEY,
    REDIRECT,
    SECRET,
    address,
    documented,
    fetch,
    with_options,
)
from tests.services import program

CONTENT = os.urandom(300_007)
NAME = 'Zażółć "gęślą" – 50% & more; n=1.bin'
DISPOSITION = "attachment; filename*=utf-8''" + quote(NAME.replace('"', "_"), safe="")
DAY = timedelta(days=1)


@pytest.fixture
def bucket(weed, settings, keep_files_in):
    """A shop that redirects to SeaweedFS, set up as an S3 that is not Amazon's."""
    options = {"endpoint_url": weed.url, "access_key": KEY, "secret_key": SECRET}
    source = with_options(documented("What speaks the protocol of S3"), **options)
    keep_files_in(source)
    settings.SPREE_DIGITALS_DELIVERY = REDIRECT
    return source


@pytest.fixture(params=["gunicorn", "uvicorn"])
def application(request, transactional_db, serve, bucket):
    return serve(request.param, SOURCE=bucket, SPREE_DIGITALS_DELIVERY=REDIRECT, SPREE_DIGITALS_RESUME_BUDGET=4)


@pytest.fixture
def sold(bucket, make_link, make_digital):
    def sold(**limits):
        return make_link(make_digital(content=CONTENT, name=NAME), **limits)

    return sold


def parameters(location):
    return {name: value for name, (value,) in parse_qs(urlsplit(location).query).items()}


def test_the_storage_sends_the_file_under_our_name_and_type(application, sold):
    link = sold()
    redirect = fetch(address(application, link))
    assert (redirect.status, redirect.body) == (302, b"")
    assert redirect.headers["Location"].startswith("http://127.0.0.1:")
    assert redirect.headers["Cache-Control"] == "private, no-store"
    assert redirect.headers["Referrer-Policy"] == "no-referrer"
    assert redirect.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert "Set-Cookie" not in redirect.headers
    whole = fetch(redirect.headers["Location"])
    assert (whole.status, whole.body) == (200, CONTENT)
    assert whole.headers["Content-Disposition"] == DISPOSITION
    assert whole.headers["Content-Type"] == "application/octet-stream"
    assert whole.headers["Cache-Control"] == "private, no-store"
    part = fetch(redirect.headers["Location"], Range="bytes=100-199")
    assert (part.status, part.body) == (206, CONTENT[100:200])
    assert part.headers["Content-Range"] == f"bytes 100-199/{len(CONTENT)}"
    assert uses(link) == 1
    assert "Signature" not in application.said()


@pytest.mark.once
def test_an_address_that_was_changed_or_has_expired_opens_nothing(application, sold, store):
    StoreLimits.objects.create(store=store, digital_asset_link_expire_time=1)
    link = sold()
    location = fetch(address(application, link)).headers["Location"]
    tampered = location.replace("response-content-type=application", "response-content-type=text")
    assert tampered != location
    assert fetch(tampered).status == 403
    assert fetch(location.partition("?")[0]).status == 403
    assert wait_for_403(location)


def wait_for_403(location):
    for _ in range(40):
        if fetch(location).status == 403:
            return True
        time.sleep(0.1)
    return False


def test_an_address_lives_as_long_as_the_store_says_and_never_longer_than_its_link(download, sold, store):
    StoreLimits.objects.create(store=store, digital_asset_link_expire_time=120)
    location = download(sold())["Location"]
    assert parameters(location)["X-Amz-Expires"] == "120"
    ending = sold(days=7, bought=timezone.now() - 7 * DAY + timedelta(seconds=60))
    assert 50 <= int(parameters(download(ending)["Location"])["X-Amz-Expires"]) <= 60


@pytest.mark.once
def test_a_life_of_less_than_a_second_is_no_life_for_an_address(bucket, link):
    file, request = link.digital.stored_file, RequestFactory().get("/")
    response = SignedRedirect().respond(request, file, None, lifetime=timedelta(milliseconds=999))
    assert isinstance(response, StreamedFile)
    response.finish()
    assert SignedRedirect().respond(request, file, None, lifetime=timedelta(seconds=1)).status_code == 302


def test_the_application_answers_head_itself(application, sold):
    link = sold()
    head = fetch(address(application, link), "HEAD")
    assert (head.status, head.headers["Content-Length"]) == (200, str(len(CONTENT)))
    assert head.headers["ETag"] == f'"{link.digital.sha256}"'
    assert "Location" not in head.headers
    assert uses(link) == 0


def test_whoever_began_gets_more_addresses_within_the_budget_and_others_are_counted(application, sold):
    link = sold(uses=2)
    for _ in range(2):
        assert fetch(address(application, link)).status == 302
        assert fetch(address(application, link), Range="bytes=5-").status == 302
    assert uses(link) == 1
    assert fetch(address(application, link), User_Agent="another").status == 302
    assert uses(link) == 2
    assert fetch(address(application, link)).code == "download_limit_reached"
    assert fetch(address(application, link), User_Agent="another").status == 302
    assert uses(link) == 2


def test_a_use_that_is_left_is_counted_when_the_budget_is_spent(application, sold):
    link = sold(uses=2)
    assert [fetch(address(application, link)).status for _ in range(9)] == [302] * 8 + [403]
    assert uses(link) == 2
    assert set(Download.objects.values_list("bytes_granted", flat=True)) == {4 * len(CONTENT)}


@pytest.mark.parametrize("header", ["bytes=0-1,4-5", "bytes=5-2", "items=0-1"])
def test_what_storages_read_otherwise_is_streamed(sold, download, header):
    link = sold()
    answer = download(link, Range=header)
    assert (answer.status_code, answer.body) == (200, CONTENT)
    assert uses(link) == 1


def test_a_range_beyond_the_end_is_refused_before_anything_is_counted(sold, download):
    link = sold()
    assert download(link, Range=f"bytes={len(CONTENT)}-").status_code == 416
    assert uses(link) == 0


def test_a_missing_object_gets_no_address(bucket, download, link):
    link.digital.attachment.storage.delete(link.digital.attachment.name)
    assert error(download(link)) == (404, "file_missing")
    assert download(link, "head").status_code == 404
    assert uses(link) == 0


FOLLOWING = """
const headers = {Authorization: "Bearer secret", "X-Spree-Order-Token": "secret"};
const answer = await fetch(process.argv[1], {headers});
console.log(answer.status, answer.redirected, (await answer.arrayBuffer()).byteLength);
"""


@pytest.mark.once
def test_a_client_in_node_follows_and_leaves_its_authorization_behind(application, sold):
    """S3 refuses whoever has a signature and an ``Authorization``."""
    command = [program("node"), "--input-type=module", "--eval", FOLLOWING, address(application, sold())]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout.split() == ["200", "true", str(len(CONTENT))]


UNSIGNED = {
    "no signature wanted": {"querystring_auth": False},
    "a domain without a key": {"custom_domain": "cdn.example"},
}


@pytest.mark.parametrize("options", UNSIGNED.values(), ids=UNSIGNED)
def test_nobody_gets_an_address_without_a_signature(bucket, download, link, keep_files_in, caplog, options):
    keep_files_in(with_options(bucket, **options))
    assert error(download(link)) == (503, "temporarily_unavailable")
    assert uses(link) == 0
    assert "signs no addresses" in caplog.text


def test_a_storage_without_credentials_gives_no_address(bucket, download, link, keep_files_in, monkeypatch):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    keep_files_in(with_options(bucket, access_key=None, secret_key=None))
    assert error(download(link)) == (503, "temporarily_unavailable")
    assert uses(link) == 0


@pytest.mark.once
@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")  # of django-storages
def test_cloudfront_signs_the_headers_too(bucket, download, sold, keep_files_in, monkeypatch, tmp_path):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    (tmp_path / "key.pem").write_bytes(pem)
    monkeypatch.setenv("CLOUDFRONT_KEY_FILE", str(tmp_path / "key.pem"))
    link = sold()
    keep_files_in(f"{bucket}\n{documented('CloudFront')}")
    location = download(link)["Location"]
    assert location.startswith(f"https://downloads.example.com/{link.digital.attachment.name}?")
    given = parameters(location)
    assert given["response-content-disposition"] == DISPOSITION
    assert given["response-content-type"] == "application/octet-stream"
    assert given["response-cache-control"] == "private, no-store"
    assert given["Key-Pair-Id"] == "K2JCJMDEHXQW5F"
    assert_signed_by(key, location)


def assert_signed_by(key, location):
    """As CloudFront verifies it: the signature is of a policy that names the address and the moment of its end."""
    given = parameters(location)
    resource, expires = location.partition("&Expires=")[0], given["Expires"]
    policy = (
        f'{{"Statement":[{{"Resource":"{resource}","Condition":{{"DateLessThan":{{"AWS:EpochTime":{expires}}}}}}}]}}'
    )
    signature = base64.b64decode(given["Signature"].translate(str.maketrans("-_~", "+=/")))
    key.public_key().verify(signature, policy.encode(), padding.PKCS1v15(), hashes.SHA1())  # noqa: S303
    assert 200 < int(expires) - timezone.now().timestamp() <= 300


def test_no_signature_is_logged_here(bucket, download, link, caplog):
    caplog.set_level(logging.INFO)
    assert download(link).status_code == 302
    assert "Signature" not in caplog.text
