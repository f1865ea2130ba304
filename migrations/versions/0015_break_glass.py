"""Emergency access: a grant for one member of staff, one compartment and an hour, written with its record or not at all."""

from importlib import import_module

import sqlalchemy as sa
from alembic import op

from migrations.row_security import (
    MINE,
    NOW,
    ORGANISATION,
    STAFF,
    Rows,
    keep_functions_private,
    let_worker,
    protect,
)

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

REVIEWS = "(SELECT nrm_role()) = 'monitoring_staff' AND country = (SELECT nrm_country())"
BEHIND_WALLS = "id::text IN (SELECT nrm_walled_references())"
SEEN = f"({MINE} AND staff_id = {STAFF}) OR ({REVIEWS} AND NOT {BEHIND_WALLS})"

# Whoever did not answer for an emergency access in time, or was found to have had no reason, breaks no glass again.
SHUT = """
    CREATE FUNCTION nrm_glass_is_shut() RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
        SELECT EXISTS (
            SELECT 1 FROM break_glasses b WHERE b.staff_id = nrm_staff()
              AND ((b.outcome IS NULL AND b.review_due_at <= nrm_now()) OR b.outcome = 'unjustified'))
    $$
"""

# How often the caller, and the caller's organisation, broke the glass since then. Whoever asks holds a lock of the
# organisation until the transaction ends, so that of many at once none is counted without the others.
COUNTED = """
    CREATE FUNCTION nrm_glass_broken(since timestamptz) RETURNS TABLE (staff bigint, organisation bigint, oldest timestamptz)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtextextended('nrm break glass ' || nrm_organisation(), 0));
        RETURN QUERY SELECT count(*) FILTER (WHERE b.staff_id = nrm_staff()), count(*), min(b.broken_at)
            FROM break_glasses b
            WHERE b.broken_at > since AND (b.organisation_id = nrm_organisation() OR b.staff_id = nrm_staff());
    END $$
"""

# The one way to write an emergency access. Where there is no such case, or a conflict wall stands before the caller, the
# same row is written and nobody can tell: the grant alone is missing. Answers with what is to be told to whom.
BREAK = """
    CREATE FUNCTION nrm_break_glass(
        wanted text, opened text, because text, broken uuid, granted uuid, until timestamptz, review_by timestamptz
    ) RETURNS TABLE (case_id uuid, owner_id uuid)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DECLARE
        target record;
    BEGIN
        IF nrm_glass_is_shut() OR until > nrm_now() + interval '1 day' THEN
            RAISE insufficient_privilege USING MESSAGE = 'no emergency access';
        END IF;
        SELECT c.id, c.owner_organisation_id INTO target FROM cases c
            WHERE c.reference = wanted AND c.country = nrm_country() AND NOT nrm_walled(c.id);
        INSERT INTO break_glasses (id, reference, about_case_id, country, organisation_id, staff_id, role, compartment,
                                   reason, broken_at, valid_until, review_due_at)
            VALUES (broken, wanted, target.id, nrm_country(), nrm_organisation(), nrm_staff(), nrm_role(), opened,
                    because, nrm_now(), until, review_by);
        IF target.id IS NOT NULL THEN
            INSERT INTO case_access (id, case_id, organisation_id, relation, holder_id, staff_id, compartments,
                                     valid_from, valid_until)
                VALUES (granted, target.id, nrm_organisation(), 'break_glass', target.id, nrm_staff(), ARRAY[opened],
                        nrm_now(), until);
            RETURN QUERY SELECT target.id, target.owner_organisation_id;
        END IF;
    END $$
"""

# An access is told of by its id: behind a wall are those to the cases behind it too.
WALLED_REFERENCES = """
    CREATE OR REPLACE FUNCTION nrm_walled_references() RETURNS SETOF text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
        WITH walled AS (
            SELECT w.case_id FROM case_walls w
            WHERE w.organisation_id = nrm_organisation() OR w.staff_id = nrm_staff()
        )
        SELECT c.reference::text FROM cases c JOIN walled w ON w.case_id = c.id
        UNION ALL SELECT r.reference FROM referrals r JOIN walled w ON w.case_id = r.case_id
        UNION ALL SELECT k.contact_id::text FROM contact_cases k JOIN walled w ON w.case_id = k.case_id
        UNION ALL SELECT b.id::text FROM break_glasses b JOIN walled w ON w.case_id = b.about_case_id
    $$
"""
BEFORE = WALLED_REFERENCES.replace(
    "UNION ALL SELECT b.id::text FROM break_glasses b JOIN walled w ON w.case_id = b.about_case_id", ""
)

# A webhook is told nothing of what a wall stands before: neither of an access to it.
DUE_EVENTS = import_module("migrations.versions.0011_webhooks").DUE_EVENTS
OF_CONTACTS = "UNION ALL SELECT k.contact_id::text FROM contact_cases k JOIN walled ON walled.case_id = k.case_id"
OF_ACCESS = "UNION ALL SELECT b.id::text FROM break_glasses b JOIN walled ON walled.case_id = b.about_case_id"

