import django.contrib.postgres.indexes
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # Built beside running writers, which a transaction does not allow.
    atomic = False

    dependencies = [
        ("subscriptions", "0010_visit_limit_asked_once"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="consent",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True, fields=["at"], name="subscriptions_consent_at"
            ),
        ),
        AddIndexConcurrently(
            model_name="delivery",
            index=models.Index(condition=models.Q(("state", "unknown")), fields=["issue"], name="delivery_unknown"),
        ),
    ]
