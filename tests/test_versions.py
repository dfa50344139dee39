"""Each file that a digital was is on record, whoever replaces it and however."""

from __future__ import annotations

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from spree_digitals.models import Digital, DigitalVersion, Download
from tests.at_once import at_once

FACTS = ("filename", "content_type", "byte_size", "sha256", "attached_at")


def versions(digital: Digital) -> list[int]:
    return list(digital.versions.order_by("version").values_list("version", flat=True))


def test_a_new_file_is_its_own_first_version(digital):
    version = digital.versions.get()
    assert version.version == digital.version == 1
    assert version.stored_name == digital.attachment.name
    assert {name: getattr(version, name) for name in FACTS} == {name: getattr(digital, name) for name in FACTS}


def test_a_replaced_file_stays_on_record_and_in_the_storage(digital):
    first = digital.attachment.name
    digital.attachment = ContentFile(b"second edition", name="second.txt")
    digital.save()
    assert versions(digital) == [1, 2]
    old, new = digital.versions.order_by("version")
    assert (old.filename, new.filename) == ("novel.pdf", "second.txt")
    assert (old.stored_name, new.stored_name) == (first, digital.attachment.name)
    assert digital.attachment.storage.exists(first)


def test_a_file_that_is_stored_through_its_field_is_a_version_as_well(digital):
    digital.attachment.save("second.txt", ContentFile(b"second edition"))
    assert versions(digital) == [1, 2]
    digital.refresh_from_db()
    assert (digital.version, digital.filename) == (2, "second.txt")


def test_a_file_that_is_stored_first_and_saved_later_is_one_version(digital):
    digital.attachment.save("second.txt", ContentFile(b"second edition"), save=False)
    assert versions(digital) == [1]
    digital.save()
    digital.save()
    assert versions(digital) == [1, 2]


def test_other_changes_make_no_version(digital):
    digital.authorized_clicks = 3
    digital.save()
    digital.save(update_fields=["authorized_clicks"])
    digital.save(update_fields=["attachment"])
    assert versions(digital) == [1]


def test_a_download_says_which_version_it_was(digital, download, make_link):
    link = make_link(digital)
    download(link)
    digital.attachment.save("second.txt", ContentFile(b"second edition"))
    assert download(link).body == b"second edition"
    granted = Download.objects.order_by("version").values_list("version", "sha256")
    assert list(granted) == list(digital.versions.order_by("version").values_list("version", "sha256"))


@pytest.mark.django_db(transaction=True)
def test_a_file_that_two_people_replace_at_once_has_versions_two_and_three(digital):
    for trial in range(5):
        editions = [f"edition {trial} {name}".encode() for name in ("Ada", "Grace")]
        waiting = list(editions)

        def replace(waiting: list[bytes] = waiting) -> int:
            mine = Digital.objects.get(pk=digital.pk)
            content = waiting.pop()
            mine.attachment = ContentFile(content, name=content.decode())
            mine.save(update_fields=["attachment"])
            return mine.version

        first = 2 + 2 * trial
        assert sorted(at_once(2, replace)) == [first, first + 1]
        newest = digital.versions.order_by("version").last()
        digital.refresh_from_db()
        assert (digital.version, digital.sha256) == (newest.version, newest.sha256)
        assert (digital.filename, digital.attachment.name) == (newest.filename, newest.stored_name)
        with digital.attachment.storage.open(newest.stored_name) as stored:
            assert stored.read().decode() == newest.filename
    assert versions(digital) == list(range(1, 12))


@pytest.mark.django_db(transaction=True)
def test_files_from_before_there_were_versions_get_their_first_row_when_the_shop_migrates(digital, make_digital):
    replaced = make_digital(name="other.pdf")
    replaced.attachment.save("second.txt", ContentFile(b"second edition"))
    newest = MigrationExecutor(connection).loader.graph.leaf_nodes("spree_digitals")
    try:
        MigrationExecutor(connection).migrate([("spree_digitals", "0001_initial")])
        assert "spree_digitals_digitalversion" not in connection.introspection.table_names()
    finally:
        MigrationExecutor(connection).migrate(newest)
    for file in (digital, replaced):
        file.refresh_from_db()
        version = DigitalVersion.objects.get(digital=file)
        assert version.version == file.version
        assert version.stored_name == file.attachment.name
        assert {name: getattr(version, name) for name in FACTS} == {name: getattr(file, name) for name in FACTS}
    replaced.attachment.save("third.txt", ContentFile(b"third edition"))
    assert versions(replaced) == [2, 3]
