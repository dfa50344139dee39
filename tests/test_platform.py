"""What shop staff do over the API, in the form of Spree's Platform API."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.db.models.signals import pre_save
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from rest_framework.authtoken.models import Token

from example_project.shop.digitals import ShopStorefront
from example_project.shop.models import LineItem, Store
from spree_digitals import issuing
from spree_digitals.models import Digital, DigitalLink, Mail, MailKind
from tests.at_once import at_once
from tests.conftest import PDF, error, uses

API = "/api/v2/platform/"
DIGITALS = API + "digitals"
LINKS = API + "digital_links"
JSONAPI = "application/vnd.api+json"
ALL = [
    *(f"{action}_digital" for action in ("view", "add", "change", "delete", "download")),
    *(f"{action}_digitallink" for action in ("view", "add", "change", "delete", "copy")),
    *(f"{action}_digitallink" for action in ("reset", "extend", "revoke", "restore", "rotate")),
]


class OwnStoreOnly(ShopStorefront):
    """Staff bear the name of their store, which keeps the test short."""

    def staff_stores(self, user: Any) -> Any:
        return Store.objects.filter(name=user.last_name)


class Colleague:
    """A member of staff at the API."""

    def __init__(self, client: Client, user: Any) -> None:
        self.client, self.user = client, user
        self.headers = {"Authorization": f"Bearer {Token.objects.create(user=user).key}"}

    def __call__(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Any:
        data = body if isinstance(body, (bytes, str)) else json.dumps(body) if body is not None else ""
        return self.client.generic(method, path, data, content_type, headers=self.headers)

    def get(self, path: str) -> Any:
        return self("GET", path)

    def upload(self, method: str, path: str, **fields: Any) -> Any:
        form = {f"digital[{name}]": value for name, value in fields.items()}
        return (
            getattr(self.client, method)(path, form, headers=self.headers)
            if method == "post"
            else self._patch(path, form)
        )

    def _patch(self, path: str, form: dict[str, Any]) -> Any:
        from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

        return self("PATCH", path, encode_multipart(BOUNDARY, form), MULTIPART_CONTENT)


@pytest.fixture
def staff(client, django_user_model):
    """A member of staff with these rights, all of them by default: ``staff("view_digitallink")``."""

    def staff(*rights: str, **fields: Any) -> Colleague:
        name = f"staff-{django_user_model.objects.count()}"
        user = django_user_model.objects.create_user(
            **{"username": name, "password": "secret", "is_staff": True, "last_name": "Paper & Sound", **fields}
        )
        user.user_permissions.set(Permission.objects.filter(codename__in=rights or ALL))
        return Colleague(client, user)

    return staff


@pytest.fixture
def elsewhere(make_digital, make_variant, buy, settings) -> DigitalLink:
    """A link that was sold in another store, whose staff see their own store only."""
    settings.SPREE_DIGITALS_STOREFRONT = "tests.test_platform.OwnStoreOnly"
    other = Store.objects.create(name="Elsewhere", domain="elsewhere.example")
    digital = make_digital(make_variant("Elsewhere's novel", store=other), name="elsewhere.pdf")
    return DigitalLink.objects.get(line_item__order=buy(digital, store=other))


@pytest.fixture
def favour(link) -> DigitalLink:
    """A link made by hand and never used."""
    return DigitalLink.objects.create(digital=link.digital, line_item=link.line_item, activated_at=timezone.now())


def ids(response: Any) -> list[str]:
    assert response.status_code == 200, response.text
    return [found["id"] for found in response.json()["data"]]


def attributes(response: Any, status: int = 200) -> dict[str, Any]:
    assert response.status_code == status, response.text
    found: dict[str, Any] = response.json()["data"]["attributes"]
    return found


def problems(response: Any) -> dict[str, str]:
    """The messages of a 422 by their places in the body."""
    document = response.json()
    assert response.status_code == 422, response.text
    assert response["Content-Type"] == JSONAPI
    assert document["error"] == "Some values are not valid."
    assert {found["code"] for found in document["errors"]} == {"validation_failed"}
    return {found["source"]["pointer"]: found["detail"] for found in document["errors"]}


def history(instance: Any) -> list[str]:
    entries = LogEntry.objects.filter(object_id=str(instance.pk), content_type__model=instance._meta.model_name)
    return [entry.change_message for entry in entries.order_by("pk")]


def path_of(instance: Any) -> str:
    return f"{DIGITALS if isinstance(instance, Digital) else LINKS}/{instance.pk}"


# Files


def test_staff_upload_a_file_as_spree_does(staff, make_variant):
    variant, kim = make_variant(), staff()
    response = kim.upload(
        "post", DIGITALS, attachment=SimpleUploadedFile("novel.pdf", PDF), variant_id=variant.pk, authorized_days=30
    )
    digital = Digital.objects.get()
    assert response["Location"] == path_of(digital)
    assert response["Content-Type"] == JSONAPI
    shown = attributes(response, 201)
    assert shown == {
        "url": f"{DIGITALS}/{digital.pk}/download",
        "filename": "novel.pdf",
        "content_type": "application/pdf",
        "byte_size": len(PDF),
        "sha256": digital.sha256,
        "version": 1,
        "attached_at": digital.attached_at.isoformat().replace("+00:00", "Z"),
        "created_at": digital.created_at.isoformat().replace("+00:00", "Z"),
        "retired_at": None,
        "withdrawn_at": None,
        "authorized_clicks": None,
        "unlimited_clicks": False,
        "authorized_days": 30,
        "unlimited_days": False,
    }
    assert response.json()["data"]["relationships"] == {"variant": {"data": {"type": "variant", "id": str(variant.pk)}}}
    with digital.attachment.open() as file:
        assert file.read() == PDF
    assert history(digital) == ["Created over the API."]


def test_another_file_is_another_version_and_nothing_else_changes(staff, digital):
    Digital.objects.filter(pk=digital.pk).update(authorized_clicks=3)
    response = staff().upload("patch", path_of(digital), attachment=SimpleUploadedFile("second.txt", b"Better"))
    shown = attributes(response)
    assert (shown["version"], shown["filename"], shown["byte_size"]) == (2, "second.txt", 6)
    assert shown["authorized_clicks"] == 3
    assert [version.filename for version in digital.versions.order_by("version")] == ["novel.pdf", "second.txt"]
    assert history(digital) == ["Changed over the API: attachment."]


def test_staff_retire_and_withdraw_a_file(staff, link, download):
    body = {"digital": {"retired_at": "2026-01-01T00:00:00Z", "withdrawn_at": "2026-01-02T00:00:00+02:00"}}
    shown = attributes(staff()("PATCH", path_of(link.digital), body))
    assert shown["retired_at"] == "2026-01-01T00:00:00Z"
    assert shown["withdrawn_at"] == "2026-01-01T22:00:00Z"
    assert error(download(link)) == (403, "file_withdrawn")
    assert attributes(staff()("PATCH", path_of(link.digital), {"digital": {"withdrawn_at": None}}))
    assert download(link).status_code == 200


def test_staff_download_a_file_uncounted_and_it_is_written_down(staff, link):
    kim = staff("download_digital")
    response = kim.get(f"{path_of(link.digital)}/download")
    assert b"".join(response.streaming_content) == PDF
    assert response["Content-Disposition"] == 'attachment; filename="novel.pdf"'
    assert response["Cache-Control"] == "private, no-store"
    head = kim("HEAD", f"{path_of(link.digital)}/download")
    assert (head.status_code, head.content, head["Content-Length"]) == (200, b"", str(len(PDF)))
    assert uses(link) == 0
    assert history(link.digital) == ["Downloaded over the API."]


def test_what_cannot_be_sent_is_not_written_down(staff, digital):
    kim = staff()
    path = f"{path_of(digital)}/download"
    unchanged = kim.client.get(path, headers={**kim.headers, "If-None-Match": f'"{digital.sha256}"'})
    assert unchanged.status_code == 304
    assert kim.client.head(path, headers={**kim.headers, "If-Match": '"other"'}).status_code == 412
    prefetch = kim.client.get(path, headers={**kim.headers, "Sec-Purpose": "prefetch"})
    assert error(prefetch) == (503, "temporarily_unavailable")
    digital.attachment.storage.delete(digital.attachment.name)
    assert error(kim.get(path)) == (404, "file_missing")
    assert history(digital) == []


def test_a_file_that_was_sold_cannot_be_deleted_and_another_can(staff, link, make_digital):
    kim = staff()
    response = kim("DELETE", path_of(link.digital))
    assert error(response) == (409, "conflict")
    assert "retire or withdraw" in response.json()["errors"][0]["detail"]
    unsold = make_digital()
    assert kim("DELETE", path_of(unsold)).status_code == 204
    assert kim.get(path_of(unsold)).status_code == 404
    assert history(unsold) == ["Deleted over the API."]
    assert history(link.digital) == []


def test_a_file_that_mails_name_is_kept_and_so_are_they(staff, digital):
    mail = Mail.objects.create(kind=MailKind.NEW_VERSION, key="new version", order_pk="1", digital=digital)
    response = staff()("DELETE", path_of(digital))
    assert error(response) == (409, "conflict")
    assert "Mails to buyers name the file" in response.json()["errors"][0]["detail"]
    assert Mail.objects.get() == mail
    assert history(digital) == []


@pytest.mark.parametrize("name", ["retired_at", "withdrawn_at"])
@pytest.mark.parametrize(
    "moment",
    ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-12:00", "x"],
)
def test_a_moment_is_one_that_calendars_know(staff, digital, name, moment):
    kim = staff()
    assert set(problems(kim("PATCH", path_of(digital), {"digital": {name: moment}}))) == {f"/digital/{name}"}
    document = {"data": {"type": "digital", "id": str(digital.pk), "attributes": {name: moment}}}
    assert set(problems(kim("PATCH", path_of(digital), document, JSONAPI))) == {f"/data/attributes/{name}"}
    digital.refresh_from_db()
    assert (digital.retired_at, digital.withdrawn_at) == (None, None)


def test_a_storage_that_is_full_leaves_no_row(staff, make_variant, digitals_directory):
    digitals_directory.parent.joinpath("digitals").write_text("a file where the directory should be")
    response = staff().upload(
        "post", DIGITALS, attachment=SimpleUploadedFile("novel.pdf", PDF), variant_id=make_variant().pk
    )
    assert error(response) == (503, "temporarily_unavailable")
    assert not Digital.objects.exists()


# Links


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", '{"digital_link": {"digital_id": "%(digital)s", "line_item_id": %(line)s}}'),
        (
            JSONAPI,
            '{"data": {"type": "digital_link", "attributes": {}, "relationships": {'
            '"digital": {"data": {"type": "digital", "id": "%(digital)s"}},'
            '"line_item": {"data": {"type": "line_item", "id": "%(line)s"}}}}}',
        ),
    ],
    ids=["Spree", "JSON:API"],
)
def test_staff_make_a_link_by_hand(staff, link, download, content_type, body):
    kim = staff()
    sent = body % {"digital": link.digital_id, "line": link.line_item_id}
    response = kim("POST", LINKS, sent, content_type)
    made = DigitalLink.objects.latest("pk")
    assert made != link
    shown = attributes(response, 201)
    assert response["Location"] == path_of(made)
    assert (shown["token"], shown["unit"], shown["authorizable"]) == (made.token, None, True)
    assert response.json()["data"]["relationships"] == {
        "digital": {"data": {"type": "digital", "id": str(link.digital_id)}},
        "line_item": {"data": {"type": "line_item", "id": str(link.line_item_id)}},
    }
    assert history(made) == ["Created over the API."]
    assert download(made).status_code == 200
    assert attributes(kim.get(path_of(made)))["access_counter"] == 1


def test_a_link_made_before_its_order_completes_waits_for_it(staff, link):
    link.line_item.order.completed_at = None
    link.line_item.order.save()
    body = {"digital_link": {"digital_id": link.digital_id, "line_item_id": link.line_item_id}}
    shown = attributes(staff()("POST", LINKS, body), 201)
    assert (shown["activated_at"], shown["authorizable"]) == (None, False)


def test_a_withdrawn_file_is_not_given_by_hand(staff, link):
    digital, kim = link.digital, staff()
    body = {"digital_link": {"digital_id": digital.pk, "line_item_id": link.line_item_id}}
    Digital.objects.update(withdrawn_at=timezone.now())
    ((place, message),) = problems(kim("POST", LINKS, body)).items()
    assert place == "/digital_link/digital_id"
    assert message == "novel.pdf is withdrawn: nobody can download it. Lift its withdrawal first."
    assert DigitalLink.objects.count() == 1
    Digital.objects.update(withdrawn_at=timezone.now() + timedelta(days=1))
    assert kim("POST", LINKS, body).status_code == 201


def test_a_retired_file_may_be_given_by_hand(staff, link, download):
    Digital.objects.update(retired_at=timezone.now())
    body = {"digital_link": {"digital_id": link.digital_id, "line_item_id": link.line_item_id}}
    assert download(attributes(staff()("POST", LINKS, body), 201)["token"]).status_code == 200


def test_a_new_link_brings_no_extras_along(staff, link):
    """Whoever may make links may not extend them by that."""
    for name in ("extra_uses", "extra_days", "uses", "days"):
        body = {"digital_link": {"digital_id": link.digital_id, "line_item_id": link.line_item_id, name: 5}}
        assert set(problems(staff()("POST", LINKS, body))) == {f"/digital_link/{name}"}
    assert DigitalLink.objects.count() == 1


def test_staff_see_of_a_link_what_its_buyer_sees_and_more(staff, link, client):
    issuing.extend([link], uses=2)
    shown = attributes(staff().get(path_of(link)))
    order = link.line_item.order
    looked_up = client.get(
        f"/api/v2/storefront/order_status/{order.number}?include=line_items.digital_links",
        headers={"X-Spree-Order-Token": order.token},
    ).json()
    (buyers,) = (found["attributes"] for found in looked_up["included"] if found["type"] == "digital_link")
    assert {name: shown[name] for name in buyers} == buyers
    assert (shown["downloads_remaining"], shown["extra_uses"], shown["unit"]) == (7, 2, 1)
    assert shown["masked_token"] == link.masked_token


def test_the_whole_token_is_for_those_who_may_copy_it(staff, link):
    response = staff("view_digitallink").get(path_of(link))
    shown = attributes(response)
    assert (shown["token"], shown["download_url"], shown["masked_token"]) == (None, None, link.masked_token)
    assert link.token not in response.text
    assert attributes(staff("view_digitallink", "copy_digitallink").get(path_of(link)))["token"] == link.token


def test_limits_of_a_link_are_changed_and_nothing_else(staff, link, download):
    assert download(link).status_code == 200
    shown = attributes(staff()("PATCH", path_of(link), {"digital_link": {"authorized_clicks": 2}}))
    assert (shown["authorized_clicks"], shown["access_counter"], shown["downloads_remaining"]) == (2, 1, 1)
    assert uses(link) == 1
    assert history(link) == ["Changed over the API: authorized_clicks."]


def test_limits_that_a_colleague_saves_at_the_same_moment_are_a_conflict(staff, link):
    def colleague(sender: Any, **kwargs: Any) -> None:
        sender.objects.filter(pk=link.pk).update(authorized_clicks=3)

    kim = staff()
    pre_save.connect(colleague, sender=DigitalLink)
    try:
        response = kim("PATCH", path_of(link), {"digital_link": {"unlimited_clicks": True}})
    finally:
        pre_save.disconnect(colleague, sender=DigitalLink)
    assert error(response) == (409, "conflict")
    link.refresh_from_db()
    assert not link.unlimited_clicks
    assert history(link) == []


@pytest.mark.django_db(transaction=True)
def test_changing_limits_while_buyers_download_loses_no_count(staff, link, download):
    kim = staff()
    calls = [lambda: download(link).status_code] * 4 + [
        lambda: kim("PATCH", path_of(link), {"digital_link": {"authorized_clicks": 10}}).status_code
    ] * 4
    assert at_once(len(calls), lambda: calls.pop()()) == [200] * 8
    assert uses(link) == 4


def test_reset_gives_a_used_up_link_back(staff, make_link, download):
    link = make_link(uses=1)
    assert [download(link).status_code for _ in range(2)] == [200, 403]
    shown = attributes(staff()("PATCH", f"{path_of(link)}/reset"))
    assert (shown["access_counter"], shown["authorizable"]) == (0, True)
    assert history(link) == ["Reset over the API."]


@pytest.mark.parametrize("content_type", ["application/json", JSONAPI])
def test_a_link_is_extended(staff, make_link, content_type):
    link = make_link(uses=1, days=1, bought=timezone.now() - timedelta(days=3))
    more = {"uses": 2, "days": 4}
    document = {"data": {"type": "digital_link", "id": str(link.pk), "attributes": more}}
    body = document if content_type == JSONAPI else {"digital_link": more}
    shown = attributes(staff()("PATCH", f"{path_of(link)}/extend", body, content_type))
    assert (shown["downloads_remaining"], shown["authorizable"]) == (3, True)
    (entry,) = history(link)
    assert entry.startswith("Extended (3 downloads left, until ")


@pytest.mark.parametrize(
    ("more", "place"),
    [({}, "/digital_link"), ({"uses": -1}, "/digital_link/uses"), ({"days": 3651}, "/digital_link/days")],
    ids=str,
)
def test_a_link_is_extended_by_what_makes_sense(staff, link, more, place):
    assert set(problems(staff()("PATCH", f"{path_of(link)}/extend", {"digital_link": more}))) == {place}
    assert history(link) == []


def test_a_link_is_revoked_and_restored_and_may_be_so_twice(staff, link, download):
    kim = staff()
    for _ in range(2):
        shown = attributes(kim("PATCH", f"{path_of(link)}/revoke"))
        assert (shown["revoked"], shown["revoke_reason"]) == (True, "staff")
    assert error(download(link)) == (403, "link_revoked")
    for _ in range(2):
        assert attributes(kim("PATCH", f"{path_of(link)}/restore"))["revoked"] is False
    assert download(link).status_code == 200
    assert history(link) == ["Revoked over the API.", "Restored over the API."]


REASONED = ("reset", "extend", "revoke", "restore", "rotate")


@pytest.mark.parametrize("content_type", ["application/json", JSONAPI])
@pytest.mark.parametrize("action", REASONED)
def test_a_reason_given_over_the_api_stands_in_the_history(staff, link, action, content_type):
    if action == "restore":
        issuing.revoke([link])
    given = {"why": "was ill", **({"uses": 1} if action == "extend" else {})}
    document = {"data": {"type": "digital_link", "id": str(link.pk), "attributes": given}}
    body = document if content_type == JSONAPI else {"digital_link": given}
    attributes(staff()("PATCH", f"{path_of(link)}/{action}", body, content_type))
    (entry,) = history(link)
    assert entry.endswith(" over the API: was ill")


@pytest.mark.parametrize("action", REASONED)
@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"digital_link": {"reason": "was ill"}}, 422),
        ({"digital_link": {"why": "x" * 201}}, 422),
        ({"digital_link": {"why": None}}, 422),
        ({"why": "was ill"}, 400),
        ({}, 400),
        ([], 400),
        (b"was ill", 400),
        ({"data": {"type": "digital_link", "id": "0", "attributes": {"why": "was ill"}}}, 409),
    ],
    ids=str,
)
def test_what_an_action_does_not_understand_is_refused_and_nothing_done(staff, link, action, body, status):
    before = DigitalLink.objects.values().get(pk=link.pk)
    assert staff()("PATCH", f"{path_of(link)}/{action}", body).status_code == status
    assert DigitalLink.objects.values().get(pk=link.pk) == before
    assert history(link) == []


def test_what_the_order_gives_no_right_to_is_not_restored(staff, link):
    kim = staff()
    kim("PATCH", f"{path_of(link)}/revoke")
    LineItem.objects.update(refunded_units=1)
    response = kim("PATCH", f"{path_of(link)}/restore")
    assert error(response) == (409, "conflict")
    assert link.token not in response.text
    assert attributes(kim.get(path_of(link)))["revoked"] is True


def test_a_new_token_makes_the_old_one_worthless(staff, link, download):
    shown = attributes(staff()("PATCH", f"{path_of(link)}/rotate"))
    assert shown["token"] != link.token
    assert error(download(link)) == (404, "not_found")
    assert download(shown["token"]).status_code == 200
    assert history(link) == ["New token over the API."]


def test_a_link_made_by_hand_and_never_used_can_be_deleted(staff, favour, download):
    assert staff()("DELETE", path_of(favour)).status_code == 204
    assert not DigitalLink.objects.filter(pk=favour.pk).exists()
    assert error(download(favour)) == (404, "not_found")
    assert history(favour) == ["Deleted over the API."]


@pytest.mark.parametrize("done", ["issued", "used", "used and reset"])
def test_any_other_link_stays(staff, link, favour, download, done):
    doomed = link if done == "issued" else favour
    if done != "issued":
        assert download(favour).status_code == 200
    if done == "used and reset":
        issuing.reset([favour])
    response = staff()("DELETE", path_of(doomed))
    assert error(response) == (409, "conflict")
    assert "revoke it instead" in response.json()["errors"][0]["detail"]
    assert DigitalLink.objects.filter(pk=doomed.pk).exists()


@pytest.mark.django_db(transaction=True)
def test_a_link_is_deleted_or_used_but_never_both(staff, link, download):
    kim = staff()
    for _ in range(5):
        favour = DigitalLink.objects.create(digital=link.digital, line_item=link.line_item, activated_at=timezone.now())
        calls = [lambda: download(favour).status_code] * 3  # noqa: B023
        calls.insert(1, lambda: kim("DELETE", path_of(favour)).status_code)  # noqa: B023
        answers = sorted(at_once(len(calls), lambda: calls.pop()()))  # noqa: B023
        if DigitalLink.objects.filter(pk=favour.pk).exists():
            assert answers == [200, 200, 200, 409]
            assert uses(favour) == 3
        else:
            assert answers == [204, 404, 404, 404]


def test_links_are_shown_as_a_download_would_find_them(staff, buy, digital):
    order = buy(digital, quantity=2)
    LineItem.objects.update(refunded_units=1)
    response = staff().get(f"{LINKS}?filter[order_number]={order.number}&sort=id")
    assert [found["attributes"]["revoked"] for found in response.json()["data"]] == [False, True]


# Who may do what

# Each request with the rights it takes; {digital} and {link} become keys.
NEW_LINK = {"digital_link": {"digital_id": "{digital}", "line_item_id": "{line}"}}
EXTENSION = {"digital_link": {"uses": 1}}
REQUESTS: dict[str, tuple[str, str, Any, set[str]]] = {
    "list files": ("GET", "digitals", None, {"view_digital"}),
    "upload a file": ("POST", "digitals", "upload", {"add_digital"}),
    "show a file": ("GET", "digitals/{digital}", None, {"view_digital"}),
    "change a file": ("PATCH", "digitals/{digital}", {"digital": {"authorized_days": 1}}, {"change_digital"}),
    "delete a file": ("DELETE", "digitals/{digital}", None, {"delete_digital"}),
    "download a file": ("GET", "digitals/{digital}/download", None, {"download_digital"}),
    "ask for a file's headers": ("HEAD", "digitals/{digital}/download", None, {"download_digital"}),
    "list links": ("GET", "digital_links", None, {"view_digitallink"}),
    "make a link": ("POST", "digital_links", NEW_LINK, {"add_digitallink"}),
    "show a link": ("GET", "digital_links/{link}", None, {"view_digitallink"}),
    "show a link with its file": (
        "GET",
        "digital_links/{link}?include=digital",
        None,
        {"view_digitallink", "view_digital"},
    ),
    "change a link": (
        "PATCH",
        "digital_links/{link}",
        {"digital_link": {"authorized_days": 1}},
        {"change_digitallink"},
    ),
    "delete a link": ("DELETE", "digital_links/{link}", None, {"delete_digitallink"}),
    "reset a link": ("PATCH", "digital_links/{link}/reset", None, {"view_digitallink", "reset_digitallink"}),
    "extend a link": ("PATCH", "digital_links/{link}/extend", EXTENSION, {"view_digitallink", "extend_digitallink"}),
    "revoke a link": ("PATCH", "digital_links/{link}/revoke", None, {"view_digitallink", "revoke_digitallink"}),
    "restore a link": ("PATCH", "digital_links/{link}/restore", None, {"view_digitallink", "restore_digitallink"}),
    "rotate a link": ("PATCH", "digital_links/{link}/rotate", None, {"view_digitallink", "rotate_digitallink"}),
}


@pytest.fixture
def ask(favour, make_digital, make_variant):
    """Make one of ``REQUESTS`` about a file that was not sold and a link that was made by hand, or another one."""
    unsold, variant = make_digital(), make_variant()

    def ask(colleague, name, link=None):
        method, path, body, _rights = REQUESTS[name]
        target = link or favour
        keys = {
            "digital": target.digital_id if link or name == "make a link" else unsold.pk,
            "link": target.pk,
            "line": target.line_item_id,
        }
        path = API + path.replace("{digital}", str(keys["digital"])).replace("{link}", str(keys["link"]))
        if body == "upload":
            variant_id = link.digital.variant_id if link else variant.pk
            return colleague.upload("post", path, attachment=SimpleUploadedFile("a.pdf", PDF), variant_id=variant_id)
        sent = json.dumps(body) if body else ""
        for key, value in keys.items():
            sent = sent.replace(f"{{{key}}}", str(value))
        response = colleague(method, path, sent)
        if response.streaming:
            assert b"".join(response.streaming_content) == PDF
        return response

    return ask


def everything() -> list[Any]:
    """All that a request could have changed."""
    links = DigitalLink.objects.order_by("pk").values("pk", "token", "generation", "revoked_at", "authorized_days")
    digitals = Digital.objects.order_by("pk").values("pk", "authorized_days", "version")
    return [*links, *digitals, LogEntry.objects.count()]


@pytest.mark.parametrize("name", REQUESTS)
def test_the_right_to_something_is_enough_and_each_part_of_it_is_needed(staff, ask, name):
    rights = REQUESTS[name][3]
    before = everything()
    for missing in rights:
        response = ask(staff(*(set(ALL) - {missing, missing.replace("view", "change")})), name)
        assert response.status_code == 403
        assert response["Content-Type"] == JSONAPI
    assert everything() == before
    assert ask(staff(*rights), name).status_code in (200, 201, 204)


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("who", ["nobody", "a wrong token", "an inactive member of staff", "a customer with rights"])
def test_strangers_get_nowhere(staff, ask, name, who, link):
    someone = staff()
    if who == "nobody":
        someone.headers = {}
    elif who == "a wrong token":
        someone.headers = {"Authorization": "Bearer " + "0" * 40}
    elif who == "an inactive member of staff":
        someone.user.is_active = False
    else:
        someone.user.is_staff = False
    someone.user.save()
    before = everything()
    response = ask(someone, name)
    assert everything() == before
    if who == "a customer with rights":
        assert response.status_code == 403
    else:
        assert response.status_code == 401
        assert response["WWW-Authenticate"] == "Bearer"
    assert response["Cache-Control"] == "private, no-store"
    if REQUESTS[name][0] != "HEAD":
        assert error(response)[1] == ("permission_denied" if response.status_code == 403 else "authentication_failed")


@pytest.mark.parametrize("name", [name for name, found in REQUESTS.items() if "{" in found[1]])
def test_what_belongs_to_another_store_is_not_there(staff, ask, elsewhere, name):
    before = everything()
    response = ask(staff(), name, elsewhere)
    assert response.status_code == 404
    assert everything() == before
    assert ask(staff(last_name="Elsewhere"), name, elsewhere).status_code in (200, 204, 409)


@pytest.mark.parametrize("case", [None, "camelize", "dasherize"])
@pytest.mark.parametrize(
    "include",
    ["digital", "Digital", "DIGITAL", "digital.variant", "Digital.Variant", "digital,", "DIGITAL_links.digital"],
)
def test_a_file_cannot_be_included_under_another_spelling(staff, link, settings, include, case):
    """A project that formats names for its own documents has them read in any case."""
    settings.JSON_API_FORMAT_FIELD_NAMES = case
    for path in (LINKS, path_of(link)):
        response = staff("view_digitallink").get(f"{path}?include={include}")
        assert response.status_code in (400, 403)
        assert "sha256" not in response.text


def test_lists_show_nothing_of_another_store(staff, elsewhere, link):
    kim = staff()
    assert ids(kim.get(f"{LINKS}?include=digital.variant,line_item.variant")) == [str(link.pk)]
    assert ids(kim.get(DIGITALS)) == [str(link.digital_id)]
    for query in (f"digital_id={elsewhere.digital_id}", f"order_number={elsewhere.line_item.order.number}"):
        assert ids(kim.get(f"{LINKS}?filter[{query.replace('=', ']=')}")) == []
    assert "lsewhere" not in kim.get(f"{LINKS}?include=digital.variant,line_item.variant").text


def test_nothing_of_another_store_can_be_tied_to_ones_own(staff, elsewhere, link):
    kim = staff()
    body = {"digital_link": {"digital_id": elsewhere.digital_id, "line_item_id": elsewhere.line_item_id}}
    assert set(problems(kim("POST", LINKS, body))) == {"/digital_link/digital_id", "/digital_link/line_item_id"}
    body = {"digital": {"variant_id": elsewhere.digital.variant_id}}
    assert set(problems(kim("PATCH", path_of(link.digital), body))) == {"/digital/variant_id"}


def test_each_route_for_staff_is_in_the_table_above():
    named = {
        key: pattern
        for key, pattern in get_resolver().namespace_dict["spree_digitals"][1].reverse_dict.items()
        if isinstance(key, str) and key.startswith("platform_")
    }
    routes = {possibilities[0][0][0].replace("%(pk)s", "*") for possibilities in named.values()}
    asked = {path.partition("?")[0] for _method, path, _body, _rights in REQUESTS.values()}
    assert routes == {f"platform/{path.replace('{digital}', '*').replace('{link}', '*')}" for path in asked}


def test_signed_in_staff_need_the_csrf_token(settings, staff, favour):
    settings.SPREE_DIGITALS_AUTHENTICATION_CLASSES = ["rest_framework.authentication.SessionAuthentication"]
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(staff().user)
    assert strict.get(path_of(favour)).status_code == 200
    assert error(strict.patch(f"{path_of(favour)}/revoke")) == (403, "permission_denied")
    assert error(strict.delete(path_of(favour))) == (403, "permission_denied")
    favour.refresh_from_db()
    assert favour.revoked_at is None
    response = Client().get(path_of(favour))
    assert error(response) == (401, "authentication_failed")
    assert response["WWW-Authenticate"]


@pytest.mark.parametrize(("method", "path"), [("GET", "/reset"), ("POST", "/revoke"), ("PUT", ""), ("POST", "")])
def test_other_methods_change_nothing(staff, link, method, path):
    response = staff()(method, path_of(link) + path)
    assert error(response) == (405, "method_not_allowed")
    assert response["Allow"]
    link.refresh_from_db()
    assert (link.generation, link.revoked_at) == (1, None)


def test_staff_may_ask_what_is_allowed(staff):
    response = staff("view_digital")("OPTIONS", LINKS)
    assert (response.status_code, response["Allow"]) == (204, "GET, POST, HEAD, OPTIONS")


# Lists


def test_a_page_of_any_length_costs_the_same_queries(staff, buy, make_digital):
    kim = staff()

    def queries(path: str) -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            ids(kim.get(path))
        return len(captured)

    paths = [f"{LINKS}?per_page=100&include=digital.variant,line_item.variant", f"{DIGITALS}?include=variant"]
    buy(make_digital())
    one = [queries(path) for path in paths]
    for _ in range(4):
        buy(*[make_digital() for _ in range(5)])
    assert [queries(path) for path in paths] == one
    assert max(one) <= 8


def test_lists_come_in_pages(staff, buy, digital):
    buy(digital, quantity=3)
    document = staff().get(f"{LINKS}?per_page=2&page=2&sort=id").json()
    assert document["meta"] == {"count": 1, "total_count": 3, "total_pages": 2}
    assert document["links"]["prev"] == f"{LINKS}?page=1&per_page=2&sort=id"
    assert len(staff().get(f"{LINKS}?per_page=1000000").json()["data"]) == 3


@pytest.mark.parametrize(
    "query", ["page=0", "page=-1", "per_page=x", "page=99999999999", "per_page=%00", "per_page=%s" % ("9" * 5000)]
)
def test_a_page_that_makes_no_sense_is_a_clear_400(staff, query):
    assert error(staff().get(f"{LINKS}?{query}")) == (400, "malformed_request")


def test_links_are_filtered(staff, make_link, make_digital):
    first, second = make_link(make_digital(name="a.pdf")), make_link(make_digital(name="b.pdf"))
    issuing.revoke([second])
    order = first.line_item.order
    order.email = "other@example.com"
    order.save()
    kim = staff()
    for query in (
        f"filter[digital_id]={first.digital_id}",
        f"filter[variant_id]={first.digital.variant_id}",
        f"filter[line_item_id]={first.line_item_id}",
        f"filter[order_number]={order.number}",
        "filter[email]=other@example.com",
        "filter[state]=active",
        "filter[state]=active&filter[email]=other@example.com&utm_source=mail",
    ):
        assert ids(kim.get(f"{LINKS}?{query}")) == [str(first.pk)], query
    assert ids(kim.get(f"{LINKS}?filter[state]=revoked")) == [str(second.pk)]
    assert ids(kim.get(f"{LINKS}?filter[state]=used_up")) == ids(kim.get(f"{LINKS}?filter[state]=expired")) == []


def test_files_are_filtered(staff, make_digital):
    past = timezone.now() - timedelta(days=1)
    sold, retired = make_digital(name="a.pdf"), make_digital(name="b.txt", content=b"b", retired_at=past)
    withdrawn = make_digital(name="c.txt", content=b"c", withdrawn_at=past)
    kim = staff()
    for query, found in {
        f"variant_id]={sold.variant_id}": [sold],
        "filename]=b.txt": [retired],
        "content_type]=text/plain": [withdrawn, retired],
        f"sha256]={withdrawn.sha256}": [withdrawn],
        "state]=for_sale": [sold],
        "state]=retired": [retired],
        "state]=withdrawn": [withdrawn],
    }.items():
        assert ids(kim.get(f"{DIGITALS}?filter[{query}")) == [str(digital.pk) for digital in found], query


@pytest.mark.parametrize("key", ["x", "-1", "9" * 40, "1.5", "%00", "null", "%F0%9F%98%80"])
@pytest.mark.parametrize("name", ["digital_id", "variant_id", "line_item_id", "order_number", "email"])
def test_a_value_that_no_row_can_have_finds_nothing(staff, link, name, key):
    assert ids(staff().get(f"{LINKS}?filter[{name}]={key}")) == []


@pytest.mark.parametrize(
    "query",
    [
        *("filter[token]=x", "filter[token__startswith]=x", "filter[token_tail]=x", "filter[digital__sha256]=x"),
        *("filter=x", "filter[]=x", "filter[state]=gone", "filter[state]=%00", "filter[%00]=x"),
        *("sort=token", "sort=-token", "sort=line_item__order__token", "sort=--id", "sort=?"),
        *("include=line_item.order", "include=downloads", "include=digital.links"),
    ],
)
def test_what_cannot_be_asked_is_a_clear_400(staff, link, query):
    response = staff().get(f"{LINKS}?{query}")
    if query == "filter[state]=%00":
        assert ids(response) == []
    else:
        assert error(response) == (400, "malformed_request")


def test_what_cannot_be_shown_is_refused_before_anything_is_done(staff, link):
    body = {"digital_link": {"digital_id": link.digital_id, "line_item_id": link.line_item_id}}
    before = everything()
    for method, path in (("POST", LINKS), ("PATCH", f"{path_of(link)}/revoke"), ("DELETE", path_of(link))):
        assert error(staff()(method, f"{path}?include=downloads", body)) == (400, "malformed_request")
    assert everything() == before


def test_lists_are_sorted(staff, make_digital):
    small, large = make_digital(content=b"%PDF-1.4 small"), make_digital(content=PDF * 2)
    assert ids(staff().get(f"{DIGITALS}?sort=byte_size")) == [str(small.pk), str(large.pk)]
    assert ids(staff().get(f"{DIGITALS}?sort=-byte_size,filename")) == [str(large.pk), str(small.pk)]
    assert ids(staff().get(DIGITALS)) == [str(large.pk), str(small.pk)]


def test_files_lines_and_variants_can_be_included_and_fields_chosen(staff, link):
    query = "include=digital.variant,line_item.variant&fields[digital_link]=access_counter,digital&fields[digital]=url"
    document = staff().get(f"{path_of(link)}?{query}").json()
    assert document["data"]["attributes"] == {"access_counter": 0}
    assert set(document["data"]["relationships"]) == {"digital"}
    found = {resource["type"]: resource for resource in document["included"]}
    assert found["digital"]["attributes"] == {"url": f"{DIGITALS}/{link.digital_id}/download"}
    document = staff().get(f"{path_of(link)}?include=digital.variant,line_item.variant").json()
    assert {resource["type"] for resource in document["included"]} == {"digital", "line_item", "variant"}


def test_a_link_whose_line_item_was_deleted_is_still_there(staff, link):
    link.line_item.delete()
    document = staff().get(f"{path_of(link)}?include=line_item").json()
    assert document["data"]["relationships"]["line_item"] == {"data": None}
    assert document["data"]["attributes"]["authorizable"] is False


# What is sent

LINK_ATTRIBUTES = {"authorized_clicks", "unlimited_clicks", "authorized_days", "unlimited_days"}


def test_what_is_not_to_be_written_is_refused_by_name(staff, link):
    kim = staff()
    shown = attributes(kim.get(path_of(link)))
    for name in ({*shown} - LINK_ATTRIBUTES) | {
        "id",
        "digital_id",
        "line_item_id",
        "generation",
        "purged_uses",
        "store",
    }:
        body = {"digital_link": {name: shown.get(name, "1"), "authorized_clicks": 1}}
        ((place, message),) = problems(kim("PATCH", path_of(link), body)).items()
        assert place == f"/digital_link/{name}"
        assert name in message
        assert "authorized_clicks" in message
    link.refresh_from_db()
    assert link.authorized_clicks is None
    for name in ("url", "filename", "sha256", "version", "byte_size", "content_type", "attached_at", "created_at"):
        document = {"data": {"type": "digital", "id": str(link.digital_id), "attributes": {name: "1"}}}
        response = kim("PATCH", path_of(link.digital), document, JSONAPI)
        assert set(problems(response)) == {f"/data/attributes/{name}"}


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"authorized_clicks": "many"}, "authorized_clicks"),
        ({"authorized_clicks": -1}, "authorized_clicks"),
        ({"authorized_clicks": 1_000_000_001}, "authorized_clicks"),
        ({"authorized_clicks": 10**400}, "authorized_clicks"),
        ({"authorized_clicks": 1.5}, "authorized_clicks"),
        ({"authorized_clicks": True}, "authorized_clicks"),
        ({"authorized_clicks": []}, "authorized_clicks"),
        ({"authorized_days": 36_501}, "authorized_days"),
        ({"unlimited_days": None}, "unlimited_days"),
        ({"unlimited_days": "\x00"}, "unlimited_days"),
        ({"unlimited_days": {}}, "unlimited_days"),
        ({"unlimited_clicks": True, "authorized_clicks": 5}, ""),
    ],
    ids=lambda value: str(value)[:50],
)
def test_limits_that_make_no_sense_are_refused(staff, link, values, place):
    response = staff()("PATCH", path_of(link), {"digital_link": values})
    assert set(problems(response)) == {f"/digital_link/{place}".rstrip("/")}


def test_a_number_and_no_limit_exclude_each_other_whoever_gave_the_first(staff, make_link):
    link = make_link(uses=3)
    kim = staff()
    assert (
        "not both"
        in problems(kim("PATCH", path_of(link), {"digital_link": {"unlimited_clicks": True}}))["/digital_link"]
    )
    body = {"digital_link": {"unlimited_clicks": True, "authorized_clicks": None}}
    assert attributes(kim("PATCH", path_of(link), body))["downloads_remaining"] is None


@pytest.mark.parametrize(
    "key", ["abc", "", None, 0, -1, True, 1.0, [], {}, 10**40, "9" * 5000, "\x00", "1\x00"], ids=repr
)
def test_a_link_needs_a_file_and_a_line_that_are_there(staff, link, key):
    body = {"digital_link": {"digital_id": key, "line_item_id": key}}
    places = {"/digital_link/digital_id", "/digital_link/line_item_id"}
    assert set(problems(staff()("POST", LINKS, body))) == places
    assert set(problems(staff()("POST", LINKS, {"digital_link": {}}))) == places


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
@pytest.mark.parametrize("key", ["abc", "0", "-1", "9" * 40, "%00", "1%00", "%F0%9F%98%80", "1.0"])
def test_a_key_that_is_none_leads_nowhere(staff, link, method, key):
    kim = staff()
    for address in (LINKS, DIGITALS):
        assert error(kim(method, f"{address}/{key}", {"digital_link": {}})) == (404, "not_found")


@pytest.mark.parametrize(
    "body",
    [
        *("", "{", "[]", "null", '"x"', "1", "{}", '{"digital": {}}', '{"digital_link": []}', '{"digital_link": null}'),
        *('{"digital_link": {}, "data": {}}', '{"data": []}', "[" * 5000, '{"digital_link":' * 3000),
        '{"digital_link": {"authorized_days": 1, "authorized_days": 2}}',
        '{"digital_link": {}, "digital_link": {}}',
        '{"digital_link": {"authorized_days": NaN}}',
        '{"digital_link": {"authorized_days": Infinity}}',
        '{"digital_link": {"authorized_days": %s}}' % ("9" * 5000),
        '{"digital_link": {"\\ud800": 1}}',
        '{"digital_link": {"authorized_days": "\\udfff"}}',
        b'{"digital_link": {"authorized_days": "\xff"}}',
        b"\x00",
    ],
    ids=lambda body: str(body)[:40],
)
def test_a_body_that_cannot_be_read_is_a_clear_4xx(staff, link, body):
    response = staff()("PATCH", path_of(link), body)
    if body == '{"digital_link": {}, "data": {}}':
        assert error(response) == (409, "conflict")
    else:
        assert error(response) == (400, "malformed_request")


def test_a_body_that_is_too_long_is_413(staff, link, settings, make_variant):
    kim = staff()
    body = {"digital_link": {"authorized_days": "1" * 70_000}}
    assert error(kim("PATCH", path_of(link), body)) == (413, "payload_too_large")
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    response = kim.upload("post", DIGITALS, variant_id="1" * 2000)
    assert error(response) == (413, "payload_too_large")
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 1
    response = kim.upload("post", DIGITALS, variant_id="1", authorized_days="1")
    assert error(response) == (400, "malformed_request")


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "application/x-www-form-urlencoded", "x"])
def test_a_body_of_another_media_type_is_415(staff, link, content_type):
    response = staff()("PATCH", path_of(link), {"digital_link": {}}, content_type)
    assert error(response) == (415, "unsupported_media_type")


def jsonapi(**changes: Any) -> Any:
    return lambda link: {"data": {"type": "digital_link", "id": str(link.pk), "attributes": {}, **changes}}


@pytest.mark.parametrize(
    ("document", "answer"),
    [
        (jsonapi(), (200, "")),
        (jsonapi(type="digital"), (409, "conflict")),
        (jsonapi(type="digital_links"), (409, "conflict")),
        (jsonapi(type=None), (409, "conflict")),
        (jsonapi(id="0"), (409, "conflict")),
        (jsonapi(id=None), (409, "conflict")),
        (jsonapi(attributes=[]), (400, "malformed_request")),
        (jsonapi(relationships={"digital": {"data": None}}), (422, "validation_failed")),
        (lambda link: {"data": {"type": "digital_link"}}, (400, "malformed_request")),
        (lambda link: {"digital_link": {}}, (400, "malformed_request")),
    ],
)
def test_a_json_api_document_is_about_what_its_address_says(staff, link, document, answer):
    response = staff()("PATCH", path_of(link), document(link), JSONAPI)
    assert response.status_code == answer[0]
    if answer[1]:
        assert error(response) == answer


@pytest.mark.parametrize(
    "relationship",
    [None, {}, [], {"data": {}}, {"data": {"type": "variant", "id": "1"}}, {"data": [{"type": "digital", "id": "1"}]}],
    ids=str,
)
def test_a_relationship_that_makes_no_sense_is_refused_at_its_place(staff, link, relationship):
    document = {"data": {"type": "digital_link", "relationships": {"digital": relationship}}}
    response = staff()("POST", LINKS, document, JSONAPI)
    assert set(problems(response)) == {"/data/relationships/digital"}
    document = {"data": {"type": "digital_link", "id": "7"}}
    assert error(staff()("POST", LINKS, document, JSONAPI)) == (403, "permission_denied")


def test_an_upload_says_what_is_missing_in_it(staff, make_variant):
    kim = staff()
    assert set(problems(kim.upload("post", DIGITALS, retired_at=""))) == {"/digital/attachment", "/digital/variant_id"}
    empty = ContentFile(b"", name="empty.pdf")
    assert "empty" in problems(kim.upload("post", DIGITALS, attachment=empty))["/digital/attachment"]
    for address in ("https://example.com/a.pdf", "file:///etc/passwd", "../../secret"):
        body = {"digital": {"attachment": address, "variant_id": make_variant().pk}}
        assert set(problems(kim("POST", DIGITALS, body))) == {"/digital/attachment"}
    assert not Digital.objects.exists()


@pytest.mark.parametrize("field", ["attachment", "digital[a][b]", "digital_link[attachment]", "digital[]", "x\x00"])
def test_a_form_names_each_field_as_spree_does(staff, field):
    kim = staff()
    response = kim.client.post(DIGITALS, {field: "1"}, headers=kim.headers)
    assert error(response) == (400, "malformed_request")


@pytest.mark.parametrize(
    "name", ["a\x00b.pdf", "../../evil.pdf", "x" * 300 + ".pdf", '"><script>.pdf', "\u202egpj.pdf"]
)
def test_a_file_name_does_no_harm(staff, make_variant, name):
    file = SimpleUploadedFile("a.pdf", PDF)
    file.name = name.replace("/", "\\")
    response = staff().upload("post", DIGITALS, attachment=file, variant_id=make_variant().pk)
    assert response.status_code in (201, 422)
    for digital in Digital.objects.all():
        assert not {"\x00", "/", "\u202e"} & set(digital.filename)


def test_a_project_that_sends_its_own_json_differently_changes_nothing(staff, link, settings):
    kim = staff()
    plain = kim.get(path_of(link)).json()
    settings.JSON_API_FORMAT_FIELD_NAMES = "camelize"
    settings.REST_FRAMEWORK = {"DATETIME_FORMAT": "%d.%m.%Y", "NON_FIELD_ERRORS_KEY": "everything"}
    assert kim.get(path_of(link)).json() == plain
    body = {"digital_link": {"unlimited_clicks": True, "authorized_clicks": 5}}
    assert set(problems(kim("PATCH", path_of(link), body))) == {"/digital_link"}


def test_answers_are_private_and_say_nothing_of_the_inside(staff, link):
    kim = staff()
    for response in (kim.get(LINKS), kim.get(f"{LINKS}/0"), kim("POST", LINKS, "{"), kim("PUT", LINKS)):
        assert response["Cache-Control"] == "private, no-store"
        assert response["X-Robots-Tag"] == "noindex, nofollow"
        assert "Traceback" not in response.text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["type", "id", "attributes", "relationships", *LINK_ATTRIBUTES, "digital_id", "line_item_id"])


@hypothesis_settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    method=st.sampled_from(["POST", "PATCH"]),
    root=st.sampled_from(["digital_link", "data", "digital"]),
    found=st.dictionaries(NAMES, JSON, max_size=4) | JSON,
    content_type=st.sampled_from(["application/json", JSONAPI]),
)
def test_no_body_breaks_it(method, root, found, content_type, staff, link):
    kim = getattr(test_no_body_breaks_it, "kim", None)
    if kim is None or not Token.objects.filter(user=kim.user).exists():
        kim = test_no_body_breaks_it.kim = staff()
    response = kim(method, LINKS if method == "POST" else path_of(link), {root: found}, content_type)
    assert response.status_code in (200, 400, 403, 409, 422)
