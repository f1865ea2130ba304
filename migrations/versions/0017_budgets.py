"""Budgets, counted where all processes meet: rows of what was used, and no counter that everybody would wait for."""

import sqlalchemy as sa
from alembic import op

from migrations.row_security import ORGANISATION, Rows, keep_functions_private, let_worker, protect

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# What one works on already costs one look by the primary key. What is new is written and counted, behind a lock of the same
# member of staff and kind alone: many requests of one account cannot all be the last one. The organisation is counted
# without a lock, so that colleagues never wait for each other; of as many as are under way at once, some may be too many.
SPEND = """
    CREATE FUNCTION nrm_spend(of_kind text, subjects uuid[], since timestamptz, known_since timestamptz)
    RETURNS TABLE (fresh bigint, staff bigint, organisation bigint, oldest timestamptz)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DECLARE
        own uuid := nrm_staff();
        ours uuid := nrm_organisation();
        present timestamptz := nrm_now();
        added bigint := 0;
    BEGIN
        IF cardinality(subjects) > 0 THEN
            IF NOT EXISTS (
                SELECT 1 FROM unnest(subjects) AS wanted (id) LEFT JOIN budget_uses u
                  ON u.staff_id = own AND u.organisation_id = ours AND u.kind = of_kind AND u.subject_id = wanted.id
                WHERE u.used_at IS NULL OR u.used_at < present - interval '1 day' OR u.used_at <= known_since
            ) THEN
                RETURN QUERY SELECT 0::bigint, 0::bigint, 0::bigint, NULL::timestamptz;
                RETURN;
            END IF;
            PERFORM pg_advisory_xact_lock(hashtextextended(of_kind || own, 0));
            WITH written AS (
                INSERT INTO budget_uses AS u (staff_id, organisation_id, kind, subject_id, used_at, counted_at)
                SELECT DISTINCT own, ours, of_kind, wanted.id, present, present FROM unnest(subjects) AS wanted (id)
                ON CONFLICT ON CONSTRAINT budget_uses_pkey DO UPDATE SET used_at = present,
                    counted_at = CASE WHEN u.used_at <= known_since THEN present ELSE u.counted_at END
                RETURNING counted_at
            )
            SELECT count(*) INTO added FROM written WHERE counted_at = present;
        END IF;
        RETURN QUERY SELECT added,
            (SELECT count(*) FROM budget_uses u WHERE u.staff_id = own AND u.kind = of_kind AND u.counted_at > since),
            (SELECT count(*) FROM budget_uses u WHERE u.organisation_id = ours AND u.kind = of_kind AND u.counted_at > since),
            (SELECT min(u.counted_at) FROM budget_uses u
             WHERE (u.staff_id = own OR u.organisation_id = ours) AND u.kind = of_kind AND u.counted_at > since);
    END $$
"""

# No budget stands between somebody and a person in danger: of a case, and of a package of one.
SPARED = """
    CREATE FUNCTION nrm_is_spared(holder uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
        WITH about AS (
            SELECT g.case_id, g.referral_id FROM case_access g
            WHERE g.holder_id = holder AND g.organisation_id = nrm_organisation()
              AND g.valid_from <= nrm_now() AND g.valid_until > nrm_now() AND NOT nrm_walled(g.case_id)
        )
        SELECT EXISTS (SELECT 1 FROM persons p JOIN about a ON a.case_id = p.case_id
                       WHERE p.age_band IN ('0--8', '9--17', '0--17'))
            OR EXISTS (SELECT 1 FROM referrals r JOIN about a ON a.referral_id = r.id WHERE r.priority = 'emergency')
            OR 'imminent' IS NOT DISTINCT FROM (
                SELECT s.danger FROM assessments s JOIN about a ON a.case_id = s.case_id
                ORDER BY s.recorded_at DESC, s.id LIMIT 1)
    $$
"""


def upgrade() -> None:
    op.create_table(
        "budget_uses",
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff_members.id"]),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),
        sa.PrimaryKeyConstraint("staff_id", "organisation_id", "kind", "subject_id"),
    )
    op.create_index("budget_uses_of_staff", "budget_uses", ["staff_id", "kind", "counted_at"])
    op.create_index("budget_uses_of_organisation", "budget_uses", ["organisation_id", "kind", "counted_at"])
    op.create_index("budget_uses_used", "budget_uses", ["used_at"])
    op.execute(SPEND)
    op.execute(SPARED)
    protect("budget_uses", Rows())
    for table in ("persons", "assessments"):  # for the function above alone: without a context there is nothing to see
        op.execute(
            f"CREATE POLICY spared ON {table} FOR SELECT TO nrm_owner USING (EXISTS (SELECT 1 FROM case_access g "
            f"WHERE g.case_id = {table}.case_id AND g.organisation_id = {ORGANISATION}))"
        )
    op.execute("CREATE POLICY owner_spends ON budget_uses TO nrm_owner USING (true) WITH CHECK (true)")
    let_worker("budget_uses", "DELETE", "SELECT (used_at)")
    keep_functions_private()


def downgrade() -> None:
    for table in ("persons", "assessments"):
        op.execute(f"DROP POLICY spared ON {table}")
    op.execute("DROP FUNCTION nrm_is_spared(uuid)")
    op.execute("DROP FUNCTION nrm_spend(text, uuid[], timestamptz, timestamptz)")
    op.drop_table("budget_uses")
