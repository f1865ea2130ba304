"""Cases about nobody: whoever touches one is told of by the statement that records it, and nobody can see which they are."""

from importlib import import_module

import sqlalchemy as sa
from alembic import op

from migrations.row_security import Rows, keep_functions_private, protect

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# Every opening, status, refusal of a rule and emergency access of a case leaves an entry in the chain of the case: so what
# leaves one by somebody's hand tells of it, in the same transaction, before anything is answered.
TOUCHED = """
    CREATE FUNCTION nrm_honey_touched() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
    BEGIN
        INSERT INTO notifications (id, organisation_id, kind, reference, detail, created_at)
        SELECT gen_random_uuid(), o.id, 'honey_touched', c.reference, m.action, m.at
        FROM made m JOIN honey_cases h ON h.case_id = m.stream_id JOIN cases c ON c.id = h.case_id
        JOIN organisations o ON o.country = c.country AND o.status = 'active' AND o.id <> m.organisation_id
            AND o.nrm_roles && ARRAY['coordinator', 'oversight']
        WHERE m.actor_id IS NOT NULL;
        RETURN NULL;
    END $$
"""
FUNNEL = import_module("migrations.versions.0009_leaving_and_figures").FUNNEL
COUNTED = "a.country = c.country WHERE NOT nrm_walled(c.id)"
REAL = f"{COUNTED} AND NOT EXISTS (SELECT 1 FROM honey_cases h WHERE h.case_id = c.id)"


def funnel_without_honey() -> str:
    """Return the statement that makes the funnel of migration 0009, in which no honey case counts."""
    return FUNNEL.replace(COUNTED, REAL)


def as_replacement(function: str) -> str:
    return function.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")


def upgrade() -> None:
    op.create_table(
        "honey_cases",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("planted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.PrimaryKeyConstraint("case_id"),
    )
    protect("honey_cases", Rows())
    op.execute("CREATE POLICY owner_plants ON honey_cases TO nrm_owner USING (true) WITH CHECK (true)")
    op.execute("CREATE POLICY owner_tells ON notifications FOR INSERT TO nrm_owner WITH CHECK (kind = 'honey_touched')")
    op.execute(TOUCHED)
    op.execute(
        "CREATE TRIGGER honey_touched AFTER INSERT ON audit_entries REFERENCING NEW TABLE AS made "
        "FOR EACH STATEMENT EXECUTE FUNCTION nrm_honey_touched()"
    )
    op.execute(as_replacement(funnel_without_honey()))
    keep_functions_private()


def downgrade() -> None:
    op.execute(as_replacement(FUNNEL))
    op.execute("DROP TRIGGER honey_touched ON audit_entries")
    op.execute("DROP FUNCTION nrm_honey_touched()")
    op.execute("DROP POLICY owner_tells ON notifications")
    op.drop_table("honey_cases")
