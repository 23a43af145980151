import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Let a payment point to the one whose sum it repeats within an hour."""

    dependencies = [("donations", "0009_yearly_statements")]

    operations = [
        migrations.AddField(
            model_name="payment",
            name="repeats",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="repeated_by",
                to="donations.payment",
                verbose_name="same sum as",
            ),
        ),
        migrations.AddIndex(
            model_name="payment",
            index=models.Index(
                condition=models.Q(("repeats__isnull", False)), fields=["-created_at", "-id"], name="payment_repeated"
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("repeats__isnull", True), models.Q(("repeats", models.F("id")), _negated=True), _connector="OR"
                ),
                name="payment_repeats_another",
            ),
        ),
    ]
