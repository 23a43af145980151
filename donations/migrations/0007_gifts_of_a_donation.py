import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Let every subscription under one donation be written down, so that its money can be."""

    dependencies = [("donations", "0006_life_of_a_gift")]

    operations = [
        migrations.AlterField(
            model_name="recurringgift",
            name="donation",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="recurring_gifts",
                to="donations.donation",
                verbose_name="donation",
            ),
        ),
    ]
