"""The report: how often files were downloaded, by day and by file, and the same as CSV files."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from asgiref.sync import sync_to_async
from django import forms
from django.apps import apps
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.validators import MinValueValidator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, QueryDict
from django.http.response import StreamingHttpResponse
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.http import content_disposition_header, urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..conf import conf
from ..models import Download
from ..reports import TABLES, Day, Period, Report, as_csv, last_days, with_products
from ..staff import of_staff
from ..storefront import get_storefront
from ..wording import REASONS
from .records import RecordAdmin, RecordStoreFilter

PERIODS = (7, 30, 90, 365)
USUAL_PERIOD = 30
MAX_DAYS = 366
FIRST_DAY = date(2000, 1, 1)
FILES_SHOWN = 10
PERMISSIONS = ("spree_digitals.view_download", "spree_digitals.view_digitallink")
REFUSALS = "spree_digitals.view_refusal"


class DayField(forms.DateField):
    """A day that databases and clocks can work with."""

    widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    default_validators = [
        MinValueValidator(FIRST_DAY, _("%(show_value)s is too early: choose %(limit_value)s or later."))
    ]


class ReportForm(forms.Form):
    """Which days, and of which store."""

    start = DayField(label=_("From"))
    end = DayField(label=_("To"))
    store = forms.ChoiceField(label=_("Store"), required=False)

    def __init__(self, query: QueryDict, user: Any) -> None:
        super().__init__(_with_days(query))
        stores: Any = self.fields["store"]
        own = _own_stores(user)
        stores.choices = [("", _("All stores")), *own]
        if len(own) < 2:
            del self.fields["store"]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = self.cleaned_data
        if "start" in cleaned and "end" in cleaned:
            self._refuse_what_is_no_period(cleaned["start"], cleaned["end"])
        return cleaned

    @property
    def period(self) -> Period:
        """The days that were chosen, once they are known to be valid."""
        return Period(self.cleaned_data["start"], self.cleaned_data["end"])

    @property
    def query(self) -> str:
        """What names these days and this store in an address."""
        store = self.cleaned_data.get("store")
        chosen = {"start": self.cleaned_data["start"], "end": self.cleaned_data["end"]}
        return urlencode({**chosen, "store": store} if store else chosen)

    @property
    def query_of_never_used(self) -> str:
        """What finds the links that the report counts as never used in the list of links."""
        period, store = self.period, self.cleaned_data.get("store")
        issued = {"created_at__gte": period.begins_at.isoformat(), "created_at__lt": period.ends_at.isoformat()}
        chosen = {"state": "never_used", **issued}
        return urlencode({**chosen, "store": store} if store else chosen)

    def _refuse_what_is_no_period(self, start: date, end: date) -> None:
        today, length = timezone.localdate(), Period(start, end).length
        words = {"start": date_format(start), "end": date_format(end), "today": date_format(today)}
        if end > today:
            self.add_error("end", gettext("%(end)s is in the future: choose %(today)s or earlier.") % words)
        elif end < start:
            self.add_error("end", gettext("%(end)s is before %(start)s: give the first day first.") % words)
        elif length > MAX_DAYS:
            numbers = {"length": length, "most": MAX_DAYS}
            self.add_error("end", gettext("These are %(length)d days: choose at most %(most)d.") % numbers)


def _with_days(query: QueryDict) -> QueryDict:
    """With the first and the last day of what ``days`` asks for, where no day is given."""
    if "start" in query or "end" in query:
        return query
    asked = query.get("days", "")
    period = last_days(next((count for count in PERIODS if str(count) == asked), USUAL_PERIOD))
    query = query.copy()
    query.update({"start": period.first.isoformat(), "end": period.last.isoformat()})
    return query


def _own_stores(user: Any) -> list[tuple[str, str]]:
    """Stores to choose from; none where orders lead to no store."""
    if get_storefront().store_path is None:
        return []
    stores = of_staff(apps.get_model(conf.STORE_MODEL)._default_manager.all(), user)
    return [(str(store.pk), str(store)) for store in stores]


@dataclass(frozen=True)
class Bar:
    """One day of the chart. Whole numbers: some languages write fractions with a comma, which SVG does not know."""

    x: int
    width: int
    height: int
    day: Day

    @property
    def y(self) -> int:
        return Chart.HEIGHT - self.height


class Chart:
    """Downloads per day as bars, from the left to the right."""

    HEIGHT = 1000
    STEP = 10  # from one bar to the next
    GAPS_UP_TO = 100  # bars; where there are more, gaps are narrower than a pixel

    def __init__(self, days: list[Day]) -> None:
        self.days = days
        self.highest = max(days, key=lambda day: day.downloads)
        self.top = round_up(self.highest.downloads)
        self.width = self.STEP * len(days)

    @property
    def middle(self) -> int | None:
        """The number at half the height, where it is a whole one."""
        return None if self.top % 2 else self.top // 2

    @property
    def bars(self) -> Iterator[Bar]:
        width = self.STEP - 2 if len(self.days) <= self.GAPS_UP_TO else self.STEP
        for number, day in enumerate(self.days):
            height = math.ceil(self.HEIGHT * day.downloads / self.top)
            yield Bar(number * self.STEP + (self.STEP - width) // 2, width, height, day)


def round_up(count: int) -> int:
    """The next number that is easy to read: 1, 2, 4, 5, 10, 20, 40, 50, 100 and so on."""
    magnitude = 1
    while True:
        for step in (1, 2, 4, 5):
            if count <= step * magnitude:
                return step * magnitude
        magnitude *= 10


class CsvResponse(StreamingHttpResponse):
    """A file that is written while it is sent, under WSGI and ASGI: of a plain iterator ASGI would keep the whole."""

    def __init__(self, blocks: Iterator[bytes], filename: str) -> None:
        super().__init__(blocks, content_type="text/csv; charset=utf-8")
        self["Content-Disposition"] = content_disposition_header(True, filename) or ""
        self["Cache-Control"] = "private, no-store"
        self["X-Content-Type-Options"] = "nosniff"

    async def __aiter__(self) -> AsyncIterator[bytes]:
        blocks: Any = iter(self)
        while block := await sync_to_async(lambda: next(blocks, b""))():
            yield block


@admin.register(Download)
class DownloadAdmin(RecordAdmin):
    """The list of downloads, and the report about them."""

    list_display = ("created_at", "file", "version", "purchase", "masked", "address")
    list_filter = (("created_at", admin.DateFieldListFilter), RecordStoreFilter)
    ordering = ("-created_at", "-pk")
    fields = ("created_at", "file", "version", "size", "sha256", "link", "purchase", "address", "user_agent")
    lookups = RecordAdmin.lookups | {"created_at__gte", "created_at__lt"}

    @admin.display(description=_("size"))
    def size(self, download: Download) -> str:
        return filesizeformat(download.byte_size)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("report/", view(self.report_view), name="spree_digitals_download_report"),
            path("report/<slug:table>.csv", view(self.csv_view), name="spree_digitals_download_csv"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: Any, extra_context: Any = None) -> HttpResponse:
        context = {"may_report": request.user.has_perms(PERMISSIONS), **(extra_context or {})}
        return super().changelist_view(request, context)

    def report_view(self, request: HttpRequest) -> HttpResponse:
        """The numbers of the days and the store that the address names, or what is wrong with them."""
        form = self._form(request)
        numbers = _numbers(form, request.user) if form.is_valid() else {}
        context = {**self.admin_site.each_context(request), "title": _("Report"), "opts": self.opts, "form": form}
        if form.is_valid():
            links = reverse(f"{self.admin_site.name}:spree_digitals_digitallink_changelist")
            context["never_used_page"] = f"{links}?{form.query_of_never_used}"
        return TemplateResponse(
            request, "admin/spree_digitals/report.html", {**context, "periods": _periods(form), **numbers}
        )

    def csv_view(self, request: Any, table: str) -> HttpResponseBase:
        """One of ``TABLES``. What is wrong with the days or the store is told by the report."""
        form = self._form(request)
        if table not in TABLES:
            raise Http404
        if table == "refusals" and not request.user.has_perm(REFUSALS):
            raise PermissionDenied
        if not form.is_valid():
            report = reverse(f"{self.admin_site.name}:spree_digitals_download_report")
            return HttpResponseRedirect(f"{report}?{request.GET.urlencode()}")
        rows = TABLES[table](_report(form, request.user))
        return CsvResponse(as_csv(rows), f"{table}-{form.period.first}-{form.period.last}.csv")

    def _form(self, request: Any) -> ReportForm:
        if not request.user.has_perms(PERMISSIONS):
            raise PermissionDenied
        return ReportForm(request.GET, request.user)


def _report(form: ReportForm, user: Any) -> Report:
    return Report(form.period, user=user, store=form.cleaned_data.get("store") or None)


def _numbers(form: ReportForm, user: Any) -> dict[str, Any]:
    """Everything the page shows of valid days, in a fixed number of queries."""
    report = _report(form, user)
    days = report.days()
    return {
        "period": form.period,
        "zone": timezone.get_current_timezone_name(),
        "chart": Chart(days),
        "downloads": sum(day.downloads for day in days),
        "byte_size": sum(day.byte_size for day in days),
        "buyers": report.buyers(),
        "issued": report.links_issued(),
        "files": list(with_products(report.files()[:FILES_SHOWN])),
        "reasons": _in_words(report.reasons()) if user.has_perm(REFUSALS) else None,
        "query": form.query,
    }


def _in_words(reasons: list[tuple[str, int]]) -> list[tuple[str | Promise, int]]:
    return [(REASONS.get(code, code), count) for code, count in reasons]


def _periods(form: ReportForm) -> list[tuple[int, str, bool]]:
    """The usual periods: how many days, what names them in an address, and whether it is the one shown."""
    store = form.data.get("store")
    shown = form.period if form.is_valid() else None
    return [
        (count, urlencode({"days": count, "store": store} if store else {"days": count}), shown == last_days(count))
        for count in PERIODS
    ]
