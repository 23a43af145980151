from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Find the payments of a frequency by an index, which is made while payments go on being written."""

    atomic = False
    dependencies = [("donations", "0016_frequency_of_payments")]

    operations = [
        AddIndexConcurrently(
            model_name="payment",
            index=models.Index(fields=["frequency", "-created_at", "-id"], name="payment_by_frequency"),
        ),
    ]
