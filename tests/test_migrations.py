"""Migrations that write rows, in a shop that runs them more than once."""

from __future__ import annotations

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from spree_digitals.models import DigitalVersion


@pytest.mark.django_db(transaction=True)
def test_files_get_no_second_first_version_when_the_migration_runs_again(digital, make_digital):
    replaced = make_digital(name="other.pdf")
    replaced.attachment.save("second.txt", ContentFile(b"second edition"))
    before = list(DigitalVersion.objects.order_by("pk").values())
    newest = MigrationExecutor(connection).loader.graph.leaf_nodes("spree_digitals")
    try:
        MigrationExecutor(connection).migrate([("spree_digitals", "0002_support_desk")])
    finally:
        MigrationExecutor(connection).migrate(newest)
    assert len(before) == 3
    assert list(DigitalVersion.objects.order_by("pk").values()) == before
