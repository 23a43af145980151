

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('newsroom', '0008_alarms_and_heartbeats'),
    ]

    operations = [
        migrations.CreateModel(
            name='OffsiteLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('line', models.CharField(max_length=400, verbose_name='line')),
                ('made_at', models.DateTimeField(verbose_name='made')),
            ],
            options={
                'verbose_name': 'line of the off-site list',
                'verbose_name_plural': 'lines of the off-site list',
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Restoration',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('restored_at', models.DateTimeField(verbose_name='restored')),
                ('lost_from', models.DateTimeField(help_text='When the backup began.', verbose_name='lost from')),
                ('lost_until', models.DateTimeField(help_text='When what was restored over was last alive.', verbose_name='lost until')),
                ('released_at', models.DateTimeField(blank=True, null=True, verbose_name='sending released')),
                ('report', models.TextField(blank=True, verbose_name='what was done')),
            ],
            options={
                'verbose_name': 'restoration',
                'verbose_name_plural': 'restorations',
                'default_permissions': ('view',),
                'indexes': [models.Index(condition=models.Q(('released_at__isnull', True)), fields=['id'], name='restoration_holding')],
                'constraints': [models.CheckConstraint(condition=models.Q(('lost_from__lte', models.F('lost_until'))), name='restoration_lost_time_is_a_time')],
            },
        ),
    ]
