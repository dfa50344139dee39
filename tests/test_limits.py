"""How often and how long a link may be used: a table of cases, and the same answers from the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spree_digitals.limits import MAX_CLICKS, MAX_DAYS, Limits, cascade
from spree_digitals.models import Digital, DigitalLink, StoreLimits
from spree_digitals.models.store_limits import default_limits
from spree_digitals.policy import standing_of

BOUGHT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
WEEK = timedelta(days=7)
INSTANT = timedelta(microseconds=1)


def level(clicks=None, days=None, *, unlimited_clicks=False, unlimited_days=False):
    return SimpleNamespace(
        authorized_clicks=clicks,
        authorized_days=days,
        unlimited_clicks=unlimited_clicks,
        unlimited_days=unlimited_days,
    )


NOTHING = level()
UNLIMITED = level(unlimited_clicks=True, unlimited_days=True)


@pytest.mark.parametrize(
    ("link", "digital", "store", "uses", "days"),
    [
        pytest.param(NOTHING, NOTHING, None, 5, 7, id="no store row: Spree's defaults"),
        pytest.param(NOTHING, NOTHING, NOTHING, 5, 7, id="an empty store row: Spree's defaults"),
        pytest.param(NOTHING, NOTHING, level(3, 30), 3, 30, id="the store's numbers"),
        pytest.param(NOTHING, NOTHING, level(clicks=3), 3, 7, id="the store limits uses only"),
        pytest.param(NOTHING, NOTHING, level(days=30), 5, 30, id="the store limits days only"),
        pytest.param(NOTHING, NOTHING, level(0, 0), 0, 0, id="0 is a number, not unlimited"),
        pytest.param(NOTHING, NOTHING, UNLIMITED, None, None, id="the store has no limits"),
        pytest.param(NOTHING, NOTHING, level(3, unlimited_days=True), 3, None, id="uses limited, days not"),
        pytest.param(NOTHING, NOTHING, level(days=3, unlimited_clicks=True), None, 3, id="days limited, uses not"),
        pytest.param(NOTHING, level(2, 1), level(3, 30), 2, 1, id="the file goes before the store"),
        pytest.param(NOTHING, level(clicks=2), level(3, 30), 2, 30, id="the file's uses, the store's days"),
        pytest.param(NOTHING, level(days=1), level(3, 30), 3, 1, id="the store's uses, the file's days"),
        pytest.param(NOTHING, level(0, 0), level(3, 30), 0, 0, id="0 on the file goes before the store"),
        pytest.param(NOTHING, UNLIMITED, level(3, 30), None, None, id="an unlimited file in a limited store"),
        pytest.param(NOTHING, level(2, 1), UNLIMITED, 2, 1, id="a limited file in an unlimited store"),
        pytest.param(NOTHING, level(2, 1), None, 2, 1, id="a limited file without a store row"),
        pytest.param(level(1, 2), NOTHING, level(3, 30), 1, 2, id="the link goes before the store"),
        pytest.param(level(1, 2), level(9, 9), level(3, 30), 1, 2, id="the link goes before the file"),
        pytest.param(level(clicks=1), level(days=9), level(3, 30), 1, 9, id="each level says one thing"),
        pytest.param(level(0, 0), UNLIMITED, UNLIMITED, 0, 0, id="0 on the link goes before unlimited"),
        pytest.param(UNLIMITED, level(0, 0), level(0, 0), None, None, id="an unlimited link goes before 0"),
        pytest.param(level(MAX_CLICKS, MAX_DAYS), NOTHING, None, MAX_CLICKS, MAX_DAYS, id="the largest numbers"),
    ],
)
def test_the_first_level_that_says_something_decides(link, digital, store, uses, days):
    limits = cascade(link, digital, store, default=Limits())
    assert limits.uses == uses
    assert limits.lifetime == (None if days is None else timedelta(days=days))


@pytest.mark.parametrize(
    ("uses", "used", "left", "reached"),
    [
        pytest.param(5, 0, 5, False, id="fresh"),
        pytest.param(5, 4, 1, False, id="the last use"),
        pytest.param(5, 5, 0, True, id="used up"),
        pytest.param(5, 6, 0, True, id="used more before the limit was lowered"),
        pytest.param(0, 0, 0, True, id="none allowed"),
        pytest.param(1, 0, 1, False, id="once"),
        pytest.param(None, 0, None, False, id="without limit, fresh"),
        pytest.param(None, 10**12, None, False, id="without limit, much used"),
    ],
)
def test_uses_left(uses, used, left, reached):
    limits = Limits(uses=uses)
    assert limits.uses_left(used) == left
    assert limits.reached(used) is reached


@pytest.mark.parametrize(
    ("lifetime", "age", "expired"),
    [
        pytest.param(WEEK, timedelta(0), False, id="the instant of purchase"),
        pytest.param(WEEK, WEEK - INSTANT, False, id="a microsecond before the end"),
        pytest.param(WEEK, WEEK, True, id="exactly at the end"),
        pytest.param(WEEK, WEEK + INSTANT, True, id="a microsecond after the end"),
        pytest.param(timedelta(0), timedelta(0), True, id="0 days: dead at once"),
        pytest.param(timedelta(0), -INSTANT, False, id="0 days: before the purchase, on a clock that is behind"),
        pytest.param(timedelta(days=1), timedelta(hours=23, minutes=59), False, id="a minute left"),
        pytest.param(timedelta(days=MAX_DAYS), timedelta(days=MAX_DAYS - 1), False, id="a hundred years"),
        pytest.param(None, timedelta(days=100_000), False, id="never"),
        pytest.param(WEEK, -timedelta(days=2), False, id="a clock that was set back"),
    ],
)
def test_the_instant_a_link_dies(lifetime, age, expired):
    limits = Limits(lifetime=lifetime)
    assert limits.expired(activated_at=BOUGHT, now=BOUGHT + age) is expired


@pytest.mark.parametrize(
    ("zone", "bought"),
    [
        pytest.param("Europe/Warsaw", datetime(2027, 3, 25, 18, 30), id="spring forward"),
        pytest.param("Europe/Warsaw", datetime(2027, 10, 28, 18, 30), id="fall back"),
        pytest.param("America/St_Johns", datetime(2027, 3, 10, 0, 30), id="half an hour from everybody"),
        pytest.param("Pacific/Apia", datetime(2027, 4, 1, 23, 59), id="near the date line"),
    ],
)
def test_a_day_has_24_hours_whatever_the_clocks_on_the_wall_do(zone, bought):
    bought = bought.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    assert Limits(lifetime=WEEK).expires_at(bought) - bought == timedelta(seconds=7 * 86_400)


def test_a_link_that_was_not_activated_does_not_expire():
    assert Limits(lifetime=WEEK).expires_at(None) is None
    assert not Limits(lifetime=timedelta(0)).expired(activated_at=None, now=BOUGHT)


def test_the_defaults_are_spree_s(settings):
    assert default_limits() == Limits(uses=5, lifetime=WEEK, link_expire_time=timedelta(seconds=300))


def test_the_defaults_can_be_changed_in_the_settings(settings, link):
    settings.SPREE_DIGITALS_DEFAULT_AUTHORIZED_CLICKS = 2
    settings.SPREE_DIGITALS_DEFAULT_AUTHORIZED_DAYS = None
    settings.SPREE_DIGITALS_DEFAULT_LINK_EXPIRE_TIME = 60
    wanted = Limits(uses=2, lifetime=None, link_expire_time=timedelta(seconds=60))
    assert DigitalLink.objects.with_limits().get().limits == wanted


def test_extending_a_link_keeps_the_limits_below_it_live(link, store):
    link.extra_uses, link.extra_days = 2, 3
    link.save()
    assert DigitalLink.objects.with_limits().get().limits == Limits(uses=7, lifetime=timedelta(days=10))
    StoreLimits.objects.create(store=store, authorized_clicks=1, unlimited_days=True)
    assert DigitalLink.objects.with_limits().get().limits == Limits(uses=3, lifetime=None)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"authorized_clicks": 5, "unlimited_clicks": True}, id="a number and unlimited"),
        pytest.param({"authorized_days": 5, "unlimited_days": True}, id="days and unlimited"),
        pytest.param({"authorized_days": MAX_DAYS + 1}, id="more than a hundred years"),
        pytest.param({"authorized_clicks": MAX_CLICKS + 1}, id="more than a billion uses"),
        pytest.param({"authorized_clicks": -1}, id="a negative number of uses"),
        pytest.param({"authorized_days": -1}, id="a negative number of days"),
        pytest.param({"digital_asset_link_expire_time": 0}, id="a storage URL that never lives"),
        pytest.param({"digital_asset_link_expire_time": 604_801}, id="a storage URL no storage signs"),
    ],
)
def test_the_database_refuses_limits_that_make_no_sense(store, fields):
    with pytest.raises(IntegrityError), transaction.atomic():
        StoreLimits.objects.create(store=store, **fields)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"access_counter": -1}, id="a negative counter"),
        pytest.param({"purged_uses": 1}, id="more purged than used"),
        pytest.param({"token": ""}, id="an empty token"),
        pytest.param({"unit": 0}, id="a unit before the first"),
        pytest.param({"revoked_at": BOUGHT}, id="revoked by nobody"),
        pytest.param({"revoke_reason": "staff"}, id="a reason without a revocation"),
        pytest.param({"extra_days": MAX_DAYS + 1}, id="extended past the calendar"),
    ],
)
def test_the_database_refuses_links_that_make_no_sense(link, change):
    with pytest.raises(IntegrityError), transaction.atomic():
        DigitalLink.objects.filter(pk=link.pk).update(**change)


number = st.one_of(st.none(), st.sampled_from([0, 1, 5]), st.integers(0, 100))
days = st.one_of(number, st.sampled_from([MAX_DAYS]))


@st.composite
def levels(draw):
    clicks, lifetime = draw(number), draw(days)
    return {
        "authorized_clicks": clicks,
        "authorized_days": lifetime,
        "unlimited_clicks": clicks is None and draw(st.booleans()),
        "unlimited_days": lifetime is None and draw(st.booleans()),
    }


@given(
    link_level=levels(),
    digital_level=levels(),
    store_level=st.none() | levels(),
    extra=st.tuples(st.integers(0, 5), st.integers(0, 5)),
    used=st.integers(0, 12),
    activated_at=st.none() | st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    ahead=st.sampled_from([-INSTANT, timedelta(0), INSTANT, timedelta(days=3), -timedelta(days=3)]),
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_database_and_the_policy_always_agree(
    link, store, link_level, digital_level, store_level, extra, used, activated_at, ahead
):
    StoreLimits.objects.all().delete()
    if store_level is not None:
        StoreLimits.objects.create(store=store, **store_level)
    Digital.objects.update(**digital_level)
    extras = {"extra_uses": extra[0], "extra_days": extra[1]}
    DigitalLink.objects.update(**link_level, **extras, access_counter=used, activated_at=activated_at)

    annotated = DigitalLink.objects.with_standing().get()
    row = StoreLimits.objects.filter(store=store).first()
    below = cascade(annotated, annotated.digital, row, default=default_limits())
    wanted = Limits(
        uses=None if below.uses is None else below.uses + extra[0],
        lifetime=None if below.lifetime is None else below.lifetime + timedelta(days=extra[1]),
        link_expire_time=below.link_expire_time,
    )
    assert annotated.limits == wanted
    assert annotated.limit_expires_at == wanted.expires_at(activated_at)

    now = (wanted.expires_at(activated_at) or timezone.now()) + ahead
    standing = standing_of(annotated, now=now)
    assert DigitalLink.objects.used_up().exists() is standing.limit_reached
    if activated_at is not None:
        assert DigitalLink.objects.expired(now).exists() is standing.expired
        assert DigitalLink.objects.active(now).exists() is standing.authorizable


def test_a_counter_beyond_32_bits_is_no_error(link):
    DigitalLink.objects.update(access_counter=2**31, unlimited_clicks=True, authorized_clicks=None)
    assert standing_of(DigitalLink.objects.with_standing().get()).authorizable
