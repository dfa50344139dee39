"""What pages say of a link, in words: what kind of file it is, what is left, and what to do when it cannot be had."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Model
from django.utils.functional import cached_property
from django.utils.timesince import timeuntil
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ..exceptions import DownloadRefused
from ..models import Digital
from ..policy import Standing
from ..storage import visible
from ..storefront import completion_of, get_storefront
from ..wording import kind_in_words

PENDING = "pending"

# For each reason: in a word or two, in a sentence, and what to know or do about it.
REASONS: dict[str, tuple[Any, Any, Any]] = {
    "link_expired": (
        gettext_lazy("Expired"),
        gettext_lazy("This download link has expired."),
        gettext_lazy("Do you still need the file?"),
    ),
    "download_limit_reached": (
        gettext_lazy("Used up"),
        gettext_lazy("This download link has been used as often as the shop allows."),
        gettext_lazy("Look among the downloads of your devices first: the file may be there. Is it not?"),
    ),
    "link_revoked": (
        gettext_lazy("Revoked"),
        gettext_lazy("The shop has revoked this download link."),
        gettext_lazy("Do you think that this is a mistake?"),
    ),
    "order_not_entitled": (
        gettext_lazy("Not available"),
        gettext_lazy("This file cannot be downloaded any more: its order was cancelled or refunded."),
        gettext_lazy("Do you think that this is a mistake?"),
    ),
    PENDING: (
        gettext_lazy("Not yet available"),
        gettext_lazy("The order is not completed yet."),
        gettext_lazy(
            "The file can be downloaded as soon as it is. Come back to this page later. Does it take too long?"
        ),
    ),
    "file_withdrawn": (
        gettext_lazy("Withdrawn"),
        gettext_lazy("The shop has withdrawn this file, so that nobody can download it any more."),
        gettext_lazy("Do you want to know more?"),
    ),
    "file_missing": (
        gettext_lazy("Missing"),
        gettext_lazy("The shop cannot find this file at the moment."),
        gettext_lazy("That is the shop's mistake, and no download was counted."),
    ),
    "temporarily_unavailable": (
        gettext_lazy("Not available now"),
        gettext_lazy("The file cannot be sent at the moment."),
        gettext_lazy("No download was counted. Please try again in a few minutes. Does it not help?"),
    ),
}

# Reasons that lie in the limits themselves, or pass.
WAITING = {"link_expired", "download_limit_reached", PENDING, "file_missing", "temporarily_unavailable"}


@dataclass(frozen=True)
class LinkInWords:
    """A link as pages show it. ``refusal`` is why it cannot be used now, ``copy`` its number among several alike."""

    standing: Standing
    refusal: DownloadRefused | None
    copy: int | None = None

    @property
    def digital(self) -> Digital:
        return self.standing.link.digital

    @property
    def token(self) -> str:
        token: str = self.standing.link.token
        return token

    @property
    def filename(self) -> str:
        return visible(self.digital.filename)

    @property
    def kind(self) -> str:
        return kind_in_words(self.digital.content_type)

    @property
    def uses_left(self) -> str:
        uses, left = self.standing.limits.uses, self.standing.uses_left
        if uses is None:
            return _("Unlimited downloads")
        sentence = ngettext("%(left)d of %(uses)d download left", "%(left)d of %(uses)d downloads left", uses)
        return sentence % {"left": left, "uses": uses}

    @property
    def expires_at(self) -> datetime | None:
        return self.standing.expires_at

    @property
    def expired(self) -> bool:
        return self.standing.expired

    @property
    def time_left(self) -> str:
        """In whole days; the last day in hours, the last hour in minutes."""
        if self.expires_at is None or self.expired:
            return ""
        days = (self.expires_at - self.standing.now).days
        if days:
            return ngettext("%(days)d day left", "%(days)d days left", days) % {"days": days}
        return _("%(time)s left") % {"time": timeuntil(self.expires_at, self.standing.now, depth=1)}

    @property
    def days_from_completion(self) -> int | None:
        """For how many days it will work, where they do not count yet."""
        lifetime = self.standing.limits.lifetime
        return None if lifetime is None or self.standing.activated_at is not None else lifetime.days

    @cached_property
    def order(self) -> Model | None:
        line_item = self.standing.link.line_item
        return None if line_item is None else get_storefront().order(line_item)

    @property
    def number(self) -> str | None:
        return None if self.order is None else get_storefront().number(self.order)

    @property
    def may_work(self) -> bool:
        """Whether what is left matters: not on a link that nothing but the shop brings back."""
        return self.refusal is None or self._code in WAITING

    @property
    def state(self) -> str:
        return _("Ready") if self.refusal is None else str(self._reason[0])

    @property
    def problem(self) -> str:
        return str(self._reason[1])

    @property
    def advice(self) -> str:
        """What to do, ending in whom to ask and what to name."""
        if self.number is None:
            whom = _("Write to the shop.")
        else:
            whom = _("Write to the shop and name order %(number)s.") % {"number": self.number}
        return f"{self._reason[2]} {whom}"

    @property
    def _reason(self) -> tuple[Any, Any, Any]:
        return REASONS[self._code]

    @property
    def _code(self) -> str:
        code = "" if self.refusal is None else self.refusal.code
        if code == "order_not_entitled" and self.order is not None:
            return code if completion_of(self.standing.link.line_item) else PENDING
        return code
