"""Authorize a use of a link: decide, count and record, so that no two clients ever take the same last use."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.db import DatabaseError, InterfaceError, OperationalError, connections
from django.db.models import F
from django.utils import timezone

from . import compiled, issuing, one_statement, outbox
from .clients import Client
from .conf import conf
from .exceptions import DownloadRefused, LimitReached, LinkNotFound, TemporarilyUnavailable
from .limits import Limits
from .models import DigitalLink, DigitalVersion, Download, Refusal
from .models.fields import TOKEN
from .policy import Standing, standing_of
from .storage import StoredFile
from .storefront import get_storefront
from .transactions import TRIES, alias, own_transaction, pause

logger = logging.getLogger(__name__)

SLOWEST = 50_000  # bytes a second: a line that is slower may have to begin anew
LOOKED_AT = 8  # of a client's downloads of one link, the newest


@dataclass(frozen=True, kw_only=True)
class Grant:
    """
    What a response is about to give away: ``length`` bytes of ``file``.

    ``resumable``: it may join a running download, which takes no use. ``budget``: how many times the size of its file
    one download may take.
    """

    file: StoredFile
    length: int
    resumable: bool = False
    budget: int = 2

    @classmethod
    def whole(cls, file: StoredFile) -> Grant:
        return cls(file=file, length=file.byte_size)


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


def running(link: DigitalLink, client: Client) -> Iterator[tuple[Download, StoredFile]]:
    """
    The downloads that this client may resume, newest first, each with the file it was granted.

    Resuming takes the same link, client and generation, a grant within the window, and bytes that are left in the
    budget; whether they are enough is decided when they are charged.
    """
    if not client.fingerprint:
        return
    now = timezone.now()
    begun = Download.objects.using(alias()).filter(
        link=link, client=client.fingerprint, generation=link.generation, last_granted_at__isnull=False
    )
    for download in begun.order_by("-created_at")[:LOOKED_AT]:
        if now < download.last_granted_at + resume_window(download.byte_size):  # type: ignore[operator]
            file = _granted_file(link, download)
            if file is not None:
                yield download, file


def resume_window(byte_size: int) -> timedelta:
    """For how long after its last grant a download of so many bytes may be resumed."""
    return max(conf.RESUME_WINDOW, timedelta(seconds=byte_size / SLOWEST))


def authorize(link: DigitalLink, limits: Limits, client: Client, grant: Grant | None = None) -> Download:
    """
    Join a running download, if ``grant`` may, or count one use of ``link``; return the record.

    ``grant`` is by default the whole file of the link.

    A single conditional UPDATE decides, so that two simultaneous requests cannot both take the last use on any
    database. When it matches nothing the link is read anew: either that tells the reason, or the count is tried again.

    Raises:
        DownloadRefused: the link may not be used; the subclass tells why.
        TemporarilyUnavailable: the database could not answer; nothing was counted unless its COMMIT was lost.
    """
    grant = grant or Grant.whole(link.digital.stored_file)
    for attempt in range(TRIES):
        try:
            download = _join(link, client, grant) or _count(link, limits, client, grant)
        except OperationalError as error:
            logger.warning("A use of link %s could not be counted (try %s): %s", link.pk, attempt + 1, error)
            pause(attempt)
            continue
        if download is not None:
            return download
        standing = find_link(link.token)
        link, limits, refusal = standing.link, standing.limits, standing.refusal
        if refusal is not None:
            # Others may have taken the last use for the same download while we waited.
            download = _join(link, client, grant) if isinstance(refusal, LimitReached) else None
            if download is None:
                raise refusal
            return download
    raise TemporarilyUnavailable


def give_back(download: Download, undelivered: int) -> None:
    """Note that so many of the bytes that were granted never left. Never raises: the response is over."""
    if not undelivered:
        return
    rows = Download.objects.using(alias()).filter(pk=download.pk, bytes_granted__gte=undelivered)
    try:
        rows.update(bytes_granted=F("bytes_granted") - undelivered)
    except DatabaseError as error:
        logger.warning("%s bytes could not be given back to download %s: %s", undelivered, download.pk, error)


def record_refusal(link: DigitalLink, refusal: DownloadRefused, client: Client) -> None:
    """Note that an attempt was refused, once a minute for each link and reason. Never turns a refusal into an error."""
    now = timezone.now()
    row = Refusal(
        link=link,
        code=refusal.code,
        minute=now.replace(second=0, microsecond=0),
        refused_at=now,
        client=client.fingerprint,
        address=client.address,
        user_agent=client.user_agent,
    )
    try:
        Refusal.objects.using(alias()).bulk_create([row], ignore_conflicts=True)
    except DatabaseError as error:
        logger.warning("The refusal of link %s (%s) could not be recorded: %s", link.pk, refusal.code, error)


def _load(token: str) -> DigitalLink:
    link = compiled.load(token, alias())
    if link is None:
        raise LinkNotFound
    return link


def _granted_file(link: DigitalLink, download: Download) -> StoredFile | None:
    """The file as it was when the download began, also if another version has replaced it since."""
    present = link.digital.stored_file
    if (download.stored_name, download.sha256) == (present.name, present.sha256):
        return present
    versions = DigitalVersion.objects.using(alias()).filter(digital=link.digital_id, stored_name=download.stored_name)
    version = versions.first()
    return None if version is None else version.stored_file


def _join(link: DigitalLink, client: Client, grant: Grant) -> Download | None:
    """Charge a running download of the same file with what is granted; None when there is none with enough left."""
    if not grant.resumable:
        return None
    for download, file in running(link, client):
        if file.name == grant.file.name:
            with own_transaction():
                if _charge(download, grant):
                    return download
    return None


def _charge(download: Download, grant: Grant) -> bool:
    """The check is the write: of several segments at once, none takes what another has taken."""
    affordable = Download.objects.using(alias()).filter(
        pk=download.pk, bytes_granted__lte=F("byte_size") * grant.budget - grant.length
    )
    charged = {"bytes_granted": F("bytes_granted") + grant.length, "last_granted_at": timezone.now()}
    download.joined = affordable.update(**charged) == 1
    return download.joined


def _count(link: DigitalLink, limits: Limits, client: Client, grant: Grant) -> Download | None:
    """The count and its record, both or neither; None when the link changed under us."""
    if not grant.resumable and one_statement.available(alias()):
        return _count_in_one_statement(link, limits, _record(link, client, grant))
    return _count_in_a_transaction(link, limits, client, grant)


def _count_in_one_statement(link: DigitalLink, limits: Limits, download: Download) -> Download | None:
    try:
        return download if one_statement.count(link, limits, download, alias()) else None
    except (OperationalError, InterfaceError) as error:
        if one_statement.collided(error):
            raise
        _confirm(download, error)
    return download


def _count_in_a_transaction(link: DigitalLink, limits: Limits, client: Client, grant: Grant) -> Download | None:
    """The transaction is short, and our own."""
    download, joined, committing = _record(link, client, grant), None, False
    try:
        with own_transaction():
            if not _take_use(link, limits):
                return None
            # Whoever came first to the link's row may have begun the download that this is a part of.
            if joined := _begun_meanwhile(link, client, grant):
                _return_use(link)
            else:
                download.save(force_insert=True, using=alias())
            committing = True
    except (OperationalError, InterfaceError) as error:
        if not committing or joined:
            raise
        _confirm(download, error)
    return joined or download


def _record(link: DigitalLink, client: Client, grant: Grant) -> Download:
    now = timezone.now()
    return Download(
        link=link,
        generation=link.generation,
        version=grant.file.version,
        stored_name=grant.file.name,
        byte_size=grant.file.byte_size,
        sha256=grant.file.sha256,
        client=client.fingerprint,
        address=client.address,
        user_agent=client.user_agent,
        bytes_granted=grant.length,
        last_granted_at=now,
        created_at=now,
    )


def _begun_meanwhile(link: DigitalLink, client: Client, grant: Grant) -> Download | None:
    found = running(link, client) if grant.resumable else ()
    return next((begun for begun, file in found if file.name == grant.file.name and _charge(begun, grant)), None)


def _return_use(link: DigitalLink) -> None:
    DigitalLink.objects.using(alias()).filter(pk=link.pk).update(access_counter=F("access_counter") - 1)


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
