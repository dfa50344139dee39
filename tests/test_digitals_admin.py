"""Files and limits in the admin: what staff see of them, do about them, and are told."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core.files.base import ContentFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from example_project.shop.digitals import ShopStorefront
from example_project.shop.models import Order, Store, Variant
from spree_digitals import issuing
from spree_digitals.admin import limits_followed
from spree_digitals.admin.digital_actions import ACTIONS
from spree_digitals.models import Digital, DigitalLink, Download, Mail, StoreLimits
from tests.browser import chromium
from tests.conftest import PDF, error, uses

DIGITALS = reverse("admin:spree_digitals_digital_changelist")
ADD_DIGITAL = reverse("admin:spree_digitals_digital_add")
LIMITS = reverse("admin:spree_digitals_storelimits_changelist")


class OwnStoreOnly(ShopStorefront):
    """Staff bear the name of their store, which keeps the test short."""

    def staff_stores(self, user: Any) -> Any:
        return Store.objects.filter(name=user.last_name)


class OneStoreShop(OwnStoreOnly):
    """A shop whose orders lead to no store: all belong to the only one."""

    store_path = None

    def single_store_pk(self) -> Any:
        return Store.objects.get(name="Paper & Sound").pk


@pytest.fixture
def staff(db: None) -> Any:
    """A signed-in member of staff: ``staff("view_digital", store="Paper & Sound")``."""

    def sign_in(*codenames: str, store: str = "") -> Client:
        user = User.objects.create_user(f"staff-{User.objects.count()}", is_staff=True, last_name=store)
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        client = Client()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def own_store_only(settings: Any) -> None:
    settings.SPREE_DIGITALS_STOREFRONT = "tests.test_digitals_admin.OwnStoreOnly"


@pytest.fixture
def elsewhere(db: None) -> Store:
    return Store.objects.create(name="Elsewhere", domain="elsewhere.example")


@pytest.fixture
def other_link(elsewhere: Store, make_digital: Any, make_variant: Any, buy: Any) -> DigitalLink:
    """A link that was sold in another store."""
    digital = make_digital(make_variant("Elsewhere's novel", store=elsewhere), name="elsewhere.pdf")
    return DigitalLink.objects.get(line_item__order=buy(digital, store=elsewhere))


def change(thing: Any) -> str:
    return reverse(f"admin:{thing._meta.app_label}_{thing._meta.model_name}_change", args=[thing.pk])


def button(digital: Digital, action: str) -> str:
    return reverse("admin:spree_digitals_digital_act", args=[digital.pk, action])


def press(client: Client, digital: Digital, action: str, why: str = "") -> Any:
    """Press a button on the page of the file, and confirm."""
    return client.post(button(digital, action), {"confirmed": "yes", "why": why}, follow=True)


def choose(client: Client, action: str, *digitals: Digital, **more: str) -> Any:
    chosen = {"action": action, "_selected_action": [digital.pk for digital in digitals]}
    return client.post(DIGITALS, {**chosen, **more}, follow=True)


def text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def section(response: Any, name: str) -> str:
    """What a section of a page says."""
    assert response.status_code == 200
    return text(re.search(rf'<section[^>]* id="{name}".*?</section>', response.text, re.DOTALL)[0])


def column(response: Any, name: str) -> list[str]:
    assert response.status_code == 200
    return [text(cell) for cell in re.findall(rf'<t[dh] class="field-{name}[^"]*">(.*?)</t[dh]>', response.text)]


def messages(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def history(digital: Digital) -> list[str]:
    entries = LogEntry.objects.filter(content_type__model="digital", object_id=str(digital.pk)).order_by("pk")
    return [entry.get_change_message() for entry in entries]


def replace(digital: Digital, content: bytes = b"second edition") -> None:
    digital.attachment = ContentFile(content, name="second.txt")
    digital.save()


# What the page of a file tells


def test_the_page_of_a_file_tells_how_it_sells(admin_client, buy, digital, download, make_digital):
    make_digital(name="other.pdf")
    buy(digital, quantity=2)
    buy(digital)
    links = list(DigitalLink.objects.order_by("pk"))
    for link in (links[0], links[0], links[2]):
        download(link)
    Download.objects.filter(link=links[2]).update(created_at=timezone.now() - timedelta(days=31))
    issuing.revoke([links[1]])
    DigitalLink.objects.filter(pk=links[2].pk).update(authorized_clicks=9)
    told = section(admin_client.get(change(digital)), "usage")
    assert "Sold with A novel" in told
    assert "Store Paper & Sound" in told.replace("&amp;", "&")
    assert "Orders with a link to it 2 (in 2 order lines)" in told
    assert "Links issued 3 Show (1 with limits of its own)" in told
    assert "Links that still work 2" in told
    assert "Downloads 3 (2 in the last 30 days)" in told
    assert "none yet" not in told


def test_a_file_that_nobody_bought_says_so(admin_client, digital):
    told = section(admin_client.get(change(digital)), "usage")
    assert "Links issued 0" in told
    assert "Last download none yet" in told


def test_downloads_whose_records_were_purged_still_count(admin_client, download, link):
    download(link)
    download(link)
    Download.objects.all().delete()
    DigitalLink.objects.update(purged_uses=2)
    assert "Downloads 2 (0 in the last 30 days)" in section(admin_client.get(change(link.digital)), "usage")
    assert column(admin_client.get(DIGITALS), "downloads_counted") == ["2"]


def test_each_version_is_listed_with_the_downloads_granted_of_it(admin_client, download, link):
    digital, first = link.digital, link.digital.sha256
    download(link)
    download(link)
    replace(digital)
    download(link)
    response = admin_client.get(change(digital))
    assert f'title="{first}">{first[:12]}…' in response.text
    newest, oldest = re.findall(r"<tr>\s*<td>.*?</tr>", response.text.split('id="versions"')[1], re.DOTALL)
    assert text(newest).startswith("2 now second.txt 14")
    assert text(newest).endswith(" 1")
    assert text(oldest).startswith("1 novel.pdf")
    assert text(oldest).endswith(" 2")


def test_the_product_and_its_store_are_linked_for_those_who_may_see_them(staff, digital):
    def usage(*codenames: str) -> str:
        return staff(*codenames).get(change(digital)).text.split('id="usage"')[1]

    linked = usage("view_digital", "view_variant", "view_store", "view_digitallink")
    plain = usage("view_digital")
    for page in (change(digital.variant), change(digital.variant.store), f"digital__id__exact={digital.pk}"):
        assert page in linked
        assert page not in plain


@pytest.mark.parametrize(
    ("of_file", "of_store", "words"),
    [
        ({}, None, "5 downloads within 7 days of purchase"),
        ({}, {"authorized_clicks": 3}, "3 downloads within 7 days of purchase"),
        ({"authorized_days": 30}, {"authorized_clicks": 3}, "3 downloads within 30 days of purchase"),
        ({"unlimited_clicks": True, "unlimited_days": True}, {}, "Unlimited downloads, at any time"),
    ],
)
def test_the_page_of_a_file_says_what_holds_for_its_links(admin_client, digital, store, of_file, of_store, words):
    Digital.objects.update(**of_file)
    if of_store is not None:
        StoreLimits.objects.create(store=store, **of_store)
    assert words in text(admin_client.get(change(digital)).text)


def test_a_file_without_a_product_is_shown(admin_client, digital):
    Variant.objects.all().delete()
    response = admin_client.get(change(digital))
    assert "Sold with –" in section(response, "usage")
    assert "5 downloads within 7 days of purchase" in response.text


def test_the_page_of_a_bestseller_asks_no_more_than_that_of_another_file(admin_client, buy, digital, download):
    replace(digital)
    buy(digital)
    with CaptureQueriesContext(connection) as few:
        admin_client.get(change(digital))
    for _ in range(4):
        replace(digital)
        buy(digital, quantity=5)
    for link in DigitalLink.objects.all():
        download(link)
    with CaptureQueriesContext(connection) as many:
        admin_client.get(change(digital))
    assert len(many) == len(few) <= 15


# The list


def test_the_list_tells_how_a_file_is_sold(admin_client, make_digital):
    now = timezone.now()
    make_digital(name="sold.pdf", retired_at=now + timedelta(days=1))
    make_digital(name="retired.pdf", retired_at=now)
    make_digital(name="withdrawn.pdf", retired_at=now, withdrawn_at=now)
    assert column(admin_client.get(DIGITALS), "sale") == ["withdrawn", "retired", "for sale"]


def test_the_list_of_ten_thousand_files_is_shown_in_few_queries_and_counted_without_a_join(
    admin_client, make_variant, digital, link, own_store_only
):
    facts = {name: getattr(digital, name) for name in ("attachment", "byte_size", "sha256", "attached_at")}
    variant = make_variant()
    many = [Digital(variant=variant, filename=f"{number}.pdf", content_type="x/y", **facts) for number in range(10_000)]
    for file in many:
        file.attachment._committed = True
    Digital.objects.bulk_create(many, batch_size=500)
    User.objects.update(last_name="Paper & Sound")
    with CaptureQueriesContext(connection) as queries:
        response = admin_client.get(DIGITALS)
    assert len(column(response, "filename")) == 100
    assert len(queries) <= 10
    counts = [query["sql"] for query in queries if query["sql"].startswith("SELECT COUNT")]
    assert counts
    outer = [re.sub(r"\(SELECT.*\)", "", sql) for sql in counts]
    assert not [sql for sql in outer if "JOIN" in sql]


def test_the_list_tells_how_many_links_and_downloads_a_file_has(admin_client, digital, download, make_digital, buy):
    make_digital(name="unsold.pdf")
    buy(digital, quantity=3)
    download(DigitalLink.objects.first())
    response = admin_client.get(DIGITALS)
    assert column(response, "filename") == ["unsold.pdf", "novel.pdf"]
    assert column(response, "links_issued") == ["0", "3"]
    assert column(response, "downloads_counted") == ["0", "1"]


def test_files_are_filtered_by_how_they_are_sold(admin_client, make_digital):
    yesterday, tomorrow = (timezone.now() + timedelta(days=days) for days in (-1, 1))
    make_digital(name="sold.pdf")
    make_digital(name="soon.pdf", retired_at=tomorrow, withdrawn_at=tomorrow)
    make_digital(name="retired.pdf", retired_at=yesterday)
    make_digital(name="withdrawn.pdf", withdrawn_at=yesterday)
    make_digital(name="both.pdf", retired_at=yesterday, withdrawn_at=yesterday)
    for chosen, found in {
        "on": ["soon.pdf", "sold.pdf"],
        "retired": ["both.pdf", "retired.pdf"],
        "withdrawn": ["both.pdf", "withdrawn.pdf"],
    }.items():
        assert column(admin_client.get(DIGITALS, {"sale": chosen}), "filename") == found


def test_files_are_filtered_by_the_store_of_their_product(admin_client, digital, other_link, elsewhere):
    assert column(admin_client.get(DIGITALS, {"store": elsewhere.pk}), "filename") == ["elsewhere.pdf"]
    assert admin_client.get(DIGITALS, {"store": "a\x00b"}).status_code == 302


def test_a_shop_with_one_store_is_not_asked_which(admin_client, digital):
    assert "By store" not in admin_client.get(DIGITALS).text


@pytest.mark.parametrize("lookup", ["links__token__startswith", "links__token_tail", "attachment__startswith"])
def test_the_address_of_the_list_of_files_takes_no_guess_at_a_secret(admin_client, link, lookup):
    assert admin_client.get(DIGITALS, {lookup: "a"}).status_code == 400


# Retire, put back on sale, withdraw, lift the withdrawal


def test_a_retired_file_is_not_sold_until_it_is_put_back_and_links_go_on_working(
    admin_client, buy, digital, download, link
):
    digital = link.digital
    assert messages(press(admin_client, digital, "retire", "A new edition is coming.")) == ["1 file was retired."]
    assert download(link).status_code == 200
    buy(digital)
    assert DigitalLink.objects.count() == 1
    assert messages(press(admin_client, digital, "put_on_sale")) == ["1 file was put back on sale."]
    buy(digital)
    assert DigitalLink.objects.count() == 2
    assert history(digital) == ["Retired: A new edition is coming.", "Put back on sale."]


def test_nobody_downloads_a_withdrawn_file_until_the_withdrawal_is_lifted(admin_client, download, link):
    assert messages(press(admin_client, link.digital, "withdraw", "Rights")) == ["1 file was withdrawn."]
    assert error(download(link)) == (403, "file_withdrawn")
    assert messages(press(admin_client, link.digital, "lift_withdrawal")) == ["The withdrawal of 1 file was lifted."]
    assert download(link).status_code == 200
    assert history(link.digital) == ["Withdrawn: Rights", "Withdrawal lifted."]


def test_only_the_buttons_that_would_change_something_are_there(admin_client, digital):
    def buttons() -> list[str]:
        return re.findall(rf"/{digital.pk}/act/(\w+)/", admin_client.get(change(digital)).text)

    assert buttons() == ["retire", "withdraw", "download"]
    press(admin_client, digital, "retire")
    press(admin_client, digital, "withdraw")
    assert buttons() == ["put_on_sale", "lift_withdrawal", "download"]
    press(admin_client, digital, "lift_withdrawal")
    digital.refresh_from_db()
    replace(digital)
    assert buttons() == ["put_on_sale", "withdraw", "download", "announce"]


def test_many_files_are_changed_at_once_after_confirming_it(admin_client, make_digital):
    files = [make_digital(name=f"{number}.pdf") for number in range(25)]
    page = choose(admin_client, "retire", *files)
    assert "Nobody gets new links from now on." in page.text
    assert "25 files altogether" in page.text
    assert not Digital.objects.exclude(retired_at=None).exists()
    press(admin_client, files[0], "retire")
    told = messages(choose(admin_client, "retire", *files, confirmed="yes", why="The series ended."))
    assert told == ["24 files were retired.", "1 file stayed as it was."]
    assert Digital.objects.exclude(retired_at=None).count() == 25
    assert history(files[0]) == ["Retired."]
    assert history(files[1]) == ["Retired: The series ended."]


def test_a_reason_that_is_too_long_changes_nothing_and_is_kept(admin_client, digital):
    response = press(admin_client, digital, "retire", "x" * 201)
    assert "at most 200 characters" in response.text
    assert "x" * 201 in response.text
    assert not Digital.objects.exclude(retired_at=None).exists()


def test_too_many_files_at_once_are_refused_before_anything_is_done(admin_client, digital, make_variant):
    facts = Digital.objects.values().get()
    columns = {name: value for name, value in facts.items() if name != "id"}
    Digital.objects.bulk_create(Digital(**columns) for _ in range(500))
    told = choose(admin_client, "retire", digital, select_across="1", confirmed="yes")
    assert messages(told) == ["Choose at most 500 files at a time; nothing was done."]
    assert not Digital.objects.exclude(retired_at=None).exists()


@pytest.mark.parametrize("name", ACTIONS)
def test_each_button_needs_its_permission_and_a_get_does_nothing(staff, digital, name):
    replace(digital)
    permission = ACTIONS[name].permission
    others = {action.permission for action in ACTIONS.values()} - {permission}
    before = Digital.objects.values().get()
    client = staff("view_digital", "delete_digital", *others)
    assert client.post(button(digital, name), {"confirmed": "yes"}).status_code == 403
    assert button(digital, name) not in client.get(change(digital)).text
    assert staff(permission).get(button(digital, name)).status_code == 405
    assert staff().post(button(digital, name)).status_code == 403
    assert Client().post(button(digital, name)).status_code == 302, "to sign in"
    assert staff("view_digital", permission).post(button(digital, name)).status_code == 200, "asks why"
    assert Digital.objects.values().get() == before
    assert history(digital) == []
    assert Mail.objects.count() == 0


@pytest.mark.parametrize("name", ["retire", "put_on_sale", "withdraw", "lift_withdrawal"])
def test_an_action_that_is_forged_without_permission_is_refused(staff, digital, name):
    client = staff("view_digital", "announce_digital", "download_digital")
    assert choose(client, name, digital, confirmed="yes").status_code == 403
    assert history(digital) == []


@pytest.mark.parametrize("address", ["no-such-action", "retire%00"])
def test_what_does_not_exist_is_not_found(admin_client, digital, address):
    assert admin_client.post(f"{change(digital).removesuffix('change/')}act/{address}/").status_code == 404
    assert admin_client.post(button(digital, "retire").replace(f"/{digital.pk}/", "/0/")).status_code == 404


# Download as staff


def test_staff_download_the_file_uncounted_and_it_is_on_record(admin_client, link):
    response = admin_client.post(button(link.digital, "download"), {"confirmed": "yes", "why": "A buyer complained."})
    assert b"".join(response.streaming_content) == PDF
    assert "novel.pdf" in response["Content-Disposition"]
    assert uses(link) == 0
    assert history(link.digital) == ["Downloaded as staff, uncounted: A buyer complained."]


def test_a_file_that_is_not_in_the_storage_is_told_to_staff(admin_client, digital):
    digital.attachment.storage.delete(digital.attachment.name)
    (told,) = messages(press(admin_client, digital, "download"))
    assert told.startswith("novel.pdf was not sent: it is not in the storage")
    assert history(digital) == []


# Tell buyers about the new version


@pytest.fixture
def new_edition(buy, digital):
    """A file that was replaced: three orders can use it, a fourth is used up."""
    for quantity in (1, 2, 1):
        buy(digital, quantity=quantity)
    buy(digital, email="used.up@example.com")
    used_up = DigitalLink.objects.filter(line_item__order__email="used.up@example.com")
    used_up.update(authorized_clicks=0)
    replace(digital)
    Mail.objects.all().delete()
    return digital


def told_orders() -> list[str]:
    return sorted(Mail.objects.filter(kind="new_version").values_list("order_pk", flat=True))


def test_buyers_are_told_about_a_new_version_once_and_staff_see_how_many_before(admin_client, buy, new_edition):
    able = sorted(str(pk) for pk in Order.objects.filter(email="buyer@example.com").values_list("pk", flat=True))
    page = admin_client.post(button(new_edition, "announce"))
    assert "3 buyers would be mailed now." in page.text
    assert told_orders() == []
    assert messages(press(admin_client, new_edition, "announce", "Misprints")) == ["3 mails are on their way."]
    assert told_orders() == able
    assert history(new_edition) == ["Told buyers about version 2: Misprints"]
    buy(new_edition, email="late@example.com")
    page = admin_client.post(button(new_edition, "announce"))
    assert "0 buyers would be mailed now. 3 have been told about version 2 already" in page.text
    assert messages(press(admin_client, new_edition, "announce")) == ["0 mails are on their way."]
    assert len(told_orders()) == 3  # whoever bought version 2 has no other
    replace(new_edition, b"third edition")
    assert "4 buyers would be mailed now." in admin_client.post(button(new_edition, "announce")).text


def test_the_first_version_and_a_withdrawn_file_are_not_announced(admin_client, link):
    (told,) = messages(press(admin_client, link.digital, "announce"))
    assert told == "novel.pdf: nobody is told about a first version, nor about a file that is withdrawn."
    replace(link.digital)
    press(admin_client, link.digital, "withdraw")
    press(admin_client, link.digital, "announce")
    assert told_orders() == []


def test_staff_of_one_store_tell_its_buyers_only(own_store_only, staff, store, elsewhere, buy, new_edition):
    theirs = buy(new_edition, store=elsewhere)
    client = staff("view_digital", "announce_digital", store=store.name)
    assert "3 buyers would be mailed now." in client.post(button(new_edition, "announce")).text
    press(client, new_edition, "announce")
    assert len(told_orders()) == 3
    assert str(theirs.pk) not in told_orders()


# Staff of one store


def test_staff_see_no_number_of_another_store(own_store_only, staff, store, elsewhere, buy, digital, download):
    buy(digital)
    buy(digital, store=elsewhere, quantity=4)
    for link in DigitalLink.objects.all():
        download(link)
    client = staff("view_digital", store=store.name)
    page = client.get(change(digital))
    told = section(page, "usage")
    assert "Links issued 1" in told
    assert "Downloads 1 (1 in the last 30 days)" in told
    assert section(page, "versions").endswith(" 1")
    assert column(client.get(DIGITALS), "links_issued") == ["1"]
    assert column(client.get(DIGITALS), "downloads_counted") == ["1"]


@pytest.mark.parametrize("name", ACTIONS)
def test_a_forged_post_reaches_no_file_of_another_store(own_store_only, staff, store, digital, other_link, name):
    replace(other_link.digital)
    permissions = {action.permission for action in ACTIONS.values()}
    client = staff("view_digital", *permissions, store=store.name)
    before = list(Digital.objects.order_by("pk").values())
    assert client.post(button(other_link.digital, name), {"confirmed": "yes"}).status_code == 404
    page = choose(client, name, other_link.digital, confirmed="yes")
    assert "elsewhere.pdf" not in page.text
    assert list(Digital.objects.order_by("pk").values()) == before
    assert history(other_link.digital) == []
    assert Mail.objects.filter(kind="new_version").count() == 0


# Limits of stores, in words


@pytest.fixture
def sold(buy, make_digital):
    """Three links that follow the store, and one each that follows it for one number only."""
    buy(make_digital(), quantity=3)
    buy(make_digital(authorized_days=90))
    own = DigitalLink.objects.filter(line_item__order=buy(make_digital()))
    own.update(unlimited_clicks=True)
    both = DigitalLink.objects.filter(line_item__order=buy(make_digital(authorized_clicks=2)))
    both.update(unlimited_days=True)


FOLLOWED = "3 links follow this, and 1 only for the number of downloads, and 1 only for the days"


def test_limits_say_how_many_links_follow_them(admin_client, sold, store, elsewhere):
    nobody = StoreLimits.objects.create(store=elsewhere, authorized_clicks=1)
    limits = StoreLimits.objects.create(store=store)
    assert sorted(column(admin_client.get(LIMITS), "now")) == [
        "1 download within 7 days of purchase; 0 links follow this",
        f"5 downloads within 7 days of purchase; {FOLLOWED}",
    ]
    for page in (limits, store):
        assert f"5 downloads within 7 days of purchase; {FOLLOWED}" in admin_client.get(change(page)).text
    assert "0 links follow this" in admin_client.get(change(nobody)).text


def test_the_page_of_a_store_says_how_many_links_follow_the_default(admin_client, sold, store):
    assert FOLLOWED in admin_client.get(change(store)).text


def test_the_list_of_limits_asks_no_more_for_twelve_stores_than_for_two(admin_client, sold, store, elsewhere):
    for some in (store, elsewhere):
        StoreLimits.objects.create(store=some)
    with CaptureQueriesContext(connection) as few:
        admin_client.get(LIMITS)
    for number in range(10):
        StoreLimits.objects.create(store=Store.objects.create(name=f"Store {number}", domain="x.example"))
    with CaptureQueriesContext(connection) as many:
        assert len(column(admin_client.get(LIMITS), "now")) == 12
    assert len(many) == len(few) <= 10


def test_where_orders_lead_to_no_store_all_links_follow_the_only_one(admin_client, settings, sold, store, elsewhere):
    settings.SPREE_DIGITALS_STOREFRONT = "tests.test_digitals_admin.OneStoreShop"
    User.objects.update(last_name="Paper & Sound")
    limits = StoreLimits.objects.create(store=store)
    StoreLimits.objects.create(store=elsewhere)
    assert column(admin_client.get(LIMITS), "now") == [f"5 downloads within 7 days of purchase; {FOLLOWED}"]
    told = save_limits(admin_client, limits, authorized_clicks="0")
    assert told == ["4 links are used up now."]


def save_limits(client: Client, limits: StoreLimits, **numbers: str) -> list[str]:
    """Save the form of the limits; what staff are told beside that it was saved."""
    form = {"authorized_clicks": "", "authorized_days": "", "digital_asset_link_expire_time": "", **numbers}
    saved = client.post(change(limits), form, follow=True)
    return [told for told in messages(saved) if "was changed successfully" not in told]


def test_a_change_of_limits_tells_what_works_again_and_what_no_longer(admin_client, buy, digital, store, download):
    buy(digital, quantity=4)
    limits = StoreLimits.objects.create(store=store, authorized_clicks=1)
    links = list(DigitalLink.objects.order_by("pk"))
    for link in links[:2]:
        download(link)
    long_ago = timezone.now() - timedelta(days=10)
    DigitalLink.objects.filter(pk=links[2].pk).update(activated_at=long_ago)
    assert save_limits(admin_client, limits, authorized_clicks="2") == ["2 links that were used up may be used again."]
    assert save_limits(admin_client, limits, authorized_clicks="2") == []
    assert save_limits(admin_client, limits, authorized_clicks="1", authorized_days="11") == [
        "2 links are used up now.",
        "1 link that had expired may be used again.",
    ]
    issuing.revoke([links[0]])
    assert save_limits(admin_client, limits, authorized_clicks="5", authorized_days="9") == [
        "1 link has expired now.",
        "1 link that was used up may be used again.",
    ]
    saved = admin_client.post(change(limits).replace("change", "delete"), {"post": "yes"}, follow=True)
    assert StoreLimits.objects.count() == 0
    assert len(messages(saved)) == 1, "5 downloads and 7 days hold as before"


def test_links_of_a_withdrawn_file_are_not_said_to_work_again(admin_client, link, store):
    limits = StoreLimits.objects.create(store=store, authorized_clicks=0)
    Digital.objects.update(withdrawn_at=timezone.now())
    assert save_limits(admin_client, limits, authorized_clicks="5") == []


def test_the_page_of_the_store_tells_it_too(admin_client, link, store):
    form = {
        "name": store.name,
        "domain": store.domain,
        "digital_limits-0-authorized_clicks": "0",
        "digital_limits-TOTAL_FORMS": "1",
        "digital_limits-INITIAL_FORMS": "0",
    }
    saved = admin_client.post(change(store), form, follow=True)
    assert StoreLimits.objects.get().authorized_clicks == 0
    assert "1 link is used up now." in messages(saved)


@pytest.mark.slow
def test_a_change_for_very_many_links_is_saved_without_counting_them(admin_client, link, store):
    limits = StoreLimits.objects.create(store=store)
    facts = {"digital": link.digital, "line_item": link.line_item, "activated_at": link.activated_at}
    DigitalLink.objects.bulk_create((DigitalLink(**facts) for _ in range(limits_followed.MOST)), batch_size=500)
    assert save_limits(admin_client, limits, authorized_clicks="0") == []
    assert StoreLimits.objects.get().authorized_clicks == 0


# Uploading, in a browser


@pytest.fixture
def page(live_server, monkeypatch):
    """The admin, with a member of staff signed in; no page may log an error."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    User.objects.create_superuser("ada", password="lovelace")
    problems: list[str] = []
    with chromium() as context:
        page = context.new_page()
        page.on("pageerror", lambda problem: problems.append(str(problem)))
        page.goto(live_server.url + reverse("admin:index"))
        page.get_by_label("Username").fill("ada")
        page.get_by_label("Password").fill("lovelace")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("button", name="Log out")).to_be_visible()
        yield page
    assert problems == []


