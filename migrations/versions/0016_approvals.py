"""Acts that nobody does alone: the exact act, asked for by one and answered by another organisation's, done once."""

import sqlalchemy as sa
from alembic import op

from migrations.row_security import NOW, ORGANISATION, STAFF, Rows, keep_functions_private, protect

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

AGREES = "(SELECT nrm_role()) IN ('coordinator', 'monitoring_staff') AND country = (SELECT nrm_country())"
REVIEWS = "(SELECT nrm_role()) = 'monitoring_staff' AND country = (SELECT nrm_country())"

# Whoever asks asks in their own name and for later; the answer is given once, in time, by somebody else; what was agreed
# is done once and in time. Nothing else changes, for nobody.
MOVES = """
    CREATE FUNCTION nrm_approval_moves() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' AND num_nonnulls(NEW.decision, NEW.decided_at, NEW.decider_id, NEW.decider_organisation_id,
                                             NEW.executed_at) = 0 THEN
            RETURN NEW;
        ELSIF TG_OP = 'UPDATE' AND (NEW.id, NEW.country, NEW.action, NEW.digest, NEW.requester_id,
                NEW.requester_organisation_id, NEW.requested_at, NEW.expires_at)
            = (OLD.id, OLD.country, OLD.action, OLD.digest, OLD.requester_id,
                OLD.requester_organisation_id, OLD.requested_at, OLD.expires_at) AND nrm_now() < OLD.expires_at THEN
            IF OLD.decision IS NULL AND NEW.executed_at IS NULL
               AND num_nulls(NEW.decision, NEW.decided_at, NEW.decider_id, NEW.decider_organisation_id) = 0 THEN
                RETURN NEW;
            ELSIF OLD.decision = 'approved' AND OLD.executed_at IS NULL AND NEW.executed_at IS NOT NULL
               AND (NEW.decision, NEW.decided_at, NEW.decider_id, NEW.decider_organisation_id)
                 = (OLD.decision, OLD.decided_at, OLD.decider_id, OLD.decider_organisation_id) THEN
                RETURN NEW;
            END IF;
        END IF;
        RAISE insufficient_privilege USING MESSAGE = 'an act of two is asked for, answered and done, each once';
    END $$
"""
SHUT = """
    CREATE OR REPLACE FUNCTION nrm_glass_is_shut() RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
        SELECT EXISTS (
            SELECT 1 FROM break_glasses b WHERE b.staff_id = nrm_staff()
              AND ((b.outcome IS NULL AND b.review_due_at <= nrm_now()) OR b.outcome = 'unjustified'{and_not}))
    $$
"""
BY_OTHERS = f"{REVIEWS} AND organisation_id <> {ORGANISATION} AND id::text NOT IN (SELECT nrm_walled_references())"
REVIEWED = f"reviewer_id = {STAFF} AND reviewer_organisation_id = {ORGANISATION} AND outcome IS NOT NULL"
RESTORED = f"""restored_at = {NOW} AND EXISTS (
    SELECT 1 FROM approvals a WHERE a.id = restoring_approval_id AND a.executed_at = {NOW}
      AND a.action::jsonb->>'verb' = 'glass.restore'
      AND a.action::jsonb->'parameters'->>'break_glass' = break_glasses.id::text)"""


def create_table() -> None:
    op.create_table(
        "approvals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("requester_id", sa.Uuid(), nullable=False),
        sa.Column("requester_organisation_id", sa.Uuid(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decider_id", sa.Uuid(), nullable=True),
        sa.Column("decider_organisation_id", sa.Uuid(), nullable=True),
        sa.Column("executed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["requester_id"], ["staff_members.id"]),
        sa.ForeignKeyConstraint(["requester_organisation_id"], ["organisations.id"]),
        sa.ForeignKeyConstraint(["decider_id"], ["staff_members.id"]),
        sa.ForeignKeyConstraint(["decider_organisation_id"], ["organisations.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.CheckConstraint(
            "decider_id <> requester_id AND decider_organisation_id <> requester_organisation_id",
            name="approvals_of_two",
        ),
        sa.CheckConstraint(
            "digest = encode(sha256(convert_to(action, 'UTF8')), 'hex')", name="approvals_of_this_very_act"
        ),
        sa.CheckConstraint("decision IN ('approved', 'refused')", name="approvals_decided"),
    )
    op.create_index("approvals_of_country", "approvals", ["country", sa.text("requested_at DESC"), "id"])
    op.create_index("approvals_of_action", "approvals", ["digest", "expires_at"])
    op.add_column("break_glasses", sa.Column("restored_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("break_glasses", sa.Column("restoring_approval_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        "break_glasses_restoring_fkey", "break_glasses", "approvals", ["restoring_approval_id"], ["id"]
    )


def glass_policy(check: str) -> str:
    return (
        "CREATE POLICY application_update ON break_glasses FOR UPDATE TO nrm_application "
        f"USING ({BY_OTHERS}) WITH CHECK ({check})"
    )


def upgrade() -> None:
    create_table()
    op.execute(MOVES)
    op.execute(
        "CREATE TRIGGER moves BEFORE INSERT OR UPDATE OR DELETE ON approvals "
        "FOR EACH ROW EXECUTE FUNCTION nrm_approval_moves()"
    )
    op.execute(
        "CREATE TRIGGER never_truncated BEFORE TRUNCATE ON approvals "
        "FOR EACH STATEMENT EXECUTE FUNCTION nrm_refuse_change()"
    )
    own = f"requester_id = {STAFF} AND requester_organisation_id = {ORGANISATION} AND requested_at = {NOW}"
    protect("approvals", Rows(select=AGREES, insert=f"{AGREES} AND {own}"))
    op.execute(
        "GRANT UPDATE (decision, decided_at, decider_id, decider_organisation_id, executed_at) ON approvals "
        "TO nrm_application"
    )
    op.execute(
        f"CREATE POLICY application_update ON approvals FOR UPDATE TO nrm_application USING ({AGREES}) WITH CHECK ("
        f"executed_at = {NOW} OR (decider_id = {STAFF} AND decider_organisation_id = {ORGANISATION} "
        f"AND decided_at = {NOW}))"
    )
    # The operator's commands spend what was agreed; they agree to nothing.
    op.execute("CREATE POLICY owner ON approvals FOR SELECT TO nrm_owner USING (true)")
    op.execute(
        "CREATE POLICY owner_executes ON approvals FOR UPDATE TO nrm_owner "
        "USING (decision = 'approved') WITH CHECK (executed_at IS NOT NULL)"
    )
    op.execute("GRANT UPDATE (restored_at, restoring_approval_id) ON break_glasses TO nrm_application")
    op.execute("DROP POLICY application_update ON break_glasses")
    op.execute(glass_policy(f"({REVIEWED} AND restored_at IS NULL) OR ({RESTORED})"))
    op.execute(SHUT.format(and_not=" AND b.restored_at IS NULL"))
    keep_functions_private()


def downgrade() -> None:
    op.execute(SHUT.format(and_not=""))
    op.execute("DROP POLICY application_update ON break_glasses")
    op.execute(glass_policy(REVIEWED))
    op.drop_column("break_glasses", "restoring_approval_id")
    op.drop_column("break_glasses", "restored_at")
    op.drop_table("approvals")
    op.execute("DROP FUNCTION nrm_approval_moves()")
