"""The store at scale: placements with what IMAP asks of whole mailboxes, header texts in a narrow table.

Existing mail is carried over by SQL alone. On SQLite the two largest tables are written anew once, with their
columns in the order of the models; PostgreSQL changes them in place.
"""

from django.db import migrations, models
from django.db.models import F, Q
from django.db.models.lookups import Exact

LIVE, GONE = Q(expunged_modseq__isnull=True), Q(expunged_modseq__isnull=False)

MESSAGE = """
id integer NOT NULL PRIMARY KEY AUTOINCREMENT, mailspace_id bigint NOT NULL, thread_id bigint NOT NULL,
blob_id bigint NOT NULL, email_id bigint NOT NULL, size bigint NOT NULL, internal_date bigint NOT NULL,
sent_at bigint NULL, flags integer NOT NULL, parsed_by integer NOT NULL, indexed bool NOT NULL,
own bool NOT NULL, head_complete bool NOT NULL, has_attachment bool NOT NULL, automatic bool NOT NULL,
keywords text NOT NULL, subject text NOT NULL, from_name varchar(255) NOT NULL,
from_address varchar(320) NOT NULL, snippet varchar(255) NOT NULL, message_id varchar(998) NOT NULL,
addresses text NOT NULL, attachments text NOT NULL, envelope BLOB NOT NULL, bodystructure BLOB NOT NULL,
head BLOB NOT NULL, body BLOB NOT NULL, prefix BLOB NOT NULL, uidl varchar(70) NOT NULL,
base_subject varchar(255) NOT NULL, list_id varchar(255) NOT NULL, trace_id varchar(40) NOT NULL,
in_reply_to varchar(998) NOT NULL, "references" text NOT NULL, reasons text NOT NULL
"""
PLACEMENT = """
id integer NOT NULL PRIMARY KEY AUTOINCREMENT, mailspace_id bigint NOT NULL, mailbox_id bigint NOT NULL,
uid bigint NOT NULL, message_id bigint NOT NULL, flags integer NOT NULL, deleted bool NOT NULL,
modseq bigint NOT NULL, expunged_modseq bigint NULL, size bigint NOT NULL, internal_date bigint NOT NULL,
saved_at bigint NOT NULL, wake_at bigint NULL, woken_at bigint NULL, expunged_at bigint NULL,
keywords text NOT NULL, CONSTRAINT placement_uid UNIQUE (mailspace_id, mailbox_id, uid)
"""
HEADER_TEXT = """
CREATE TABLE mailstore_headertext (mailspace_id bigint NOT NULL, message_id bigint NOT NULL,
subject_text text NOT NULL, from_text text NOT NULL, to_text text NOT NULL, cc_text text NOT NULL,
bcc_text text NOT NULL, PRIMARY KEY (mailspace_id, message_id)) WITHOUT ROWID
"""
FILL_HEADER_TEXT = """
INSERT INTO mailstore_headertext
SELECT mailspace_id, id, subject_text, from_text, to_text, cc_text, bcc_text
  FROM mailstore_message ORDER BY mailspace_id, id
"""
COPIES = """
(SELECT m.flags, m.keywords, m.size, m.internal_date,
        CASE WHEN m.modseq > mailstore_placement.modseq THEN m.modseq ELSE mailstore_placement.modseq END
   FROM mailstore_message m WHERE m.id = mailstore_placement.message_id)
"""
COUNTS = """
UPDATE mailstore_mailbox SET
 deleted = (SELECT COUNT(*) FROM mailstore_placement p WHERE p.mailspace_id = mailstore_mailbox.mailspace_id
             AND p.mailbox_id = mailstore_mailbox.id AND p.expunged_modseq IS NULL AND p.deleted),
 recent = (SELECT COUNT(*) FROM mailstore_placement p WHERE p.mailspace_id = mailstore_mailbox.mailspace_id
             AND p.mailbox_id = mailstore_mailbox.id AND p.expunged_modseq IS NULL
             AND p.uid >= mailstore_mailbox.recent_uid)
"""
OLD_TEXTS = ("subject_text", "from_text", "to_text", "cc_text", "bcc_text")


