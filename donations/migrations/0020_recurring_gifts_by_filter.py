from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Answer the staff's list of recurring gifts and its filters by indexes, made while gifts go on being written."""

    atomic = False
    dependencies = [("donations", "0019_frequency_of_recurring_gifts")]

    operations = [
        AddIndexConcurrently(
            model_name="recurringgift",
            index=models.Index(fields=["-started_at", "-id"], name="recurring_gift_newest"),
        ),
        *(
            AddIndexConcurrently(
                model_name="recurringgift",
                index=models.Index(fields=[field, "-started_at", "-id"], name=f"recurring_gift_by_{field}"),
            )
            for field in ("frequency", "currency", "state")
        ),
    ]
