"""The tables of correspondents."""

from django.db import migrations, models

# Clustered by its key, in the order of bytes: a prefix is one piece of the table on either database.
SQLITE = (
    "CREATE TABLE correspondents_correspondentword (mailspace_id bigint NOT NULL, word varchar(64) NOT NULL,"
    " correspondent_id bigint NOT NULL, PRIMARY KEY (mailspace_id, word, correspondent_id)) WITHOUT ROWID"
)
POSTGRESQL = (
    "CREATE TABLE correspondents_correspondentword (mailspace_id bigint NOT NULL,"
    ' word varchar(64) COLLATE "C" NOT NULL, correspondent_id bigint NOT NULL,'
    " PRIMARY KEY (mailspace_id, word, correspondent_id))"
)


def make(apps, schema_editor):
    schema_editor.execute(SQLITE if schema_editor.connection.vendor == "sqlite" else POSTGRESQL)


def drop(apps, schema_editor):
    schema_editor.execute("DROP TABLE correspondents_correspondentword")


class Migration(migrations.Migration):
    initial = True
    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Correspondent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("mailspace_id", models.BigIntegerField()),
                ("email", models.CharField(max_length=320)),
                ("address", models.CharField(max_length=320)),
                ("name", models.CharField(default="", max_length=255)),
                ("words", models.TextField(default="")),
                ("written", models.IntegerField(default=0)),
                ("heard", models.IntegerField(default=0)),
                ("kept", models.BooleanField(default=False)),
                ("last_at", models.BigIntegerField(default=0)),
                ("score", models.FloatField(default=0.0)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=["mailspace_id", "email"], name="correspondent_email"),
                ],
                "indexes": [models.Index(fields=["mailspace_id", "-score", "id"], name="correspondent_score")],
            },
        ),
        migrations.CreateModel(
            name="Progress",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("mailspace_id", models.BigIntegerField(unique=True)),
                ("newest", models.BigIntegerField(default=0)),
                ("oldest", models.BigIntegerField(default=0)),
                ("whole", models.BooleanField(default=False)),
                ("clock", models.BigIntegerField(default=0)),
                ("at", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="CorrespondentWord",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "mailspace_id",
                                "word",
                                "correspondent_id",
                                blank=True,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        ("mailspace_id", models.BigIntegerField()),
                        ("word", models.CharField(max_length=64)),
                        ("correspondent_id", models.BigIntegerField()),
                    ],
                )
            ],
            database_operations=[migrations.RunPython(make, drop)],
        ),
        migrations.AddIndex(
            "correspondentword", models.Index(fields=["correspondent_id"], name="correspondent_words")
        ),
    ]
