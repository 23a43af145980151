from django.db import migrations, models


class Migration(migrations.Migration):
    """Let the database fill what code from before the column does not name."""

    dependencies = [
        ("donations", "0020_recurring_gifts_by_filter"),
    ]

    operations = [
        migrations.AlterField(
            model_name="givingterms",
            name="renewal_notice_days",
            field=models.PositiveSmallIntegerField(
                db_default=14,
                default=14,
                help_text="A mail before the yearly charge.",
                verbose_name="days of notice before an annual gift",
            ),
        ),
        migrations.AlterField(
            model_name="recurringgift",
            name="has_failed_renewal",
            field=models.BooleanField(db_default=False, default=False, verbose_name="a renewal failed"),
        ),
    ]
