"""Authorize a use of a link: decide, count and record, so that no two clients ever take the same last use."""

from __future__ import annotations

import logging
import random
import time
from dataclasses import dataclass

from django.db import DatabaseError, InterfaceError, OperationalError, connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from . import issuing
from .exceptions import DownloadRefused, LinkNotFound, TemporarilyUnavailable
from .limits import Limits
from .models import DigitalLink, Download, Refusal
from .policy import Standing, standing_of

logger = logging.getLogger(__name__)

TRIES = 3
ISOLATION = "READ COMMITTED"


@dataclass(frozen=True, kw_only=True)
class Client:
    """Who downloads, as far as a request tells. ``fingerprint`` is a keyed hash: no address is stored."""

    fingerprint: str = ""
    user_agent: str = ""

    @classmethod
    def of(cls, request: HttpRequest) -> Client:
        address = request.META.get("REMOTE_ADDR", "")
        user_agent = request.META.get("HTTP_USER_AGENT", "").replace("\x00", "")
        fingerprint = salted_hmac("spree_digitals.client", f"{address}\n{user_agent}", algorithm="sha256").hexdigest()
        return cls(fingerprint=fingerprint if address else "", user_agent=user_agent[:200])


def find_link(token: str) -> Standing:
    """
    Where the link with this token stands, after its line was brought in step with the order.

    Raises LinkNotFound. Ask only for tokens of the right shape: the database is not there for the others.
    """
    link = _load(token)
    if issuing.out_of_step(link):
        issuing.reconcile(link.line_item)
        link = _load(token)
    standing = standing_of(link)
    if link.activated_at is None and standing.activated_at is not None:
        # Issued before its order completed: the days count from completion, whatever the shop changes later.
        pending = DigitalLink.objects.using(_alias()).filter(pk=link.pk, activated_at=None)
        pending.update(activated_at=standing.activated_at)
    return standing


def authorize(link: DigitalLink, limits: Limits, client: Client) -> Download:
    """
    Count one use of ``link`` and return its record.

    A single conditional UPDATE decides, so that two simultaneous requests cannot both take the last use on any
    database. When it matches nothing the link is read anew: either that tells the reason, or the count is tried again.

    Raises:
        DownloadRefused: the link may not be used; the subclass tells why.
        TemporarilyUnavailable: the database could not answer; nothing was counted unless its COMMIT was lost.
    """
    for attempt in range(TRIES):
        try:
            download = _count(link, limits, client)
        except OperationalError as error:
            logger.warning("A use of link %s could not be counted (try %s): %s", link.pk, attempt + 1, error)
            time.sleep(random.uniform(0.01, 0.05) * 2**attempt)  # noqa: S311
            continue
        if download is not None:
            return download
        standing = find_link(link.token)
        if standing.refusal is not None:
            raise standing.refusal
        link, limits = standing.link, standing.limits
    raise TemporarilyUnavailable


def record_refusal(link: DigitalLink, refusal: DownloadRefused, client: Client) -> None:
    """Note that an attempt was refused, once a minute for each link and reason. Never turns a refusal into an error."""
    minute = timezone.now().replace(second=0, microsecond=0)
    row = Refusal(link=link, code=refusal.code, minute=minute, client=client.fingerprint, user_agent=client.user_agent)
    try:
        Refusal.objects.using(_alias()).bulk_create([row], ignore_conflicts=True)
    except DatabaseError as error:
        logger.warning("The refusal of link %s (%s) could not be recorded: %s", link.pk, refusal.code, error)


def _alias() -> str:
    return router.db_for_write(DigitalLink)


def _load(token: str) -> DigitalLink:
    link = DigitalLink.objects.using(_alias()).with_standing().filter(token=token).first()
    if link is None:
        raise LinkNotFound
    return link


def _count(link: DigitalLink, limits: Limits, client: Client) -> Download | None:
    """The count and its record in one short transaction of our own; None when the link changed under us."""
    digital = link.digital
    download = Download(
        link=link,
        generation=link.generation,
        version=digital.version,
        stored_name=digital.stored_file.name,
        byte_size=digital.byte_size,
        sha256=digital.sha256,
        client=client.fingerprint,
        user_agent=client.user_agent,
    )
    committing = False
    try:
        with transaction.atomic(using=_alias(), durable=True):
            _read_committed(connections[_alias()])
            if not _take_use(link, limits):
                return None
            download.save(force_insert=True, using=_alias())
            committing = True
    except RuntimeError as error:  # what durable=True raises
        logger.error("Downloads must not run inside a transaction of the project: %s", error)
        raise TemporarilyUnavailable from error
    except (OperationalError, InterfaceError) as error:
        if not committing:
            raise
        _confirm(download, error)
    return download


def _take_use(link: DigitalLink, limits: Limits) -> bool:
    """The check is the write, and the first statement, so that the row is locked before anything is read."""
    usable = DigitalLink.objects.using(_alias()).filter(
        pk=link.pk, token=link.token, generation=link.generation, revoked_at=None
    )
    if limits.uses is not None:
        usable = usable.filter(access_counter__lt=limits.uses)
    return usable.update(access_counter=F("access_counter") + 1) == 1


def _confirm(download: Download, error: Exception) -> None:
    """The answer to COMMIT was lost: a fresh connection tells whether it was carried out. Never counts again."""
    connections[_alias()].close()
    try:
        committed = Download.objects.using(_alias()).filter(pk=download.pk).exists()
    except DatabaseError:
        committed = False
    if not committed:
        logger.error("The COMMIT of download %s got no answer; its use may be spent: %s", download.pk, error)
        raise TemporarilyUnavailable from error


def _read_committed(connection: BaseDatabaseWrapper) -> None:
    """
    Under a stricter isolation level the second of two simultaneous uses fails instead of waiting for the first.

    The conditional UPDATE is exact at READ COMMITTED already.
    """
    level = connection.settings_dict["OPTIONS"].get("isolation_level")
    if connection.vendor in {"postgresql", "mysql"} and level is not None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {ISOLATION}")
