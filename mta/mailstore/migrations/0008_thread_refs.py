"""From a conversation to the ids that lead to it, for forgetting it without reading those of all others."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("mailstore", "0007_blob_object")]

    operations = [
        migrations.AddIndex(
            "threadref", models.Index(fields=["mailspace_id", "thread_id"], name="thread_ref_thread")
        ),
    ]
