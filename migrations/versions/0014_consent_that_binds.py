"""What leaves its owner is decided with the case locked: on which ground, and whether the ground still stands.

Whoever opens or sends something first holds the case (`nrm_hold`); whoever ends a ground (a withdrawal, a narrower
consent, a wall, a hand-over) holds it too. So of a withdrawal and a disclosure one comes first, and the later one sees
what the earlier one did. The lock is exclusive: shared ones could make a withdrawal wait as long as others keep coming.
"""

import sqlalchemy as sa
from alembic import op

from migrations.row_security import keep_functions_private

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# The present, and not the beginning of the transaction: a lock may have been waited for while a ground ended.
PRESENT = """
    CREATE FUNCTION nrm_present() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
        SELECT nrm_now() + (clock_timestamp() - transaction_timestamp())
    $$
"""

# Holds the case and the caller's membership until the transaction ends; answers the present, or nothing to whom the case
# does not concern (any more): no relation, behind a wall, no member. Every statement here looks at what is committed now.
HOLD = """
    CREATE FUNCTION nrm_hold(checked uuid) RETURNS timestamptz
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DECLARE
        present timestamptz;
    BEGIN
        PERFORM 1 FROM memberships m WHERE m.staff_id = nrm_staff() AND m.organisation_id = nrm_organisation()
            AND m.role = nrm_role() FOR SHARE;
        IF checked IS NOT NULL THEN
            IF NOT EXISTS (SELECT 1 FROM case_access g WHERE g.case_id = checked AND g.organisation_id = nrm_organisation())
                AND NOT EXISTS (SELECT 1 FROM referrals r WHERE r.case_id = checked AND nrm_party_to(r.id)) THEN
                RETURN NULL;
            END IF;
            PERFORM 1 FROM cases c WHERE c.id = checked FOR NO KEY UPDATE;
            IF nrm_walled(checked) THEN
                RETURN NULL;
            END IF;
        END IF;
        present := nrm_present();
        IF NOT EXISTS (
            SELECT 1 FROM memberships m JOIN organisations o ON o.id = m.organisation_id
            WHERE m.staff_id = nrm_staff() AND m.organisation_id = nrm_organisation() AND m.role = nrm_role()
              AND m.valid_from <= present AND m.valid_until > present
              AND o.status IN ('active', 'probation') AND o.active_until > present) THEN
            RETURN NULL;
        END IF;
        RETURN present;
    END $$
"""

# Whether the ground of a referral lets these compartments go to its receiver at this instant: the newest version of the
# consent that covers it, or the other basis until it ends. Answers its two sides only, with ids and no word of a consent.
STANDS = """
    CREATE FUNCTION nrm_stands(asked uuid, opened text[], present timestamptz)
    RETURNS TABLE (basis text, consent_id uuid, consent_version integer)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
        SELECT r.basis, c.consent_id, c.version
        FROM referrals r
        JOIN organisations o ON o.id = r.receiving_organisation_id
        LEFT JOIN consents given ON given.id = r.consent_version_id
        LEFT JOIN LATERAL (SELECT n.* FROM consents n WHERE n.consent_id = given.consent_id
                           ORDER BY n.version DESC LIMIT 1) c ON true
        WHERE r.id = asked AND nrm_party_to(r.id) AND r.shared_until > present AND opened <@ r.compartments
          AND (r.basis <> 'consent' OR (
              c.decision = 'given' AND c.expires_at > present AND r.purpose = ANY (c.purposes)
              AND c.recipients && ARRAY['any', 'type:' || o.type, 'organisation:' || o.code]
              AND r.compartments <@ c.compartments))
    $$
"""

