"""What members of staff may see, and what they do to links: in the admin and over the API alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import router, transaction
from django.db.models import Model, QuerySet
from django.utils import formats, timezone, translation
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext, pgettext_lazy

from .conf import conf
from .models import Digital, DigitalLink, StoreLimits
from .policy import standing_of
from .storefront import get_storefront
from .wording import in_words

Entry = Callable[[Any], str]
WHY_LENGTH = 200  # characters of a reason

# What was done to a link, by the name of the action.
DONE: dict[str, str | Promise] = {
    "make": pgettext_lazy("history", "Made by hand"),
    "limit": pgettext_lazy("history", "Limits changed (%(limits)s)"),
    "note": pgettext_lazy("history", "Noted"),
    "reset": pgettext_lazy("history", "Reset"),
    "extend": pgettext_lazy("history", "Extended (%(left)s)"),
    "revoke": pgettext_lazy("history", "Revoked"),
    "restore": pgettext_lazy("history", "Restored"),
    "rotate": pgettext_lazy("history", "New token"),
    "copy": pgettext_lazy("history", "Link copied"),
    "download": pgettext_lazy("history", "Downloaded as staff, uncounted"),
    "mail": pgettext_lazy("history", "Mailed to the buyer again"),
}


def carry_out(
    user: Any,
    links: Collection[DigitalLink],
    change: Callable[[Collection[DigitalLink]], list[DigitalLink]],
    entry: Entry,
) -> list[DigitalLink]:
    """Change the links and write the ``entry`` of each that was changed into its history, or do neither."""
    with transaction.atomic(using=router.db_for_write(DigitalLink)):
        changed = change(links)
        note_each(user, changed, entry)
    return changed


def what_was_done(action: str, link: DigitalLink) -> str:
    """For the history of a link that was changed: what came of it, and not what was asked for."""
    done = str(DONE[action])
    if action == "extend":
        return done % {"left": left_in_words(link)}
    if action == "limit":
        return done % {"limits": in_words(DigitalLink.objects.with_limits().get(pk=link.pk).limits)}
    return done


def entry_with(what: str, why: str) -> str:
    """An entry for the history."""
    return gettext("%(what)s: %(why)s") % {"what": what, "why": why} if why else f"{what}."


def language_of_history() -> Any:
    """The language of the site, in which entries are written: they are kept, and colleagues read them too."""
    return translation.override(settings.LANGUAGE_CODE)


def left_in_words(link: DigitalLink) -> str:
    """What is left of the limits, to be read at any later time: "4 downloads left, until 30 Nov 2026, 14:00"."""
    found = standing_of(link)
    left, expires_at = found.uses_left, found.expires_at
    parts = []
    if left is not None:
        parts.append(ngettext("%(count)d download left", "%(count)d downloads left", left) % {"count": left})
    if expires_at is not None:
        until = gettext("expired on %(date)s") if found.expired else gettext("until %(date)s")
        parts.append(until % {"date": formats.localize(timezone.localtime(expires_at))})
    return ", ".join(parts)


def note_each(user: Any, objects: Collection[Model], entry: Entry) -> None:
    """:func:`note` for several objects, each with its own entry, which is asked for in the language of the history."""
    alike: dict[str, list[Model]] = defaultdict(list)
    with language_of_history():
        for thing in objects:
            alike[entry(thing)].append(thing)
    for text, found in alike.items():
        note(user, found, text)


def note(user: Any, objects: Collection[Model], entry: str) -> None:
    """Write what this member of staff did into the admin's history of each object; nowhere without the admin."""
    if objects and apps.is_installed("django.contrib.admin"):
        from django.contrib.admin.models import CHANGE, LogEntry

        LogEntry.objects.log_actions(user.pk, objects, CHANGE, entry)


def of_staff(queryset: QuerySet[Any], user: Any) -> QuerySet[Any]:
    """
    Those rows that belong to the stores of this member of staff.

    Variants that lead to no store are everybody's, and their files too. Where orders lead to none, all belong to the
    only store there is. A link whose line item was deleted belongs to no store.
    """
    storefront = get_storefront()
    stores = storefront.staff_stores(user)
    if stores is None:
        return queryset
    if path := path_to_store(queryset.model):
        # A subquery: a path through several rows must not repeat any.
        own = queryset.model._default_manager.filter(**{f"{path}__in": stores})
        return queryset.filter(pk__in=own.values("pk"))
    line_item = apps.get_model(conf.LINE_ITEM_MODEL)
    if storefront.store_path and queryset.model is storefront.order_model:
        own = of_staff(line_item._default_manager.all(), user)
        return queryset.filter(pk__in=own.values(storefront.order_path))
    if queryset.model in (DigitalLink, line_item, storefront.order_model):
        return queryset if stores.filter(pk=storefront.single_store_pk()).exists() else queryset.none()
    return queryset


def path_to_store(model: type[Model]) -> str | None:
    """The path from these rows to the store they belong to, where there is one."""
    of_line_item, of_variant = get_storefront().store_path, _variant_store()
    paths = {
        apps.get_model(conf.STORE_MODEL): "pk",
        StoreLimits: "store",
        apps.get_model(conf.VARIANT_MODEL): of_variant,
        Digital: of_variant and f"variant__{of_variant}",
        apps.get_model(conf.LINE_ITEM_MODEL): of_line_item,
        DigitalLink: of_line_item and f"line_item__{of_line_item}",
        get_storefront().order_model: of_line_item and _order_store(of_line_item),
    }
    return paths.get(model)


def _order_store(of_line_item: str) -> str | None:
    """The path from orders to their store, where that of line items leads over the order."""
    order, found, store = of_line_item.partition(f"{get_storefront().order_path}__")
    return store if found and not order else None


def _variant_store() -> str | None:
    """The variant model's relation to the store model, if it has one that leads to one store."""
    store = apps.get_model(conf.STORE_MODEL)
    for field in apps.get_model(conf.VARIANT_MODEL)._meta.get_fields():
        leads_to_one = field.concrete and (field.many_to_one or field.one_to_one)
        if leads_to_one and field.related_model is store:
            name: str = field.name
            return name
    return None
