import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Let a recurring gift be ended for safety before its new card was charged."""

    dependencies = [("donations", "0010_repeated_payments")]

    operations = [
        migrations.AddField(
            model_name="safetyreturn",
            name="recurring_gift",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="safety_return",
                to="donations.recurringgift",
                verbose_name="recurring gift",
            ),
        ),
        migrations.AlterField(
            model_name="safetyreturn",
            name="payment",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="safety_return",
                to="donations.payment",
                verbose_name="payment",
            ),
        ),
        migrations.AddConstraint(
            model_name="safetyreturn",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("payment__isnull", False), ("recurring_gift__isnull", True)),
                    models.Q(("payment__isnull", True), ("recurring_gift__isnull", False)),
                    _connector="OR",
                ),
                name="safety_return_of_one_thing",
            ),
        ),
    ]
