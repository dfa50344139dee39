"""Send the mails to buyers that are due: what the request or the task queue has not sent."""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.core.management import BaseCommand, CommandError

from ...mails import CHUNK, announce_new_versions, deliver, due
from ...models import MailState


class Command(BaseCommand):
    help = "Send the mails to buyers that are due. Run it every few minutes; several at once send each mail once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--limit", type=int, metavar="N", help="Try at most so many mails.")

    def handle(self, *args: Any, **options: Any) -> None:
        limit = options["limit"]
        if limit is not None and limit < 1:
            raise CommandError(f"--limit is {limit}; give a whole number from 1.")
        announce_new_versions()
        done = Counter(deliver(pk) for pk in islice(self.pks(), limit))
        self.stdout.write(
            f"Mails sent: {done[MailState.SENT]}. Nothing to tell any more: {done[MailState.POINTLESS]}. "
            f"To be tried again: {done[MailState.WAITING]}. Given up: {done[MailState.FAILED]}."
        )

    def pks(self) -> Iterator[int]:
        """Each mail that is due once, the oldest first."""
        waiting = due().order_by("pk").values_list("pk", flat=True)
        found = list(waiting[:CHUNK])
        while found:
            yield from found
            found = list(waiting.filter(pk__gt=found[-1])[:CHUNK])
