"""What buyers are to be told: written in the transaction that is the reason for it, sent when that was committed."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import islice
from typing import Any

from django.db import DatabaseError, transaction
from django.db.models import Model

from . import signals
from .conf import conf
from .models import Digital, Mail, MailKind, MailState
from .transactions import alias

logger = logging.getLogger(__name__)

BATCH = 500  # rows written at a time, however many buyers there are
AT_ONCE = 20  # mails of one occasion that do not wait for the command: whoever caused them may be waiting, too

_muted: ContextVar[bool] = ContextVar("spree_digitals_muted", default=False)


@contextmanager
def muted() -> Iterator[None]:
    """Tell nobody by itself of what happens in here: for imports of old orders, and for repairs."""
    token = _muted.set(True)
    try:
        yield
    finally:
        _muted.reset(token)


def wanted(kind: MailKind) -> bool:
    """Whether buyers get mails of this kind by themselves now."""
    return kind in conf.MAILS and not _muted.get()


def files_ready(orders: Iterable[Model]) -> None:
    """Tell the buyers of these orders once that their files are ready, if the shop has that in its settings."""
    if wanted(MailKind.FILES_READY):
        post(Mail(kind=MailKind.FILES_READY, order_pk=str(order.pk), key=f"files_ready:{order.pk}") for order in orders)


def files_ready_again(orders: Iterable[Model]) -> None:
    """Tell the buyers of these orders once more, because staff say so."""
    post(Mail(kind=MailKind.FILES_READY, order_pk=str(order.pk), key=f"resent:{uuid.uuid4().hex}") for order in orders)


def new_version(digital: Digital, order_pks: Iterable[Any]) -> bool:
    """Tell the buyers of these orders, once for each version, that there is a new one of this file. See post()."""
    reason = f"{digital.pk}:{digital.version}"
    return post(
        Mail(kind=MailKind.NEW_VERSION, order_pk=str(pk), digital=digital, key=f"new_version:{reason}:{pk}")
        for pk in order_pks
    )


def post(mails: Iterable[Mail]) -> bool:
    """
    Put mails into the outbox; those whose ``key`` is there already are left out.

    False if the database refused some. Never breaks an order.
    """
    left, announced, complete = iter(mails), 0, True
    while due := {mail.key: mail for mail in islice(left, BATCH)}:
        try:
            with transaction.atomic(using=alias()):
                Mail.objects.using(alias()).bulk_create(due.values(), ignore_conflicts=True)
        except DatabaseError:
            logger.exception("Mails could not be put into the outbox: %s", ", ".join(due))
            complete = False
            continue
        tell(islice(due, AT_ONCE - announced))
        announced = min(AT_ONCE, announced + len(due))
    return complete


def tell(keys: Iterable[str]) -> None:
    """Announce that these mails are due, once what is written now is committed. Others are left to the command."""
    if chosen := list(keys):
        # A lambda has a name, which Django 5.2 wants to log when the hook fails; a partial has none.
        transaction.on_commit(lambda: _tell(chosen), using=alias(), robust=True)


def _tell(keys: list[str]) -> None:
    untried = Mail.objects.using(alias()).filter(key__in=keys, state=MailState.WAITING, tried_at=None)
    for mail in untried.order_by("pk"):
        signals.mail_due.send_robust(Mail, mail=mail)
