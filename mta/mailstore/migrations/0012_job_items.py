"""How much a job goes through, apart from how many conversations these are."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('mailstore', '0011_journal_and_jobs'),
    ]

    operations = [
        migrations.AddField(
            model_name='job',
            name='items',
            field=models.BigIntegerField(default=0),
        ),
    ]
