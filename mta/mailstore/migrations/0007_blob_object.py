"""From a large object to the rows that name it, without reading those that have their bytes inside."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("mailstore", "0006_open_changes")]

    operations = [
        migrations.AddIndex(
            "blob",
            models.Index(
                fields=["object_id", "mailspace_id"],
                name="blob_object",
                condition=Q(object_id__isnull=False),
            ),
        ),
    ]
