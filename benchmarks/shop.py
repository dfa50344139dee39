"""
The shop that is measured: ``python -m benchmarks.shop WORK '{...}'`` does one piece of work and prints JSON.

A process for each piece: Django is set up for one database and one storage, and the program that measures needs none.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import django
from django.db import connection, models, transaction

BLOCK = 1024 * 1024
TOKEN_STEP, TOKEN_PRIME = 618_033_988_749, 999_999_999_989  # their products stay below 2⁶³ up to ten million rows


def seed(files: dict[str, int], links: int) -> dict[str, Any]:
    """A store, a product for each of ``files``, a label and a size in bytes, and ``links`` links to each of them."""
    from django.core.management import call_command

    from example_project.shop.models import Store

    call_command("migrate", verbosity=0)
    if connection.vendor == "sqlite":
        connection.cursor().execute("PRAGMA journal_mode=WAL")
    make_bucket()
    store = Store.objects.create(name="Benchmarks", domain="http://127.0.0.1")
    return {label: product(store, label, size, links) for label, size in files.items()}


def make_bucket() -> None:
    """In a storage that has buckets; the storage itself makes none."""
    from spree_digitals.storage import digitals_storage

    if hasattr(digitals_storage, "bucket_name"):
        digitals_storage.connection.meta.client.create_bucket(Bucket=digitals_storage.bucket_name)


def product(store: Any, label: str, size: int, links: int) -> dict[str, Any]:
    """One line of one order: ``links`` units of a product with one file."""
    from example_project.shop.models import LineItem, Variant
    from spree_digitals.issuing import issue_links

    variant = Variant.objects.create(store=store, sku=label, name=label, price=1)
    digital = sell_file(variant, size)
    order = completed_order(store)
    LineItem.objects.create(order=order, variant=variant, name=label, price=1, quantity=links)
    issued = issue_links(order)
    open_up()
    return {
        "name": digital.attachment.name,
        "size": size,
        "sha256": digital.sha256,
        "tokens": [link.token for link in issued],
    }


def sell_file(variant: Any, size: int) -> Any:
    """A new file of that many random bytes, which is moved into the storage, not copied."""
    from django.core.files.uploadedfile import TemporaryUploadedFile

    from spree_digitals.models import Digital

    upload = TemporaryUploadedFile("file.bin", "application/octet-stream", size, None)
    for start in range(0, size, BLOCK):
        upload.write(os.urandom(min(BLOCK, size - start)))
    upload.flush()
    return Digital.objects.create(variant=variant, attachment=upload)


def completed_order(store: Any) -> Any:
    from django.utils import timezone

    from example_project.shop.models import Order

    return Order.objects.create(store=store, email="buyer@example.com", completed_at=timezone.now())


def open_up() -> None:
    """Let every link be used as often as there is a number for: it is checked at each download, and never refuses."""
    from spree_digitals.limits import MAX_CLICKS
    from spree_digitals.models import DigitalLink

    DigitalLink.objects.filter(authorized_clicks=None).update(authorized_clicks=MAX_CLICKS)


def uses(tokens: list[str]) -> dict[str, int]:
    """How many downloads of these links were counted, and how many were recorded."""
    from spree_digitals.models import DigitalLink, Download

    links = DigitalLink.objects.filter(token__in=tokens)
    counted = links.aggregate(uses=models.Sum("access_counter"))["uses"] or 0
    return {"counted": counted, "recorded": Download.objects.filter(link__in=links).count()}


def multiply(links: int, tokens: int) -> dict[str, Any]:
    """
    Copy one order with its line and link until there are ``links`` more, in the database itself.

    Returns ``tokens`` tokens from all over the table.
    """
    from example_project.shop.models import LineItem, Order
    from spree_digitals.models import DigitalLink

    link = DigitalLink.objects.select_related("line_item__order").first()
    line: Any = link and link.line_item
    if link is None or line is None:
        raise SystemExit("There is no link that could be copied; seed goes first.")
    digits = f"CAST(1000000000000 + (i * {TOKEN_STEP}) % {TOKEN_PRIME} AS TEXT)"
    copy_row(line.order, links, {"number": "'N' || i", "token": "'T' || i", "checkout_key": "NULL"})
    copy_row(line, links, {"order_id": f"{line.order.pk} + i"})
    # Twelve digits that look random, twice, are as long as a token; base58 has no 0.
    token = f"REPLACE(SUBSTR({digits}, 2) || SUBSTR({digits}, 2), '0', 'z')"
    copy_row(link, links, {"line_item_id": f"{line.pk} + i", "token": token, "access_counter": "0"})
    settle(Order, LineItem, DigitalLink)
    newest = DigitalLink.objects.filter(pk__gt=link.pk).order_by("pk")
    step = max(1, links // tokens)
    chosen = range(link.pk + 1, link.pk + links + 1, step)
    return {"tokens": list(newest.filter(pk__in=list(chosen)[:tokens]).values_list("token", flat=True))}


def copy_row(row: Any, copies: int, changes: dict[str, str]) -> None:
    """``copies`` more rows like ``row``, with keys that go on from its own; ``changes`` are SQL for columns, by i."""
    fields = [field for field in row._meta.concrete_fields if not field.generated]
    changes = {row._meta.pk.column: f"{row.pk} + i", **changes}
    columns = ", ".join(connection.ops.quote_name(field.column) for field in fields)
    values = ", ".join(changes.get(field.column, connection.ops.quote_name(field.column)) for field in fields)
    table = connection.ops.quote_name(row._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {copies:d}) "  # noqa: S608
            f"INSERT INTO {table} ({columns}) SELECT {values} FROM n CROSS JOIN {table} "
            f"WHERE {connection.ops.quote_name(row._meta.pk.column)} = {row.pk:d}"
        )


def settle(*tables: type[models.Model]) -> None:
    """Let the database do now what it would otherwise do while it is measured."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            for model in tables:
                cursor.execute(f"VACUUM ANALYZE {connection.ops.quote_name(model._meta.db_table)}")
            cursor.execute("CHECKPOINT")
        else:
            cursor.execute("ANALYZE")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def order(lines: int) -> dict[str, Any]:
    """An order with that many lines, one file each; how to look it up, and how many queries that takes."""
    from django.test import Client

    from benchmarks.contenders import LOOK_UP
    from spree_digitals.issuing import issue_links

    made = order_with(lines, files=1)
    issue_links(made)
    path, headers = LOOK_UP.format(number=made.number), {"X-Spree-Order-Token": made.token}
    with queries() as count:
        answer = Client(headers=headers).get(path)
    found = len(answer.json()["included"])
    if found != 2 * lines:
        raise SystemExit(f"The look-up of {lines} lines includes {found} lines and links instead of {2 * lines}.")
    return {"path": path, "headers": headers, "queries": count()}


