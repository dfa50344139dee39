"""Facts the app announces. They are sent with ``send_robust``: a receiver that fails is logged and changes nothing."""

from django.dispatch import Signal

# Links were issued for an order, and the transaction was committed.
# Sender: the DigitalLink class. Arguments: order (the shop's order), links (list of DigitalLink, not empty).
links_issued = Signal()

# A use was counted and its response built; the bytes may still not arrive.
# Sender: the DigitalLink class. Arguments: link (DigitalLink), download (Download), request (HttpRequest).
download_started = Signal()

# A download was refused; nothing was counted.
# Sender: the DigitalLink class. Arguments: link (DigitalLink), refusal (DownloadRefused), request (HttpRequest).
download_refused = Signal()

# A link was taken away, and the transaction was committed.
# Sender: the DigitalLink class. Arguments: link (DigitalLink; its revoke_reason tells who did it).
link_revoked = Signal()

# A revoked link works again, and the transaction was committed.
# Sender: the DigitalLink class. Arguments: link (DigitalLink).
link_restored = Signal()

# A link may be used anew, its days counting from now, and the transaction was committed.
# Sender: the DigitalLink class. Arguments: link (DigitalLink).
link_reset = Signal()

# A link may be used more often or longer than before, and the transaction was committed.
# Sender: the DigitalLink class. Arguments: link (DigitalLink).
link_extended = Signal()

# A link has a new token, the old one leads nowhere, and the transaction was committed.
# Sender: the DigitalLink class. Arguments: link (DigitalLink, with its new token).
link_rotated = Signal()

# A mail to a buyer is due, and the transaction was committed. The app itself listens and sends it.
# Sender: the Mail class. Arguments: mail (Mail).
mail_due = Signal()
