import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('subscriptions', '0012_what_a_newsletter_carries'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='issue',
            name='carries_appeal',
            field=models.BooleanField(db_default=False, default=False, help_text='The appeal that runs on the site at the time stands under the letter.', verbose_name="with the newsroom's appeal"),
        ),
        migrations.AddField(
            model_name='issue',
            name='question',
            field=models.CharField(blank=True, db_default='', default='', help_text='What happened to an article after the issue was frozen, until somebody says whether to refresh it.', max_length=300, verbose_name='question to the editors'),
        ),
        migrations.CreateModel(
            name='PreviewLink',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('note', models.CharField(blank=True, max_length=100, verbose_name='for whom')),
                ('made_at', models.DateTimeField(verbose_name='made at')),
                ('expires_at', models.DateTimeField(verbose_name='open until')),
                ('revoked_at', models.DateTimeField(blank=True, null=True, verbose_name='revoked at')),
                ('issue', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='preview_links', to='subscriptions.issue', verbose_name='issue')),
                ('made_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='made by')),
            ],
            options={
                'verbose_name': 'shared preview',
                'verbose_name_plural': 'shared previews',
                'constraints': [models.CheckConstraint(condition=models.Q(('expires_at__gt', models.F('made_at'))), name='preview_link_expires')],
            },
        ),
    ]
