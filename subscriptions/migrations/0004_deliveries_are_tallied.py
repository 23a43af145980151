from django.db import migrations

# One row per statement and issue, whatever the statement was: the sum of the rows is the count of each state.
TALLY = """
CREATE FUNCTION subscriptions_tally_moved(issue bigint, pending bigint, claimed bigint, accepted bigint,
                                          refused bigint, unknown bigint, skipped bigint)
RETURNS void LANGUAGE sql AS $$
    INSERT INTO subscriptions_deliverytally (issue_id, at, pending, claimed, accepted, refused, unknown, skipped)
    SELECT issue, clock_timestamp(), pending, claimed, accepted, refused, unknown, skipped
    WHERE pending <> 0 OR claimed <> 0 OR accepted <> 0 OR refused <> 0 OR unknown <> 0 OR skipped <> 0
$$;

CREATE FUNCTION subscriptions_tally_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM subscriptions_tally_moved(issue_id,
        count(*) FILTER (WHERE state = 'pending'), count(*) FILTER (WHERE state = 'claimed'),
        count(*) FILTER (WHERE state = 'accepted'), count(*) FILTER (WHERE state = 'refused'),
        count(*) FILTER (WHERE state = 'unknown'), count(*) FILTER (WHERE state = 'skipped'))
    FROM new_rows GROUP BY issue_id;
    RETURN NULL;
END $$;

CREATE FUNCTION subscriptions_tally_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM subscriptions_tally_moved(issue_id,
        coalesce(sum(way) FILTER (WHERE state = 'pending'), 0), coalesce(sum(way) FILTER (WHERE state = 'claimed'), 0),
        coalesce(sum(way) FILTER (WHERE state = 'accepted'), 0), coalesce(sum(way) FILTER (WHERE state = 'refused'), 0),
        coalesce(sum(way) FILTER (WHERE state = 'unknown'), 0), coalesce(sum(way) FILTER (WHERE state = 'skipped'), 0))
    FROM (SELECT issue_id, state, 1 AS way FROM new_rows
          UNION ALL SELECT issue_id, state, -1 FROM old_rows) AS moved
    GROUP BY issue_id;
    RETURN NULL;
END $$;

CREATE FUNCTION subscriptions_tally_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM subscriptions_tally_moved(issue_id,
        -count(*) FILTER (WHERE state = 'pending'), -count(*) FILTER (WHERE state = 'claimed'),
        -count(*) FILTER (WHERE state = 'accepted'), -count(*) FILTER (WHERE state = 'refused'),
        -count(*) FILTER (WHERE state = 'unknown'), -count(*) FILTER (WHERE state = 'skipped'))
    FROM old_rows GROUP BY issue_id;
    RETURN NULL;
END $$;

CREATE TRIGGER subscriptions_delivery_insert_tally AFTER INSERT ON subscriptions_delivery
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION subscriptions_tally_insert();
CREATE TRIGGER subscriptions_delivery_update_tally AFTER UPDATE ON subscriptions_delivery
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION subscriptions_tally_update();
CREATE TRIGGER subscriptions_delivery_delete_tally AFTER DELETE ON subscriptions_delivery
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION subscriptions_tally_delete();
"""

TALLY_BACK = """
DROP TRIGGER subscriptions_delivery_delete_tally ON subscriptions_delivery;
DROP TRIGGER subscriptions_delivery_update_tally ON subscriptions_delivery;
DROP TRIGGER subscriptions_delivery_insert_tally ON subscriptions_delivery;
DROP FUNCTION subscriptions_tally_delete();
DROP FUNCTION subscriptions_tally_update();
DROP FUNCTION subscriptions_tally_insert();
DROP FUNCTION subscriptions_tally_moved(bigint, bigint, bigint, bigint, bigint, bigint, bigint);
"""

EVENTS = """
CREATE TRIGGER subscriptions_mailevent_never_changes
    BEFORE UPDATE ON subscriptions_mailevent
    FOR EACH ROW EXECUTE FUNCTION subscriptions_refuse_change();
"""

EVENTS_BACK = "DROP TRIGGER subscriptions_mailevent_never_changes ON subscriptions_mailevent;"


class Migration(migrations.Migration):
    dependencies = [("subscriptions", "0003_issues_and_deliveries")]

    operations = [
        migrations.RunSQL(TALLY, TALLY_BACK),
        migrations.RunSQL(EVENTS, EVENTS_BACK),
    ]
