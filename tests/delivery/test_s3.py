"""Streaming from S3: a real one, SeaweedFS, and one that fails as it is told."""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from spree_digitals.models import Digital, Download
from tests.conftest import DOWNLOAD, uses
from tests.delivery.clouds import (
    BUCKET,
    KEY,
    SECRET,
    address,
    client_of,
    documented,
    fetch,
    with_options,
)

CONTENT = os.urandom(1_000_003)
MIB = 1024 * 1024
LARGE = 100 * MIB


@pytest.fixture
def bucket(weed, keep_files_in):
    """The settings of a shop whose files are in SeaweedFS."""
    source = with_options(documented("Amazon S3"), endpoint_url=weed.url, access_key=KEY, secret_key=SECRET)
    keep_files_in(source)
    return source


@pytest.fixture
def failing(scripted):
    """The settings of a shop whose files are where the test says what goes wrong."""
    return with_options(documented("Amazon S3"), endpoint_url=scripted.url, access_key=KEY, secret_key=SECRET)


@pytest.fixture(params=["gunicorn", "uvicorn"])
def application(request, transactional_db, serve, bucket):
    return serve(request.param, SOURCE=bucket)


@pytest.fixture
def make_object(make_link, make_digital, scripted):
    """A link to a file that lies in the scripted storage."""

    def make(content=CONTENT, **limits):
        link = make_link(make_digital(content=content, name="song.bin"), **limits)
        scripted.objects[link.digital.attachment.name] = content
        return link

    return make


@pytest.fixture(scope="session")
def large_object(weed):
    """The name and the checksum of an object of 100 MiB, which came in one piece."""
    content = os.urandom(MIB) * 100
    client_of(weed.url).put_object(Bucket=BUCKET, Key="large", Body=content)
    return "large", hashlib.sha256(content).hexdigest()


@pytest.fixture
def large(bucket, large_object, make_link, make_digital):
    """A link to it."""
    link, (name, checksum) = make_link(make_digital(name="film.bin"), uses=1_000), large_object
    Digital.objects.update(attachment=name, byte_size=LARGE, sha256=checksum)
    return link


def test_a_buyer_gets_the_file_and_any_part_of_it_for_one_use(application, make_link, make_digital):
    link = make_link(make_digital(content=CONTENT, name="song.bin"), uses=1)
    whole = fetch(address(application, link))
    assert (whole.status, whole.body) == (200, CONTENT)
    assert whole.headers["Content-Disposition"] == 'attachment; filename="song.bin"'
    for asked, start, stop in [
        ("500000-", 500_000, None),
        ("0-0", 0, 1),
        ("-7", -7, None),
        ("999999-2000000", 999_999, None),
    ]:
        part = fetch(address(application, link), Range=f"bytes={asked}")
        assert (part.status, part.body) == (206, CONTENT[start:stop])
        assert int(part.headers["Content-Length"]) == len(part.body)
    assert uses(link) == 1
    head = fetch(address(application, link), "HEAD")
    assert head.status == 403


@pytest.mark.once
def test_an_empty_file_is_served(application, make_link, make_digital):
    link = make_link(make_digital(content=b"", name="empty.txt"))
    assert fetch(address(application, link), "HEAD").headers["Content-Length"] == "0"
    assert (fetch(address(application, link)).status, uses(link)) == (200, 1)


@pytest.mark.parametrize("header", [None, "bytes=10-19"], ids=["whole", "range"])
def test_one_request_brings_the_bytes_and_no_more(download, make_object, scripted, failing, keep_files_in, header):
    link = make_object()
    keep_files_in(failing)
    response = download(link, **({"Range": header} if header else {}))
    assert response.body == (CONTENT[10:20] if header else CONTENT)
    path = f"/{BUCKET}/{link.digital.attachment.name}"
    assert scripted.asked == [("GET", path, header or f"bytes=0-{len(CONTENT) - 1}")]


@pytest.mark.once
def test_many_large_downloads_at_once_take_little_memory(application, large, large_object):
    def take(part=""):
        digest, connection = hashlib.sha256(), http.client.HTTPConnection(urlsplit(application.url).netloc, timeout=60)
        try:
            connection.request("GET", DOWNLOAD + large.token, headers={"Range": part} if part else {})
            response, block = connection.getresponse(), bytearray(MIB)
            while count := response.readinto(block):
                digest.update(memoryview(block)[:count])
        finally:
            connection.close()
        return digest.hexdigest()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(take, ["bytes=0-4194303"] * 16))
        before = memory(application)
        checksums = set(pool.map(take, [""] * 8))
    assert checksums == {large_object[1]}
    assert memory(application, "VmHWM") - before < 16 * 1024


