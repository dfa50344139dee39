"""What is kept of the address a download came from: as much as the shop says, and no more."""

from __future__ import annotations

import pytest

from spree_digitals.clients import household, kept_address
from spree_digitals.models import Download
from tests.conftest import DOWNLOAD

V4, V6, MAPPED = "198.51.100.77", "2001:db8:1:2:3:4:5:6", "::ffff:198.51.100.77"


@pytest.mark.parametrize(
    ("kept", "address", "expected"),
    [
        ("network", V4, "198.51.100.0"),
        ("network", V6, "2001:db8:1::"),
        ("network", MAPPED, "198.51.100.0"),
        ("network", "fe80::1%eth0", "fe80::"),
        ("full", V4, V4),
        ("full", V6, V6),
        ("full", MAPPED, V4),
        *(("none", address, None) for address in (V4, V6, MAPPED)),
        *((kept, "", None) for kept in ("network", "full", "none")),
        ("full", "unix:", None),
    ],
)
def test_the_shop_says_what_is_kept_of_an_address(settings, kept, address, expected):
    settings.SPREE_DIGITALS_CLIENT_ADDRESS = kept
    assert kept_address(address) == expected


def test_by_default_no_household_is_named():
    assert kept_address(V4) == "198.51.100.0"


@pytest.mark.parametrize(
    ("kept", "address", "expected"),
    [("network", MAPPED, "198.51.100.0"), ("full", MAPPED, V4), ("full", V6, V6), ("none", V4, None)],
)
def test_the_record_of_a_download_has_that_and_can_still_tell_clients_apart(
    client, link, settings, kept, address, expected
):
    settings.SPREE_DIGITALS_CLIENT_ADDRESS = kept
    for remote in (address, "203.0.113.9"):
        client.get(DOWNLOAD + link.token, REMOTE_ADDR=remote).getvalue()
    first, second = Download.objects.order_by("created_at")
    assert first.address == expected
    assert first.client != second.client


@pytest.mark.parametrize(
    ("address", "counted_as"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::1", "::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unix:", "unix:"),
    ],
)
def test_a_household_counts_as_one_client(address, counted_as):
    assert household(address) == counted_as
