from django.db import migrations


def leave_room(apps, schema_editor):
    # Half of each page: every row is rewritten twice, by its claim and by its result. Measured, a claim
    # with 70 costs twice as much, because it finds no room on its page and goes through every index.
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE webhooks_delivery SET (fillfactor = 50)")


class Migration(migrations.Migration):
    dependencies = [
        ("webhooks", "0006_endpoint_signature_choice"),
    ]

    operations = [migrations.RunPython(leave_room, migrations.RunPython.noop)]
