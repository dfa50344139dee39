"""Links are issued once for each file and unit, follow what the order gives a right to, are taken and given back."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.utils import timezone

from example_project.shop.models import LineItem, Order
from spree_digitals import signals
from spree_digitals.exceptions import EntitlementExceeded
from spree_digitals.issuing import issue_links, missing_links, reconcile, reset, restore, revoke, revoke_links
from spree_digitals.models import Digital, DigitalLink, RevokeReason
from spree_digitals.models import fields as model_fields
from tests.at_once import at_once, deadlocks
from tests.conftest import error, uses


@pytest.fixture
def heard(request):
    """Every signal of these kinds, as (name, link or links)."""
    facts = []
    names = {name: getattr(signals, name) for name in ("links_issued", "link_revoked", "link_restored", "link_reset")}
    receivers = []
    for name, signal in names.items():

        def hear(name=name, **sent):
            facts.append((name, sent.get("links") or sent.get("link")))

        signal.connect(hear)
        receivers.append((signal, hear))
    yield facts
    for signal, receiver in receivers:
        signal.disconnect(receiver)


def live(order):
    links = DigitalLink.objects.filter(line_item__order=order, revoked_at=None)
    return sorted(links.values_list("unit", flat=True))


def refund(order, units):
    order.line_items.update(refunded_units=units)


def test_each_file_gets_one_link_for_each_unit_bought(buy, digital, make_digital):
    make_digital(digital.variant, name="booklet.pdf")
    order = buy(digital, quantity=3)
    links = DigitalLink.objects.filter(line_item__order=order)
    assert sorted(links.values_list("digital__filename", "unit")) == [
        (name, unit) for name in ("booklet.pdf", "novel.pdf") for unit in (1, 2, 3)
    ]
    assert len(set(links.values_list("token", flat=True))) == 6
    assert set(links.values_list("activated_at", flat=True)) == {order.completed_at}


def test_only_links_that_may_be_used_are_announced(
    buy, digital, make_digital, heard, django_capture_on_commit_callbacks
):
    order = buy(digital, quantity=2)
    refund(order, 1)
    make_digital(digital.variant, name="bonus.pdf")
    with django_capture_on_commit_callbacks(execute=True):
        issued = issue_links(order)
    assert [link.unit for link in issued] == [1]
    assert [found for name, found in heard if name == "links_issued"] == [issued]
    assert DigitalLink.objects.filter(digital__filename="bonus.pdf", revoked_at=None).count() == 1


def test_a_cancelled_order_gets_no_new_links(buy, digital, make_digital):
    order = buy(digital)
    make_digital(digital.variant, name="bonus.pdf")
    Order.objects.update(cancelled_at=timezone.now())
    assert missing_links([order]) == issue_links(order) == []


def test_calling_again_issues_nothing_new(buy, digital):
    order = buy(digital, quantity=2)
    before = list(DigitalLink.objects.values())
    assert issue_links(order) == []
    assert list(DigitalLink.objects.values()) == before


def test_one_more_unit_gets_one_more_link_and_the_old_ones_stay(buy, digital):
    order = buy(digital, quantity=2)
    before = set(DigitalLink.objects.values_list("token", flat=True))
    order.line_items.update(quantity=3)
    (new,) = issue_links(order)
    assert new.unit == 3
    assert before < set(DigitalLink.objects.values_list("token", flat=True))


def test_what_is_added_after_completion_has_all_its_days_before_it(buy, digital, make_digital):
    order = buy(digital)
    bought = timezone.now() - timedelta(days=30)
    Order.objects.update(completed_at=bought)
    Digital.objects.update(created_at=bought - timedelta(days=1))
    DigitalLink.objects.update(activated_at=bought)
    order.refresh_from_db()
    make_digital(digital.variant, name="bonus.pdf")
    order.line_items.update(quantity=2)
    for link in issue_links(order):
        assert timezone.now() - link.activated_at < timedelta(minutes=1)
    assert DigitalLink.objects.get(digital=digital, unit=1).activated_at == bought


def test_links_issued_before_the_order_completes_wait_for_it(buy, digital, download):
    order = buy(digital)
    Order.objects.update(completed_at=None)
    DigitalLink.objects.all().delete()
    order.refresh_from_db()
    (link,) = issue_links(order)
    assert link.activated_at is None
    assert error(download(link)) == (403, "order_not_entitled")
    order.completed_at = timezone.now()
    order.save()
    assert issue_links(order) == []
    link.refresh_from_db()
    assert link.activated_at == order.completed_at
    assert download(link).status_code == 200


def test_a_download_notes_when_a_waiting_link_began(buy, digital, download):
    order = buy(digital)
    DigitalLink.objects.update(activated_at=None)
    link = DigitalLink.objects.get()
    assert download(link).status_code == 200
    link.refresh_from_db()
    assert link.activated_at == order.completed_at


def test_retired_and_withdrawn_files_get_no_new_links(buy, digital, make_digital):
    for field in ("retired_at", "withdrawn_at"):
        Digital.objects.update(retired_at=None, withdrawn_at=None)
        for when, links in ((timezone.now(), 0), (timezone.now() + timedelta(days=1), 1)):
            Digital.objects.update(**{field: when})
            order = buy(digital)
            assert DigitalLink.objects.filter(line_item__order=order).count() == links


def test_a_retired_file_still_downloads_with_an_old_link(link, download):
    Digital.objects.update(retired_at=timezone.now())
    assert download(link).status_code == 200


def test_lines_without_files_are_left_alone(buy, digital, make_variant):
    assert issue_links(buy(digital, basket={make_variant("A mug"): 2})) == []


@pytest.mark.parametrize("lines", [1, 100])
def test_issuing_takes_at_most_12_queries_however_many_lines(
    buy, make_digital, django_assert_max_num_queries, make_variant, lines
):
    basket = {make_digital(make_variant(f"Book {n}")).variant: 3 for n in range(lines)}
    order = buy(basket=basket)
    DigitalLink.objects.all().delete()
    # SQLite takes no more than 999 parameters a statement.
    inserts = 1 if connection.vendor == "postgresql" else 1 + lines * 3 * 18 // 999
    with django_assert_max_num_queries(11 + inserts):
        assert len(issue_links(order)) == lines * 3
    order.line_items.update(quantity=4, refunded_units=2)
    with django_assert_max_num_queries(11 + inserts):
        issue_links(order)
    assert DigitalLink.objects.count() == lines * 4
    assert DigitalLink.objects.filter(revoked_at=None).count() == lines * 2


@pytest.mark.django_db(transaction=True)
def test_ten_calls_at_once_leave_one_link_for_each_file_and_unit(buy, digital, make_digital):
    make_digital(digital.variant, name="booklet.pdf")
    order = buy(digital, quantity=3)
    for _ in range(5):
        DigitalLink.objects.all().delete()
        issued = at_once(10, lambda: issue_links(Order.objects.get(pk=order.pk)))
        assert sum(len(links) for links in issued) == 6
        assert DigitalLink.objects.count() == 6


def test_a_token_that_exists_already_is_made_anew(buy, digital, monkeypatch):
    taken = DigitalLink.objects.create(digital=digital).token
    tokens = iter([taken, "2" * 24])
    field = DigitalLink._meta.get_field("token")
    monkeypatch.setattr(field, "_get_default", lambda: next(tokens))
    order = buy(digital)
    assert DigitalLink.objects.get(line_item__order=order).token == "2" * 24


def test_tokens_are_24_base58_characters_and_never_repeat():
    tokens = {model_fields.generate_token() for _ in range(100_000)}
    assert len(tokens) == 100_000
    assert {len(token) for token in tokens} == {24}
    assert {char for token in tokens for char in token} == set(model_fields.BASE58)
    assert 58**24 > 2**128


def test_a_refund_of_two_units_leaves_one_link_the_used_one(buy, digital, download):
    order = buy(digital, quantity=3)
    used = DigitalLink.objects.get(unit=2)
    download(used)
    refund(order, 2)
    reconcile(*order.line_items.all())
    assert live(order) == [2]
    assert set(DigitalLink.objects.exclude(unit=2).values_list("revoke_reason", flat=True)) == {"entitlement"}


def test_a_download_after_a_refund_first_takes_the_surplus_links_away(buy, digital, download):
    order = buy(digital, quantity=3)
    first, second, third = DigitalLink.objects.order_by("unit")
    refund(order, 1)
    assert error(download(third)) == (403, "link_revoked")
    assert download(second).status_code == 200
    assert live(order) == [1, 2]
    refund(order, 0)
    assert download(third).status_code == 200
    assert live(order) == [1, 2, 3]
    assert download(first).status_code == 200


def test_a_cancelled_order_stops_its_links_and_writes_nothing(buy, digital, download):
    order = buy(digital, quantity=2)
    before = list(DigitalLink.objects.values())
    Order.objects.update(cancelled_at=timezone.now())
    for link in DigitalLink.objects.all():
        assert error(download(link)) == (403, "order_not_entitled")
    reconcile(*LineItem.objects.filter(order=order))
    assert list(DigitalLink.objects.values()) == before
    Order.objects.update(cancelled_at=None)
    assert download(DigitalLink.objects.first()).status_code == 200


def test_more_units_bring_back_what_a_refund_took_but_not_what_staff_took(buy, digital):
    order = buy(digital, quantity=3)
    revoke(DigitalLink.objects.filter(unit=1))
    refund(order, 2)
    reconcile(*order.line_items.all())
    assert live(order) == [2]
    refund(order, 0)
    reconcile(*order.line_items.all())
    assert live(order) == [2, 3]
    assert DigitalLink.objects.get(unit=1).revoke_reason == RevokeReason.STAFF


def test_links_made_by_staff_are_never_reconciled(buy, digital):
    order = buy(digital, quantity=2)
    extra = DigitalLink.objects.create(digital=digital, line_item=order.line_items.get())
    refund(order, 1)
    reconcile(*order.line_items.all())
    extra.refresh_from_db()
    assert extra.revoked_at is None


IN_ANOTHER_PROCESS = """
import sys
import django

