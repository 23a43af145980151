from django.db import migrations


class Migration(migrations.Migration):
    """Hold every suggested amount between the rule's minimum and maximum; Django's constraints cannot say ALL of an array."""

    dependencies = [("donations", "0002_first_amounts")]

    operations = [
        migrations.RunSQL(
            """
            ALTER TABLE donations_amountrule ADD CONSTRAINT amount_rule_suggestions_within_limits
            CHECK (minimum <= ALL (suggestions) AND maximum >= ALL (suggestions) AND cardinality(suggestions) BETWEEN 2 AND 6)
            """,
            "ALTER TABLE donations_amountrule DROP CONSTRAINT amount_rule_suggestions_within_limits",
        )
    ]
