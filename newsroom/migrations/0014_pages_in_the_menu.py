from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("newsroom", "0013_imported_articles"),
    ]

    operations = [
        migrations.AddField(
            model_name="page",
            name="is_in_menu",
            field=models.BooleanField(
                default=False, help_text="Behind the sections, at the top of every page.", verbose_name="in the menu"
            ),
        ),
    ]
