"""A shop that has been selling for a year: what the pages of the admin are tried and measured with."""

from __future__ import annotations

import random
from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from django.core.management import BaseCommand, CommandError, call_command
from django.db import transaction
from django.utils import timezone
from tqdm import tqdm

from example_project.shop.catalogue import stock
from example_project.shop.models import LineItem, Order, Store, Variant
from spree_digitals.exceptions import LimitReached, LinkExpired
from spree_digitals.limits import Limits
from spree_digitals.models import Digital, DigitalLink, Download, Refusal, RevokeReason

NUMBER = "S{:09d}"  # no order of the shop's own begins like that
BATCH = 500  # orders that are written in one transaction
LIMITS = Limits()
BROWSERS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36",
    "curl/8.14.1",
)


class Command(BaseCommand):
    help = "Fill the example shop with a year of orders, links, downloads and refusals. Adds what is missing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--links", type=int, default=100_000, help="How many links there are afterwards (default: 100000)."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["links"] < 1:
            raise CommandError(f"--links is {options['links']}; give a number above 0.")
        call_command("migrate", verbosity=0)
        store, _ = Store.objects.get_or_create(name="Paper & Sound", defaults={"domain": "http://127.0.0.1:8000"})
        stock(store)
        seeded = Order.objects.filter(number__startswith=NUMBER[0])
        links = DigitalLink.objects.filter(line_item__order__in=seeded).count()
        missing = max(0, options["links"] - links)
        with tqdm(total=missing, unit=" links", disable=options["verbosity"] == 0) as progress:
            for batch in batches(store, first=seeded.count() + 1, links=missing):
                batch.write()
                progress.update(len(batch.links))
        self.stdout.write(f"The shop has {max(links, options['links'])} seeded links; {missing} are new.")


class Batch:
    """Some orders with all that belongs to them, written together or not at all."""

    def __init__(self) -> None:
        self.orders: list[Order] = []
        self.lines: list[LineItem] = []
        self.links: list[DigitalLink] = []
        self.downloads: list[Download] = []
        self.refusals: list[Refusal] = []

    @transaction.atomic
    def write(self) -> None:
        for model, rows in (
            *((Order, self.orders), (LineItem, self.lines), (DigitalLink, self.links)),
            *((Download, self.downloads), (Refusal, self.refusals)),
        ):
            objects: Any = model._default_manager
            objects.bulk_create(rows)


def batches(store: Store, *, first: int, links: int) -> Iterator[Batch]:
    """Orders from number ``first`` on, until they have that many links."""
    sold = [
        variant for variant in Variant.objects.order_by("pk").prefetch_related("digitals") if variant.digitals.all()
    ]
    numbers = count(first)
    while links > 0:
        batch = Batch()
        while links > len(batch.links) and len(batch.orders) < BATCH:
            add_order(batch, store, sold, next(numbers), most=links - len(batch.links))
        links -= len(batch.links)
        yield batch


def add_order(batch: Batch, store: Store, sold: list[Variant], number: int, *, most: int) -> None:
    """One line, of which one file or all have links: never more than ``most``. The same order at every run."""
    chance = random.Random(number)  # noqa: S311
    bought = timezone.now() - timedelta(days=365) * chance.random()
    variant = chance.choice(sold)
    files = list(variant.digitals.all())[:most]
    email = f"buyer{chance.randrange(50_000)}@example.com"
    order = Order(store=store, number=NUMBER.format(number), email=email, completed_at=bought, total=variant.price)
    line = LineItem(order=order, variant=variant, name=variant.name, price=variant.price)
    batch.orders.append(order)
    batch.lines.append(line)
    for digital in files:
        add_link(batch, line, digital, bought, chance)


def add_link(batch: Batch, line: LineItem, digital: Digital, bought: datetime, chance: random.Random) -> None:
    """A link that was used now and then; of some, more often than it allows, or later."""
    used = chance.choice((0, 0, 1, 1, 1, 2, 2, 3, 5))
    link = DigitalLink(
        digital=digital, line_item=line, unit=1, access_counter=used, activated_at=bought, created_at=bought
    )
    batch.links.append(link)
    if chance.random() < 0.02:
        link.revoked_at, link.revoke_reason = min(timezone.now(), bought + timedelta(days=2)), RevokeReason.SHOP
    browser, address = chance.choice(BROWSERS), f"203.0.{chance.randrange(256)}.0"
    client = f"{chance.getrandbits(256):064x}"
    at = bought
    for _ in range(used):
        at += timedelta(hours=24 * chance.random())
        batch.downloads.append(
            Download(
                link=link,
                generation=1,
                version=digital.version,
                stored_name=digital.attachment.name or "",
                byte_size=digital.byte_size,
                sha256=digital.sha256,
                client=client,
                user_agent=browser,
                address=address,
                created_at=min(at, timezone.now()),
            )
        )
    refused = LimitReached.code if used == LIMITS.uses else LinkExpired.code
    late = at + timedelta(hours=1) if used == LIMITS.uses else bought + (LIMITS.lifetime or timedelta()) * 2
    if late < timezone.now() and chance.random() < 0.3:
        minute = late.replace(second=0, microsecond=0)
        batch.refusals.append(
            Refusal(link=link, code=refused, minute=minute, client=client, user_agent=browser, address=address)
        )
