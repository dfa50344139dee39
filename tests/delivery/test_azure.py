"""Azure Blob Storage: Microsoft's own emulator, and a storage that fails."""

from __future__ import annotations

import gc
import os
import time
import tracemalloc
from urllib.parse import parse_qs, urlsplit

import pytest

from spree_digitals.models import Digital, StoreLimits
from tests.conftest import error, uses
from tests.delivery.clouds import REDIRECT, address, documented, fetch, with_options

# Of the only account that the emulator has.
ACCOUNT, KEY = (
    "devstoreaccount1",
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
)
CONTENT = os.urandom(3 * 1024 * 1024 + 7)

pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning"),  # of django-storages
]


def shop_at(port):
    """The settings of a shop for which Azure is on this port, as a proxy for all hosts."""
    source = with_options(documented("Azure Blob Storage"), account_name=ACCOUNT, azure_ssl=False)
    proxies = {"http": f"http://127.0.0.1:{port}"}
    return f'{source}\nSTORAGES["digitals"]["OPTIONS"]["client_options"]["proxies"] = {proxies!r}\n'


@pytest.fixture(autouse=True)
def account_key(monkeypatch):
    monkeypatch.setenv("AZURE_ACCOUNT_KEY", KEY)


@pytest.fixture
def container(azurite, keep_files_in):
    source = shop_at(azurite.port)
    storage = keep_files_in(source)
    if not storage.client.exists():
        storage.client.create_container()
    return source


@pytest.fixture
def sold(container, make_link, make_digital):
    def sold(content=CONTENT, **limits):
        return make_link(make_digital(content=content, name="song.bin"), **limits)

    return sold


@pytest.fixture(params=["gunicorn", "uvicorn"])
def application(request, transactional_db, serve, container):
    return serve(request.param, SOURCE=container)


def test_a_buyer_gets_the_file_and_any_part_of_it_for_one_use(application, sold):
    link = sold(uses=1)
    assert fetch(address(application, link)).body == CONTENT
    for asked, start, stop in [("2000000-", 2_000_000, None), ("0-0", 0, 1), ("-7", -7, None)]:
        part = fetch(address(application, link), Range=f"bytes={asked}")
        assert (part.status, part.body) == (206, CONTENT[start:stop])
    assert uses(link) == 1


def test_an_object_that_is_missing_or_another_costs_no_use(sold, download):
    link = sold()
    storage, name = link.digital.attachment.storage, link.digital.attachment.name
    for wrong in (CONTENT[:-1], CONTENT + b"!", b"short", None):
        storage.client.delete_blob(name)
        if wrong is not None:
            storage.client.upload_blob(name, wrong)
        assert error(download(link)) == (404, "file_missing")
        assert error(download(link, Range="bytes=900000-")) == (404, "file_missing")
        assert download(link, "head").status_code == 404
    assert uses(link) == 0


def test_an_object_that_is_replaced_meanwhile_is_not_mixed_with_the_new_one(sold, client):
    link = sold()
    blocks = iter(client.get(f"/api/v2/storefront/digitals/{link.token}").streaming_content)
    next(blocks)
    link.digital.attachment.storage.client.upload_blob(link.digital.attachment.name, CONTENT[::-1], overwrite=True)
    with pytest.raises(Exception, match="condition"):
        list(blocks)


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


def test_the_storage_sends_the_file_under_our_name_and_type(sold, download, settings, azurite):
    settings.SPREE_DIGITALS_DELIVERY = REDIRECT
    link = sold()
    location = download(link)["Location"]
    assert location.startswith(f"http://{ACCOUNT}.blob.core.windows.net/digitals/{link.digital.attachment.name}?")
    whole = fetch(location, proxy=azurite.port)
    assert (whole.status, whole.body) == (200, CONTENT)
    assert whole.headers["content-disposition"] == 'attachment; filename="song.bin"'
    assert whole.headers["content-type"] == "application/octet-stream"
    assert whole.headers["cache-control"] == "private, no-store"
    part = fetch(location, proxy=azurite.port, Range="bytes=100-199")
    assert (part.status, part.body) == (206, CONTENT[100:200])
    assert uses(link) == 1


def test_an_address_that_was_changed_or_has_expired_opens_nothing(sold, download, settings, azurite, store):
    settings.SPREE_DIGITALS_DELIVERY = REDIRECT
    StoreLimits.objects.create(store=store, digital_asset_link_expire_time=2)
    location = download(sold())["Location"]
    assert parse_qs(urlsplit(location).query).keys() >= {"se", "sig", "rscd", "rsct", "rscc"}
    assert fetch(location.replace("rsct=application", "rsct=text"), proxy=azurite.port).status == 403
    assert fetch(location.partition("?")[0], proxy=azurite.port).status in (403, 404)
    assert any(fetch(location, proxy=azurite.port).status == 403 or time.sleep(0.1) for _ in range(40))


def test_a_missing_object_gets_no_address(sold, download, settings):
    settings.SPREE_DIGITALS_DELIVERY = REDIRECT
    link = sold()
    Digital.objects.update(attachment="no/where")
    assert error(download(link)) == (404, "file_missing")
    assert uses(link) == 0


def test_nobody_gets_an_address_without_a_signature(sold, download, settings, container, keep_files_in):
    settings.SPREE_DIGITALS_DELIVERY = REDIRECT
    link = sold()
    sas = "sv=2024-11-04&ss=b&srt=co&sp=r&sig=of-the-whole-container"
    keep_files_in(with_options(container, account_key=None, sas_token=sas))
    answer = download(link)
    assert error(answer) == (503, "temporarily_unavailable")
    assert "Location" not in answer
    assert uses(link) == 0


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")  # Azure's package forgets an answer to ask again
@pytest.mark.parametrize("mood", ["refuses", "is down", "stalls"])
def test_a_storage_that_fails_is_told_soon_costs_nothing_and_needs_no_restart(
    mood, scripted, keep_files_in, download, make_link, make_digital
):
    link = make_link(make_digital(content=CONTENT, name="song.bin"))
    scripted.objects[link.digital.attachment.name] = CONTENT
    keep_files_in(shop_at(scripted.port))
    began = time.monotonic()
    with scripted.in_mood(mood):
        answer = download(link)
    assert time.monotonic() - began < 10
    assert error(answer) == (503, "temporarily_unavailable")
    assert answer["Retry-After"]
    assert uses(link) == 0
    assert download(link).body == CONTENT
    gc.collect()
