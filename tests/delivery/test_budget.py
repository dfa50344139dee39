"""However clients behave, a link gives away no more than its uses are worth: twice the size of the file for each."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest
from django.db.models import F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spree_digitals import downloads
from spree_digitals.clients import Client
from spree_digitals.delivery.ranges import Unsatisfiable, asked
from spree_digitals.downloads import Grant
from spree_digitals.exceptions import LimitReached
from spree_digitals.models import Download

pytestmark = pytest.mark.slow

N = 1_000
USES = 3
# The arithmetic is the same on every database.
EXAMPLES = 500 if os.environ.get("TEST_DATABASE") == "postgres" else 10_000
CLIENTS = [Client(fingerprint=name) for name in ("a", "b", "")]  # the last one is nobody in particular

positions = st.sampled_from([0, 1, N // 2, N - 1]) | st.integers(0, N)
ranges = st.one_of(
    st.none(),
    st.builds("bytes={}-".format, positions),
    st.builds("bytes={}-{}".format, positions, positions),
    st.builds("bytes=-{}".format, positions),
)
broken = st.none() | st.integers(0, N)  # after so many bytes; None: not at all, or not before the end
requests = st.tuples(st.sampled_from(CLIENTS), ranges, broken, st.booleans())
waiting = st.sampled_from([timedelta(minutes=1), timedelta(minutes=29), timedelta(minutes=31)])
closing = st.just("close")  # of what was left open, the oldest


class Line:
    """What went over the line, kept beside the application's own books."""

    def __init__(self, link, limits):
        self.link, self.limits = link, limits
        self.delivered = {}  # by the id of the download
        self.charged = {}
        self.open = []
        self.counted = 0

    def ask(self, client, header, stops_after, stays_open):
        file = self.link.digital.stored_file
        try:
            span = asked(header, N)
        except Unsatisfiable:
            return
        grant = Grant(file=file, length=span.length if span else N, resumable=span is not None)
        try:
            download = downloads.authorize(self.link, self.limits, client, grant)
        except LimitReached:
            return
        assert span is not None or not download.joined
        self.counted += not download.joined
        self.charged[download.pk] = self.charged.get(download.pk, 0) + grant.length
        transfer = (download, grant.length, min(grant.length, N if stops_after is None else stops_after))
        if stays_open:
            self.open.append(transfer)
        else:
            self.end(*transfer)

    def end(self, download, granted, arrived):
        self.delivered[download.pk] = self.delivered.get(download.pk, 0) + arrived
        self.charged[download.pk] -= granted - arrived
        downloads.give_back(download, granted - arrived)

    def close(self):
        if self.open:
            self.end(*self.open.pop(0))

    def check(self):
        while self.open:
            self.close()
        recorded = list(self.link.downloads.all())
        self.link.refresh_from_db(fields=["access_counter"])
        assert self.link.access_counter == self.counted == len(recorded) <= USES
        for download in recorded:
            assert download.bytes_granted == self.charged[download.pk] == self.delivered[download.pk] <= 2 * N
        assert sum(self.delivered.values()) <= self.counted * 2 * N


@pytest.fixture
def link(make_link, make_digital):
    return make_link(make_digital(content=bytes(N), name="song.bin"), uses=USES)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.one_of(requests, requests, requests, waiting, closing), min_size=1, max_size=6))
def test_no_sequence_of_requests_gets_more_than_twice_the_size_for_each_use(link, actions):
    link.downloads.all().delete()
    type(link).objects.update(access_counter=0)
    line = Line(link, downloads.find_link(link.token).limits)
    for action in actions:
        if isinstance(action, tuple):
            line.ask(*action)
        elif isinstance(action, timedelta):
            Download.objects.update(last_granted_at=F("last_granted_at") - action)
        else:
            line.close()
    line.check()
