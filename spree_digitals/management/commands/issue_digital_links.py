"""Issue the links that completed orders have a right to and do not have yet."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.db.models import Model

from ... import outbox
from ...issuing import issue_links_of, missing_links
from ...models import Digital, DigitalLink
from ...storefront import get_storefront
from ...transactions import retried

try:
    from tqdm import tqdm
except ImportError:  # the extra "progress" is not installed
    tqdm = None  # type: ignore[assignment,misc]


class Command(BaseCommand):
    help = "Issue links for files that were added to products after these were bought. May be repeated at any time."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--digital", type=int, action="append", metavar="ID", help="Only for this file; may be repeated."
        )
        parser.add_argument("--dry-run", action="store_true", help="Tell what would be issued; change nothing.")
        parser.add_argument("--mail", action="store_true", help="Mail the buyers; without it none is mailed.")
        parser.add_argument("--batch-size", type=int, default=200, help="Orders at a time (default: 200).")

    def handle(self, *args: Any, **options: Any) -> None:
        digitals = self.digitals(options["digital"])
        done = "would be issued" if options["dry_run"] else "issued"
        links, lines = 0, 0
        for batch in self.batches(options["batch_size"]):
            if options["dry_run"]:
                found = missing_links(batch, digitals)
            else:
                found = self.issue(batch, digitals, mail=options["mail"])
            links += len(found)
            lines += len({link.line_item_id for link in found})
        self.stdout.write(f"Links {done}: {links} (line items: {lines}).")

    def issue(self, orders: list[Model], digitals: list[Digital] | None, *, mail: bool) -> list[DigitalLink]:
        """Issue, and mail if asked to, or do neither: who is interrupted and begins again mails nobody twice."""

        def work() -> list[DigitalLink]:
            links = issue_links_of(orders, digitals)
            if mail:
                outbox.files_ready_again(self.orders_of(links))
            return links

        with outbox.muted():
            return retried(work)

    def orders_of(self, links: Iterable[DigitalLink]) -> list[Model]:
        storefront, lines = get_storefront(), {link.line_item_id for link in links}
        found = storefront.line_item_model._default_manager.filter(pk__in=lines)
        return list(storefront.orders().filter(pk__in=found.values(f"{storefront.order_path}__pk")))

    def digitals(self, ids: list[int] | None) -> list[Digital] | None:
        if ids is None:
            return None
        found = Digital.objects.in_bulk(ids)
        for missing in set(ids) - set(found):
            raise CommandError(f"There is no digital {missing}; the admin lists those there are.")
        return list(found.values())

    def batches(self, size: int) -> Iterable[list[Model]]:
        """Completed orders, ``size`` at a time, with a progress bar on a terminal."""
        if size < 1:
            raise CommandError(f"--batch-size is {size}; give a whole number from 1.")
        batches = self._read(size)
        if tqdm is None:
            return batches
        total = -(-get_storefront().orders().count() // size)
        bar: Iterable[list[Model]] = tqdm(batches, total=total, unit="batch", disable=None)
        return bar

    def _read(self, size: int) -> Iterator[list[Model]]:
        storefront = get_storefront()
        orders = storefront.orders().order_by("pk")
        batch = list(orders[:size])
        while batch:
            yield [order for order in batch if storefront.completed_at(order) is not None]
            batch = list(orders.filter(pk__gt=batch[-1].pk)[:size])
