from .digital import Digital
from .digital_link import DigitalLink, RevokeReason
from .download import Download
from .refusal import Refusal
from .store_limits import StoreLimits

__all__ = ["Digital", "DigitalLink", "Download", "Refusal", "RevokeReason", "StoreLimits"]
