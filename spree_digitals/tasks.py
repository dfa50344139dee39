"""What may happen later, or elsewhere: tasks for whatever backend the project has in ``TASKS``."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import django
from django.db import transaction
from django.db.models.signals import post_save
from django.dispatch import receiver

from . import mails, outbox
from .models import DigitalVersion, Mail, MailKind
from .pages import sign_in
from .transactions import alias

# Django 5.2 has a backport of the same interface.
task: Any = import_module("django.tasks" if django.VERSION >= (6, 0) else "django_tasks").task


@task()  # type: ignore[untyped-decorator]
def deliver_mail(pk: int) -> None:
    mails.deliver(pk)


@task()  # type: ignore[untyped-decorator]
def announce_new_versions() -> None:
    mails.announce_new_versions()


@task()  # type: ignore[untyped-decorator]
def mail_sign_in_link(typed: str) -> None:
    sign_in.send_link(typed)


def enqueue(sender: type[Mail], mail: Mail, **kwargs: Any) -> None:
    """Receiver of ``mail_due``."""
    deliver_mail.enqueue(mail.pk)


@receiver(post_save, sender=DigitalVersion, dispatch_uid="spree_digitals.tasks.new_version")
def new_version(sender: type[DigitalVersion], instance: DigitalVersion, created: bool, **kwargs: Any) -> None:
    """
    A file was replaced: once that is committed, its buyers are told, if the shop has that in its settings.

    That they are to be told is written with the version: it may take a while, and a queue may lose it.
    """
    if created and not kwargs.get("raw") and instance.version > 1 and outbox.wanted(MailKind.NEW_VERSION):
        DigitalVersion.objects.using(alias()).filter(pk=instance.pk).update(to_announce=True)
        # A lambda has a name, which Django 5.2 wants to log when the hook fails; a partial has none.
        transaction.on_commit(lambda: announce_new_versions.enqueue(), using=alias(), robust=True)
