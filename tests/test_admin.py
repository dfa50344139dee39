"""The admin, as shop staff meet it: limits, files, links, and who may do what."""

from __future__ import annotations

import re
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.db.models.signals import pre_save
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import formats, timezone

from example_project.shop.digitals import ShopStorefront
from example_project.shop.models import Order, Store, Variant
from spree_digitals import issuing
from spree_digitals.models import Digital, DigitalLink, StoreLimits
from tests.conftest import PDF, error, uses

LINKS = reverse("admin:spree_digitals_digitallink_changelist")
ADD_LINK = reverse("admin:spree_digitals_digitallink_add")
DIGITALS = reverse("admin:spree_digitals_digital_changelist")
ADD_DIGITAL = reverse("admin:spree_digitals_digital_add")
LIMITS = reverse("admin:spree_digitals_storelimits_changelist")
ADD_LIMITS = reverse("admin:spree_digitals_storelimits_add")

NO_LIMITS = {"authorized_clicks": "", "authorized_days": ""}
NOTHING_EXTRA = {**NO_LIMITS, "extra_uses": "0", "extra_days": "0"}


class OwnStoreOnly(ShopStorefront):
    """Staff bear the name of their store, which keeps the test short."""

    def staff_stores(self, user: Any) -> Any:
        return Store.objects.filter(name=user.last_name)


class OneStoreShop(OwnStoreOnly):
    """A shop whose orders lead to no store: all belong to the only one."""

    store_path = None

    def single_store_pk(self) -> Any:
        return Store.objects.get(name="Paper & Sound").pk


class StoreOfTheProduct(OwnStoreOnly):
    """A shop in which an order is of several stores: each line belongs to the store of its product."""

    store_path = "variant__store"


class NumberedOrders(ShopStorefront):
    """A shop whose order numbers are no text."""

    number_path = "pk"


