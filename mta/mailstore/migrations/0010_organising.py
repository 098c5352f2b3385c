"""What the list shows and asks for since: important and muted conversations, its sections, single messages, files.

Existing mail is carried over by SQL alone; columns are added in place.
"""

from django.db import migrations, models
from django.db.models import F, Q
from django.db.models.lookups import Exact

LIVE = Q(expunged_modseq__isnull=True)
KEY = ["mailspace_id", "box", "sort_at", "thread_id"]
ASIDE = "('junk', 'trash', 'quarantine')"

# Of messages with the keyword (in any case): the rows of their conversations where these show it.
MARKED = """
UPDATE mailstore_threadrow SET {column} = TRUE WHERE id IN (
  SELECT r.id FROM mailstore_message m
    JOIN mailstore_placement p ON p.mailspace_id = m.mailspace_id AND p.message_id = m.id
         AND p.expunged_modseq IS NULL AND NOT p.deleted
    JOIN mailstore_mailbox b ON b.id = p.mailbox_id
    JOIN mailstore_threadrow r ON r.mailspace_id = m.mailspace_id AND r.thread_id = m.thread_id
    LEFT JOIN mailstore_mailbox rb ON rb.id = r.box
   WHERE m.keywords <> '' AND ' ' || LOWER(m.keywords) || ' ' LIKE %s
     AND (r.box = p.mailbox_id OR (b.role NOT IN {aside} AND COALESCE(rb.role, '') NOT IN {aside})))
"""
STARRED = """
UPDATE mailstore_mailbox SET starred_threads = (
  SELECT COUNT(*) FROM mailstore_threadrow r WHERE r.mailspace_id = mailstore_mailbox.mailspace_id
     AND r.box = mailstore_mailbox.id AND r.starred)
"""


def add_columns(apps, schema_editor):
    for column in ("important", "muted"):
        schema_editor.execute(
            f"ALTER TABLE mailstore_threadrow ADD COLUMN {column} bool DEFAULT FALSE NOT NULL"
        )
    schema_editor.execute("ALTER TABLE mailstore_mailbox ADD COLUMN starred_threads bigint DEFAULT 0 NOT NULL")
    for column in ("important", "muted"):
        schema_editor.execute(MARKED.format(column=column, aside=ASIDE), [f"% ${column} %"])
    schema_editor.execute(STARRED)


def drop_columns(apps, schema_editor):
    for table, column in (("threadrow", "important"), ("threadrow", "muted"), ("mailbox", "starred_threads")):
        schema_editor.execute(f"ALTER TABLE mailstore_{table} DROP COLUMN {column}")


class Migration(migrations.Migration):
    dependencies = [("mailstore", "0009_search_headers")]

    operations = [
        migrations.RunPython(add_columns, drop_columns),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AddField("threadrow", "important", models.BooleanField(default=False)),
                migrations.AddField("threadrow", "muted", models.BooleanField(default=False)),
                migrations.AddField("mailbox", "starred_threads", models.BigIntegerField(default=0)),
            ]
        ),
        migrations.AddIndex(
            "threadrow", models.Index(fields=KEY, name="thread_row_unread", condition=Q(unread__gt=0))
        ),
        migrations.AddIndex(
            "threadrow", models.Index(fields=KEY, name="thread_row_read", condition=Q(unread=0))
        ),
        migrations.AddIndex(
            "threadrow", models.Index(fields=KEY, name="thread_row_starred", condition=Q(starred=True))
        ),
        migrations.RemoveIndex("placement", "placement_wake"),
        migrations.AddIndex(
            "placement",
            models.Index(
                fields=["wake_at"],
                name="placement_wake",
                condition=LIVE & Q(deleted=False, wake_at__isnull=False),
            ),
        ),
        migrations.AddIndex(
            "placement",
            models.Index(
                fields=["mailspace_id", "mailbox_id", "internal_date", "message_id"],
                name="placement_date",
                condition=LIVE & Q(deleted=False),
            ),
        ),
        migrations.AddIndex(
            "message",
            models.Index(
                fields=["mailspace_id", "internal_date", "id"],
                name="message_files",
                condition=Q(has_attachment=True),
            ),
        ),
        migrations.AddIndex(
            "message",
            models.Index(
                fields=["mailspace_id", "internal_date", "id"],
                name="message_flagged",
                condition=Q(Exact(F("flags").bitand(4), 4)),
            ),
        ),
    ]