# What was asked for never changes; an outcome is given once, and not by whom it is about.
ONCE = """
    CREATE FUNCTION nrm_glass_reviewed_once() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.outcome IS NOT NULL
           AND (NEW.outcome, NEW.reviewed_at, NEW.reviewer_id, NEW.reviewer_organisation_id)
               IS DISTINCT FROM (OLD.outcome, OLD.reviewed_at, OLD.reviewer_id, OLD.reviewer_organisation_id) THEN
            RAISE insufficient_privilege USING MESSAGE = 'an emergency access is reviewed once';
        END IF;
        RETURN NEW;
    END $$
"""
REVIEWED = "outcome, reviewed_at, reviewer_id, reviewer_organisation_id"
ACCOUNT = "compartment = 'narrative' AND EXISTS (SELECT 1 FROM break_glasses b WHERE b.id = holder_id{more})"
WRITTEN_NOW = f" AND b.staff_id = {STAFF} AND b.organisation_id = {ORGANISATION} AND b.broken_at = {NOW}"


def create_tables() -> None:
    op.create_table(
        "break_glasses",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.String(length=24), nullable=False),
        sa.Column("about_case_id", sa.Uuid(), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("compartment", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("broken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("review_due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("suspended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reviewer_id", sa.Uuid(), nullable=True),
        sa.Column("reviewer_organisation_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["about_case_id"], ["cases.id"]),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),
        sa.ForeignKeyConstraint(["staff_id"], ["staff_members.id"]),
        sa.ForeignKeyConstraint(["reviewer_id"], ["staff_members.id"]),
        sa.ForeignKeyConstraint(["reviewer_organisation_id"], ["organisations.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.CheckConstraint(
            "reviewer_id <> staff_id AND reviewer_organisation_id <> organisation_id",
            name="break_glasses_reviewed_by_others",
        ),
    )
    newest = sa.text("broken_at DESC")
    op.create_index("break_glasses_of_staff", "break_glasses", ["staff_id", newest, "id"])
    op.create_index("break_glasses_of_organisation", "break_glasses", ["organisation_id", newest])
    op.create_index("break_glasses_of_country", "break_glasses", ["country", newest, "id"])
    op.add_column("case_access", sa.Column("staff_id", sa.Uuid(), nullable=True))
    op.create_foreign_key("case_access_staff_id_fkey", "case_access", "staff_members", ["staff_id"], ["id"])
    op.create_check_constraint(
        "case_access_for_one", "case_access", "(relation = 'break_glass') = (staff_id IS NOT NULL)"
    )


def as_replacement(function: str) -> str:
    return function.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")


def upgrade() -> None:
    create_tables()
    for function in (SHUT, COUNTED, BREAK, WALLED_REFERENCES, ONCE):
        op.execute(function)
    op.execute(as_replacement(DUE_EVENTS.replace(OF_CONTACTS, f"{OF_CONTACTS} {OF_ACCESS}")))
    protect("break_glasses", Rows(select=SEEN))
    op.execute(f"GRANT UPDATE ({REVIEWED}) ON break_glasses TO nrm_application")
    op.execute(
        "CREATE POLICY application_update ON break_glasses FOR UPDATE TO nrm_application "
        f"USING ({REVIEWS} AND organisation_id <> {ORGANISATION} AND NOT {BEHIND_WALLS}) "
        f"WITH CHECK (reviewer_id = {STAFF} AND reviewer_organisation_id = {ORGANISATION} AND outcome IS NOT NULL)"
    )
    op.execute(
        "CREATE TRIGGER reviewed_once BEFORE UPDATE ON break_glasses "
        "FOR EACH ROW EXECUTE FUNCTION nrm_glass_reviewed_once()"
    )
    let_worker("break_glasses", "SELECT", "UPDATE (suspended_at)")
    op.execute("CREATE POLICY owner_breaks ON break_glasses TO nrm_owner USING (true) WITH CHECK (true)")
    op.execute(
        "CREATE POLICY owner_breaks ON case_access FOR INSERT TO nrm_owner WITH CHECK (relation = 'break_glass')"
    )
    # A colleague of whoever broke the glass has no grant: not through the table, and so through no policy that reads it.
    op.execute(
        "CREATE POLICY application_for_one ON case_access AS RESTRICTIVE FOR SELECT TO nrm_application "
        f"USING (staff_id IS NULL OR staff_id = {STAFF} OR organisation_id <> {ORGANISATION})"
    )
    for table in ("sealed_values", "sealing_keys"):
        op.execute(
            f"CREATE POLICY application_account_written ON {table} FOR INSERT TO nrm_application "
            f"WITH CHECK ({ACCOUNT.format(more=WRITTEN_NOW)})"
        )
        op.execute(
            f"CREATE POLICY application_account_read ON {table} FOR SELECT TO nrm_application "
            f"USING ({ACCOUNT.format(more='')})"
        )
    keep_functions_private()


def downgrade() -> None:
    for table in ("sealed_values", "sealing_keys"):
        op.execute(f"DROP POLICY application_account_written ON {table}")
        op.execute(f"DROP POLICY application_account_read ON {table}")
    op.execute("DROP POLICY application_for_one ON case_access")
    op.execute("DROP POLICY owner_breaks ON case_access")
    op.execute("DROP FUNCTION nrm_break_glass(text, text, text, uuid, uuid, timestamptz, timestamptz)")
    op.execute("DROP FUNCTION nrm_glass_broken(timestamptz)")
    op.execute("DROP FUNCTION nrm_glass_is_shut()")
    op.execute(BEFORE)
    op.execute(as_replacement(DUE_EVENTS))
    op.execute("DELETE FROM case_access WHERE relation = 'break_glass'")
    op.drop_constraint("case_access_for_one", "case_access")
    op.drop_column("case_access", "staff_id")
    op.drop_table("break_glasses")
    op.execute("DROP FUNCTION nrm_glass_reviewed_once()")
