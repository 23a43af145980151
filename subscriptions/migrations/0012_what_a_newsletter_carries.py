import django.core.validators
import subscriptions.models.newsletters
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('subscriptions', '0011_indexes_of_the_dashboard'),
    ]

    operations = [
        migrations.AddField(
            model_name='newsletter',
            name='carries_appeal',
            field=models.BooleanField(db_default=False, default=False, help_text='Whether a new issue begins with the appeal that runs on the site. Editors decide for each issue.', verbose_name='carries an appeal'),
        ),
        migrations.AddField(
            model_name='newsletter',
            name='is_indexed',
            field=models.BooleanField(db_default=True, default=True, verbose_name='search engines may list its issues'),
        ),
        migrations.AddField(
            model_name='newsletter',
            name='names_mirrors',
            field=models.BooleanField(db_default=False, default=False, help_text='Each article then has a link to a mirror, and the foot lists all of them.', verbose_name='names mirrors'),
        ),
        migrations.AddField(
            model_name='newsletter',
            name='seed_addresses',
            field=models.TextField(blank=True, db_default='', default='', help_text='Addresses that a test may be sent to, one in a line: mailboxes of your own at several providers.', validators=[subscriptions.models.newsletters.validate_seed_addresses], verbose_name='seed list'),
        ),
        migrations.AddField(
            model_name='newsletter',
            name='shows_full_text',
            field=models.BooleanField(db_default=False, default=False, help_text="For readers who cannot open the site: the mail carries each article's whole text.", verbose_name='whole articles'),
        ),
        migrations.AddField(
            model_name='newsletter',
            name='shows_images',
            field=models.BooleanField(db_default=False, default=False, help_text="Mail programs load them from this site, which whoever watches the reader's line can see. Nothing in the address of a picture tells one reader from another.", verbose_name='pictures'),
        ),
        migrations.CreateModel(
            name='Mirror',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('address', models.CharField(help_text='Such as https://mirror.example.net. The path of the page is put behind it.', max_length=200, unique=True, validators=[django.core.validators.RegexValidator('^https?://[A-Za-z0-9.-]+(:\\d+)?\\Z', 'Such as https://mirror.example.net, without anything behind it.')], verbose_name='address')),
                ('position', models.PositiveSmallIntegerField(default=0, help_text='The lowest number is the one that stands beside each article.', verbose_name='position')),
                ('is_active', models.BooleanField(default=True, verbose_name='active')),
            ],
            options={
                'verbose_name': 'mirror',
                'verbose_name_plural': 'mirrors',
                'constraints': [models.CheckConstraint(condition=models.Q(('address__regex', '^https?://[^/]+$')), name='mirror_is_an_origin')],
            },
        ),
    ]
