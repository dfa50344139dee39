"""Google Cloud Storage: what its package signs, and what it asks a server that answers as Google does."""

from __future__ import annotations

import hashlib
import json
import os
import time
import tracemalloc
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from spree_digitals.models import StoreLimits
from tests.conftest import error, uses
from tests.delivery.clouds import REDIRECT, documented, with_options

CONTENT = os.urandom(3 * 1024 * 1024 + 7)
GOOGLE = documented("Google Cloud Storage")

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def service_account(scripted, key, tmp_path, monkeypatch):
    """The key of the shop's account, which gets its tokens at the scripted storage, too."""
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    account = {
        "type": "service_account",
        "client_email": "shop@example.iam.gserviceaccount.com",
        "private_key_id": "1",
        "private_key": pem.decode(),
        "token_uri": f"{scripted.url}/token",
    }
    (tmp_path / "key.json").write_text(json.dumps(account))
    monkeypatch.setenv("GOOGLE_KEY_FILE", str(tmp_path / "key.json"))
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", scripted.url)


@pytest.fixture
def sold(scripted, make_link, make_digital, service_account, keep_files_in):
    """A link to a file that lies in the scripted storage. To be called once: it is kept on a disk before."""

    def sold(content=CONTENT):
        link = make_link(make_digital(content=content, name="song.bin"))
        keep_files_in(GOOGLE)
        scripted.objects[link.digital.attachment.name] = content
        return link

    return sold


@pytest.mark.parametrize("header", [None, "bytes=10-19"], ids=["whole", "range"])
def test_one_request_brings_the_bytes_and_no_more(download, sold, scripted, header):
    link = sold()
    response = download(link, **({"Range": header} if header else {}))
    assert response.body == (CONTENT[10:20] if header else CONTENT)
    name = quote(link.digital.attachment.name, safe="")
    path = f"/download/storage/v1/b/shop-digitals/o/{name}?alt=media"
    assert scripted.asked == [("POST", "/token", ""), ("GET", path, header or f"bytes=0-{len(CONTENT) - 1}")]
    assert uses(link) == 1


def test_a_large_file_takes_little_memory(sold, client, download):
    link = sold(content=bytes(40 * 1024 * 1024))
    assert download(link, Range="bytes=0-9").status_code == 206
    tracemalloc.start()
    try:
        answer = client.get(f"/api/v2/storefront/digitals/{link.token}")
        assert sum(map(len, answer.streaming_content)) == 40 * 1024 * 1024
        assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_an_object_that_is_missing_or_another_costs_no_use(sold, download, scripted):
    link = sold()
    for wrong in (CONTENT[:-1], CONTENT + b"!", b"short", None):
        scripted.objects = {} if wrong is None else {link.digital.attachment.name: wrong}
        assert error(download(link)) == (404, "file_missing")
        assert error(download(link, Range="bytes=900000-")) == (404, "file_missing")
        assert download(link, "head").status_code == 404
    assert uses(link) == 0


@pytest.mark.parametrize("mood", ["refuses", "is down", "stalls", "forgets"])
def test_a_storage_that_fails_is_told_soon_costs_nothing_and_needs_no_restart(mood, scripted, sold, download):
    link = sold()
    began = time.monotonic()
    with scripted.in_mood(mood):
        answer = download(link)
    assert time.monotonic() - began < 10
    assert error(answer) == (503, "temporarily_unavailable")
    assert answer["Retry-After"]
    assert uses(link) == 0
    assert download(link).body == CONTENT


def test_an_address_names_our_headers_and_lives_as_long_as_the_store_says(sold, download, settings, store, key):
    settings.SPREE_DIGITALS_DELIVERY = REDIRECT
    StoreLimits.objects.create(store=store, digital_asset_link_expire_time=120)
    link = sold()
    location = download(link)["Location"]
    given = dict(parse_qsl(urlsplit(location).query))
    assert urlsplit(location).path == f"/shop-digitals/{link.digital.attachment.name}"
    assert given["X-Goog-Expires"] == "120"
    assert given["response-content-disposition"] == 'attachment; filename="song.bin"'
    assert given["response-content-type"] == "application/octet-stream"
    assert given["response-cache-control"] == "private, no-store"
    assert_signed_by(key, location)
    assert uses(link) == 1


def assert_signed_by(key, location):
    """As Google's fourth version verifies it: what is signed is the request, with all that it asks."""
    parts = urlsplit(location)
    query, _, signature = parts.query.partition("&X-Goog-Signature=")
    request = f"GET\n{parts.path}\n{query}\nhost:{parts.netloc}\n\nhost\nUNSIGNED-PAYLOAD"
    given = dict(parse_qsl(query))
    _, scope = given["X-Goog-Credential"].split("/", 1)
    digest = hashlib.sha256(request.encode()).hexdigest()
    signed = f"GOOG4-RSA-SHA256\n{given['X-Goog-Date']}\n{scope}\n{digest}"
    key.public_key().verify(bytes.fromhex(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())


UNSIGNED = {
    "no signature wanted": {"querystring_auth": False},
    "public objects": {"default_acl": "publicRead"},
    "no signature wanted, at a domain of its own": {
        "querystring_auth": False,
        "custom_endpoint": "https://cdn.example",
    },
}


@pytest.mark.parametrize("options", UNSIGNED.values(), ids=UNSIGNED)
def test_nobody_gets_an_address_without_a_signature(sold, download, settings, keep_files_in, caplog, options):
    settings.SPREE_DIGITALS_DELIVERY = REDIRECT
    link = sold()
    keep_files_in(with_options(GOOGLE, **options))
    assert error(download(link)) == (503, "temporarily_unavailable")
    assert uses(link) == 0
    assert "signs no addresses" in caplog.text
