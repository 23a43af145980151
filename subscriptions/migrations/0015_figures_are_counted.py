from django.db import migrations

# Only what ended without being accepted has a reason worth counting, so a window that went well writes nothing here.
REASONS = """
CREATE FUNCTION subscriptions_reasons_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO subscriptions_reasontally (issue_id, state, reason, count)
    SELECT issue_id, state, reason, sum(way)
    FROM (SELECT issue_id, state, reason, 1 AS way FROM new_rows WHERE state IN ('refused', 'unknown', 'skipped')
          UNION ALL
          SELECT issue_id, state, reason, -1 FROM old_rows WHERE state IN ('refused', 'unknown', 'skipped')) AS moved
    GROUP BY issue_id, state, reason
    HAVING sum(way) <> 0;
    RETURN NULL;
END $$;

CREATE FUNCTION subscriptions_reasons_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO subscriptions_reasontally (issue_id, state, reason, count)
    SELECT issue_id, state, reason, count(*)
    FROM new_rows WHERE state IN ('refused', 'unknown', 'skipped')
    GROUP BY issue_id, state, reason;
    RETURN NULL;
END $$;

CREATE TRIGGER subscriptions_delivery_insert_reasons AFTER INSERT ON subscriptions_delivery
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION subscriptions_reasons_insert();
CREATE TRIGGER subscriptions_delivery_update_reasons AFTER UPDATE ON subscriptions_delivery
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION subscriptions_reasons_update();

INSERT INTO subscriptions_reasontally (issue_id, state, reason, count)
SELECT issue_id, state, reason, count(*) FROM subscriptions_delivery
WHERE state IN ('refused', 'unknown', 'skipped') GROUP BY issue_id, state, reason;
"""

REASONS_BACK = """
DROP TRIGGER subscriptions_delivery_update_reasons ON subscriptions_delivery;
DROP TRIGGER subscriptions_delivery_insert_reasons ON subscriptions_delivery;
DROP FUNCTION subscriptions_reasons_insert();
DROP FUNCTION subscriptions_reasons_update();
DELETE FROM subscriptions_reasontally;
"""

# A mail system may tell of one delivery several times: only the first event of a kind counts. Every connection counts
# in a row of its own, so that two of them neither wait for each other nor lock each other out.
EVENTS = """
CREATE FUNCTION subscriptions_events_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO subscriptions_eventcount AS c (issue_id, kind, writer, count)
    SELECT d.issue_id, n.kind, pg_backend_pid(), count(DISTINCT n.delivery_id)
    FROM new_rows n
    JOIN subscriptions_delivery d ON d.id = n.delivery_id
    WHERE NOT EXISTS (SELECT 1 FROM subscriptions_mailevent e
                      WHERE e.delivery_id = n.delivery_id AND e.kind = n.kind
                        AND NOT EXISTS (SELECT 1 FROM new_rows m WHERE m.id = e.id))
    GROUP BY d.issue_id, n.kind
    ORDER BY d.issue_id, n.kind
    ON CONFLICT (issue_id, kind, writer) DO UPDATE SET count = c.count + excluded.count;
    RETURN NULL;
END $$;

CREATE TRIGGER subscriptions_mailevent_counted AFTER INSERT ON subscriptions_mailevent
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION subscriptions_events_insert();

INSERT INTO subscriptions_eventcount (issue_id, kind, writer, count)
SELECT d.issue_id, e.kind, 0, count(DISTINCT e.delivery_id)
FROM subscriptions_mailevent e JOIN subscriptions_delivery d ON d.id = e.delivery_id
GROUP BY d.issue_id, e.kind;
"""

EVENTS_BACK = """
DROP TRIGGER subscriptions_mailevent_counted ON subscriptions_mailevent;
DROP FUNCTION subscriptions_events_insert();
DELETE FROM subscriptions_eventcount;
"""


class Migration(migrations.Migration):
    dependencies = [("subscriptions", "0014_figures_of_issues")]

    operations = [
        migrations.RunSQL(REASONS, REASONS_BACK),
        migrations.RunSQL(EVENTS, EVENTS_BACK),
    ]
