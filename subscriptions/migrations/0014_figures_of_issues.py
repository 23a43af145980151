import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('subscriptions', '0013_issues_ask_and_are_shared'),
    ]

    operations = [
        migrations.CreateModel(
            name='EventCount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=12)),
                ('writer', models.IntegerField()),
                ('count', models.PositiveIntegerField()),
                ('issue', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='event_counts', to='subscriptions.issue')),
            ],
            options={
                'verbose_name': 'count of mail events',
                'verbose_name_plural': 'counts of mail events',
                'constraints': [models.UniqueConstraint(fields=('issue', 'kind', 'writer'), name='event_count_once_per_writer')],
            },
        ),
        migrations.CreateModel(
            name='ReasonTally',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(max_length=8)),
                ('reason', models.CharField(max_length=20)),
                ('count', models.IntegerField()),
                ('issue', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='reason_tallies', to='subscriptions.issue')),
            ],
            options={
                'verbose_name': 'movement of reasons',
                'verbose_name_plural': 'movements of reasons',
                'indexes': [models.Index(fields=['issue'], name='reason_tally_of_issue')],
            },
        ),
    ]
