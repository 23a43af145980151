from django.db import migrations, models

FILL = """
UPDATE donations_payment p SET frequency = d.frequency
FROM donations_donation d WHERE d.id = p.donation_id AND d.frequency <> 'once'
"""


class Migration(migrations.Migration):
    """Write beside each payment how often its donation gives."""

    dependencies = [("donations", "0015_income")]

    operations = [
        migrations.AddField(
            model_name="payment",
            name="frequency",
            field=models.CharField(
                choices=[("once", "Once"), ("monthly", "Monthly"), ("annual", "Annual")],
                db_default="once",
                max_length=8,
                verbose_name="frequency",
            ),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
