"""How bytes travel. ``SPREE_DIGITALS_DELIVERY`` says which way, and a shop's adapter may for single files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.module_loading import import_string

from ..conf import conf
from .base import Delivery

_made: dict[str, Delivery] = {}


def get_delivery(chosen: Mapping[str, Any] | None = None) -> Delivery:
    """
    The delivery of this configuration, by default ``SPREE_DIGITALS_DELIVERY``; made once for each.

    Raises:
        ImportError: there is no such class.
        TypeError: it does not know one of its OPTIONS.
    """
    configuration = conf.DELIVERY if chosen is None else chosen
    key = repr(configuration)
    if key not in _made:
        _made[key] = import_string(configuration["BACKEND"])(**configuration.get("OPTIONS", {}))
    return _made[key]
