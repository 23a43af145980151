from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Answer each filter of the staff's list of payments by an index, made while payments go on being written."""

    atomic = False
    dependencies = [("donations", "0017_payments_by_frequency")]

    operations = [
        AddIndexConcurrently(
            model_name="payment",
            index=models.Index(fields=[field, "-created_at", "-id"], name=f"payment_by_{field}"),
        )
        for field in ("currency", "state", "livemode")
    ]