# On which ground the caller may open these compartments of a holder now; the case, and the referral, are held from here.
GROUND = """
    CREATE FUNCTION nrm_ground(checked uuid, holder uuid, opened text[])
    RETURNS TABLE (refused text, state text, basis text, consent_id uuid, consent_version integer)
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DECLARE
        present timestamptz;
        standing text;
    BEGIN
        IF holder <> checked THEN
            PERFORM 1 FROM referrals r WHERE r.id = holder AND r.case_id = checked AND nrm_party_to(r.id) FOR NO KEY UPDATE;
        END IF;
        present := nrm_hold(checked);
        IF present IS NULL THEN
            RETURN QUERY SELECT 'unseen', NULL::text, NULL::text, NULL::uuid, NULL::integer;
            RETURN;
        END IF;
        standing := CASE WHEN holder = checked THEN (SELECT c.case_work FROM cases c WHERE c.id = checked)
                         ELSE (SELECT r.status FROM referrals r WHERE r.id = holder) END;
        IF NOT EXISTS (
            SELECT 1 FROM case_access g
            WHERE g.case_id = checked AND g.holder_id = holder AND g.organisation_id = nrm_organisation()
              AND g.valid_from <= present AND g.valid_until > present AND opened <@ g.compartments) THEN
            RETURN QUERY SELECT 'grant', standing, NULL::text, NULL::uuid, NULL::integer;
        ELSIF holder = checked THEN
            RETURN QUERY SELECT NULL::text, standing, 'lead', NULL::uuid, NULL::integer;
        ELSE
            RETURN QUERY SELECT CASE WHEN s.basis IS NULL THEN 'consent' END, standing, s.basis, s.consent_id, s.consent_version
                FROM (SELECT 1) AS one LEFT JOIN nrm_stands(holder, opened, present) s ON true;
        END IF;
    END $$
"""

# A withdrawal stops what was to be told of the referral and was not told yet; only who it was sent by still hears of it.
CANCEL = """
    CREATE FUNCTION nrm_cancel_events(asked uuid) RETURNS integer
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
        WITH cancelled AS (
            UPDATE deliveries d SET state = 'withheld', settled_at = nrm_now()
            FROM notifications n, referrals r
            WHERE r.id = asked AND (session_user = 'nrm_worker' OR nrm_party_to(r.id) OR nrm_owns_case(r.case_id))
              AND n.id = d.notification_id AND n.reference = r.reference
              AND n.organisation_id <> r.sending_organisation_id AND d.state IN ('waiting', 'dead')
            RETURNING 1
        )
        SELECT count(*)::integer FROM cancelled
    $$
"""

# The purposes of the steps that refer, as version 1.0.0 of the procedure has them: `support`, but for these.
PURPOSES = {
    "refer-for-state-identification": "identification",
    "refer-to-law-enforcement": "criminal_proceedings",
    "refer-for-witness-protection": "criminal_proceedings",
}
LOCKED = ("cases", "referrals")


def upgrade() -> None:
    op.add_column("referrals", sa.Column("purpose", sa.Text(), nullable=False, server_default="support"))
    op.execute("ALTER TABLE referrals NO FORCE ROW LEVEL SECURITY")  # no policy lets the owner change a referral
    for step, purpose in PURPOSES.items():
        op.execute(f"UPDATE referrals SET purpose = '{purpose}' WHERE step = '{step}'")
    op.execute("ALTER TABLE referrals FORCE ROW LEVEL SECURITY")
    # To lock a row, row security wants a policy for its change; these let no change through.
    for table in LOCKED:
        op.execute(f"CREATE POLICY owner_holds ON {table} FOR UPDATE TO nrm_owner USING (true) WITH CHECK (false)")
    op.execute(
        "CREATE POLICY owner_withholds ON deliveries FOR UPDATE TO nrm_owner USING (true) WITH CHECK (state = 'withheld')"
    )
    # The function that looks at the ground of a referral reads the consents of its case, for one of its two sides.
    op.execute("""
        CREATE POLICY grounds ON consents FOR SELECT TO nrm_owner USING (EXISTS (
            SELECT 1 FROM referrals r WHERE r.case_id = consents.case_id
                AND (SELECT nrm_organisation()) IN (r.sending_organisation_id, r.receiving_organisation_id)))
    """)
    for function in (PRESENT, HOLD, STANDS, GROUND, CANCEL):
        op.execute(function)
    keep_functions_private()


def downgrade() -> None:
    op.execute("DROP FUNCTION nrm_cancel_events(uuid)")
    op.execute("DROP FUNCTION nrm_ground(uuid, uuid, text[])")
    op.execute("DROP FUNCTION nrm_stands(uuid, text[], timestamptz)")
    op.execute("DROP FUNCTION nrm_hold(uuid)")
    op.execute("DROP FUNCTION nrm_present()")
    op.execute("DROP POLICY grounds ON consents")
    op.execute("DROP POLICY owner_withholds ON deliveries")
    for table in LOCKED:
        op.execute(f"DROP POLICY owner_holds ON {table}")
    op.drop_column("referrals", "purpose")
