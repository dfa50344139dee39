"""How files travel: the delivery and what it needs, the proxies in front, and what resuming takes."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from django.core.checks import Error, Tags, Warning, register  # noqa: A004
from django.utils.module_loading import import_string

from ..clients import UNIX, trusted
from ..conf import PREFIX, conf
from ..delivery.apache import XSendfile
from ..delivery.base import Delivery
from ..delivery.handover import HandOver
from ..storage import ALIAS, is_directory
from .common import TAG, Messages, did_you_mean, reason
from .settings import in_quotes
from .storage import STORAGE_TO_PASTE, storage_of

NAME = f"{PREFIX}DELIVERY"
EXAMPLE = '{"BACKEND": "spree_digitals.delivery.nginx.XAccelRedirect", "OPTIONS": {"internal_url": "/protected/"}}'
DELIVERIES = tuple(
    f"spree_digitals.delivery.{name}"
    for name in ("stream.Stream", "nginx.XAccelRedirect", "apache.XSendfile", "redirect.SignedRedirect")
)


@register(TAG)
def check_delivery_is_an_entry(**kwargs: Any) -> Messages:
    if entry() is not None:
        return []
    return [
        Error(
            f'{NAME} is {conf.DELIVERY!r}, which is not a dictionary with a "BACKEND".',
            hint=f"Write it like an entry of STORAGES, for example: {NAME} = {EXAMPLE}",
            id="spree_digitals.E030",
        )
    ]


@register(TAG)
def check_delivery_can_be_imported(**kwargs: Any) -> Messages:
    configured = entry()
    problem = None if configured is None else problem_of_backend(configured["BACKEND"])  # E030
    if configured is None or problem is None:
        return []
    path = configured["BACKEND"]
    return [
        Error(
            f"{NAME} names {path!r}, which {problem}.",
            hint=f"Name a subclass of {Delivery.__module__}.Delivery with its module: "
            f"{', '.join(DELIVERIES)}.{did_you_mean(path, DELIVERIES)}",
            id="spree_digitals.E031",
        )
    ]


@register(TAG)
def check_options_of_delivery(**kwargs: Any) -> Messages:
    configured, cls = entry(), delivery_class()
    if configured is None or cls is None:  # E030, E031
        return []
    options = configured.get("OPTIONS", {})
    problem = problem_of_options(cls, options)
    if problem is None:
        return []
    known = options_of(cls)
    written = list(map(str, options)) if isinstance(options, Mapping) else []  # not their values, which may be secret
    unknown = next((name for name in written if name not in known), "")
    return [
        Error(
            f"{NAME} has OPTIONS ({in_quotes(written) or 'none'}) with which {cls.__name__} cannot be made: {problem}",
            hint=f"Its options are: {', '.join(known) or 'none'}.{did_you_mean(unknown, known) if unknown else ''} "
            f"For example: {NAME} = {EXAMPLE}",
            id="spree_digitals.E032",
        )
    ]


@register(TAG, Tags.security)
def check_trusted_proxies(**kwargs: Any) -> Messages:
    if is_list_of_networks(conf.TRUSTED_PROXIES):
        return []
    return [
        Error(
            f"{PREFIX}TRUSTED_PROXIES is {conf.TRUSTED_PROXIES!r}, which is not a list of addresses and networks.",
            hint=f'Write the addresses of the proxies in front, "{UNIX}" for one that comes over a unix socket: '
            f'{PREFIX}TRUSTED_PROXIES = ["127.0.0.1", "10.0.0.0/8"]',
            id="spree_digitals.E033",
        )
    ]


@register(TAG)
def check_resume_window(**kwargs: Any) -> Messages:
    window: object = conf.RESUME_WINDOW
    if isinstance(window, timedelta) and window > timedelta(0):
        return []
    return [
        Error(
            f"{PREFIX}RESUME_WINDOW is {window!r}, which is not a timedelta longer than nothing.",
            hint=f"Write: {PREFIX}RESUME_WINDOW = timedelta(minutes=30)",
            id="spree_digitals.E034",
        )
    ]


@register(TAG)
def check_resume_budget(**kwargs: Any) -> Messages:
    times: object = conf.RESUME_BUDGET
    if isinstance(times, int) and not isinstance(times, bool) and times >= 1:
        return []
    return [
        Error(
            f"{PREFIX}RESUME_BUDGET is {times!r}, which is not a whole number from 1.",
            hint=f"Write: {PREFIX}RESUME_BUDGET = 20",
            id="spree_digitals.E035",
        )
    ]


@register(TAG)
def check_somebody_is_handed_files(**kwargs: Any) -> Messages:
    cls = handing_over()
    if cls is None or conf.TRUSTED_PROXIES or not is_list_of_networks(conf.TRUSTED_PROXIES):  # E033
        return []
    return [
        Warning(
            f"{NAME} is {cls.__name__}, and {PREFIX}TRUSTED_PROXIES is empty: no server is handed a file, and the "
            "application streams all of them.",
            hint="Name the address that the server in front comes from, for example: "
            f'{PREFIX}TRUSTED_PROXIES = ["127.0.0.1"]',
            id="spree_digitals.W009",
        )
    ]


@register(TAG, Tags.files)
def check_files_that_are_handed_over_lie_in_a_directory(**kwargs: Any) -> Messages:
    cls, storage = handing_over(), storage_of(ALIAS)
    if cls is None or storage is None or is_directory(storage):  # E016, E017
        return []
    return [
        Warning(
            f'{NAME} is {cls.__name__}, and STORAGES["{ALIAS}"] ({backend_name(storage)}) is no directory that '
            "the server in front can send from: the application streams all files.",
            hint=f"Let the storage redirect to itself: {NAME} = "
            f'{{"BACKEND": "{DELIVERIES[3]}"}}, or keep the files on a disk: {STORAGE_TO_PASTE}',
            id="spree_digitals.W010",
        )
    ]


@register(TAG, Tags.files)
def check_path_needs_no_encoding(**kwargs: Any) -> Messages:
    cls, storage = handing_over(), storage_of(ALIAS)
    if cls is None or not issubclass(cls, XSendfile) or not is_directory(storage):
        return []
    directory = str(getattr(storage, "location", ""))
    if quote(directory) == directory:
        return []
    return [
        Warning(
            f'STORAGES["{ALIAS}"] keeps the sold files in {directory!r}: Apache and lighttpd do not read that alike, '
            "so it is told to neither, and the application streams all files.",
            hint="Choose one that is written in ASCII letters, digits and /._-~, for example: /srv/shop/digitals",
            id="spree_digitals.W011",
        )
    ]


def entry() -> Mapping[str, Any] | None:
    """SPREE_DIGITALS_DELIVERY, if it has the form of one."""
    configured: object = conf.DELIVERY
    return configured if isinstance(configured, Mapping) and "BACKEND" in configured else None


def delivery_class() -> type[Delivery] | None:
    configured = entry()
    if configured is None or problem_of_backend(configured["BACKEND"]) is not None:
        return None
    cls: type[Delivery] = import_string(configured["BACKEND"])
    return cls


def handing_over() -> type[HandOver] | None:
    """The delivery, where it is one by which the server in front sends the files."""
    cls = delivery_class()
    return cls if cls is not None and issubclass(cls, HandOver) else None


def problem_of_backend(path: Any) -> str | None:
    if not isinstance(path, str):
        return "is no dotted path"
    try:
        found = import_string(path)
    except Exception as error:  # whatever the shop's module does
        return f"cannot be imported ({reason(error)})"
    return None if isinstance(found, type) and issubclass(found, Delivery) else "is no delivery"


def problem_of_options(cls: type[Delivery], options: Any) -> str | None:
    try:
        cls(**options)
    except Exception as error:  # a delivery may be the shop's own
        return reason(error)
    return None


def options_of(cls: type[Delivery]) -> list[str]:
    parameters = inspect.signature(cls).parameters.values()
    return [found.name for found in parameters if found.kind in (found.KEYWORD_ONLY, found.POSITIONAL_OR_KEYWORD)]


def is_list_of_networks(value: object) -> bool:
    if not isinstance(value, list | tuple) or not all(isinstance(entry, str) for entry in value):
        return False
    try:
        trusted(tuple(value))
    except ValueError:
        return False
    return True


def backend_name(storage: Any) -> str:
    return f"{type(storage).__module__}.{type(storage).__qualname__}"
