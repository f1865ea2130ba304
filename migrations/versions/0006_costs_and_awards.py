"""Terms and costs of services, and awards of the Emergency Fund, whose deciders learn of no case."""

import sqlalchemy as sa
from alembic import op

from migrations.row_security import (
    MINE,
    ORGANISATION,
    Rows,
    keep_functions_private,
    let_owner_read,
    let_worker,
    not_walled,
    only_grows,
    owned,
    protect,
)

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

GROWING = ("service_terms", "service_costs")
WALLED_AWARDS = """
    CREATE FUNCTION nrm_walled_awards() RETURNS SETOF text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
        SELECT a.award_id::text FROM award_cases a JOIN case_walls w ON w.case_id = a.case_id
        WHERE w.organisation_id = nrm_organisation() OR w.staff_id = nrm_staff()
    $$
"""
BEHIND_WALLS = "(SELECT nrm_walled_awards())"


def create_growing(table: str, *columns: sa.Column[object], constraints: tuple[sa.Constraint, ...] = ()) -> None:
    """Create a table of rows about a service episode that are never changed."""
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("episode_id", sa.Uuid(), nullable=False),
        *columns,
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.ForeignKeyConstraint(["episode_id"], ["service_episodes.id"]),
        sa.ForeignKeyConstraint(["staff_id"], ["staff_members.id"]),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),
        *constraints,
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(f"{table}_of_episode", table, ["episode_id", "recorded_at"])
    case = f"{table}.case_id"
    given = f"{MINE} AND {not_walled(case)}"
    own_episode = f"""EXISTS (
        SELECT 1 FROM service_episodes e WHERE e.id = episode_id AND e.case_id = {case}
          AND e.organisation_id = {ORGANISATION})"""
    protect(table, Rows(select=f"({given}) OR ({owned(case)})", insert=f"{given} AND {own_episode}"))
    only_grows(table)


def create_awards() -> None:
    """Create the awards, and apart from them for which cases they were asked."""
    op.create_table(
        "awards",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("asking_organisation_id", sa.Uuid(), nullable=False),
        sa.Column("deciding_organisation_id", sa.Uuid(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("population", sa.Text(), nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount_asked", sa.BigInteger(), nullable=False),
        sa.Column("amount_granted", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["asking_organisation_id"], ["organisations.id"]),
        sa.ForeignKeyConstraint(["deciding_organisation_id"], ["organisations.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("awards_to_decide", "awards", ["deciding_organisation_id", "asked_at"])
    op.create_table(
        "award_cases",
        sa.Column("award_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["award_id"], ["awards.id"]),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.PrimaryKeyConstraint("award_id"),
    )
    op.create_index("award_cases_of_case", "award_cases", ["case_id"])
    op.execute(WALLED_AWARDS)
    keep_functions_private()


def protect_awards() -> None:
    """Let the asking and deciding sides see an award, and only who leads the case its case; walls hide both."""
    asks = f"asking_organisation_id = {ORGANISATION}"
    decides = f"(deciding_organisation_id = {ORGANISATION} AND (SELECT nrm_role()) = 'coordinator')"
    of_own_case = "EXISTS (SELECT 1 FROM award_cases c WHERE c.award_id = awards.id)"
    protect(
        "awards",
        Rows(
            select=f"({asks} OR {decides} OR {of_own_case}) AND id::text NOT IN {BEHIND_WALLS}",
            insert=asks,
            update=f"{decides} AND id::text NOT IN {BEHIND_WALLS}",
            update_columns="status, amount_granted, refusal, decided_at, paid_at, version",
        ),
    )
    own = owned("award_cases.case_id")
    protect("award_cases", Rows(select=own, insert=own))
    let_owner_read("award_cases")
    let_worker("awards", "SELECT")
    op.execute(
        "CREATE POLICY walled_awards ON notifications AS RESTRICTIVE FOR SELECT TO nrm_application "
        f"USING (reference NOT IN {BEHIND_WALLS})"
    )


def upgrade() -> None:
    create_growing(
        "service_terms",
        sa.Column("planned_start", sa.Date(), nullable=True),
        sa.Column("planned_end", sa.Date(), nullable=True),
        sa.Column("certificate", sa.Text(), nullable=False),
        sa.Column("certificate_issued_on", sa.Date(), nullable=True),
    )
    create_growing(
        "service_costs",
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("funding_source", sa.Text(), nullable=False),
        sa.Column("reverses_id", sa.Uuid(), nullable=True),
        constraints=(
            sa.ForeignKeyConstraint(["reverses_id"], ["service_costs.id"]),
            sa.UniqueConstraint("reverses_id"),
        ),
    )
    create_awards()
    protect_awards()


def downgrade() -> None:
    op.execute("DROP POLICY walled_awards ON notifications")
    op.execute("DROP POLICY application_select ON awards")
    op.execute("DROP POLICY application_update ON awards")
    op.execute("DROP FUNCTION nrm_walled_awards()")
    op.drop_table("award_cases")
    op.drop_table("awards")
    for table in GROWING:
        op.drop_table(table)
