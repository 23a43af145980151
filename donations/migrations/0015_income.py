from django.db import migrations


class Migration(migrations.Migration):
    """Give the page on income a name in the staff's menu."""

    dependencies = [("donations", "0014_export_of_donors")]

    operations = [
        migrations.CreateModel(
            name="Income",
            fields=[],
            options={
                "verbose_name": "income",
                "verbose_name_plural": "income by article and appeal",
                "proxy": True,
                "default_permissions": (),
                "indexes": [],
                "constraints": [],
            },
            bases=("donations.payment",),
        ),
    ]
