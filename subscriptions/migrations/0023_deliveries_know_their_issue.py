import django.db.models.deletion
from django.db import migrations, models

# What a foreign key's constraint does, once for each statement and issue instead of once for each row.
CHECKS = """
CREATE FUNCTION subscriptions_delivery_has_issue() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    named bigint;
BEGIN
    FOR named IN SELECT DISTINCT issue_id FROM new_rows LOOP
        PERFORM 1 FROM subscriptions_issue WHERE id = named FOR KEY SHARE;
        IF NOT FOUND THEN
            RAISE foreign_key_violation USING MESSAGE = format('Deliveries name issue %s, which does not exist.', named);
        END IF;
    END LOOP;
    RETURN NULL;
END $$;

CREATE FUNCTION subscriptions_issue_has_no_delivery() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM subscriptions_delivery WHERE issue_id = OLD.id) THEN
        RAISE foreign_key_violation USING MESSAGE = format('Issue %s still has deliveries.', OLD.id);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER subscriptions_delivery_insert_issue AFTER INSERT ON subscriptions_delivery
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION subscriptions_delivery_has_issue();
CREATE TRIGGER subscriptions_issue_delete_delivery AFTER DELETE ON subscriptions_issue
    FOR EACH ROW EXECUTE FUNCTION subscriptions_issue_has_no_delivery();
"""

CHECKS_BACK = """
DROP TRIGGER subscriptions_issue_delete_delivery ON subscriptions_issue;
DROP TRIGGER subscriptions_delivery_insert_issue ON subscriptions_delivery;
DROP FUNCTION subscriptions_issue_has_no_delivery();
DROP FUNCTION subscriptions_delivery_has_issue();
"""


class Migration(migrations.Migration):
    dependencies = [("subscriptions", "0022_signups_that_wait")]

    operations = [
        migrations.AlterField(
            model_name="delivery",
            name="issue",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="deliveries",
                to="subscriptions.issue",
                verbose_name="issue",
            ),
        ),
        migrations.RunSQL(CHECKS, CHECKS_BACK),
    ]