def issue(lines: int, files: int, count_queries: bool) -> dict[str, Any]:
    """How long the links of one order take; counting the queries takes time too, so that is done apart."""
    from spree_digitals.issuing import issue_links

    made = order_with(lines, files)
    if count_queries:
        with queries() as count:
            issued = issue_links(made)
        return {"queries": count(), "links": len(issued)}
    began = time.monotonic()
    issued = issue_links(made)
    return {"seconds": time.monotonic() - began, "links": len(issued)}


@transaction.atomic
def order_with(lines: int, files: int) -> Any:
    """A completed order with that many lines of products that have ``files`` files each; products are made once."""
    from example_project.shop.models import LineItem, Store, Variant

    store = Store.objects.get()
    for number in range(lines):
        variant, new = Variant.objects.get_or_create(
            sku=f"{files}-{number}", defaults={"store": store, "name": f"Product {number}", "price": 1}
        )
        for _ in range(files if new else 0):
            sell_file(variant, 1024)
    made = completed_order(store)
    variants = Variant.objects.filter(sku__in=[f"{files}-{number}" for number in range(lines)])
    LineItem.objects.bulk_create(
        LineItem(order=made, variant=variant, name=variant.name, price=1) for variant in variants
    )
    return made


@contextmanager
def queries() -> Iterator[Callable[[], int]]:
    """Count statements, those that begin and end transactions included."""
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        yield lambda: len(captured)


WORK: dict[str, Callable[..., Any]] = {work.__name__: work for work in (seed, uses, multiply, order, issue)}

if __name__ == "__main__":
    django.setup()
    print(json.dumps(WORK[sys.argv[1]](**json.loads(sys.argv[2]))))
