from django.db import migrations


class Migration(migrations.Migration):
    """Let a role export donors: the file holds addresses, which payments do not."""

    dependencies = [("donations", "0013_quick_lists")]

    operations = [
        migrations.AlterModelOptions(
            name="donor",
            options={
                "permissions": [("export_donor", "Can export donors")],
                "verbose_name": "donor",
                "verbose_name_plural": "donors",
            },
        ),
    ]
