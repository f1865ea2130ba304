"""Classifications, which only grow, and a funnel that never counts a vulnerable migrant as a victim."""

from importlib import import_module

import sqlalchemy as sa
from alembic import op

from migrations.row_security import ORGANISATION, Rows, keep_functions_private, only_grows, owned, protect

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLE = "classifications"

# As in 0003, but each row names the population that it counts.
FUNNEL = """
    CREATE FUNCTION nrm_funnel() RETURNS TABLE (stage text, unit text, population text, counted bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
        WITH allowed AS (SELECT nrm_country() AS country WHERE nrm_role() = 'coordinator'),
        populations (population) AS (VALUES ('trafficking'), ('vulnerable_migrant')),
        counted_cases AS (
            SELECT c.id, c.victim_type FROM cases c JOIN allowed a ON a.country = c.country WHERE NOT nrm_walled(c.id)
        ),
        reached AS (
            SELECT e.referral_id, e.status, c.victim_type FROM referral_events e
            JOIN referrals r ON r.id = e.referral_id
            JOIN cases c ON c.id = r.case_id
            JOIN allowed a ON a.country = r.country
            WHERE r.status <> 'entered_in_error' AND NOT nrm_walled(r.case_id)
        )
        SELECT 'contacts', 'contacts', 'everybody', count(*) FROM contacts c
            JOIN organisations o ON o.id = c.organisation_id JOIN allowed a ON a.country = o.country
            WHERE c.id::text NOT IN (SELECT nrm_walled_references())
        UNION ALL SELECT 'cases', 'cases', p.population, count(c.id) FROM populations p
            LEFT JOIN counted_cases c ON c.victim_type = p.population
            WHERE EXISTS (SELECT 1 FROM allowed) GROUP BY p.population
        UNION ALL SELECT 'presumed_or_identified', 'cases', 'trafficking', count(DISTINCT d.case_id)
            FROM identification_decisions d JOIN counted_cases c ON c.id = d.case_id
            WHERE d.outcome IN ('PossibleVictimOfTrafficking', 'ActualVictimOfTrafficking')
              AND c.victim_type = 'trafficking' AND EXISTS (SELECT 1 FROM allowed)
        UNION ALL SELECT s.stage, 'referrals', p.population, count(DISTINCT r.referral_id)
            FROM (VALUES ('sent'), ('received'), ('accepted'), ('in_service'), ('completed')) AS s (stage)
            CROSS JOIN populations p
            LEFT JOIN reached r ON r.status = s.stage AND r.victim_type = p.population
            WHERE EXISTS (SELECT 1 FROM allowed) GROUP BY s.stage, p.population
    $$
"""


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("said_on", sa.Text(), nullable=False),
        sa.Column("corrects_id", sa.Uuid(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.ForeignKeyConstraint(["corrects_id"], ["classifications.id"]),
        sa.ForeignKeyConstraint(["staff_id"], ["staff_members.id"]),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("classifications_of_case", TABLE, ["case_id", "recorded_at"])
    owner = owned(f"{TABLE}.case_id")
    protect(TABLE, Rows(select=owner, insert=f"organisation_id = {ORGANISATION} AND {owner}"))
    only_grows(TABLE)
    op.execute("DROP FUNCTION nrm_funnel()")
    op.execute(FUNNEL)
    keep_functions_private()


def downgrade() -> None:
    op.execute("DROP FUNCTION nrm_funnel()")
    op.execute(import_module("migrations.versions.0003_roles_and_row_security").FUNNEL)
    keep_functions_private()
    op.drop_table(TABLE)
