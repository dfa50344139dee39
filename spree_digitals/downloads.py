"""Authorize a use of a link: decide, count and record, so that no two clients ever take the same last use."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from django.db import DatabaseError, InterfaceError, OperationalError, connections
from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from . import issuing, outbox
from .conf import conf
from .exceptions import DownloadRefused, LinkNotFound, TemporarilyUnavailable
from .limits import Limits
from .models import DigitalLink, Download, Refusal
from .models.fields import TOKEN
from .policy import Standing, standing_of
from .storage import StoredFile
from .storefront import get_storefront
from .transactions import TRIES, alias, own_transaction, pause

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Client:
    """Who downloads, as far as a request tells. ``fingerprint`` is a keyed hash of the whole address and browser."""

    fingerprint: str = ""
    address: str | None = None
    user_agent: str = ""

    @classmethod
    def of(cls, request: HttpRequest) -> Client:
        address = request.META.get("REMOTE_ADDR", "")
        user_agent = request.META.get("HTTP_USER_AGENT", "").replace("\x00", "")
        fingerprint = salted_hmac("spree_digitals.client", f"{address}\n{user_agent}", algorithm="sha256").hexdigest()
        return cls(
            fingerprint=fingerprint if address else "", address=kept_address(address), user_agent=user_agent[:200]
        )


def kept_address(address: str) -> str | None:
    """What is kept of a client's address: by default the network it is in, which names no household."""
    try:
        found = ip_address(address)
    except ValueError:  # none at all, as behind a unix socket
        return None
    found = getattr(found, "ipv4_mapped", None) or found  # as sockets for both kinds show IPv4
    if conf.CLIENT_ADDRESS == "none":
        return None
    if conf.CLIENT_ADDRESS == "full":
        return str(found)
    return str(ip_network(f"{found}/{24 if found.version == 4 else 48}", strict=False).network_address)


def find_link(token: str) -> Standing:
    """
    Where the link with this token stands, after its line was brought in step with the order.

    Raises LinkNotFound; for what has not the shape of a token, without asking the database.
    """
    if not TOKEN.match(token):
        raise LinkNotFound
    link = _load(token)
    if issuing.out_of_step(link):
        issuing.reconcile(link.line_item)
        link = _load(token)
    standing = standing_of(link)
    if link.activated_at is None and standing.activated_at is not None:
        # Issued before its order completed: the days count from completion, whatever the shop changes later.
        pending = DigitalLink.objects.using(alias()).filter(pk=link.pk, activated_at=None)
        order = None if link.line_item is None else get_storefront().order(link.line_item)
        if pending.update(activated_at=standing.activated_at) and order is not None:
            outbox.files_ready([order])
    return standing


def authorize(link: DigitalLink, limits: Limits, client: Client, *, file: StoredFile | None = None) -> Download:
    """
    Count one use of ``link`` and return its record, which names ``file``: the opened one, by default the link's.

    A single conditional UPDATE decides, so that two simultaneous requests cannot both take the last use on any
    database. When it matches nothing the link is read anew: either that tells the reason, or the count is tried again.

    Raises:
        DownloadRefused: the link may not be used; the subclass tells why.
        TemporarilyUnavailable: the database could not answer; nothing was counted unless its COMMIT was lost.
    """
    file = file or link.digital.stored_file
    for attempt in range(TRIES):
        try:
            download = _count(link, limits, client, file)
        except OperationalError as error:
            logger.warning("A use of link %s could not be counted (try %s): %s", link.pk, attempt + 1, error)
            pause(attempt)
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
    row = Refusal(
        link=link,
        code=refusal.code,
        minute=minute,
        client=client.fingerprint,
        address=client.address,
        user_agent=client.user_agent,
    )
    try:
        Refusal.objects.using(alias()).bulk_create([row], ignore_conflicts=True)
    except DatabaseError as error:
        logger.warning("The refusal of link %s (%s) could not be recorded: %s", link.pk, refusal.code, error)


def _load(token: str) -> DigitalLink:
    link = DigitalLink.objects.using(alias()).with_standing().filter(token=token).first()
    if link is None:
        raise LinkNotFound
    return link


def _count(link: DigitalLink, limits: Limits, client: Client, file: StoredFile) -> Download | None:
    """The count and its record in one short transaction of our own; None when the link changed under us."""
    download = Download(
        link=link,
        generation=link.generation,
        version=file.version,
        stored_name=file.name,
        byte_size=file.byte_size,
        sha256=file.sha256,
        client=client.fingerprint,
        address=client.address,
        user_agent=client.user_agent,
    )
    committing = False
    try:
        with own_transaction():
            if not _take_use(link, limits):
                return None
            download.save(force_insert=True, using=alias())
            committing = True
    except (OperationalError, InterfaceError) as error:
        if not committing:
            raise
        _confirm(download, error)
    return download


def _take_use(link: DigitalLink, limits: Limits) -> bool:
    """The check is the write, and the first statement, so that the row is locked before anything is read."""
    usable = DigitalLink.objects.using(alias()).filter(
        pk=link.pk, token=link.token, generation=link.generation, revoked_at=None
    )
    if limits.uses is not None:
        usable = usable.filter(access_counter__lt=limits.uses)
    return usable.update(access_counter=F("access_counter") + 1) == 1


def _confirm(download: Download, error: Exception) -> None:
    """The answer to COMMIT was lost: a fresh connection tells whether it was carried out. Never counts again."""
    connections[alias()].close()
    try:
        committed = Download.objects.using(alias()).filter(pk=download.pk).exists()
    except DatabaseError:
        committed = False
    if not committed:
        logger.error("The COMMIT of download %s got no answer; its use may be spent: %s", download.pk, error)
        raise TemporarilyUnavailable from error
