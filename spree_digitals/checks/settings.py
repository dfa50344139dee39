"""Settings of the app: the shop's models, names, limits, authentication, mails, privacy; and the time zone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import Error, Tags, Warning, register  # noqa: A004
from django.utils.module_loading import import_string

from ..conf import NAMES, PREFIX, conf
from ..limits import MAX_CLICKS, MAX_DAYS
from ..models import MailKind
from ..models.store_limits import WEEK
from .common import FOREIGN_KEYS, TAG, Messages, did_you_mean, reason, shop_model

# Least, most, whether None is allowed (without limit), and what to paste.
NUMBERS = {
    "DEFAULT_AUTHORIZED_CLICKS": (0, MAX_CLICKS, True, 5),
    "DEFAULT_AUTHORIZED_DAYS": (0, MAX_DAYS, True, 7),
    "DEFAULT_LINK_EXPIRE_TIME": (1, WEEK, False, 300),
}
KEPT_OF_ADDRESSES = ("network", "full", "none")
RATES = {"client": "10/hour", "address": "3/hour"}


@register(TAG, Tags.models)
def check_models_are_installed(**kwargs: Any) -> Messages:
    labels = [model._meta.label for model in apps.get_models()]
    return [
        Error(
            f"{PREFIX}{name} is {value!r}, which is not an installed model.",
            hint='Write it "app_label.ModelName", and add the app that has the model to INSTALLED_APPS.'
            + did_you_mean(value, labels),
            id="spree_digitals.E001",
        )
        for name in FOREIGN_KEYS
        if shop_model(name) is None
        for value in [getattr(settings, PREFIX + name, None)]
    ]


@register(TAG)
def check_setting_names(**kwargs: Any) -> Messages:
    known = [PREFIX + name for name in NAMES]
    return [
        Warning(
            f"{name} is not a setting of spree_digitals and does nothing.",
            hint=f"Remove or rename it.{did_you_mean(name, known)} All settings: {', '.join(known)}.",
            id="spree_digitals.W002",
        )
        for name in dir(settings)
        if name.startswith(PREFIX) and name not in known
    ]


@register(TAG)
def check_default_limits(**kwargs: Any) -> Messages:
    return [
        Error(
            f"{PREFIX}{name} is {value!r}, which is not a whole number from {least} to {most}.",
            hint=f"Write: {PREFIX}{name} = {example}" + (", or None for no limit." if optional else ""),
            id="spree_digitals.E012",
        )
        for name, (least, most, optional, example) in NUMBERS.items()
        for value in [getattr(conf, name)]
        if not (optional and value is None)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most
    ]


@register(TAG)
def check_authentication_classes_are_a_list(**kwargs: Any) -> Messages:
    value = getattr(settings, f"{PREFIX}AUTHENTICATION_CLASSES", [])
    if isinstance(value, list | tuple):
        return []
    return [
        Error(
            f"{PREFIX}AUTHENTICATION_CLASSES is {value!r}, which is not a list.",
            hint="Write it like REST_FRAMEWORK's: "
            f'{PREFIX}AUTHENTICATION_CLASSES = ["spree_digitals.api.authentication.BearerAuthentication"]',
            id="spree_digitals.E013",
        )
    ]


@register(TAG)
def check_authentication_classes_can_be_used(**kwargs: Any) -> Messages:
    entries = getattr(settings, f"{PREFIX}AUTHENTICATION_CLASSES", [])
    if not isinstance(entries, list | tuple):  # E013
        return []
    return [
        Error(
            f"{PREFIX}AUTHENTICATION_CLASSES names {entry!r}, which {problem}.",
            hint="Name a subclass of rest_framework.authentication.BaseAuthentication with its module, for example: "
            '"rest_framework.authentication.SessionAuthentication"',
            id="spree_digitals.E014",
        )
        for entry in entries
        if (problem := problem_of_authentication(entry))
    ]


def problem_of_authentication(entry: Any) -> str | None:
    try:
        found = import_string(entry) if isinstance(entry, str) else entry
    except Exception as error:  # whatever the shop's module does
        return f"cannot be imported ({reason(error)})"
    if not isinstance(found, type) or not hasattr(found, "authenticate"):
        return "is not an authentication class"
    from rest_framework.authentication import TokenAuthentication

    tables = "rest_framework.authtoken"
    if issubclass(found, TokenAuthentication) and found.model is None and not apps.is_installed(tables):
        return f'needs "{tables}" in INSTALLED_APPS'
    return None


@register(TAG)
def check_time_zone_support(**kwargs: Any) -> Messages:
    if settings.USE_TZ is True:
        return []
    return [
        Error(
            f"USE_TZ is {settings.USE_TZ!r}: without time zones links expire at the wrong moment.",
            hint="Write: USE_TZ = True",
            id="spree_digitals.E015",
        )
    ]


@register(TAG)
def check_what_is_kept_of_addresses(**kwargs: Any) -> Messages:
    if conf.CLIENT_ADDRESS in KEPT_OF_ADDRESSES:
        return []
    return [
        Error(
            f"{PREFIX}CLIENT_ADDRESS is {conf.CLIENT_ADDRESS!r}, which is not one of {in_quotes(KEPT_OF_ADDRESSES)}.",
            hint=f'Write: {PREFIX}CLIENT_ADDRESS = "network"{did_you_mean(conf.CLIENT_ADDRESS, KEPT_OF_ADDRESSES)}',
            id="spree_digitals.E023",
        )
    ]


@register(TAG)
def check_mails_are_a_list(**kwargs: Any) -> Messages:
    if isinstance(conf.MAILS, list | tuple | set | frozenset):
        return []
    return [
        Error(
            f"{PREFIX}MAILS is {conf.MAILS!r}, which is not a list.",
            hint=f'Write: {PREFIX}MAILS = ["files_ready"], or [] for none.',
            id="spree_digitals.E024",
        )
    ]


@register(TAG)
def check_kinds_of_mails(**kwargs: Any) -> Messages:
    kinds = conf.MAILS if isinstance(conf.MAILS, list | tuple | set | frozenset) else ()  # E024
    return [
        Error(
            f"{PREFIX}MAILS names {kind!r}, which is no kind of mail.",
            hint=f"The kinds are: {in_quotes(MailKind.values)}.{did_you_mean(kind, MailKind.values)}",
            id="spree_digitals.E025",
        )
        for kind in kinds
        if kind not in MailKind.values
    ]


@register(TAG)
def check_minutes_to_sign_in(**kwargs: Any) -> Messages:
    minutes: object = conf.SIGN_IN_MINUTES
    if isinstance(minutes, int) and not isinstance(minutes, bool) and minutes >= 1:
        return []
    return [
        Error(
            f"{PREFIX}SIGN_IN_MINUTES is {minutes!r}, which is not a whole number from 1.",
            hint=f"Write: {PREFIX}SIGN_IN_MINUTES = 30",
            id="spree_digitals.E026",
        )
    ]


@register(TAG)
def check_sign_in_rates_are_both_given(**kwargs: Any) -> Messages:
    rates: object = conf.SIGN_IN_RATES
    if isinstance(rates, Mapping) and set(rates) == set(RATES):
        return []
    return [
        Error(
            f"{PREFIX}SIGN_IN_RATES is {rates!r}, which is not a dictionary of {in_quotes(RATES)}.",
            hint=f"Write: {PREFIX}SIGN_IN_RATES = {RATES}",
            id="spree_digitals.E027",
        )
    ]


@register(TAG)
def check_sign_in_rates_can_be_read(**kwargs: Any) -> Messages:
    rates: object = conf.SIGN_IN_RATES
    return [
        Error(
            f"{PREFIX}SIGN_IN_RATES[{name!r}] is {rate!r}, which is not a rate.",
            hint=f'Write a number, a slash and second, minute, hour or day, for example: "{RATES[name]}"',
            id="spree_digitals.E028",
        )
        for name, rate in (rates.items() if isinstance(rates, Mapping) else ())  # E027
        if name in RATES and not is_rate(rate)
    ]


def is_rate(rate: Any) -> bool:
    """Whether REST framework, which counts by it, can read it; and somebody gets a mail at all."""
    from rest_framework.throttling import SimpleRateThrottle

    try:
        number, _seconds = SimpleRateThrottle.parse_rate(object.__new__(SimpleRateThrottle), rate)
    except (AttributeError, KeyError, IndexError, TypeError, ValueError):
        return False
    return number is not None and number >= 1


@register(TAG)
def check_policy_of_pages_is_one_line(**kwargs: Any) -> Messages:
    policy: object = conf.PAGES_CSP
    if policy is None or (isinstance(policy, str) and policy.isprintable()):
        return []
    return [
        Error(
            f"{PREFIX}PAGES_CSP is {policy!r}, which is neither None nor one line of text.",
            hint=f"Write: {PREFIX}PAGES_CSP = None, if the project sends a policy of its own, or remove the setting.",
            id="spree_digitals.E029",
        )
    ]


def in_quotes(words: Iterable[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)
