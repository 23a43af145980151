import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('newsroom', '0011_unsaved_words'),
    ]

    operations = [
        migrations.CreateModel(
            name='PictureInText',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('article', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='pictures', to='newsroom.article', verbose_name='article')),
                ('image', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='placed', to='newsroom.image', verbose_name='image')),
            ],
            options={
                'verbose_name': 'picture in a text',
                'verbose_name_plural': 'pictures in texts',
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(fields=('article', 'image'), name='picture_in_a_text_once')],
            },
        ),
    ]
