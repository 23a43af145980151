from django.db import migrations

CONSENT = """
CREATE FUNCTION subscriptions_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: its rows are facts', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER subscriptions_consent_append_only
    BEFORE UPDATE OR DELETE ON subscriptions_consent
    FOR EACH ROW EXECUTE FUNCTION subscriptions_refuse_change();
CREATE TRIGGER subscriptions_consent_no_truncate
    BEFORE TRUNCATE ON subscriptions_consent
    FOR EACH STATEMENT EXECUTE FUNCTION subscriptions_refuse_change();

CREATE FUNCTION subscriptions_head_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.position <= OLD.position THEN
        RAISE EXCEPTION 'the consent ledger only grows' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER subscriptions_consenthead_only_grows
    BEFORE UPDATE ON subscriptions_consenthead
    FOR EACH ROW EXECUTE FUNCTION subscriptions_head_only_grows();
CREATE TRIGGER subscriptions_consenthead_no_delete
    BEFORE DELETE ON subscriptions_consenthead
    FOR EACH ROW EXECUTE FUNCTION subscriptions_refuse_change();
"""

CONSENT_BACK = """
DROP TRIGGER subscriptions_consenthead_no_delete ON subscriptions_consenthead;
DROP TRIGGER subscriptions_consenthead_only_grows ON subscriptions_consenthead;
DROP TRIGGER subscriptions_consent_no_truncate ON subscriptions_consent;
DROP TRIGGER subscriptions_consent_append_only ON subscriptions_consent;
DROP FUNCTION subscriptions_head_only_grows();
DROP FUNCTION subscriptions_refuse_change();
"""

POLICY = """
CREATE FUNCTION subscriptions_published_policy_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.published_at IS NOT NULL THEN
        RAISE EXCEPTION 'privacy policy % is published and never changes', OLD.version
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN COALESCE(NEW, OLD);
END $$;

CREATE TRIGGER subscriptions_privacypolicy_stands
    BEFORE UPDATE OR DELETE ON subscriptions_privacypolicy
    FOR EACH ROW EXECUTE FUNCTION subscriptions_published_policy_stands();

CREATE FUNCTION subscriptions_published_text_stands() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ids bigint[] := ARRAY[]::bigint[];
BEGIN
    IF TG_OP <> 'INSERT' THEN ids := ids || OLD.policy_id; END IF;
    IF TG_OP <> 'DELETE' THEN ids := ids || NEW.policy_id; END IF;
    PERFORM 1 FROM subscriptions_privacypolicy WHERE id = ANY(ids) AND published_at IS NOT NULL FOR SHARE;
    IF FOUND THEN
        RAISE EXCEPTION 'the texts of a published privacy policy never change'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN COALESCE(NEW, OLD);
END $$;

CREATE TRIGGER subscriptions_policytext_stands
    BEFORE INSERT OR UPDATE OR DELETE ON subscriptions_policytext
    FOR EACH ROW EXECUTE FUNCTION subscriptions_published_text_stands();
"""

POLICY_BACK = """
DROP TRIGGER subscriptions_policytext_stands ON subscriptions_policytext;
DROP FUNCTION subscriptions_published_text_stands();
DROP TRIGGER subscriptions_privacypolicy_stands ON subscriptions_privacypolicy;
DROP FUNCTION subscriptions_published_policy_stands();
"""


class Migration(migrations.Migration):
    dependencies = [("subscriptions", "0001_subscribers_and_consent")]

    operations = [
        migrations.RunSQL(CONSENT, CONSENT_BACK),
        migrations.RunSQL(POLICY, POLICY_BACK),
    ]
