from .digital import Digital, DigitalVersion
from .digital_link import DigitalLink, RevokeReason
from .download import Download
from .mail import Mail, MailKind, MailState
from .refusal import Refusal
from .store_limits import StoreLimits

__all__ = [
    "Digital",
    "DigitalLink",
    "DigitalVersion",
    "Download",
    "Mail",
    "MailKind",
    "MailState",
    "Refusal",
    "RevokeReason",
    "StoreLimits",
]