def make_header_texts(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute(HEADER_TEXT)
    else:
        schema_editor.create_model(apps.get_model("mailstore", "HeaderText"))


def drop_header_texts(apps, schema_editor):
    schema_editor.execute("DROP TABLE mailstore_headertext")


def carry_over(apps, schema_editor):
    execute = schema_editor.execute
    for table, column in (("mailbox", "deleted"), ("mailbox", "recent"), ("mailspace", "maildrop_until")):
        execute(f"ALTER TABLE mailstore_{table} ADD COLUMN {column} bigint DEFAULT 0 NOT NULL")
    execute("ALTER TABLE mailstore_mailspace ADD COLUMN maildrop_holder varchar(64) DEFAULT '' NOT NULL")
    execute(FILL_HEADER_TEXT)
    if schema_editor.connection.vendor == "sqlite":
        _write_anew(schema_editor, "mailstore_placement", PLACEMENT, {"flags", "keywords", "size", "internal_date"})
    else:
        for column in ("flags integer DEFAULT 0", "keywords text DEFAULT ''", "size bigint DEFAULT 0", "internal_date bigint DEFAULT 0"):
            execute(f"ALTER TABLE mailstore_placement ADD COLUMN {column} NOT NULL")
    execute(
        "UPDATE mailstore_placement SET (flags, keywords, size, internal_date, modseq) ="
        f" {COPIES} WHERE expunged_modseq IS NULL"
    )
    execute(COUNTS)
    if schema_editor.connection.vendor == "sqlite":
        _write_anew(schema_editor, "mailstore_message", MESSAGE, {"uidl"})
    else:
        execute("ALTER TABLE mailstore_message ADD COLUMN uidl varchar(70) DEFAULT '' NOT NULL")
        for column in (*OLD_TEXTS, "modseq"):
            execute(f"ALTER TABLE mailstore_message DROP COLUMN {column}")


def _write_anew(schema_editor, table, definition, added):
    """SQLite: a table under a new definition, its rows, its other indexes, and the numbers it gave out."""
    cursor = schema_editor.connection.cursor()
    cursor.execute("SELECT sql FROM sqlite_master WHERE tbl_name = %s AND type = 'index' AND sql <> ''", [table])
    indexes = [sql for (sql,) in cursor.fetchall()]
    cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
    given_out = cursor.fetchone()
    schema_editor.execute(f"CREATE TABLE new_table ({definition})")
    cursor.execute("PRAGMA table_info(new_table)")
    columns = [f'"{row[1]}"' for row in cursor.fetchall()]
    values = [_empty(name) if name.strip('"') in added else name for name in columns]
    schema_editor.execute(
        f"INSERT INTO new_table ({', '.join(columns)}) SELECT {', '.join(values)} FROM {table} ORDER BY id"
    )
    schema_editor.execute(f"DROP TABLE {table}")
    schema_editor.execute(f"ALTER TABLE new_table RENAME TO {table}")
    if given_out is not None:  # no id comes back
        cursor.execute("DELETE FROM sqlite_sequence WHERE name = %s", [table])
        cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, given_out[0]])
    for sql in indexes:
        schema_editor.execute(sql)


def _empty(column):
    return "''" if column in ('"keywords"', '"uidl"') else "0"




