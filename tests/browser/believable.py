"""The example shop after a few busy weeks, to be looked at: links in every state, versions, refusals and mails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.utils import timezone

from example_project.shop.catalogue import pdf
from example_project.shop.checkout import place_order
from example_project.shop.management.commands.demo import BUYER, sell
from example_project.shop.models import LineItem, Order, Store, Variant
from spree_digitals import downloads, issuing, staff
from spree_digitals.clients import Client
from spree_digitals.exceptions import LinkExpired
from spree_digitals.models import Digital, DigitalLink, DigitalVersion, Mail, StoreLimits

PHONE = Client(user_agent="Mozilla/5.0 (Android 16; Mobile; rv:140.0) Firefox/140.0", address="203.0.113.0")
DESK = Client(user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0", address="198.51.100.0")
CASE = "maria@example.com"


@dataclass(frozen=True)
class Shown:
    """What there is to look at."""

    order: Order  # of several files, none of them over
    ready: DigitalLink
    expired: DigitalLink
    case: DigitalLink  # with a long story
    digital: Digital  # with versions
    limits: StoreLimits
    mail: Mail


def open_shop(address: str) -> Shown:
    call_command("migrate", verbosity=0)
    sell(address, check=False)
    for order in Order.objects.all():
        age(order, days=15)
    call_command("seed", links=1500, verbosity=0)
    limits = StoreLimits.objects.create(store=Store.objects.get(), authorized_clicks=5, authorized_days=7)
    digital = replaced(Digital.objects.get(filename="the-paper-lighthouse.pdf"))
    case = bought(CASE, "BOOK", days=12)
    tell_story_of(case)
    order = place("kim@example.com", {"BOOK": 1, "SCORE": 1})
    ready = order_links(order).first()
    use(ready, DESK, days=0)
    expired = bought("jan@example.com", "POSTER", days=9)
    links_in_every_state()
    mail = Mail.objects.get(order_pk=str(order.pk))
    return Shown(order=order, ready=ready, expired=expired, case=case, digital=digital, limits=limits, mail=mail)


def place(email: str, basket: dict[str, int]) -> Order:
    variants = {variant.sku: variant for variant in Variant.objects.all()}
    wanted = {variants[sku]: units for sku, units in basket.items()}
    user = get_user_model().objects.filter(email=email).first()
    return place_order(store=Store.objects.get(), email=email, basket=wanted, user=user)


def order_links(order: Order) -> Any:
    return DigitalLink.objects.with_standing().filter(line_item__order=order).order_by("pk")


def bought(email: str, sku: str, *, days: float) -> DigitalLink:
    """The first link of an order of so many days ago."""
    order = place(email, {sku: 1})
    age(order, days=days)
    link: DigitalLink = order_links(order).first()
    return link


def age(order: Order, *, days: float) -> None:
    """Let the order, its links and its mails be so many days old."""
    then = timezone.now() - timedelta(days=days)
    Order.objects.filter(pk=order.pk).update(completed_at=then, created_at=then)
    DigitalLink.objects.filter(line_item__order=order).update(activated_at=then, created_at=then)
    Mail.objects.filter(order_pk=str(order.pk)).update(created_at=then, sent_at=then + timedelta(seconds=2))


def use(link: DigitalLink, client: Client, *, days: float) -> None:
    """A download of so many days ago."""
    standing = downloads.find_link(link.token)
    download = downloads.authorize(standing.link, standing.limits, client)
    type(download).objects.filter(pk=download.pk).update(created_at=timezone.now() - timedelta(days=days))


def refuse(link: DigitalLink, client: Client, *, days: float) -> None:
    refusal = LinkExpired()
    downloads.record_refusal(link, refusal, client)
    row = link.refusals.latest("pk")
    type(row).objects.filter(pk=row.pk).update(refused_at=row.refused_at - timedelta(days=days))


def replaced(digital: Digital) -> Digital:
    """The file in three versions."""
    for number, sentence in enumerate(("With a map.", "With a map, and two commas fewer."), start=2):
        pages = pdf(f"The Paper Lighthouse\nEdition {number}. {sentence}", "One\nIt was a night of ink and salt.")
        digital.attachment = ContentFile(pages, name="the-paper-lighthouse.pdf")
        digital.save()
    for version in digital.versions.all():
        then = timezone.now() - timedelta(days=30 * (3 - version.version) + 4)
        DigitalVersion.objects.filter(pk=version.pk).update(attached_at=then)
        Digital.objects.filter(pk=digital.pk, version=version.version).update(attached_at=then)
    return Digital.objects.get(pk=digital.pk)


def tell_story_of(link: DigitalLink) -> None:
    """Bought, used twice, expired, refused, extended: what somebody at the desk reads and does."""
    DigitalLink.objects.filter(pk=link.pk).update(authorized_days=30)
    use(link, PHONE, days=11.8)
    use(link, DESK, days=9.1)
    DigitalLink.objects.filter(pk=link.pk).update(authorized_days=None)
    refuse(link, DESK, days=2.3)
    refuse(link, PHONE, days=0.02)
    ada = get_user_model().objects.get(username="staff")
    staff.carry_out(
        ada,
        [link],
        lambda links: issuing.extend(links, uses=1, days=14),
        lambda extended: f"{staff.what_was_done('extend', extended)}: bought before her holidays",
    )


def pending(link: DigitalLink) -> None:
    Order.objects.filter(line_items=link.line_item_id).update(completed_at=None)
    DigitalLink.objects.filter(pk=link.pk).update(activated_at=None)


def used_up(link: DigitalLink) -> None:
    for days in (2.5, 2.4, 1.2, 0.9, 0.2):
        use(link, PHONE, days=days)


def refunded(link: DigitalLink) -> None:
    """One of two units, just now: the next download settles which link goes."""
    assert link.line_item is not None
    LineItem.objects.filter(pk=link.line_item.pk).update(quantity=2)
    issuing.issue_links(link.line_item.order)
    LineItem.objects.filter(pk=link.line_item.pk).update(refunded_units=1)


def cancelled(link: DigitalLink) -> None:
    Order.objects.filter(line_items=link.line_item_id).update(cancelled_at=timezone.now())


def withdrawn(link: DigitalLink) -> None:
    Digital.objects.filter(pk=link.digital_id).update(withdrawn_at=timezone.now())


def half_used(link: DigitalLink) -> None:
    for days in (1.5, 0.5):
        use(link, DESK, days=days)


def nothing(link: DigitalLink) -> None:
    """Just bought."""


# Newest last: the list begins with it.
STORIES: tuple[tuple[str, str, float, Callable[[DigitalLink], Any]], ...] = (
    ("tomek@example.com", "PHOTOS", 16, nothing),
    ("olga@example.com", "FIELD", 6, withdrawn),
    ("jana@example.com", "ICONS", 5, lambda link: issuing.revoke([link])),
    ("pawel@example.com", "POSTER", 4, cancelled),
    ("lena@example.com", "NOTEBOOK", 3, used_up),
    ("rosa@example.com", "ICONS", 2.5, refunded),
    ("ines@example.com", "PHOTOS", 2, half_used),
    (f"{BUYER}@example.com", "POSTER", 1, half_used),
    ("omar@example.com", "NOTEBOOK", 0.1, pending),
    (f"{BUYER}@example.com", "SCORE", 0.08, nothing),
    ("zoe@example.com", "POSTER", 0.05, nothing),
)


def links_in_every_state() -> None:
    for email, sku, days, happen in STORIES:
        happen(bought(email, sku, days=days))
