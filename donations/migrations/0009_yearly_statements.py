import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    """Write down the organisation for tax offices, and the statements that were made."""

    dependencies = [
        ('donations', '0008_newsletter_beside_a_gift'),
    ]

    operations = [
        migrations.CreateModel(
            name='TaxProfile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('legal_name', models.CharField(max_length=200, verbose_name='legal name')),
                ('address', models.TextField(max_length=500, verbose_name='registered address')),
                ('country', models.CharField(help_text='Two letters, such as CZ.', max_length=2, verbose_name='country')),
                ('tax_number', models.CharField(max_length=40, verbose_name='tax number')),
                ('status', models.CharField(blank=True, help_text='Such as: Gifts are deductible under section …', max_length=300, verbose_name='tax status')),
            ],
            options={
                'verbose_name': 'organisation for taxes',
                'verbose_name_plural': 'organisation for taxes',
                'constraints': [models.CheckConstraint(condition=models.Q(('pk', 1)), name='tax_profile_is_one_row'), models.CheckConstraint(condition=models.Q(models.Q(('legal_name', ''), _negated=True), models.Q(('address', ''), _negated=True), models.Q(('tax_number', ''), _negated=True)), name='tax_profile_is_complete')],
            },
        ),
        migrations.CreateModel(
            name='YearlyStatement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('year', models.PositiveSmallIntegerField(verbose_name='year')),
                ('version', models.PositiveSmallIntegerField(default=1, verbose_name='version')),
                ('printed', models.JSONField(help_text='Every line, as it stands on the page.', verbose_name='printed')),
                ('figures', models.JSONField(verbose_name='figures')),
                ('issued_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='made at')),
                ('donor', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='statements', to='donations.donor', verbose_name='donor')),
            ],
            options={
                'verbose_name': 'yearly statement',
                'verbose_name_plural': 'yearly statements',
                'indexes': [models.Index(fields=['-issued_at', '-id'], name='yearly_statement_newest')],
                'constraints': [models.UniqueConstraint(fields=('donor', 'year', 'version'), name='yearly_statement_numbered'), models.CheckConstraint(condition=models.Q(('version__gte', 1)), name='yearly_statement_version_from_one'), models.CheckConstraint(condition=models.Q(('year__gte', 2000), ('year__lte', 2200)), name='yearly_statement_year_is_a_year')],
            },
        ),
    ]