class Migration(migrations.Migration):
    dependencies = [("mailstore", "0003_forgettable")]

    operations = [
        migrations.CreateModel(
            "ExpungedUids",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("mailspace_id", models.BigIntegerField()),
                ("mailbox_id", models.BigIntegerField()),
                ("modseq", models.BigIntegerField(default=0)),
                ("count", models.BigIntegerField(default=0)),
                ("runs", models.BinaryField(default=b"")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("mailspace_id", "mailbox_id"), name="expunged_uids_mailbox"
                    )
                ]
            },
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    "HeaderText",
                    [
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "mailspace_id",
                                "message_id",
                                blank=True,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        ("mailspace_id", models.BigIntegerField()),
                        ("message_id", models.BigIntegerField()),
                        ("subject_text", models.TextField(default="")),
                        ("from_text", models.TextField(default="")),
                        ("to_text", models.TextField(default="")),
                        ("cc_text", models.TextField(default="")),
                        ("bcc_text", models.TextField(default="")),
                    ],
                )
            ],
        ),
        migrations.RunPython(make_header_texts, drop_header_texts),
        migrations.RemoveConstraint("placement", "placement_live"),
        migrations.RemoveIndex("message", "message_modseq"),
        migrations.RemoveIndex("placement", "placement_message"),
        migrations.RemoveIndex("placement", "placement_modseq"),
        migrations.RemoveIndex("placement", "placement_expunged"),
        migrations.RemoveIndex("placement", "placement_forgettable"),
        migrations.RunPython(carry_over),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                *(migrations.RemoveField("message", name) for name in (*OLD_TEXTS, "modseq")),
                migrations.AddField("mailbox", "deleted", models.BigIntegerField(default=0)),
                migrations.AddField("mailbox", "recent", models.BigIntegerField(default=0)),
                migrations.AddField("mailspace", "maildrop_holder", models.CharField(default="", max_length=64)),
                migrations.AddField("mailspace", "maildrop_until", models.BigIntegerField(default=0)),
                migrations.AddField("message", "uidl", models.CharField(default="", max_length=70)),
                migrations.AddField("placement", "flags", models.IntegerField(default=0)),
                migrations.AddField("placement", "internal_date", models.BigIntegerField(default=0)),
                migrations.AddField("placement", "keywords", models.TextField(default="")),
                migrations.AddField("placement", "size", models.BigIntegerField(default=0)),
            ]
        ),
        migrations.AddIndex(
            "message",
            models.Index(fields=["mailspace_id", "uidl"], name="message_uidl", condition=Q(uidl__gt="")),
        ),
        migrations.AddConstraint(
            "placement",
            models.UniqueConstraint(
                fields=("mailspace_id", "message_id", "mailbox_id"), condition=LIVE, name="placement_live"
            ),
        ),
        migrations.AddIndex(
            "placement",
            models.Index(
                fields=["mailspace_id", "mailbox_id", "modseq"], name="placement_changed", condition=LIVE
            ),
        ),
        migrations.AddIndex(
            "placement",
            models.Index(
                fields=["mailspace_id", "mailbox_id", "uid"],
                name="placement_unseen",
                condition=LIVE & Q(Exact(F("flags").bitand(1), 0)),
            ),
        ),
        migrations.AddIndex(
            "placement",
            models.Index(
                fields=["mailspace_id", "mailbox_id", "uid"],
                name="placement_flagged",
                condition=LIVE & Q(Exact(F("flags").bitand(4), 4)),
            ),
        ),
        migrations.AddIndex(
            "placement",
            models.Index(
                fields=["mailspace_id", "mailbox_id", "uid"],
                name="placement_deleted",
                condition=LIVE & Q(deleted=True),
            ),
        ),
        migrations.AddIndex(
            "placement",
            models.Index(
                fields=["mailspace_id", "mailbox_id", "expunged_modseq", "uid"],
                name="placement_expunged",
                condition=GONE,
            ),
        ),
        migrations.AddIndex(
            "placement",
            models.Index(
                fields=["mailspace_id", "message_id"],
                name="placement_gone",
                condition=GONE & Q(message_id__gt=0),
            ),
        ),
        migrations.AddIndex(
            "placement",
            models.Index(
                fields=["expunged_at"], name="placement_old", condition=Q(expunged_at__isnull=False)
            ),
        ),
    ]
