"""The original under a draft lies beside its other fields, so that saving every two seconds does not write it again."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("mailstore", "0014_filters"),
    ]

    operations = [
        migrations.AddField(
            model_name="draft",
            name="original",
            field=models.TextField(default=""),
        ),
    ]
