from django.db import migrations, models

FILL = """
UPDATE donations_recurringgift r SET frequency = d.frequency
FROM donations_donation d WHERE d.id = r.donation_id AND d.frequency <> 'monthly'
"""


class Migration(migrations.Migration):
    """Write beside each recurring gift how often its donation gives."""

    dependencies = [("donations", "0018_payments_by_filter")]

    operations = [
        migrations.AddField(
            model_name="recurringgift",
            name="frequency",
            field=models.CharField(
                choices=[("once", "Once"), ("monthly", "Monthly"), ("annual", "Annual")],
                db_default="monthly",
                max_length=8,
                verbose_name="frequency",
            ),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
