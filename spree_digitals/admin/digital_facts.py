"""What is known about a file that is sold: its versions, where it is used, and how it sells."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.templatetags.admin_urls import admin_urlname
from django.db.models import Count, Max, Model, Q, QuerySet, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext

from ..limits import cascade
from ..models import Digital, DigitalLink, Download, StoreLimits
from ..models.store_limits import default_limits
from ..staff import of_staff, path_to_store
from ..storefront import follow, get_storefront
from ..wording import in_words

VERSIONS_SHOWN = 50
RECENT = timedelta(days=30)
OWN_LIMITS = (
    Q(authorized_clicks__isnull=False)
    | Q(authorized_days__isnull=False)
    | Q(unlimited_clicks=True)
    | Q(unlimited_days=True)
    | Q(extra_uses__gt=0)
    | Q(extra_days__gt=0)
)


def links_of(digitals: Any, user: Any) -> QuerySet[DigitalLink]:
    """The links to these files that this member of staff may see."""
    return of_staff(DigitalLink.objects.filter(digital__in=digitals), user)


def versions(digital: Digital, user: Any) -> list[tuple[Any, int]]:
    """The last versions, newest first, each with the number of downloads that were granted of it."""
    granted = Download.objects.filter(link__in=links_of([digital], user)).order_by()
    counts = dict(granted.values_list("version").annotate(Count("pk")))
    shown = digital.versions.order_by("-version")[:VERSIONS_SHOWN]
    return [(version, counts.get(version.version, 0)) for version in shown]


def sales(digital: Digital, user: Any) -> dict[str, Any]:
    """Links and downloads in numbers, counted by the database."""
    links: Any = links_of([digital], user)
    order = f"line_item__{get_storefront().order_path}"
    issued = links.aggregate(
        issued=Count("pk"),
        lines=Count("line_item", distinct=True),
        orders=Count(order, distinct=True),
        own_limits=Count("pk", filter=OWN_LIMITS),
        purged=Sum("purged_uses", default=0),
    )
    counted = Download.objects.filter(link__in=links).aggregate(
        downloads=Count("pk"),
        recent=Count("pk", filter=Q(created_at__gt=timezone.now() - RECENT)),
        last=Max("created_at"),
    )
    counted["downloads"] += issued["purged"]
    return {**issued, **counted, "live": links.active().count()}


def add_sales(digitals: Sequence[Digital], user: Any) -> None:
    """Give the files of a page ``links_issued`` and ``downloads_counted``: two queries, however many there are."""
    links = links_of([digital.pk for digital in digitals], user).order_by()
    issued = {
        row["digital"]: row for row in links.values("digital").annotate(links=Count("pk"), purged=Sum("purged_uses"))
    }
    records = Download.objects.filter(link__in=links).order_by()
    counted = dict(records.values_list("link__digital").annotate(Count("pk")))
    for digital in digitals:
        row: Any = digital
        found = issued.get(digital.pk, {"links": 0, "purged": 0})
        row.links_issued = found["links"]
        row.downloads_counted = counted.get(digital.pk, 0) + found["purged"]


def store_of(digital: Digital) -> Model | None:
    """The store of the file's variant, where variants have one."""
    path = path_to_store(Digital)
    store: Model | None = follow(digital, path) if path else None
    return store


def page_of(thing: Model | None, site: AdminSite, request: HttpRequest) -> str:
    """The admin's page of one of the shop's objects, if there is one that this member of staff may see."""
    if thing is None or not site.is_registered(type(thing)):
        return ""
    if not site.get_model_admin(type(thing)).has_view_permission(request, thing):
        return ""
    return reverse(admin_urlname(thing._meta, "change"), args=[thing.pk], current_app=site.name)  # type: ignore[arg-type]


def limits_in_words(digital: Digital) -> str:
    """What holds for links to this file that have no limits of their own."""
    of_store = _store_limits(digital)
    words = in_words(cascade(digital, of_store, default=default_limits()))
    if of_store is None and _left_to_the_store(digital) and _many_stores():
        return gettext("%(limits)s, unless the store of the order says otherwise") % {"limits": words}
    return words


def _store_limits(digital: Digital) -> StoreLimits | None:
    if path_to_store(Digital) is not None:
        store: Any = store_of(digital)
        return None if store is None else StoreLimits.objects.filter(store=store).first()
    if get_storefront().store_path is None:
        return StoreLimits.objects.filter(store=get_storefront().single_store_pk()).first()
    return None


def _left_to_the_store(digital: Digital) -> bool:
    downloads = digital.authorized_clicks is not None or digital.unlimited_clicks
    return not (downloads and (digital.authorized_days is not None or digital.unlimited_days))


def _many_stores() -> bool:
    """Whether links to a file may be of several stores, whose limits differ."""
    return get_storefront().store_path is not None and path_to_store(Digital) is None
