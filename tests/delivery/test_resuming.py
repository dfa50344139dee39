"""What is one use and what is another, when a download comes in parts: a limit is neither lifted nor spent by Range."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.db.models import F
from django.utils import timezone

from spree_digitals.downloads import resume_window
from spree_digitals.issuing import reset, revoke
from spree_digitals.models import Digital, DigitalLink, Download
from tests.conftest import DOWNLOAD, error, uses

N = 100_000
CONTENT = os.urandom(N)
EDITION = os.urandom(N)
HALF_AN_HOUR = timedelta(minutes=30)

FORMS_OF_RANGE = [
    *("bytes=0-", "bytes=0-0", "bytes=1-", "bytes=-1", f"bytes={N - 1}-", f"bytes={N}-", f"bytes=0-{N}", f"bytes=-{N}"),
    *("bytes=-0", "bytes=5-2", "bytes=", "bytes", "bytes=-", "bytes=--", "bytes=abc", "bytes=0-abc", "bytes=abc-0"),
    *("bytes=0-0,1-1", "bytes=0-,0-", f"bytes={'0-,' * 500}", "bytes=,0-", "bytes=0-,", "bytes=0-;1-", "bytes= 0-"),
    *("BYTES=0-", "Bytes=1-", "items=0-", "seconds=0-1", "none", "0-", "=0-", "bytes 0-", "bytes:0-", '"bytes=0-"'),
    *("bytes=+0-", "bytes=0_0-", "bytes=0x0-", f"bytes=0-{'9' * 4_000}", f"bytes={'9' * 4_000}-", "", " ", "*"),
]


@pytest.fixture
def sold(make_link, make_digital):
    def sold(**how) -> DigitalLink:
        return make_link(make_digital(content=CONTENT, name="song.bin"), **how)

    return sold


@pytest.fixture
def part(client):
    """``part(link, 5, 9, program="curl")``: bytes 5 to 8 as this program, at this address, gets them."""

    def part(link, start=0, stop=None, *, program="curl/8", address="192.0.2.7", stops_after=None, **headers):
        asked = {"Range": f"bytes={start}-{'' if stop is None else stop - 1}", "User-Agent": program, **headers}
        response = client.get(DOWNLOAD + link.token, headers=asked, REMOTE_ADDR=address)
        if not response.streaming:
            response.body = response.content
        elif stops_after is None:
            response.body = b"".join(response.streaming_content)
        else:
            response.reader.read(stops_after)
            response.finish()
        return response

    return part


def time_passes(for_how_long: timedelta) -> None:
    Download.objects.update(last_granted_at=F("last_granted_at") - for_how_long)


def refused(response) -> bool:
    return error(response) == (403, "download_limit_reached") and CONTENT[:64] not in response.body


def test_a_download_that_begins_with_its_second_byte_is_a_use(part, sold):
    link = sold(uses=1)
    assert part(link, 1).body == CONTENT[1:]
    assert uses(link) == 1
    assert part(link, 0, 1).body == CONTENT[:1]
    assert uses(link) == 1
    assert refused(part(link, 0, program="another"))


def test_all_parts_of_a_file_are_one_use_in_any_order_and_size(part, sold):
    link, step = sold(uses=1), N // 50
    parts = {
        start: part(link, start, start + step).body for start in [*range(N // 2, N, step), *range(0, N // 2, step)]
    }
    assert b"".join(parts[start] for start in sorted(parts)) == CONTENT
    assert uses(link) == 1
    assert link.downloads.get().bytes_granted == N


def test_a_get_without_range_is_a_use_of_its_own(download, part, sold):
    link = sold(uses=2)
    for expected in (1, 2):
        assert download(link, **{"User-Agent": "curl/8"}).body == CONTENT
        assert uses(link) == expected
    assert refused(download(link, **{"User-Agent": "curl/8"}))


@pytest.mark.parametrize("header", FORMS_OF_RANGE, ids=lambda header: ascii(header[:20]))
@pytest.mark.parametrize("exhausted", ["by somebody else", "long ago"])
def test_no_form_of_range_opens_a_link_that_is_used_up(client, part, sold, header, exhausted):
    link = sold(uses=1)
    part(link, 0, 10, program="another" if exhausted == "by somebody else" else "curl/8")
    if exhausted == "long ago":
        time_passes(HALF_AN_HOUR)
    headers = {"Range": header, "User-Agent": "curl/8"}
    assert refused(part(link, **headers))
    assert client.head(DOWNLOAD + link.token, headers=headers, REMOTE_ADDR="192.0.2.7").status_code == 403
    assert uses(link) == 1
    assert link.downloads.get().bytes_granted == 10


def test_there_are_forty_forms_of_range():
    assert len(set(FORMS_OF_RANGE)) >= 40


@pytest.mark.parametrize(
    "who",
    [
        {"program": "wget/1"},
        {"program": ""},
        {"address": "192.0.2.8"},
        {"address": "2001:db8:1:2::7"},
        {"address": ""},
        {"X-Forwarded-For": "192.0.2.7", "address": "192.0.2.9"},  # whom nobody trusts
    ],
    ids=str,
)
def test_nobody_else_joins_a_download(part, sold, who):
    link = sold(uses=2)
    part(link, 0, 10)
    assert part(link, 10, 20, **who).status_code == 206
    assert uses(link) == 2
    assert refused(part(link, 20, 30, **{**who, "program": "a third"}))
    assert part(link, 20, 30).body == CONTENT[20:30]
    assert uses(link) == 2


def test_one_household_is_one_client_though_its_address_changes(part, sold):
    link = sold(uses=1)
    for address in ("2001:db8:1:2::7", "2001:db8:1:2:ffff::8"):
        assert part(link, 0, 10, address=address).status_code == 206
    assert refused(part(link, 0, 10, address="2001:db8:1:3::7"))


def test_of_clients_without_an_address_none_is_told_from_another(part, sold):
    link = sold(uses=2)
    for expected in (1, 2):
        assert part(link, 0, 10, address="").status_code == 206
        assert uses(link) == expected
    assert refused(part(link, 0, 10, address=""))


def test_a_download_may_be_resumed_for_half_an_hour_after_each_part(part, sold):
    link = sold(uses=1)
    for start in range(0, 100, 10):
        assert part(link, start, start + 10).status_code == 206
        time_passes(HALF_AN_HOUR - timedelta(seconds=30))
    assert uses(link) == 1
    time_passes(timedelta(seconds=30))
    assert refused(part(link, 100, 110))


def test_after_that_it_is_another_use(part, sold):
    link = sold(uses=2)
    part(link, 0, 10)
    time_passes(HALF_AN_HOUR)
    assert part(link, 10, 20).status_code == 206
    assert uses(link) == 2


def test_a_large_file_may_take_its_time(part, sold, settings):
    assert resume_window(3_600 * 50_000) == timedelta(hours=1)
    assert resume_window(0) == HALF_AN_HOUR
    settings.SPREE_DIGITALS_RESUME_WINDOW = timedelta(seconds=1)  # of these bytes 50,000 a second travel
    link = sold(uses=1)
    part(link, 0, 10)
    time_passes(timedelta(seconds=1.5))
    assert part(link, 10, 20).status_code in {206, 403}  # a loaded machine may need the other half of a second
    settings.SPREE_DIGITALS_RESUME_WINDOW = timedelta(hours=2)
    time_passes(timedelta(minutes=100))
    assert part(link, 20, 30).status_code == 206
    assert uses(link) == 1


def test_more_than_twice_its_size_is_another_use(part, sold):
    link = sold(uses=2)
    for _ in range(2):
        assert part(link).body == CONTENT
    assert uses(link) == 1
    assert part(link, 0, 1).status_code == 206
    assert uses(link) == 2
    part(link, 0, N - 1)
    assert part(link, 0, N).status_code == 206  # twice the size of the second one is not reached before
    assert uses(link) == 2
    assert refused(part(link, 0, 1))


def test_only_what_travels_is_charged(part, sold):
    link = sold(uses=1)
    for _ in range(50):
        assert part(link, N // 2, stops_after=100).status_code == 206
    assert link.downloads.get().bytes_granted == 50 * 100
    assert part(link).body == CONTENT
    assert uses(link) == 1


def test_what_is_refused_or_not_there_is_not_charged(part, sold):
    link = sold(uses=1)
    part(link, 0, 10)
    assert part(link, N).status_code == 416
    assert part(link, 0, 10, **{"If-Match": '"other"'}).status_code == 412
    assert part(link, 0, 10, **{"If-None-Match": "*"}).status_code == 304
    assert link.downloads.get().bytes_granted == 10


def test_a_reset_begins_anew(part, sold):
    link = sold(uses=1)
    part(link, 0, 10)
    reset([link])
    assert part(link, 10, 20).status_code == 206
    assert uses(link) == 1
    assert link.downloads.count() == 2


@pytest.mark.parametrize("reason", ["link_revoked", "link_expired", "file_withdrawn", "order_not_entitled"])
def test_what_ends_a_link_ends_running_downloads_too(part, sold, reason):
    link = sold(uses=1)
    part(link, 0, 10)
    if reason == "link_revoked":
        revoke([link])
    elif reason == "link_expired":
        DigitalLink.objects.update(activated_at=timezone.now() - timedelta(days=8))
    elif reason == "file_withdrawn":
        Digital.objects.update(withdrawn_at=timezone.now())
    else:
        link.line_item.refunded_units = 1
        link.line_item.save()
    answer = part(link, 10, 20)
    assert error(answer) == (403, reason)
    assert link.downloads.get().bytes_granted == 10


def replace(digital: Digital) -> str:
    """The entity tag of what was sold before a new edition came."""
    before = f'"{digital.sha256}"'
    digital.attachment = ContentFile(EDITION, name="song.bin")
    digital.save()
    return before


def test_a_download_ends_with_the_edition_it_began_with(part, sold):
    link = sold(uses=2)
    assert part(link, 0, 10).body == CONTENT[:10]
    before = replace(link.digital)
    assert part(link, 10, 20).body == CONTENT[10:20]
    assert part(link, 20, 30, **{"If-Range": before}).body == CONTENT[20:30]
    assert part(link, 20, 30, **{"If-Match": before}).body == CONTENT[20:30]
    assert uses(link) == 1
    assert part(link, Range="").body == EDITION
    assert uses(link) == 2
    # Now two are running: the newest goes on, unless the request names the other.
    assert part(link, 30, 40).body == EDITION[30:40]
    assert part(link, 30, 40, **{"If-Range": before}).body == CONTENT[30:40]
    assert uses(link) == 2


def test_whoever_asks_for_the_new_edition_gets_it_for_another_use(part, sold):
    link = sold(uses=2)
    part(link, 0, 10)
    before = replace(link.digital)
    now = f'"{link.digital.sha256}"'
    assert part(link, 10, 20, **{"If-Range": now}).body == EDITION[10:20]
    assert uses(link) == 2
    assert part(link, 10, 20, **{"If-Range": before}).body == CONTENT[10:20]
    assert uses(link) == 2


def test_an_edition_that_nobody_is_downloading_is_replaced_by_the_whole_of_the_next(part, sold):
    link = sold()
    before = replace(link.digital)
    answer = part(link, 10, 20, **{"If-Range": before})
    assert (answer.status_code, answer.body) == (200, EDITION)
    assert uses(link) == 1
