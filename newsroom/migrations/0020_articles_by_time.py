from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Answer for a month of the archive by an index, made while articles go on being written."""

    atomic = False
    dependencies = [("newsroom", "0019_slugs_can_be_addresses")]

    operations = [
        AddIndexConcurrently(
            model_name="article",
            index=models.Index(
                fields=["-published_at", "-id"],
                name="article_by_time",
                condition=models.Q(status__in=("scheduled", "published")),
            ),
        ),
    ]
