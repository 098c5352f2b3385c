"""Words of headers, so that a search for a part of one is quick in mail of any size; indexes that searches use."""

from itertools import islice

from django.db import migrations, models
from django.db.models import F, Q
from django.db.models.functions import Coalesce

BATCH = 2_000
SQLITE = (
    "CREATE TABLE mailstore_headerword (mailspace_id bigint NOT NULL, word varchar(40) NOT NULL,"
    " PRIMARY KEY (mailspace_id, word)) WITHOUT ROWID"
)


def make(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute(SQLITE)
    else:
        schema_editor.create_model(apps.get_model("mailstore", "HeaderWord"))


def drop(apps, schema_editor):
    schema_editor.execute("DROP TABLE mailstore_headerword")


def fill(apps, schema_editor):
    """From what has been indexed already."""
    texts = apps.get_model("mailstore", "SearchText").objects.order_by("id")
    rows = texts.values_list("mailspace_id", "subject", "sender", "recipients").iterator(BATCH)
    with schema_editor.connection.cursor() as cursor:
        while batch := list(islice(rows, BATCH)):
            words = {(space, word) for space, *kinds in batch for text in kinds for word in text.split()}
            cursor.executemany(
                "INSERT INTO mailstore_headerword (mailspace_id, word) VALUES (%s, %s) ON CONFLICT DO NOTHING",
                sorted(words),
            )


class Migration(migrations.Migration):
    dependencies = [("mailstore", "0004_scale")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    "HeaderWord",
                    [
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "mailspace_id", "word", blank=True, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("mailspace_id", models.BigIntegerField()),
                        ("word", models.CharField(max_length=40)),
                    ],
                )
            ]
        ),
        migrations.RunPython(make, drop),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AddIndex(
            "searchtext", models.Index(fields=["id", "message_id"], name="search_message")
        ),
        migrations.AddIndex(
            "message",
            models.Index(F("mailspace_id"), Coalesce("sent_at", "internal_date"), name="message_sent"),
        ),
        migrations.AddIndex(
            "placement",
            models.Index(
                fields=["mailspace_id", "mailbox_id", "uid"],
                name="placement_keywords",
                condition=Q(expunged_modseq__isnull=True) & Q(keywords__gt=""),
            ),
        ),
    ]