def memory(server, name="VmRSS"):
    """KiB of memory of the process that serves: now, or ``VmHWM``, the most since this was last asked for now."""
    process = Path(f"/proc/{worker_of(server)}")
    if name == "VmRSS":
        (process / "clear_refs").write_text("5")
    return int(re.search(rf"{name}:\s+([0-9]+)", (process / "status").read_text())[1])


def worker_of(server):
    """The process that serves: gunicorn's is a child of the one that was started."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    return int(children[0]) if children else server.process.pid


def open_files(server):
    return len(os.listdir(f"/proc/{worker_of(server)}/fd"))


def test_what_is_broken_off_leaves_nothing_open_and_is_given_back(application, large):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: fetch(address(application, large), Range="bytes=0-99"), range(16)))
    before = open_files(application)
    for size in range(0, 20 * 10_000, 10_000):
        break_off(application, large, size)
    assert wait_until(lambda: open_files(application) <= before)
    assert wait_until(lambda: all(row.bytes_granted < LARGE // 2 for row in Download.objects.filter(link=large)))
    rest = fetch(address(application, large), Range=f"bytes={LARGE - 5}-")
    assert (rest.status, len(rest.body)) == (206, 5)


def break_off(server, link, size):
    """Go away after so many bytes of the file."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=60)
    connection.request("GET", DOWNLOAD + link.token)
    response = connection.getresponse()
    assert response.status == 200
    response.read(size)
    connection.close()
    response.close()


def wait_until(true, seconds=10):
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.05)
    return true()


def test_an_object_that_is_missing_or_another_costs_no_use(application, weed, make_link, make_digital):
    link = make_link(make_digital(content=CONTENT, name="song.bin"))
    place, client = {"Bucket": BUCKET, "Key": link.digital.attachment.name}, client_of(weed.url)
    client.put_object(**place, Body=CONTENT[:-1])
    assert_missing(application, link)
    client.put_object(**place, Body=CONTENT + b"!")
    assert_missing(application, link)
    client.put_object(**place, Body=b"short")
    assert_missing(application, link)
    client.delete_object(**place)
    assert_missing(application, link)
    client.put_object(**place, Body=CONTENT)
    assert fetch(address(application, link)).body == CONTENT
    assert uses(link) == 1


def assert_missing(application, link):
    for headers in ({}, {"Range": "bytes=900000-"}):
        answer = fetch(address(application, link), **headers)
        assert (answer.status, answer.code) == (404, "file_missing")
    assert fetch(address(application, link), "HEAD").status == 404
    assert uses(link) == 0


@pytest.mark.once
def test_a_bucket_that_is_missing_costs_no_use(bucket, download, link, keep_files_in):
    keep_files_in(with_options(bucket, bucket_name="nobodys"))
    assert download(link).status_code == download(link, "head").status_code == 404
    assert uses(link) == 0


@pytest.mark.once
def test_a_stored_name_that_leaves_the_location_is_not_followed(bucket, download, link, keep_files_in):
    keep_files_in(with_options(bucket, location="digitals"))
    Digital.objects.update(attachment="../ready")
    assert download(link).status_code == download(link, "head").status_code == 404


@pytest.mark.once
@pytest.mark.parametrize("kind", ["gunicorn", "uvicorn"])
def test_a_storage_that_fails_is_told_soon_costs_nothing_and_needs_no_restart(
    kind, transactional_db, serve, scripted, failing, make_object
):
    link, server = make_object(uses=2), serve(kind, SOURCE=failing)
    assert fetch(address(server, link)).status == 200
    for mood in ("refuses", "is down", "stalls", "forgets"):
        with scripted.in_mood(mood), ThreadPoolExecutor(2) as pool:
            get, head = pool.map(partial(fetch, address(server, link)), ["GET", "HEAD"])
        assert (get.status, get.code) == (503, "temporarily_unavailable")
        assert head.status == (200 if mood == "forgets" else 503)
        assert get.headers["Retry-After"]
        assert max(get.seconds, head.seconds) < 10
        assert uses(link) == 1
    assert fetch(address(server, link)).body == CONTENT
    assert uses(link) == 2


@pytest.mark.once
@pytest.mark.parametrize("kind", ["gunicorn", "uvicorn"])
def test_a_storage_that_breaks_off_never_looks_complete_and_the_rest_can_be_had(
    kind, transactional_db, serve, scripted, failing, make_object
):
    link, server = make_object(uses=1), serve(kind, SOURCE=failing)
    with scripted.in_mood("breaks"), pytest.raises(http.client.IncompleteRead) as broken:
        fetch(address(server, link))
    begun = broken.value.partial
    assert begun == CONTENT[: len(begun)]
    rest = fetch(address(server, link), Range=f"bytes={len(begun)}-")
    assert begun + rest.body == CONTENT
    assert uses(link) == 1
