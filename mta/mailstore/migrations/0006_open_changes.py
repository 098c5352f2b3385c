"""Commands that were not finished are found without reading the whole journal."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("mailstore", "0005_header_words")]

    operations = [
        migrations.AddIndex(
            "change",
            models.Index(fields=["mailspace_id", "action"], name="change_open", condition=Q(is_open=True)),
        ),
    ]
