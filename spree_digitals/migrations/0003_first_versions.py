from django.db import migrations

FACTS = ("version", "filename", "content_type", "byte_size", "sha256", "attached_at")


def note_present_versions(apps, schema_editor):
    """What is sold now is a version of its own; what it replaced was not noted."""
    using = schema_editor.connection.alias
    Digital = apps.get_model("spree_digitals", "Digital")
    DigitalVersion = apps.get_model("spree_digitals", "DigitalVersion")
    files = Digital.objects.using(using).order_by("pk").values("pk", "attachment", *FACTS).iterator(chunk_size=500)
    batch = []
    for file in files:
        facts = {name: file[name] for name in FACTS}
        batch.append(DigitalVersion(digital_id=file["pk"], stored_name=file["attachment"], **facts))
        if len(batch) == 500:
            DigitalVersion.objects.using(using).bulk_create(batch, ignore_conflicts=True)
            batch = []
    DigitalVersion.objects.using(using).bulk_create(batch, ignore_conflicts=True)


class Migration(migrations.Migration):
    dependencies = [("spree_digitals", "0002_support_desk")]

    operations = [migrations.RunPython(note_present_versions, migrations.RunPython.noop, elidable=True)]
