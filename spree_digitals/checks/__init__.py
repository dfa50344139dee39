"""What ``manage.py check`` says about a shop's configuration. ``docs/checks.md`` lists every id.

No check raises: where something else is broken that another check or Django reports, it says nothing.
"""

from . import database, delivery, pages, settings, storage, storefront  # noqa: F401  (registers them)
