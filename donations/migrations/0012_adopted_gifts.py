from django.db import migrations, models


class Migration(migrations.Migration):
    """Let a gift say when it was taken over from what ran at Stripe before."""

    dependencies = [
        ('donations', '0011_safety_returns_of_gifts'),
    ]

    operations = [
        migrations.AddField(
            model_name='donation',
            name='adopted_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='taken over at'),
        ),
    ]
