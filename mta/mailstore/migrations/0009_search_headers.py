"""List-Id and Delivered-To beside the other header texts: `list:` and `deliveredto:` read a narrow table, no letter.

What this host delivered is filled in from the lines that it put before each message; for mail that was imported with
such lines of its own there is `manage.py doctor --reparse`.
"""

import re

from django.db import migrations, models

BATCH = 2_000
_DELIVERED = re.compile(rb"(?im)^delivered-to:[ \t]*([^\r\n]{1,1000})")


def add(apps, schema_editor):
    for column in ("list_text", "delivered_text"):
        schema_editor.execute(f"ALTER TABLE mailstore_headertext ADD COLUMN {column} text DEFAULT '' NOT NULL")


def drop(apps, schema_editor):
    for column in ("list_text", "delivered_text"):
        schema_editor.execute(f"ALTER TABLE mailstore_headertext DROP COLUMN {column}")


def fill(apps, schema_editor):
    messages = apps.get_model("mailstore", "Message").objects.order_by("id")
    last = 0
    with schema_editor.connection.cursor() as cursor:
        while batch := list(
            messages.filter(id__gt=last).values_list("id", "mailspace_id", "list_id", "prefix")[:BATCH]
        ):
            last = batch[-1][0]
            known = [
                (list_id, ", ".join(_addresses(prefix)), space, id_)
                for id_, space, list_id, prefix in batch
            ]
            cursor.executemany(
                "UPDATE mailstore_headertext SET list_text = %s, delivered_text = %s"
                " WHERE mailspace_id = %s AND message_id = %s",
                [row for row in known if row[0] or row[1]],
            )


def _addresses(prefix):
    raw = prefix.encode() if isinstance(prefix, str) else bytes(prefix)
    for value in _DELIVERED.findall(raw):
        yield value.decode("utf-8", "replace").replace("\x00", "").strip().strip("<>").lower()


class Migration(migrations.Migration):
    dependencies = [("mailstore", "0008_thread_refs")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(add, drop)],
            state_operations=[
                migrations.AddField("headertext", "list_text", models.TextField(default="")),
                migrations.AddField("headertext", "delivered_text", models.TextField(default="")),
            ],
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
