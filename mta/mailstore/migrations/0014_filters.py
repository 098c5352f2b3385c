"""Which version of its rules is in force, in the row that every delivery reads anyway."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("mailstore", "0013_large"),
    ]

    operations = [
        migrations.AddField(
            model_name="mailspace",
            name="filters",
            field=models.BigIntegerField(default=0),
        ),
    ]
