"""The full-text index: a contentless FTS5 table on SQLite, a tsvector column with GIN on PostgreSQL."""

from django.db import migrations

SQLITE = (
    "CREATE VIRTUAL TABLE mailstore_fts USING fts5(subject, sender, recipients, files, body,"
    " content='', detail='column', columnsize=0, tokenize=\"unicode61 remove_diacritics 0\")"
)
POSTGRESQL = (
    "ALTER TABLE mailstore_searchtext ADD COLUMN vector tsvector",
    "CREATE INDEX search_vector ON mailstore_searchtext USING gin (vector) WITH (fastupdate = off)",
)


def make(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for statement in POSTGRESQL:
            schema_editor.execute(statement)
    else:
        schema_editor.execute(SQLITE)


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE mailstore_searchtext DROP COLUMN vector")
    else:
        schema_editor.execute("DROP TABLE mailstore_fts")


class Migration(migrations.Migration):
    dependencies = [("mailstore", "0001_initial")]
    operations = [migrations.RunPython(make, drop)]