@pytest.fixture
def slowly(page: Page) -> Any:
    """From now on the browser sends so many bytes in a second; -1: as many as it can."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")

    def slowly(upload: int) -> None:
        conditions = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": upload}
        session.send("Network.emulateNetworkConditions", conditions)

    return slowly


@pytest.fixture
def atlas(tmp_path):
    """A file of 3 MB."""
    path = tmp_path / "atlas.pdf"
    path.write_bytes(PDF + b"\0" * 3_000_000)
    return path


@pytest.mark.browser
def test_an_upload_shows_how_far_it_has_come_and_ends_on_the_page_of_the_file(
    page, live_server, make_variant, atlas, slowly
):
    variant = make_variant("An atlas")
    page.goto(live_server.url + ADD_DIGITAL)
    page.get_by_label("Variant:").fill(str(variant.pk))
    page.get_by_label("File:").set_input_files(atlas)
    slowly(1_000_000)
    page.get_by_role("button", name="Save and continue editing").click()
    status = page.locator(".upload-progress [role=status]")
    expect(status).to_contain_text("MB of 2.9 MB sent")
    expect(page.get_by_role("button", name="Save", exact=True)).to_be_disabled()
    expect(page.get_by_text("was added successfully")).to_be_visible()
    digital = Digital.objects.get()
    assert page.url == live_server.url + change(digital)
    assert digital.byte_size == atlas.stat().st_size
    assert Digital.objects.count() == 1


@pytest.mark.browser
def test_a_cancelled_upload_saves_nothing_and_may_be_sent_again(page, live_server, make_variant, atlas, slowly):
    variant = make_variant("An atlas")
    page.goto(live_server.url + ADD_DIGITAL)
    page.get_by_label("Variant:").fill(str(variant.pk))
    page.get_by_label("File:").set_input_files(atlas)
    slowly(300_000)
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("button", name="Cancel the upload").click()
    expect(page.get_by_text("The upload was cancelled, and nothing was saved.")).to_be_visible()
    time.sleep(0.5)
    assert Digital.objects.count() == 0
    slowly(-1)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was added successfully")).to_be_visible()
    assert Digital.objects.get().byte_size == atlas.stat().st_size


@pytest.mark.browser
def test_a_mistake_beside_the_file_is_marked_and_the_file_stays_chosen(page, live_server, make_variant, atlas):
    variant = make_variant("An atlas")
    page.goto(live_server.url + ADD_DIGITAL)
    page.get_by_label("Variant:").fill("4711")
    page.get_by_label("File:").set_input_files(atlas)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Select a valid choice")).to_be_visible()
    expect(page.get_by_text("The file stays chosen.")).to_be_visible()
    page.get_by_label("Variant:").fill(str(variant.pk))
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was added successfully")).to_be_visible()
    assert Digital.objects.get().filename == "atlas.pdf"


@pytest.mark.browser
@pytest.mark.parametrize(
    ("status", "told"),
    [(413, "the server takes none that large (413)"), (403, "you are signed out"), (502, "the server answered 502")],
)
def test_an_upload_that_the_server_refuses_says_why(page, live_server, atlas, status, told):
    page.goto(live_server.url + ADD_DIGITAL)
    page.route("**/add/", lambda route: route.fulfill(status=status, body="no"))
    page.get_by_label("File:").set_input_files(atlas)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".upload-problem")).to_contain_text(told)
    expect(page.get_by_role("button", name="Save", exact=True)).to_be_enabled()


@pytest.mark.browser
def test_a_broken_connection_is_told(page, live_server, atlas, db):
    page.goto(live_server.url + ADD_DIGITAL)
    page.route("**/add/", lambda route: route.abort())
    page.get_by_label("File:").set_input_files(atlas)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".upload-problem")).to_contain_text("The connection broke")


@pytest.mark.browser
def test_a_file_is_uploaded_on_the_page_of_its_product_with_progress(page, live_server, make_variant, atlas, slowly):
    variant = make_variant("An atlas")
    page.goto(live_server.url + change(variant))
    page.get_by_text("Add another Digital").click()
    page.locator("input[name=digitals-0-attachment]").set_input_files(atlas)
    slowly(1_000_000)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".upload-progress [role=status]")).to_contain_text("sent")
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    assert variant.digitals.get().filename == "atlas.pdf"
