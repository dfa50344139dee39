"""What a product contains, and what its buyers may do with it: asked of spree_digitals, where it is decided."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from django.db.models import Prefetch, QuerySet

from spree_digitals.limits import cascade
from spree_digitals.models import Digital, StoreLimits
from spree_digitals.models.store_limits import default_limits
from spree_digitals.wording import in_words

from .models import Store, Variant


@dataclass(frozen=True)
class OfferedFile:
    digital: Digital
    limits: str

    @property
    def kind(self) -> str:
        return PurePath(self.digital.filename).suffix.removeprefix(".").upper()


def current_store() -> Store | None:
    """The store whose pages these are; None before ``manage.py demo`` has opened it."""
    return Store.objects.order_by("pk").first()


def products() -> QuerySet[Variant]:
    """What the store sells, with the files that are for sale."""
    files = Prefetch("digitals", Digital.objects.for_sale().order_by("pk"))
    return Variant.objects.filter(store=current_store()).prefetch_related(files).order_by("pk")


def files_of(product: Variant) -> list[OfferedFile]:
    """The files of one of :func:`products`, with the limits that a buyer gets now, in words."""
    of_store = StoreLimits.objects.filter(store=product.store_id).first()
    return [
        OfferedFile(digital, in_words(cascade(digital, of_store, default=default_limits())))
        for digital in product.digitals.all()
    ]
