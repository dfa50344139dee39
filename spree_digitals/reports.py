"""What was downloaded, in numbers: for the report in the admin and its CSV files."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import islice
from typing import Any

from django.db.models import Case, Count, Exists, F, Model, OuterRef, Q, QuerySet, Sum, Value, When
from django.db.models.functions import TruncDate
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from .models import Digital, DigitalLink, Download, Refusal
from .staff import of_staff
from .storefront import follow, get_storefront

AGES: dict[str, str | Promise] = {
    "day": _("issued less than a day ago"),
    "week": _("issued 1 to 7 days ago"),
    "month": _("issued 7 to 30 days ago"),
    "older": _("issued more than 30 days ago"),
    "revoked": _("revoked since"),
}


@dataclass(frozen=True)
class Period:
    """Whole days of one time zone, the last one included."""

    first: date
    last: date
    # Kept: a response that is streamed may be written after the time zone of its request was left.
    zone: tzinfo = field(default_factory=timezone.get_current_timezone)

    @property
    def length(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def days(self) -> list[date]:
        return [self.first + timedelta(days=number) for number in range(self.length)]

    @property
    def begins_at(self) -> datetime:
        return self._midnight(self.first)

    @property
    def ends_at(self) -> datetime:
        """The first instant after the period."""
        return self._midnight(self.last + timedelta(days=1))

    def within(self, column: str) -> Q:
        return Q(**{f"{column}__gte": self.begins_at, f"{column}__lt": self.ends_at})

    def _midnight(self, day: date) -> datetime:
        # In UTC: days on which the clocks are changed have 23 or 25 hours.
        return datetime.combine(day, time.min, self.zone).astimezone(UTC)


def last_days(count: int) -> Period:
    """This many days up to today, as the current time zone has it."""
    today = timezone.localdate()
    return Period(today - timedelta(days=count - 1), today)


def of_own_links(records: QuerySet[Any], user: Any) -> QuerySet[Any]:
    """Those downloads or refusals whose links this member of staff may see."""
    everything = DigitalLink.objects.order_by()
    own = of_staff(everything, user)
    # A subquery, which joins nothing and repeats nothing; none for those who see all.
    return records if own is everything else records.filter(link__in=own.values("pk"))


def with_purchases(rows: QuerySet[Any], link: str = "link__") -> QuerySet[Any]:
    """With file, order and store of the link these rows have, or are, so that showing one costs no query of its own."""
    storefront = get_storefront()
    paths = {storefront.order_path, storefront.store_path or storefront.order_path}
    return rows.select_related(f"{link}digital", *(f"{link}line_item__{path}" for path in sorted(paths)))


def stores_of_links() -> Callable[[DigitalLink], Model | None]:
    """What tells the store a link was sold in, None where its line item was deleted. An only store is read now."""
    storefront = get_storefront()
    path = storefront.store_path
    if path is not None:
        return lambda link: follow(link.line_item, path)
    only = storefront.store(None)
    return lambda link: only if link.line_item is not None else None


@dataclass(frozen=True)
class Day:
    day: date
    downloads: int
    byte_size: int


class Report:
    """
    The numbers of one period, of the stores of one member of staff, or of one of these stores.

    Each method asks the database once, however many rows there are; nothing is kept.
    """

    def __init__(self, period: Period, *, user: Any, store: Any = None) -> None:
        self.period = period
        links = of_staff(DigitalLink.objects.order_by(), user)
        downloads, refusals = (of_own_links(model.objects.all(), user) for model in (Download, Refusal))
        if store is not None:
            sold = DigitalLink.objects.filter(**{f"line_item__{get_storefront().store_path}": store}).values("pk")
            links = links.filter(pk__in=sold)
            downloads, refusals = (records.filter(link__in=sold) for records in (downloads, refusals))
        self.links: QuerySet[DigitalLink] = links.filter(period.within("created_at"))
        self.downloads: QuerySet[Download] = downloads.filter(period.within("created_at"))
        self.refusals: QuerySet[Refusal] = refusals.filter(period.within("refused_at"))

    def days(self) -> list[Day]:
        """Every day of the period, also those without a download."""
        day = TruncDate("created_at", tzinfo=self.period.zone)
        counted = self.downloads.annotate(day=day).values("day").annotate(downloads=Count("pk"), size=Sum("byte_size"))
        found = {row["day"]: (row["downloads"], row["size"]) for row in counted}
        return [Day(day, *found.get(day, (0, 0))) for day in self.period.days]

    def buyers(self) -> int:
        """How many orders had a download."""
        order = f"link__line_item__{get_storefront().order_path}"
        counted: int = self.downloads.aggregate(orders=Count(order, distinct=True))["orders"]
        return counted

    def files(self) -> QuerySet[Any, Any]:
        """Files by downloads, most first: ``file``, ``downloads``, and by how many ``links``."""
        files = self.downloads.values(digital=F("link__digital"), file=F("link__digital__filename"))
        counted = files.annotate(downloads=Count("pk"), links=Count("link", distinct=True))
        return counted.order_by("-downloads", "digital")

    def links_issued(self) -> LinksIssued:
        """The links of the period, and which of them were never used until now."""
        now = timezone.now()
        newer = {age: Q(created_at__gt=now - timedelta(days=days)) for age, days in (("day", 1), ("week", 7))}
        newer["month"] = Q(created_at__gt=now - timedelta(days=30))
        cases = [When(revoked_at__isnull=False, then=Value("revoked"))]
        cases += [When(condition, then=Value(age)) for age, condition in newer.items()]
        recorded = Exists(Download.objects.filter(link=OuterRef("pk")))  # a reset keeps records and zeroes the counter
        grouped = (
            self.links.annotate(age=Case(*cases, default=Value("older")), recorded=recorded)
            .values("age", "recorded")
            .annotate(count=Count("pk"), uncounted=Count("pk", filter=Q(access_counter=0)))
        )
        rows = list(grouped)
        never = {row["age"]: row["uncounted"] for row in rows if not row["recorded"] and row["uncounted"]}
        return LinksIssued(sum(row["count"] for row in rows), {age: never[age] for age in AGES if age in never})

    def never_used(self) -> QuerySet[DigitalLink]:
        """The links that :meth:`links_issued` counts as never used."""
        return self.links.filter(pk__in=DigitalLink.objects.order_by().never_used().values("pk"))

    def reasons(self) -> list[tuple[str, int]]:
        """Refusals by the code of their reason, most first."""
        counted = self.refusals.values_list("code").annotate(count=Count("pk"))
        return list(counted.order_by("-count", "code"))


@dataclass(frozen=True)
class LinksIssued:
    """How many links were issued, and how many of them were never used, by age."""

    count: int
    never_used_by_age: dict[str, int]

    @property
    def never_used(self) -> int:
        return sum(self.never_used_by_age.values())

    @property
    def share(self) -> int | None:
        """Of those never used, in percent; None where no link was issued."""
        return round(100 * self.never_used / self.count) if self.count else None

    @property
    def ages(self) -> list[tuple[str | Promise, int]]:
        return [(AGES[age], count) for age, count in self.never_used_by_age.items()]


# Files for spreadsheets. The names of their columns are for programs too: they are the same in every language.

Row = Sequence[Any]

ROWS_AT_ONCE = 500
# A spreadsheet computes what begins like this: after blanks, quotes and invisible characters too, in full-width forms
# (Excel in Japanese), and after a semicolon, tab or line break, which are separators to spreadsheets of some languages.
_FORMULA = re.compile(
    r"(?:^|(?<=[;\t\r\n]))"
    r'(?=[\s\x00-\x20\u200b-\u200f\u2060\ufeff"]*[=+\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b]|[\t\r\n])'
)


def harmless(cell: Any) -> Any:
    """Text that no spreadsheet takes for a formula: an apostrophe before what begins like one. Numbers stay."""
    return _FORMULA.sub("'", cell) if isinstance(cell, str) else cell


class _Line:
    """What csv writes to: hands each line back."""

    def write(self, line: str) -> str:
        return line


def as_csv(rows: Iterable[Row]) -> Iterator[bytes]:
    """
    The rows as RFC 4180 has them, in blocks, so that memory stays bounded.

    In UTF-8 with a byte order mark: without it Excel takes accents for Windows-1252. All text is quoted.
    """
    writer = csv.writer(_Line(), quoting=csv.QUOTE_NONNUMERIC)
    lines: Iterator[Any] = (writer.writerow([harmless(cell) for cell in row]) for row in rows)
    yield codecs.BOM_UTF8
    while block := "".join(islice(lines, ROWS_AT_ONCE)):
        yield block.encode()


def written(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def with_products(files: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Rows of files with the ``product`` each is sold with, in a query for each block."""
    rows = iter(files)
    while block := list(islice(rows, ROWS_AT_ONCE)):
        sold = Digital.objects.select_related("variant").in_bulk([row["digital"] for row in block])
        for row in block:
            yield {**row, "product": str(sold[row["digital"]].variant or "")}


