import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('newsroom', '0010_staff_access'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='UnsavedWords',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('headline', models.TextField(blank=True, verbose_name='headline')),
                ('standfirst', models.TextField(blank=True, verbose_name='standfirst')),
                ('body', models.TextField(blank=True, verbose_name='text')),
                ('credit_line', models.TextField(blank=True, verbose_name='credit line')),
                ('based_on', models.PositiveIntegerField(default=0, verbose_name='number of the revision on the screen')),
                ('typed_at', models.DateTimeField(verbose_name='typed at')),
                ('article', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='newsroom.article', verbose_name='article')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='typed by')),
            ],
            options={
                'verbose_name': 'unsaved words',
                'verbose_name_plural': 'unsaved words',
                'default_permissions': (),
                'indexes': [models.Index(fields=['typed_at'], name='unsaved_words_oldest')],
                'constraints': [models.UniqueConstraint(fields=('article', 'user'), name='unsaved_words_once_per_form', nulls_distinct=False)],
            },
        ),
    ]