class FormParser(HTMLParser):
    """The fields of a page's form with their values, as a browser would send them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        sent = found.get("type") not in {"submit", "file", "checkbox"} or "checked" in found
        if tag == "input" and found.get("name") and sent:
            self.fields[str(found["name"])] = found.get("value") or ""


def change(thing: Any) -> str:
    return reverse(f"admin:{thing._meta.app_label}_{thing._meta.model_name}_change", args=[thing.pk])


def rows(response: Any) -> list[list[str]]:
    """The cells of a list, as text."""
    assert response.status_code == 200
    body = re.search(r"<tbody>(.*?)</tbody>", response.text, re.DOTALL)
    found = re.findall(r"<tr>(.*?)</tr>", body[1], re.DOTALL) if body else []
    cells = [re.findall(r"<t[dh] class=\"field-.*?</t[dh]>", row, re.DOTALL) for row in found]
    return [[re.sub(r"<[^>]+>", "", cell).strip() for cell in row] for row in cells]


def messages(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def act(client: Client, action: str, *links: DigitalLink, **answers: Any) -> Any:
    """Choose links in the list and an action, and confirm it."""
    chosen = {"action": action, "_selected_action": [link.pk for link in links]}
    return client.post(LINKS, {**chosen, "confirmed": "yes", **answers}, follow=True)


def history(link: DigitalLink) -> list[str]:
    return [entry.get_change_message() for entry in LogEntry.objects.filter(object_id=str(link.pk)).order_by("pk")]


@pytest.fixture
def staff(db: None) -> Any:
    """A signed-in member of staff: ``staff("view_digitallink", store="Paper & Sound")``."""

    def sign_in(*codenames: str, store: str = "") -> Client:
        user = User.objects.create_user(f"staff-{User.objects.count()}", is_staff=True, last_name=store)
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        client = Client()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def own_store_only(settings: Any) -> None:
    settings.SPREE_DIGITALS_STOREFRONT = "tests.test_admin.OwnStoreOnly"


@pytest.fixture
def other_link(make_digital: Any, make_variant: Any, buy: Any) -> DigitalLink:
    """A link that was sold in another store."""
    other = Store.objects.create(name="Elsewhere", domain="elsewhere.example")
    digital = make_digital(make_variant("Elsewhere's novel", store=other), name="elsewhere.pdf")
    return DigitalLink.objects.get(line_item__order=buy(digital, store=other))


# The list of links


def test_the_list_tells_where_a_link_stands(admin_client, download, link):
    download(link)
    download(link)
    order = link.line_item.order
    expires = formats.localize(timezone.localtime(order.completed_at + timedelta(days=7)))
    (row,) = rows(admin_client.get(LINKS))
    purchase, masked = f"{order.number}: 1 × A novel", f"…{link.token[-4:]}"
    assert row == ["novel.pdf", purchase, masked, "active", f"3 of 5 left, until {expires}"]
    page = admin_client.get(change(link)).text
    assert expires in page
    assert "2 of 5" in page


def test_a_link_without_limits_is_never_used_up_and_never_expires(admin_client, link, store):
    StoreLimits.objects.create(store=store, unlimited_clicks=True, unlimited_days=True)
    (row,) = rows(admin_client.get(LINKS))
    assert row[3:] == ["active", "unlimited downloads, at any time"]


def _pending(link):
    Order.objects.update(completed_at=None)
    DigitalLink.objects.update(activated_at=None)


def _refunded(link):
    link.line_item.refunded_units = 1
    link.line_item.save()


def _used_up(link):
    DigitalLink.objects.update(authorized_clicks=0)


@pytest.mark.parametrize(
    ("happen", "state", "refusal"),
    [
        pytest.param(lambda link: None, "active", None, id="just bought"),
        pytest.param(_pending, "pending", "order_not_entitled", id="the order is not completed"),
        pytest.param(
            lambda link: DigitalLink.objects.update(activated_at=timezone.now() - timedelta(days=7)),
            "expired",
            "link_expired",
            id="a week is over",
        ),
        pytest.param(_used_up, "used up", "download_limit_reached", id="no use left"),
        pytest.param(lambda link: issuing.revoke([link]), "revoked", "link_revoked", id="revoked"),
        pytest.param(_refunded, "order not entitled", "order_not_entitled", id="refunded"),
        pytest.param(
            lambda link: Order.objects.update(cancelled_at=timezone.now()),
            "order not entitled",
            "order_not_entitled",
            id="cancelled",
        ),
        pytest.param(
            lambda link: Digital.objects.update(withdrawn_at=timezone.now()),
            "file withdrawn",
            "file_withdrawn",
            id="withdrawn",
        ),
    ],
)
def test_the_state_in_the_list_is_what_a_download_then_meets(admin_client, download, link, happen, state, refusal):
    happen(link)
    (row,) = rows(admin_client.get(LINKS))
    assert row[3] == state
    response = download(link)
    if refusal is None:
        assert response.status_code == 200
    else:
        assert error(response) == (403, refusal)


def test_links_whose_order_changed_say_so_until_a_download_settles_them(admin_client, buy, digital, download):
    order = buy(digital, quantity=2)
    first, second = DigitalLink.objects.order_by("unit")
    order.line_items.update(refunded_units=1)
    assert [row[3] for row in rows(admin_client.get(LINKS))] == ["order changed", "order changed"]
    download(first)
    assert [row[3] for row in rows(admin_client.get(LINKS))] == ["revoked", "active"]
    assert error(download(second)) == (403, "link_revoked")


def test_a_link_whose_line_item_was_deleted_stays_in_the_list(admin_client, link):
    link.line_item.delete()
    (row,) = rows(admin_client.get(LINKS))
    assert row[1] == "deleted"
    assert row[3] == "order not entitled"


def test_the_list_asks_no_more_for_thirty_links_than_for_three(admin_client, buy, digital):
    buy(digital, quantity=3)
    with CaptureQueriesContext(connection) as few:
        assert len(rows(admin_client.get(LINKS))) == 3
    for _ in range(9):
        buy(digital, quantity=3)
    with CaptureQueriesContext(connection) as many:
        assert len(rows(admin_client.get(LINKS))) == 30
    assert len(many) == len(few) <= 10


def test_no_page_of_the_admin_shows_a_whole_token_or_where_a_file_is_stored(admin_client, link, store):
    StoreLimits.objects.create(store=store)
    act(admin_client, "reset", link)
    stored = link.digital.attachment.name
    order, variant = link.line_item.order, link.digital.variant
    pages = [LINKS, change(link), change(link).replace("change", "history"), DIGITALS, change(link.digital)]
    pages += [change(link.digital).replace("change", "delete"), LIMITS, change(order), change(variant), change(store)]
    for page in [*pages, reverse("admin:index")]:
        response = admin_client.get(page)
        assert response.status_code == 200, page
        assert link.token not in response.text
        assert stored not in response.text


# Search and filters


@pytest.mark.parametrize(
    ("find", "found"),
    [
        pytest.param(lambda link: link.line_item.order.number, True, id="the order number"),
        pytest.param(lambda link: link.line_item.order.number[1:6], True, id="a part of the order number"),
        pytest.param(lambda link: "buyer@example.com", True, id="the e-mail address"),
        pytest.param(lambda link: "BUYER@", True, id="a part of it, in capitals"),
        pytest.param(lambda link: f"buyer {link.line_item.order.number}", True, id="two words that are both true"),
        pytest.param(lambda link: f"nobody {link.line_item.order.number}", False, id="two words, one of them false"),
        pytest.param(lambda link: link.token, True, id="the whole token"),
        pytest.param(lambda link: link.token[-4:], True, id="its last four characters"),
        pytest.param(lambda link: link.token[-5:], False, id="its last five"),
        pytest.param(lambda link: link.token[-3:], False, id="its last three"),
        pytest.param(lambda link: link.token[:4], False, id="its first four"),
        pytest.param(lambda link: link.token[:23], False, id="all of it but one"),
        pytest.param(lambda link: link.token.swapcase(), False, id="the token with capitals swapped"),
        pytest.param(lambda link: "%", False, id="a wildcard"),
        pytest.param(lambda link: "x" * 10_000, False, id="very long"),
    ],
)
def test_links_are_found_by_order_and_by_token_but_by_no_part_of_a_token(admin_client, link, find, found):
    # "Z!" is nowhere in an order number or address, so that a part of the token cannot match by chance.
    DigitalLink.objects.update(token="ZyxwvutsrqponmkjihgfEDCB")
    link.refresh_from_db()
    assert len(rows(admin_client.get(LINKS, {"q": find(link)}))) == found


def test_a_search_for_what_no_database_can_hold_is_no_crash(admin_client, link):
    response = admin_client.get(LINKS, {"q": "a\x00b"})
    assert response.status_code == 200
    assert messages(response) == ["Null characters are not allowed."]


def test_search_works_where_order_numbers_are_no_text(admin_client, link, settings):
    settings.SPREE_DIGITALS_STOREFRONT = "tests.test_admin.NumberedOrders"
    assert len(rows(admin_client.get(LINKS, {"q": str(link.line_item.order.pk)}))) == 1
    assert rows(admin_client.get(LINKS, {"q": "no-number"})) == []


@pytest.mark.parametrize("lookup", ["token__startswith", "token__gt", "token__regex", "token_tail__startswith"])
def test_the_address_of_the_list_takes_no_guess_at_a_token(admin_client, link, lookup):
    assert admin_client.get(LINKS, {lookup: link.token[:1]}).status_code == 400


def test_the_list_filters_by_state(admin_client, make_link):
    links = {
        "active": make_link(),
        "expired": make_link(bought=timezone.now() - timedelta(days=8)),
        "used_up": make_link(uses=0),
        "revoked": make_link(),
    }
    issuing.revoke([links["revoked"]])
    for state, link in links.items():
        (row,) = rows(admin_client.get(LINKS, {"state": state}))
        assert row[2] == link.masked_token
    assert len(rows(admin_client.get(LINKS, {"state": "nonsense", "_facets": "True"}))) == 4


def test_the_list_filters_by_store(admin_client, link, other_link, store):
    assert [row[0] for row in rows(admin_client.get(LINKS, {"store": other_link.line_item.order.store_id}))] == [
        "elsewhere.pdf"
    ]
    assert len(rows(admin_client.get(LINKS, {"store": store.pk, "state": "active"}))) == 1
    assert admin_client.get(LINKS, {"store": "a\x00b"}).status_code == 302


def test_a_shop_with_one_store_is_not_asked_which(admin_client, link):
    assert "By store" not in admin_client.get(LINKS).text


def test_a_file_leads_to_its_links(admin_client, link, other_link):
    page = admin_client.get(change(link.digital)).text
    address = re.search(r'href="([^"]*digital__id__exact[^"]*)"', page)
    assert [row[0] for row in rows(admin_client.get(address[1]))] == ["novel.pdf"]


# Changing a link


def test_a_form_that_was_open_meanwhile_never_writes_the_count_back(admin_client, download, link):
    for _ in range(3):
        download(link)
    form = FormParser(admin_client.get(change(link)).text).fields
    download(link)
    download(link)
    response = admin_client.post(change(link), {**form, "extra_uses": "2"})
    assert response.status_code == 302
    assert uses(link) == 5
    assert link.extra_uses == 2
    assert download(link).status_code == 200


@pytest.fixture
def level(request, link, store) -> Any:
    """What limits are given to: a link, a file or a store."""
    things = {"link": link, "digital": link.digital, "store": StoreLimits(store=store)}
    things["store"].save()
    return things[request.param]


LEVELS = pytest.mark.parametrize("level", ["link", "digital", "store"], indirect=True)


@LEVELS
def test_unlimited_is_refused_where_a_colleague_has_given_a_number_meanwhile(admin_client, level):
    form = FormParser(admin_client.get(change(level)).text).fields
    type(level).objects.filter(pk=level.pk).update(authorized_clicks=3)
    response = admin_client.post(change(level), {**form, "unlimited_clicks": "on"})
    assert response.status_code == 200
    assert "Give a number of downloads up to 1,000,000,000, or unlimited, not both." in response.text
    level.refresh_from_db()
    assert (level.authorized_clicks, level.unlimited_clicks) == (3, False)


@LEVELS
def test_what_a_colleague_has_saved_meanwhile_stays_beside_what_is_saved_now(admin_client, level):
    form = FormParser(admin_client.get(change(level)).text).fields
    type(level).objects.filter(pk=level.pk).update(authorized_clicks=3)
    assert admin_client.post(change(level), {**form, "authorized_days": "30"}).status_code == 302
    level.refresh_from_db()
    assert (level.authorized_clicks, level.authorized_days) == (3, 30)


@LEVELS
def test_whoever_saves_at_the_same_moment_as_a_colleague_is_told_that_nothing_was_saved(admin_client, level):
    def colleague(sender: Any, **kwargs: Any) -> None:
        sender.objects.filter(pk=level.pk).update(authorized_clicks=3)

    form = FormParser(admin_client.get(change(level)).text).fields
    pre_save.connect(colleague, sender=type(level))
    try:
        response = admin_client.post(change(level), {**form, "unlimited_clicks": "on"}, follow=True)
    finally:
        pre_save.disconnect(colleague, sender=type(level))
    assert "Somebody else saved this at the same moment" in response.text
    level.refresh_from_db()
    assert not level.unlimited_clicks
    assert not LogEntry.objects.exists()


def test_the_history_says_what_holds_after_limits_were_changed_and_why(admin_client, link):
    admin_client.post(change(link), {**NOTHING_EXTRA, "authorized_clicks": "9", "why": "was ill"})
    admin_client.post(
        change(link), {**NOTHING_EXTRA, "authorized_clicks": "9", "unlimited_days": "on", "extra_uses": "1"}
    )
    assert history(link) == [
        "Limits changed (9 downloads within 7 days of purchase): was ill",
        "Limits changed (10 downloads, at any time).",
    ]


def test_a_reason_without_a_change_is_a_note_in_the_history(admin_client, link):
    form = FormParser(admin_client.get(change(link)).text).fields
    admin_client.post(change(link), {**form, "why": "rang twice"})
    assert history(link) == ["Noted: rang twice"]


def test_a_link_made_by_hand_says_so_and_why_in_its_history(admin_client, link, make_digital):
    bonus = make_digital(name="bonus.pdf")
    favour = {"digital": bonus.pk, "line_item": link.line_item_id, "why": "was patient"}
    admin_client.post(ADD_LINK, {**NOTHING_EXTRA, **favour})
    assert history(DigitalLink.objects.get(digital=bonus)) == ["Made by hand: was patient"]


def test_whoever_may_only_look_is_asked_for_no_reason(staff, link):
    assert "Why" not in staff("view_digitallink").get(change(link)).text


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_history_is_written_in_the_language_of_the_shop_whoever_reads_it(admin_client, settings, link, language):
    settings.LANGUAGE_CODE = language
    admin_client.cookies[settings.LANGUAGE_COOKIE_NAME] = "pl"
    act(admin_client, "reset", link)
    admin_client.post(change(link), {**NOTHING_EXTRA, "authorized_clicks": "9"})
    assert (
        history(link)
        == {
            "en": ["Reset.", "Limits changed (9 downloads within 7 days of purchase)."],
            "de": ["Zurückgesetzt.", "Limits geändert (9 Downloads innerhalb von 7 Tagen ab Kauf)."],
        }[language]
    )


@pytest.mark.parametrize(
    "forged",
    [{"access_counter": "0"}, {"token": "A" * 24}, {"generation": "9"}, {"revoked_at": ""}, {"line_item": ""}],
    ids=lambda forged: next(iter(forged)),
)
def test_a_forged_form_changes_nothing_that_staff_may_not_edit(admin_client, download, link, forged):
    download(link)
    issuing.revoke([link])
    before = DigitalLink.objects.values().get(pk=link.pk)
    dated = {f"{name}_{part}": value for name, value in forged.items() for part in "01"}
    admin_client.post(change(link), {**NOTHING_EXTRA, **forged, **dated, "extra_days": "3"})
    assert DigitalLink.objects.values().get(pk=link.pk) == {**before, "extra_days": 3}


def test_saving_an_unchanged_form_writes_nothing(admin_client, link):
    form = FormParser(admin_client.get(change(link)).text).fields
    with CaptureQueriesContext(connection) as queries:
        admin_client.post(change(link), form)
    assert not [query for query in queries if query["sql"].startswith('UPDATE "spree_digitals')]


@pytest.mark.parametrize(
    ("numbers", "complaint"),
    [
        ({"authorized_clicks": "3", "unlimited_clicks": "on"}, "Give a number of downloads up to"),
        ({"authorized_days": "3", "unlimited_days": "on"}, "Give a number of days up to"),
        ({"authorized_clicks": "-1"}, "greater than or equal to 0"),
        ({"authorized_days": "36501"}, "less than or equal to 36500"),
        ({"authorized_clicks": "99999999999999999999"}, "less than or equal to 1000000000"),
    ],
)
@pytest.mark.parametrize("level", ["link", "digital", "store"])
def test_a_number_and_unlimited_cannot_both_be_said(admin_client, link, store, level, numbers, complaint):
    things = {"link": link, "digital": link.digital, "store": StoreLimits.objects.create(store=store)}
    form = {**NOTHING_EXTRA, "variant": link.digital.variant_id, "digital_asset_link_expire_time": ""}
    response = admin_client.post(change(things[level]), {**form, **numbers})
    assert response.status_code == 200
    assert complaint in response.text


def test_a_link_made_by_hand_works_at_once_and_has_all_its_days(admin_client, buy, digital, download, make_digital):
    order = buy(digital)
    Order.objects.update(completed_at=timezone.now() - timedelta(days=30))
    bonus = make_digital(name="bonus.pdf")
    response = admin_client.post(
        ADD_LINK, {**NOTHING_EXTRA, "digital": bonus.pk, "line_item": order.line_items.get().pk}
    )
    assert response.status_code == 302
    link = DigitalLink.objects.get(digital=bonus)
    assert link.unit is None
    assert abs(link.activated_at - timezone.now()) < timedelta(minutes=1)
    assert download(link).status_code == 200


def test_a_link_made_by_hand_for_an_open_order_waits_for_its_completion(admin_client, buy, digital, make_digital):
    order = buy(digital)
    Order.objects.update(completed_at=None)
    bonus = make_digital(name="bonus.pdf")
    admin_client.post(ADD_LINK, {**NOTHING_EXTRA, "digital": bonus.pk, "line_item": order.line_items.get().pk})
    assert DigitalLink.objects.get(digital=bonus).activated_at is None
    assert rows(admin_client.get(LINKS))[0][3] == "pending"


def test_links_are_not_deleted(admin_client, link):
    assert "delete_selected" not in admin_client.get(LINKS).text
    assert admin_client.post(change(link).replace("change", "delete"), {"post": "yes"}).status_code == 403
    act(admin_client, "delete_selected", link)
    assert DigitalLink.objects.filter(pk=link.pk).exists()


# Reset, revoke, restore


def test_a_reset_link_may_be_used_anew(admin_client, download, make_link):
    link = make_link(uses=1)
    download(link)
    assert download(link).status_code == 403
    assert messages(act(admin_client, "reset", link)) == ["1 link was reset."]
    assert download(link).status_code == 200
    assert history(link) == ["Reset."]


def test_a_revoked_link_is_refused_until_it_is_restored(admin_client, download, make_link):
    first, second = make_link(), make_link()
    assert messages(act(admin_client, "revoke", first, second)) == ["2 links were revoked."]
    assert error(download(first)) == (403, "link_revoked")
    assert messages(act(admin_client, "revoke", first)) == [f"{first} was revoked already."]
    assert messages(act(admin_client, "restore", first, second)) == ["2 links were restored."]
    assert download(first).status_code == 200
    assert history(first) == history(second) == ["Revoked.", "Restored."]


def test_a_link_beyond_what_the_order_gives_a_right_to_is_not_restored_but_the_others_are(
    admin_client, buy, digital, download, make_link
):
    other = make_link()
    order = buy(digital, quantity=2)
    links = list(DigitalLink.objects.filter(line_item__order=order).order_by("unit"))
    issuing.revoke([other, *links])
    order.line_items.update(refunded_units=1)
    restored, refused = messages(act(admin_client, "restore", other, *links))
    assert restored == "2 links were restored."
    assert links[1].masked_token in refused
    assert "was not restored" in refused
    assert download(other).status_code == 200
    assert download(links[0]).status_code == 200
    assert error(download(links[1])) == (403, "link_revoked")
    assert history(links[1]) == []


@pytest.mark.parametrize("action", ["reset", "extend", "revoke", "restore", "rotate"])
def test_each_action_needs_its_own_permission(staff, download, link, action):
    others = {"reset", "extend", "revoke", "restore", "rotate", "copy", "mail"} - {action}
    without = ["view_digitallink", "change_digitallink", *(f"{other}_digitallink" for other in others)]
    issuing.revoke([link]) if action == "restore" else download(link)
    before = DigitalLink.objects.values().get(pk=link.pk)

    client = staff(*without)
    assert f'value="{action}"' not in client.get(LINKS).text
    assert act(client, action, link).status_code == 403
    assert DigitalLink.objects.values().get(pk=link.pk) == before
    assert history(link) == []

    client = staff("view_digitallink", f"{action}_digitallink")
    assert f'value="{action}"' in client.get(LINKS).text
    act(client, action, link, days="1", uses="1")
    assert DigitalLink.objects.values().get(pk=link.pk) != before


def test_many_links_are_reset_in_few_queries_and_each_has_its_entry(admin_client, buy, digital):
    buy(digital, quantity=60)
    with CaptureQueriesContext(connection) as queries:
        act(admin_client, "reset", *DigitalLink.objects.all())
    assert LogEntry.objects.count() == 60
    assert len(queries) < 40


# Staff of one store


def test_staff_see_and_change_what_belongs_to_their_store_and_nothing_else(
    own_store_only, staff, store, link, other_link
):
    elsewhere = StoreLimits.objects.create(store=other_link.line_item.order.store)
    mine = StoreLimits.objects.create(store=store)
    models = ("digitallink", "digital", "storelimits")
    client = staff(
        *(f"{verb}_{model}" for verb in ("view", "add", "change") for model in models),
        *("reset_digitallink", "revoke_digitallink"),
        store=store.name,
    )
    assert [row[0] for row in rows(client.get(LINKS))] == ["novel.pdf"]
    assert [row[0] for row in rows(client.get(DIGITALS))] == ["novel.pdf"]
    assert [row[0] for row in rows(client.get(LIMITS))] == ["Paper &amp; Sound"]
    for thing in (link, link.digital, mine):
        assert client.get(change(thing)).status_code == 200
    for thing in (other_link, other_link.digital, elsewhere):
        assert client.get(change(thing)).status_code == 302, "back to the start, as if there were none"
        assert client.post(change(thing), NOTHING_EXTRA).status_code == 302
    assert rows(client.get(LINKS, {"q": other_link.token})) == []
    elsewhere = client.get(LINKS, {"store": other_link.line_item.order.store_id})
    assert [row[0] for row in rows(elsewhere)] == ["novel.pdf"], "there is nothing to choose"
    act(client, "revoke", other_link)
    other_link.refresh_from_db()
    assert other_link.revoked_at is None


SHOP = ("store", "variant", "order", "lineitem")


@pytest.mark.parametrize("storefront", ["OwnStoreOnly", "OneStoreShop", "StoreOfTheProduct"])
def test_on_the_pages_of_the_shop_itself_staff_see_their_store_too(
    settings, staff, link, other_link, store, storefront
):
    settings.SPREE_DIGITALS_STOREFRONT = f"tests.test_admin.{storefront}"
    rights = [f"{verb}_{model}" for verb in ("view", "change") for model in SHOP]
    own, other = (
        {
            "store": sold.line_item.order.store,
            "variant": sold.digital.variant,
            "order": sold.line_item.order,
            "lineitem": sold.line_item,
        }
        for sold in (link, other_link)
    )
    client = staff(*rights, store=store.name)
    elsewhere = staff(*rights, store=other["store"].name)
    for model in SHOP:
        page = reverse(f"admin:shop_{model}_changelist")
        assert f"/{model}/{own[model].pk}/change/" in client.get(page).text
        assert f"/{model}/{own[model].pk}/change/" not in elsewhere.get(page).text
        assert client.get(change(own[model])).status_code == 200
        assert elsewhere.get(change(own[model])).status_code == 302
    seen = client.get(reverse("admin:shop_order_changelist")).text
    assert (str(other["store"]) in seen) == (storefront == "OneStoreShop")


def test_the_line_item_of_a_favour_is_chosen_among_those_of_the_own_store(
    own_store_only, staff, store, link, other_link
):
    client = staff("add_digitallink", "view_lineitem", store=store.name)
    chosen = client.get(reverse("admin:shop_lineitem_changelist"), {"_popup": "1"}).text
    assert link.line_item.order.number in chosen
    assert other_link.line_item.order.number not in chosen


def test_staff_of_no_store_see_nothing(own_store_only, staff, link):
    client = staff("view_digitallink", "view_digital")
    assert rows(client.get(LINKS)) == []
    assert rows(client.get(DIGITALS)) == []


@pytest.mark.parametrize(("name", "seen"), [("Paper & Sound", 1), ("Elsewhere", 0)])
def test_where_there_is_one_store_its_staff_see_all(settings, staff, link, name, seen):
    settings.SPREE_DIGITALS_STOREFRONT = "tests.test_admin.OneStoreShop"
    Store.objects.create(name="Elsewhere", domain="elsewhere.example")
    client = staff("view_digitallink", "add_digitallink", store=name)
    assert len(rows(client.get(LINKS))) == seen
    assert "By store" not in client.get(LINKS).text


@pytest.mark.parametrize("key", ["abc", "0", "99999999999999999999", "-1"])
def test_a_link_made_by_hand_needs_a_file_and_a_line_item(admin_client, link, key):
    response = admin_client.post(ADD_LINK, {**NOTHING_EXTRA, "digital": key, "line_item": key})
    assert response.status_code == 200
    assert response.text.count("Select a valid choice") == 2


@pytest.mark.parametrize("foreign", ["digital", "line_item"])
def test_a_link_made_by_hand_joins_nothing_of_another_store(own_store_only, staff, store, link, other_link, foreign):
    Variant.objects.filter(pk=other_link.digital.variant_id).update(name="A secret")
    other_link.line_item.name = "A secret"
    other_link.line_item.save()
    client = staff("add_digitallink", "view_digitallink", store=store.name)
    chosen = {"digital": link.digital_id, "line_item": link.line_item_id, foreign: getattr(other_link, f"{foreign}_id")}
    response = client.post(ADD_LINK, {**NOTHING_EXTRA, **chosen})
    assert "Select a valid choice" in response.text
    assert "A secret" not in response.text
    assert "elsewhere.pdf" not in response.text
    assert DigitalLink.objects.count() == 2


def test_a_file_is_not_given_to_a_product_of_another_store(own_store_only, staff, store, link, other_link):
    client = staff("change_digital", store=store.name)
    response = client.post(change(link.digital), {**NO_LIMITS, "variant": other_link.digital.variant_id})
    assert "Select a valid choice" in response.text


def test_limits_are_not_given_to_another_store(own_store_only, staff, store, other_link):
    client = staff("add_storelimits", "view_storelimits", store=store.name)
    assert "Elsewhere" not in client.get(ADD_LIMITS).text
    other = other_link.line_item.order.store
    response = client.post(ADD_LIMITS, {**NO_LIMITS, "store": other.pk, "digital_asset_link_expire_time": ""})
    assert "Select a valid choice" in response.text
    client = staff("view_store", "change_store", "add_storelimits", "change_storelimits", store=store.name)
    assert "authorized_clicks" not in client.get(change(other)).text
    assert "authorized_clicks" in client.get(change(store)).text


# Limits of stores


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({}, "5 downloads within 7 days of purchase"),
        ({"authorized_clicks": 1, "authorized_days": 1}, "1 download within 1 day of purchase"),
        ({"authorized_clicks": 0}, "0 downloads within 7 days of purchase"),
        ({"authorized_clicks": 3, "unlimited_days": True}, "3 downloads, at any time"),
        ({"unlimited_clicks": True, "authorized_days": 30}, "Unlimited downloads within 30 days of purchase"),
        ({"unlimited_clicks": True, "unlimited_days": True}, "Unlimited downloads, at any time"),
    ],
)
def test_the_limits_of_a_store_are_told_in_words(admin_client, store, limits, words):
    stored = StoreLimits.objects.create(store=store, **limits)
    assert rows(admin_client.get(LIMITS)) == [["Paper &amp; Sound", f"{words}; 0 links follow this"]]
    assert words in admin_client.get(change(stored)).text
    assert words in admin_client.get(change(store)).text


def test_the_page_of_a_store_tells_what_holds_before_anything_is_set(admin_client, store):
    assert "5 downloads within 7 days of purchase" in admin_client.get(change(store)).text
    assert "5 downloads within 7 days of purchase" in admin_client.get(ADD_LIMITS).text


def test_limits_that_are_set_on_the_page_of_the_store_hold_for_links_sold_before(admin_client, download, link, store):
    download(link)
    page = admin_client.get(change(store)).text
    form = {**FormParser(page).fields, "digital_limits-0-authorized_clicks": "1"}
    assert admin_client.post(change(store), form).status_code == 302
    assert error(download(link)) == (403, "download_limit_reached")


def test_a_store_keeps_no_row_of_limits_when_none_are_given(admin_client, store):
    form = FormParser(admin_client.get(change(store)).text).fields
    assert admin_client.post(change(store), {**form, "name": "Ink & Sound"}).status_code == 302
    assert StoreLimits.objects.count() == 0


# Files


def test_an_uploaded_file_is_described_and_sold(admin_client, buy, download, make_variant):
    variant = make_variant()
    upload = SimpleUploadedFile("A café.pdf", PDF, content_type="text/html")
    response = admin_client.post(ADD_DIGITAL, {**NO_LIMITS, "variant": variant.pk, "attachment": upload})
    assert response.status_code == 302
    digital = Digital.objects.get()
    page = admin_client.get(change(digital)).text
    for fact in ("A café.pdf", "application/pdf", f"{len(PDF)}\xa0bytes", digital.sha256):
        assert fact in page
    order = buy(digital)
    response = download(DigitalLink.objects.get(line_item__order=order))
    assert response.body == PDF


def test_another_file_replaces_the_first_for_those_who_bought_it(admin_client, download, link):
    digital = link.digital
    upload = SimpleUploadedFile("second.txt", b"second edition")
    form = {**NO_LIMITS, "variant": digital.variant_id, "attachment": upload}
    assert admin_client.post(change(digital), form).status_code == 302
    digital.refresh_from_db()
    assert (digital.version, digital.filename, digital.byte_size) == (2, "second.txt", 14)
    assert download(link).body == b"second edition"


def test_other_changes_of_a_file_keep_the_file_and_its_version(admin_client, digital):
    before = Digital.objects.values().get()
    form = {**NO_LIMITS, "variant": digital.variant_id, "authorized_clicks": "9"}
    assert admin_client.post(change(digital), form).status_code == 302
    assert Digital.objects.values().get() == {**before, "authorized_clicks": 9}


def test_an_empty_upload_is_refused(admin_client, make_variant):
    form = {**NO_LIMITS, "variant": make_variant().pk, "attachment": SimpleUploadedFile("empty.pdf", b"")}
    assert "The submitted file is empty" in admin_client.post(ADD_DIGITAL, form).text
    assert Digital.objects.count() == 0


@pytest.mark.parametrize("may_digital", ["view", "change"])
@pytest.mark.parametrize("may_variant", ["view", "change"])
def test_no_page_links_to_a_file(staff, digital, may_digital, may_variant):
    client = staff("add_digital", f"{may_digital}_digital", f"{may_variant}_variant")
    for page in (DIGITALS, change(digital), change(digital.variant)):
        response = client.get(page)
        assert response.status_code == 200
        assert digital.attachment.name not in response.text
        assert "media/" not in response.text


def test_a_sold_file_cannot_be_deleted_and_the_admin_says_what_to_do(admin_client, digital, buy):
    buy(digital, quantity=2)
    address = change(digital).replace("change", "delete")
    page = admin_client.get(address).text
    assert "2 download links to novel.pdf. Retire or withdraw the file instead." in page
    admin_client.post(address, {"post": "yes"})
    selected = {"action": "delete_selected", "_selected_action": [digital.pk], "post": "yes"}
    assert "2 download links to novel.pdf" in admin_client.post(DIGITALS, selected).text
    assert Digital.objects.filter(pk=digital.pk).exists()


def test_a_file_that_was_never_sold_can_be_deleted(admin_client, digital):
    assert admin_client.post(change(digital).replace("change", "delete"), {"post": "yes"}).status_code == 302
    assert Digital.objects.count() == 0


def test_files_are_found_by_name_and_whole_checksum(admin_client, digital, make_digital):
    make_digital(name="other.pdf", content=b"other")
    assert [row[0] for row in rows(admin_client.get(DIGITALS, {"q": "NOVEL"}))] == ["novel.pdf"]
    assert [row[0] for row in rows(admin_client.get(DIGITALS, {"q": digital.sha256}))] == ["novel.pdf"]
    assert rows(admin_client.get(DIGITALS, {"q": digital.sha256[:8]})) == []


def test_names_are_shown_and_never_run(admin_client, make_variant, make_digital, buy):
    evil = "<img src=x onerror=alert(1)>"
    digital = make_digital(make_variant(evil))
    Digital.objects.update(filename=evil)
    order = buy(digital)
    order.line_items.update(name=evil)
    link = DigitalLink.objects.get()
    act(admin_client, "reset", link)
    link.digital.refresh_from_db()
    pages = [LINKS, change(link), DIGITALS, change(digital), change(digital).replace("change", "delete"), change(order)]
    for page in [*pages, change(digital.variant), reverse("admin:index")]:
        text = admin_client.get(page).text
        assert "&lt;img" in text
        assert evil not in text


# The example shop's own pages


def test_a_file_is_uploaded_on_the_page_of_its_product(admin_client, make_variant):
    variant = make_variant()
    form = FormParser(admin_client.get(change(variant)).text).fields
    form |= {"store": variant.store_id, "description": "", "digitals-TOTAL_FORMS": "1"}
    upload = SimpleUploadedFile("novel.pdf", PDF)
    response = admin_client.post(change(variant), {**form, "digitals-0-attachment": upload})
    assert response.status_code == 302
    assert variant.digitals.get().sha256
    assert "novel.pdf" in admin_client.get(change(variant)).text


def test_units_that_are_added_to_a_completed_order_get_their_links(admin_client, buy, digital):
    order = buy(digital)
    form = FormParser(admin_client.get(change(order)).text).fields
    form |= {"store": order.store_id, "line_items-0-quantity": "3"}
    assert admin_client.post(change(order), form).status_code == 302
    assert DigitalLink.objects.count() == 3
