"""Model fields that keep the app independent of the shop's models and storages."""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.fields.files import FieldFile
from django.utils.translation import gettext_lazy as _

from .. import storage
from ..conf import PREFIX, conf

# Bitcoin's alphabet: no 0, O, I or l, so that a token can be read aloud.
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
TOKEN_LENGTH = 24
TOKEN = re.compile(rf"[{BASE58}]{{{TOKEN_LENGTH}}}\Z")


class SettingReference:
    """
    A relation to the model that a setting names, as in ``SettingForeignKey("SPREE_DIGITALS_STORE_MODEL", CASCADE)``.

    Migrations show a plain Django field that points at the setting and depend on ``swappable_dependency`` of it, so
    that the same migration files run in every shop.
    """

    plain_field: ClassVar[str]

    def __init__(self, to: str, *args: Any, **kwargs: Any) -> None:
        # Django copies fields with the reference that deconstruct() gave it.
        self.setting = getattr(to, "setting_name", to)
        super().__init__(getattr(conf, self.setting.removeprefix(PREFIX)), *args, **kwargs)  # type: ignore[call-arg]

    @property
    def swappable_setting(self) -> str:
        return self.setting

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, _, args, kwargs = super().deconstruct()  # type: ignore[misc]
        return name, self.plain_field, args, kwargs


class SettingForeignKey(SettingReference, models.ForeignKey):  # type: ignore[type-arg]
    """Many rows point at one of the shop's."""

    plain_field = "django.db.models.ForeignKey"


class SettingOneToOneField(SettingReference, models.OneToOneField):  # type: ignore[type-arg]
    """One row belongs to one of the shop's."""

    plain_field = "django.db.models.OneToOneField"


def generate_token() -> str:
    """24 random base58 characters: 140 bits, in the shape of Spree's tokens."""
    return "".join(secrets.choice(BASE58) for _ in range(TOKEN_LENGTH))


class TokenField(models.CharField):  # type: ignore[type-arg]
    """Text that is compared byte for byte on every database: MySQL and MariaDB otherwise ignore case and accents."""

    def db_parameters(self, connection: BaseDatabaseWrapper) -> dict[str, str | None]:
        parameters: dict[str, str | None] = dict(super().db_parameters(connection))
        if connection.vendor == "mysql":
            parameters["collation"] = "utf8mb4_bin"
        return parameters


class AttachmentFile(FieldFile):
    """A stored file that tells its owner what it is (``take_facts``) whenever a new one is stored."""

    def store(self) -> None:
        """Write the upload to the storage, unless that has been done."""
        pending: bool = bool(self) and not vars(self)["_committed"]
        if pending:
            self.save(self.name or "", self.file, save=False)

    def save(self, name: str, content: File[Any], save: bool = True) -> None:
        owner: Any = self.instance
        owner.take_facts(storage.examine(content, name))
        super().save(name, content, save=save)


class AttachmentField(models.FileField):
    """A private file in the ``digitals`` storage, under a generated name. The storage never enters a migration."""

    attr_class = AttachmentFile

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.update(storage=storage.digitals_storage, upload_to=storage.generate_name)
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("storage")
        kwargs.pop("upload_to")
        return name, path, args, kwargs


def in_calendar(moment: datetime) -> None:
    """A validator: far away from today, a moment leaves the calendar of some time zone, and no page can show it."""
    if not 2000 <= moment.year <= 9000:
        raise ValidationError(
            _("The year %(year)s is too far away. Give a year between 2000 and 9000."), params={"year": moment.year}
        )
