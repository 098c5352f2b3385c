"""A line for each command that people read under "Recent changes", made from the journal; jobs in the background."""

from django.db import migrations, models

# How many conversations an old command touched is not known; its messages are at least as many.
LINES = """
INSERT INTO mailstore_action (mailspace_id, action, at, until, verb, cause, session, actor, mailbox_id, count,
                              conversations, sample, changes, undone, undoes, is_open)
SELECT g.mailspace_id, g.action, g.at, g.until, c.verb, c.cause, c.session, c.actor, c.mailbox_id, g.count,
       g.count, '[]', g.changes, g.undone, '', g.open > 0
  FROM (SELECT mailspace_id, action, MIN(at) AS at, MAX(at) AS until, MIN(id) AS first, SUM(count) AS count,
               COUNT(*) AS changes, SUM(CASE WHEN undone_by <> '' THEN 1 ELSE 0 END) AS undone,
               SUM(CASE WHEN is_open THEN 1 ELSE 0 END) AS open
          FROM mailstore_change GROUP BY mailspace_id, action) g
  JOIN mailstore_change c ON c.id = g.first
 ORDER BY g.first
"""


def write_lines(apps, schema_editor):
    schema_editor.execute(LINES)


class Migration(migrations.Migration):

    dependencies = [
        ('mailstore', '0010_organising'),
    ]

    operations = [
        migrations.CreateModel(
            name='JobItems',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('mailspace_id', models.BigIntegerField()),
                ('job_id', models.BigIntegerField(unique=True)),
                ('packed', models.BinaryField()),
            ],
        ),
        migrations.AddField(
            model_name='change',
            name='undoes',
            field=models.BigIntegerField(null=True),
        ),
        migrations.CreateModel(
            name='Action',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('mailspace_id', models.BigIntegerField()),
                ('action', models.CharField(max_length=32)),
                ('at', models.BigIntegerField()),
                ('until', models.BigIntegerField()),
                ('verb', models.CharField(max_length=20)),
                ('cause', models.CharField(max_length=12)),
                ('session', models.CharField(default='', max_length=255)),
                ('actor', models.CharField(default='', max_length=255)),
                ('mailbox_id', models.BigIntegerField(null=True)),
                ('target_id', models.BigIntegerField(null=True)),
                ('count', models.BigIntegerField(default=0)),
                ('conversations', models.BigIntegerField(default=0)),
                ('sample', models.JSONField(default=list)),
                ('changes', models.IntegerField(default=0)),
                ('undone', models.IntegerField(default=0)),
                ('undone_at', models.BigIntegerField(null=True)),
                ('undoes', models.CharField(default='', max_length=32)),
                ('is_open', models.BooleanField(default=False)),
            ],
            options={
                'indexes': [models.Index(fields=['mailspace_id', 'at'], name='action_at')],
                'constraints': [models.UniqueConstraint(fields=('mailspace_id', 'action'), name='action_action')],
            },
        ),
        migrations.CreateModel(
            name='Job',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('mailspace_id', models.BigIntegerField()),
                ('action', models.CharField(max_length=32)),
                ('verb', models.CharField(max_length=20)),
                ('cause', models.CharField(max_length=12)),
                ('session', models.CharField(default='', max_length=255)),
                ('actor', models.CharField(default='', max_length=255)),
                ('params', models.JSONField(default=dict)),
                ('scope', models.JSONField(default=dict)),
                ('state', models.CharField(max_length=12)),
                ('newest', models.BigIntegerField(default=0)),
                ('total', models.BigIntegerField(null=True)),
                ('seen', models.BigIntegerField(default=0)),
                ('done', models.BigIntegerField(default=0)),
                ('messages', models.BigIntegerField(default=0)),
                ('skipped', models.BigIntegerField(default=0)),
                ('note', models.CharField(default='', max_length=255)),
                ('tries', models.IntegerField(default=0)),
                ('holder', models.CharField(default='', max_length=32)),
                ('lease_until', models.BigIntegerField(default=0)),
                ('created_at', models.BigIntegerField()),
                ('ended_at', models.BigIntegerField(null=True)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('ended_at__isnull', True)), fields=['lease_until'], name='job_due'), models.Index(fields=['mailspace_id', 'created_at'], name='job_mailspace'), models.Index(fields=['mailspace_id', 'action'], name='job_action')],
            },
        ),
        migrations.RunPython(write_lines, migrations.RunPython.noop),
    ]
