"""An index of the few large messages, for `larger:10M`."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('mailstore', '0012_job_items'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='message',
            index=models.Index(
                fields=['mailspace_id', 'size'],
                name='message_large',
                condition=models.Q(('size__gt', 1000000)),
            ),
        ),
    ]
