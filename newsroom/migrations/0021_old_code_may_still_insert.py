from django.db import migrations, models


class Migration(migrations.Migration):
    """Let the database fill what code from before the column does not name."""

    dependencies = [
        ("newsroom", "0020_articles_by_time"),
    ]

    operations = [
        migrations.AlterField(
            model_name="page",
            name="is_in_menu",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Behind the sections, at the top of every page.",
                verbose_name="in the menu",
            ),
        ),
    ]
