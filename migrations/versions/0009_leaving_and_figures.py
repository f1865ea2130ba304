"""What organisations leave behind, counts that name their unit and population, and figures that others published."""

from importlib import import_module

import sqlalchemy as sa
from alembic import op

from migrations.row_security import (
    BEHIND_WALLS,
    MINE,
    STAFF,
    Rows,
    keep_functions_private,
    let_owner_read,
    let_worker,
    only_grows,
    protect,
)

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

COORDINATES = f"""(SELECT nrm_role()) = 'coordinator' AND country = (SELECT nrm_country())
    AND reference NOT IN {BEHIND_WALLS}"""

# The worker moves what an organisation left. It opens nothing: a grant names compartments that stay sealed.
WORKER_ALSO = {
    "organisations": ("UPDATE (status)",),
    "cases": ("UPDATE (owner_organisation_id)",),
    "case_access": ("INSERT", "UPDATE (compartments)"),
    "referrals": ("UPDATE (sending_organisation_id, receiving_organisation_id, consent_version_id, shared_until)",),
    "service_episodes": ("UPDATE (ended_at, outcome, version)",),
    "contacts": ("UPDATE (organisation_id, version)",),
    "deadlines": ("UPDATE (organisation_id)",),
}
WORKER_READS = ("contact_cases",)

# Whether a wall of a case stands before an organisation that is to take it over. The worker alone may ask, and reads no wall.
WALLS_OUT = """
    CREATE FUNCTION nrm_walls_out(checked uuid, organisation uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
        SELECT session_user = 'nrm_worker' AND EXISTS (
            SELECT 1 FROM case_walls w WHERE w.case_id = checked AND w.organisation_id = organisation)
    $$
"""

# A case is the file on one person (persons.case_id is unique), so persons are counted without reading what is known of them.
FUNNEL = """
    CREATE FUNCTION nrm_funnel() RETURNS TABLE (stage text, unit text, population text, counted bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
        WITH allowed AS (SELECT nrm_country() AS country WHERE nrm_role() = 'coordinator'),
        populations (population, victim_type) AS (
            SELECT * FROM (VALUES ('victims_of_trafficking', 'trafficking'), ('vulnerable_migrants', 'vulnerable_migrant')) p
            WHERE EXISTS (SELECT 1 FROM allowed)
        ),
        counted_cases AS (
            SELECT c.id, c.victim_type FROM cases c JOIN allowed a ON a.country = c.country WHERE NOT nrm_walled(c.id)
        ),
        reached AS (
            SELECT e.referral_id, e.status, c.victim_type FROM referral_events e
            JOIN referrals r ON r.id = e.referral_id JOIN counted_cases c ON c.id = r.case_id
            WHERE r.status <> 'entered_in_error'
        )
        SELECT 'contacts', 'contacts', 'all', count(*) FROM contacts c
            JOIN organisations o ON o.id = c.organisation_id JOIN allowed a ON a.country = o.country
            WHERE c.id::text NOT IN (SELECT nrm_walled_references())
        UNION ALL SELECT 'contacts_about_cases', 'contacts', p.population, count(DISTINCT k.contact_id)
            FROM populations p LEFT JOIN counted_cases c ON c.victim_type = p.victim_type
            LEFT JOIN contact_cases k ON k.case_id = c.id GROUP BY p.population
        UNION ALL SELECT 'cases', 'cases', p.population, count(c.id)
            FROM populations p LEFT JOIN counted_cases c ON c.victim_type = p.victim_type GROUP BY p.population
        UNION ALL SELECT 'persons', 'persons', p.population, count(DISTINCT c.id)
            FROM populations p LEFT JOIN counted_cases c ON c.victim_type = p.victim_type GROUP BY p.population
        UNION ALL SELECT 'presumed_or_identified', 'cases', p.population, count(DISTINCT d.case_id)
            FROM populations p LEFT JOIN counted_cases c ON c.victim_type = p.victim_type
            LEFT JOIN identification_decisions d ON d.case_id = c.id
                AND d.outcome IN ('PossibleVictimOfTrafficking', 'ActualVictimOfTrafficking')
            WHERE p.victim_type = 'trafficking' GROUP BY p.population
        UNION ALL SELECT s.stage, 'referrals', p.population, count(DISTINCT r.referral_id)
            FROM (VALUES ('sent'), ('received'), ('accepted'), ('in_service'), ('completed')) AS s (stage)
            CROSS JOIN populations p LEFT JOIN reached r ON r.status = s.stage AND r.victim_type = p.victim_type
            GROUP BY s.stage, p.population
        UNION ALL SELECT s.stage, 'service_episodes', p.population,
                count(e.id) FILTER (WHERE s.stage = 'services_begun' OR e.outcome IN ('full', 'partial'))
            FROM (VALUES ('services_begun'), ('services_given')) AS s (stage) CROSS JOIN populations p
            LEFT JOIN counted_cases c ON c.victim_type = p.victim_type
            LEFT JOIN service_episodes e ON e.case_id = c.id GROUP BY s.stage, p.population
    $$
"""

CALLBACKS = """
    CREATE FUNCTION nrm_callbacks() RETURNS TABLE (organisation text, due bigint, overdue bigint, oldest_due_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
        SELECT o.code, count(*), count(*) FILTER (WHERE c.callback_due_at <= nrm_now()), min(c.callback_due_at)
        FROM contacts c JOIN organisations o ON o.id = c.organisation_id
        WHERE nrm_role() = 'coordinator' AND o.country = nrm_country() AND c.outcome IN ('callback_due', 'not_reached')
          AND c.id::text NOT IN (SELECT nrm_walled_references())
        GROUP BY o.code
    $$
"""

