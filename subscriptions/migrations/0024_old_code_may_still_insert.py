from django.db import migrations, models


class Migration(migrations.Migration):
    """Let the database fill what code from before the column does not name."""

    dependencies = [
        ("subscriptions", "0023_deliveries_know_their_issue"),
    ]

    operations = [
        migrations.AlterField(
            model_name="sendinglimit",
            name="rests",
            field=models.PositiveSmallIntegerField(
                db_default=0, default=0, editable=False, verbose_name="rests in a row"
            ),
        ),
    ]