def download_rows(report: Report) -> Iterator[Row]:
    """Each download of the report, oldest first."""
    storefront, store_of = get_storefront(), stores_of_links()
    yield ("time", "store", "order", "file", "version", "bytes", "network", "browser", "link")
    downloads = with_purchases(report.downloads).order_by("created_at", "pk")
    for download in downloads.iterator(chunk_size=ROWS_AT_ONCE):
        link = download.link
        order = link.line_item and storefront.order(link.line_item)
        yield (
            written(download.created_at),
            str(store_of(link) or ""),
            "" if order is None else storefront.number(order),
            link.digital.filename,
            download.version,
            download.byte_size,
            download.address or "",
            download.user_agent,
            link.masked_token,
        )


def day_rows(report: Report) -> Iterator[Row]:
    """Each day of the report."""
    yield ("day", "downloads", "bytes")
    for day in report.days():
        yield (day.day.isoformat(), day.downloads, day.byte_size)


def file_rows(report: Report) -> Iterator[Row]:
    """Each file of the report that was downloaded, most downloads first."""
    yield ("file", "product", "downloads", "links")
    for row in with_products(report.files().iterator(chunk_size=ROWS_AT_ONCE)):
        yield (row["file"], row["product"], row["downloads"], row["links"])


def never_used_rows(report: Report) -> Iterator[Row]:
    """Each link of the report that was never used, oldest first."""
    storefront, store_of = get_storefront(), stores_of_links()
    yield ("issued", "store", "order", "file", "link", "revoked")
    links = with_purchases(report.never_used(), link="").order_by("created_at", "pk")
    for link in links.iterator(chunk_size=ROWS_AT_ONCE):
        order = link.line_item and storefront.order(link.line_item)
        yield (
            written(link.created_at),
            str(store_of(link) or ""),
            "" if order is None else storefront.number(order),
            link.digital.filename,
            link.masked_token,
            "" if link.revoked_at is None else written(link.revoked_at),
        )


def refusal_rows(report: Report) -> Iterator[Row]:
    """Each reason for which downloads were refused, by its code, most refusals first."""
    yield ("reason", "refusals")
    yield from report.reasons()


TABLES: dict[str, Callable[[Report], Iterator[Row]]] = {
    "downloads": download_rows,
    "days": day_rows,
    "files": file_rows,
    "never-used": never_used_rows,
    "refusals": refusal_rows,
}
