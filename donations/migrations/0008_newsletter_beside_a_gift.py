from django.db import migrations, models


class Migration(migrations.Migration):
    """Remember that the box beside a gift was ticked, so that pressing the button again asks once."""

    dependencies = [("donations", "0007_gifts_of_a_donation")]

    operations = [
        migrations.AddField(
            model_name="donation",
            name="newsletter_asked_at",
            field=models.DateTimeField(
                blank=True,
                help_text="When the box beside the gift was ticked.",
                null=True,
                verbose_name="newsletter asked for",
            ),
        ),
    ]
