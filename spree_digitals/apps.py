from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SpreeDigitalsConfig(AppConfig):
    name = "spree_digitals"
    label = "spree_digitals"
    verbose_name = _("Digital downloads")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import (
            checks,  # noqa: F401  (registers them)
            signals,
            tasks,
        )

        signals.mail_due.connect(tasks.enqueue, dispatch_uid="spree_digitals.tasks.enqueue")