django.setup()
from django.db import connections

connections["default"].settings_dict["NAME"] = sys.argv[1]
from example_project.shop.models import Order
from spree_digitals.issuing import issue_links

order = Order.objects.get(pk=sys.argv[2])
sys.stdin.readline()
print(len(issue_links(order)))
"""


@pytest.mark.django_db(transaction=True)
def test_two_processes_at_once_leave_one_link_for_each_file_and_unit(buy, make_digital, make_variant):
    order = buy(basket={make_digital(make_variant(f"Book {n}")).variant: 3 for n in range(20)})
    DigitalLink.objects.all().delete()
    arguments = [str(connection.settings_dict["NAME"]), str(order.pk)]
    command = [sys.executable, "-c", IN_ANOTHER_PROCESS, *arguments]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    processes = [subprocess.Popen(command, env=environment, **pipes) for _ in range(2)]
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    issued = [int(process.communicate(timeout=60)[0]) for process in processes]
    assert sum(issued) == DigitalLink.objects.count() == 60


@pytest.mark.django_db(transaction=True)
def test_changing_the_same_links_at_once_ends_in_no_deadlock(buy, digital):
    order = buy(digital, quantity=6)
    refund(order, 3)
    line = order.line_items.select_related("order").get()
    backwards = DigitalLink.objects.order_by("-pk")
    work = itertools.cycle([lambda: reconcile(line), lambda: reset(backwards), lambda: revoke(backwards[:2])])
    turns = [next(work) for _ in range(9)]
    for _ in range(5):
        pending = list(turns)
        at_once(9, lambda: pending.pop()())  # noqa: B023
    assert len(live(order)) <= 3


@pytest.mark.django_db(transaction=True)
def test_several_people_restoring_at_once_do_not_restore_more_than_the_order_gives_a_right_to(buy, digital):
    order = buy(digital, quantity=8)
    revoke_links(order)
    refund(order, 7)
    for _ in range(3):
        DigitalLink.objects.update(revoked_at=timezone.now(), revoke_reason="staff")
        units = list(range(1, 9))

        def restore_one():
            try:
                return len(restore(DigitalLink.objects.filter(unit=units.pop())))  # noqa: B023
            except EntitlementExceeded:
                return 0

        assert sum(at_once(8, restore_one)) == 1
        assert len(live(order)) == 1


@pytest.mark.django_db(transaction=True)
def test_a_deadlock_is_tried_again_and_then_reported(buy, digital):
    order = buy(digital)
    with deadlocks(2, "revoke_reason"):
        assert len(revoke_links(order)) == 1
    restore(DigitalLink.objects.all())
    with deadlocks(3, "revoke_reason"), pytest.raises(OperationalError):
        revoke_links(order)
    assert live(order) == [1]


@pytest.mark.django_db(transaction=True)
def test_reconciling_at_once_takes_no_link_too_many(buy, digital):
    order = buy(digital, quantity=5)
    refund(order, 3)
    line = order.line_items.select_related("order").get()
    at_once(8, lambda: reconcile(line))
    assert len(live(order)) == 2


def test_an_order_s_links_are_revoked_and_restored(buy, digital, download):
    order = buy(digital, quantity=2)
    assert len(revoke_links(order)) == 2
    assert revoke_links(order) == []
    link = DigitalLink.objects.first()
    assert link.revoke_reason == RevokeReason.SHOP
    assert error(download(link)) == (403, "link_revoked")
    assert len(restore(DigitalLink.objects.all())) == 2
    assert download(link).status_code == 200


def test_nothing_is_restored_beyond_what_the_order_gives_a_right_to(buy, digital):
    order = buy(digital, quantity=3)
    revoke_links(order)
    refund(order, 2)
    with pytest.raises(EntitlementExceeded, match=r"a right to: 1, .*Give the order back its units"):
        restore(DigitalLink.objects.all())
    assert live(order) == []
    restore(DigitalLink.objects.filter(unit=1))
    assert live(order) == [1]
    with pytest.raises(EntitlementExceeded):
        restore(DigitalLink.objects.filter(unit=2))


def test_a_link_whose_line_was_deleted_is_not_restored(buy, digital):
    order = buy(digital)
    revoke_links(order)
    order.line_items.all().delete()
    with pytest.raises(EntitlementExceeded, match="a right to: 0,"):
        restore(DigitalLink.objects.all())


def test_a_reset_link_is_used_anew_and_its_downloads_stay_on_record(make_link, download):
    link = make_link(uses=1, bought=timezone.now() - timedelta(days=6))
    assert download(link).body
    assert download(link).status_code == 403
    reset(DigitalLink.objects.all())
    link.refresh_from_db()
    assert (link.access_counter, link.generation) == (0, 2)
    assert timezone.now() - link.activated_at < timedelta(minutes=1)
    assert download(link).status_code == 200
    assert uses(link) == 1
    assert link.downloads.count() == 2


def test_resetting_a_link_forgets_uses_whose_records_were_purged(link):
    DigitalLink.objects.update(access_counter=3, purged_uses=2)
    reset(DigitalLink.objects.all())
    link.refresh_from_db()
    assert (link.access_counter, link.purged_uses) == (0, 0)


def test_the_days_of_a_link_that_waits_for_its_order_are_not_begun_by_a_reset(buy, digital):
    buy(digital)
    Order.objects.update(completed_at=None)
    DigitalLink.objects.update(activated_at=None)
    (link,) = reset(DigitalLink.objects.all())
    assert link.activated_at is None


def test_listeners_hear_of_links_after_commit(buy, digital, heard, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        order = buy(digital, quantity=2)
        assert heard == []
    ((name, links),) = heard
    assert (name, len(links)) == ("links_issued", 2)
    heard.clear()
    with django_capture_on_commit_callbacks(execute=True):
        issue_links(order)
        revoke_links(order)
        restore(DigitalLink.objects.all())
        reset(DigitalLink.objects.filter(unit=1))
        assert heard == []
    assert [name for name, _ in heard] == ["link_revoked"] * 2 + ["link_restored"] * 2 + ["link_reset"]


def test_a_listener_that_fails_breaks_no_order(buy, digital, django_capture_on_commit_callbacks):
    def fail(**sent):
        raise RuntimeError("the mail server is down")

    signals.links_issued.connect(fail)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            order = buy(digital)
    finally:
        signals.links_issued.disconnect(fail)
    assert order.completed_at is not None
    assert DigitalLink.objects.count() == 1


def test_deleting_a_sold_file_is_refused_and_deleting_a_line_keeps_the_link(buy, digital, download):
    from django.db.models import ProtectedError

    order = buy(digital)
    with pytest.raises(ProtectedError):
        digital.delete()
    order.line_items.all().delete()
    link = DigitalLink.objects.get()
    assert link.line_item is None
    assert error(download(link)) == (403, "order_not_entitled")


@pytest.fixture
def late_file(buy, digital, make_digital):
    """A second file of a product that was bought three times, in orders of two."""
    for _ in range(3):
        buy(digital, quantity=2)
    return make_digital(digital.variant, name="late.pdf")


def test_the_command_issues_links_for_files_added_later(late_file, capsys):
    call_command("issue_digital_links", "--batch-size", "2")
    assert DigitalLink.objects.filter(digital=late_file).count() == 6
    assert "Links issued: 6 (line items: 3)." in capsys.readouterr().out
    call_command("issue_digital_links")
    assert "Links issued: 0" in capsys.readouterr().out


def test_the_command_only_tells_what_it_would_do_in_a_dry_run(late_file, capsys):
    call_command("issue_digital_links", "--dry-run")
    assert "Links would be issued: 6 (line items: 3)." in capsys.readouterr().out
    assert not DigitalLink.objects.filter(digital=late_file).exists()


def test_the_command_can_be_kept_to_some_files(late_file, make_digital, capsys):
    other = make_digital(late_file.variant, name="later.pdf")
    call_command("issue_digital_links", "--digital", str(other.pk))
    assert DigitalLink.objects.filter(digital=other).count() == 6
    assert not DigitalLink.objects.filter(digital=late_file).exists()
    with pytest.raises(CommandError, match="There is no digital 4711"):
        call_command("issue_digital_links", "--digital", "4711")


def test_the_command_passes_by_orders_that_are_not_completed(late_file, capsys):
    Order.objects.update(completed_at=None)
    call_command("issue_digital_links")
    assert "Links issued: 0" in capsys.readouterr().out
