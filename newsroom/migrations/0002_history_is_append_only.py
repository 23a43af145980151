from django.db import migrations

FORWARD = """
CREATE FUNCTION newsroom_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER history_entry_is_append_only
    BEFORE UPDATE OR DELETE ON newsroom_historyentry FOR EACH ROW EXECUTE FUNCTION newsroom_refuse_change();
CREATE TRIGGER history_entry_is_not_emptied
    BEFORE TRUNCATE ON newsroom_historyentry FOR EACH STATEMENT EXECUTE FUNCTION newsroom_refuse_change();
"""

BACKWARD = """
DROP TRIGGER history_entry_is_not_emptied ON newsroom_historyentry;
DROP TRIGGER history_entry_is_append_only ON newsroom_historyentry;
DROP FUNCTION newsroom_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("newsroom", "0001_foundation")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