# The worker may move the lead of a case that nobody open leads, or that the coordinator gave away; of no other case.
ONLY_WHAT_IS_LEFT = """
    CREATE FUNCTION nrm_only_what_is_left() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF session_user <> 'nrm_worker' THEN RETURN NEW; END IF;
        IF TG_OP = 'UPDATE' THEN
            IF NEW.compartments = OLD.compartments AND NEW.valid_until <= OLD.valid_until THEN RETURN NEW; END IF;
        END IF;
        IF NEW.relation = 'owner' AND (EXISTS (
            SELECT 1 FROM cases c JOIN organisations o ON o.id = c.owner_organisation_id
            WHERE c.id = NEW.case_id AND (o.status NOT IN ('active', 'probation') OR o.active_until <= nrm_now())
        ) OR EXISTS (
            SELECT 1 FROM escalations e
            WHERE e.case_id = NEW.case_id AND e.assigned_organisation_id = NEW.organisation_id
        )) THEN RETURN NEW; END IF;
        RAISE insufficient_privilege USING MESSAGE = 'the worker moves only what an organisation left';
    END $$
"""


def upgrade() -> None:
    create_tables()
    protect(
        "escalations",
        Rows(
            select=COORDINATES,
            update=COORDINATES,
            update_columns="assigned_organisation_id, assigned_at, version",
        ),
    )
    protect(
        "published_figures",
        Rows(
            select="(SELECT nrm_organisation()) IS NOT NULL",
            insert=f"{MINE} AND staff_id = {STAFF} AND (SELECT nrm_role()) = 'coordinator'",
        ),
    )
    only_grows("published_figures")
    let_worker(
        "escalations",
        "SELECT",
        "INSERT",
        "UPDATE (reason, organisation_id, assigned_organisation_id, assigned_at, settled_at, version)",
    )
    for table, privileges in WORKER_ALSO.items():
        let_worker(table, *privileges, first=False)
    for table in WORKER_READS:
        let_worker(table, "SELECT")
    # The operator asks the worker to look at an organisation; the counts below read what they count.
    op.execute(
        "CREATE POLICY owner_asks ON deadlines FOR INSERT TO nrm_owner WITH CHECK (kind = 'organisation_changed')"
    )
    let_owner_read("service_episodes")
    op.execute("DROP FUNCTION nrm_funnel()")
    op.execute(FUNNEL)
    op.execute(CALLBACKS)
    op.execute(WALLS_OUT)
    op.execute(ONLY_WHAT_IS_LEFT)
    op.execute(
        "CREATE TRIGGER only_what_is_left BEFORE INSERT OR UPDATE OF compartments, valid_until ON case_access "
        "FOR EACH ROW EXECUTE FUNCTION nrm_only_what_is_left()"
    )
    # The worker carries out that an organisation ends; it opens none again.
    op.execute(
        "CREATE POLICY worker_only_closes ON organisations AS RESTRICTIVE FOR UPDATE TO nrm_worker "
        "USING (true) WITH CHECK (status = 'closed')"
    )
    keep_functions_private()


def create_tables() -> None:
    op.create_table(
        "escalations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("reference", sa.String(length=40), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("assigned_organisation_id", sa.Uuid(), nullable=True),
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),
        sa.ForeignKeyConstraint(["assigned_organisation_id"], ["organisations.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "escalations_one_open",
        "escalations",
        ["subject_id"],
        unique=True,
        postgresql_where=sa.text("settled_at IS NULL"),
    )
    op.create_index("escalations_of_country", "escalations", ["country", sa.text("raised_at DESC"), "id"])
    op.create_table(
        "published_figures",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("series", sa.String(length=60), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("period_from", sa.Date(), nullable=False),
        sa.Column("period_to", sa.Date(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=True),
        sa.Column("source", sa.String(length=60), nullable=False),
        sa.Column("disputed", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff_members.id"]),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("series", "country", "period_from", "period_to", "source", "version"),
    )
    op.create_index("published_figures_of_series", "published_figures", ["series", "country", "period_from"])


def downgrade() -> None:
    op.execute("DROP TRIGGER only_what_is_left ON case_access")
    op.execute("DROP FUNCTION nrm_only_what_is_left()")
    op.execute("DROP POLICY worker_only_closes ON organisations")
    op.execute("DROP FUNCTION nrm_walls_out(uuid, uuid)")
    op.execute("DROP FUNCTION nrm_callbacks()")
    op.execute("DROP FUNCTION nrm_funnel()")
    op.execute(import_module("migrations.versions.0005_classifications").FUNNEL)
    op.execute("DROP POLICY owner ON service_episodes")
    op.execute("DROP POLICY owner_asks ON deadlines")
    for table in WORKER_READS:
        op.execute(f"DROP POLICY worker ON {table}")
        op.execute(f"REVOKE SELECT ON {table} FROM nrm_worker")
    for table, privileges in WORKER_ALSO.items():
        for privilege in privileges:
            op.execute(f"REVOKE {privilege} ON {table} FROM nrm_worker")
    op.drop_table("published_figures")
    op.drop_table("escalations")
    keep_functions_private()
