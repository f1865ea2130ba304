"""The ledger of counted cases: each person once, in the period in which they were registered, as they were then known."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from migrations.row_security import Rows, keep_functions_private, let_worker, protect

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

CALLED = "session_user <> 'nrm_owner'"
"""Inside a function that somebody else calls; whoever logs in as the owner of the tables sees nothing through this."""

COUNTING = "session_user = 'nrm_worker'"

READ = ("cases", "persons", "contacts", "contact_cases", "step_completions", "identification_decisions", "consents")
READ += ("exploitation_episodes",)
"""What the owner's functions could not read of every case until now; they can while the worker counts."""

COLUMNS = ("sex", "age", "exploitation", "entry_channel", "citizenship", "stage")

# One person is the case that goes on and the cases merged into it; everything is asked of the person. What registers
# somebody happened before the end of the period. What undoes it is honoured until the period is closed, but that a
# consent has expired meanwhile undoes nothing: it stood when they were registered.
PERSONS = """
        WITH files AS MATERIALIZED (
            SELECT coalesce(c.merged_into_id, c.id) AS person, c.id AS case_id
            FROM cases c WHERE c.country = counted_country
        ), barred AS (
            SELECT f.person FROM files f JOIN cases c ON c.id = f.case_id
            WHERE c.erased_at IS NOT NULL OR c.restricted_at IS NOT NULL
               OR EXISTS (SELECT 1 FROM honey_cases h WHERE h.case_id = c.id)
               OR EXISTS (SELECT 1 FROM counted_cases k WHERE k.case_id = c.id)
               OR EXISTS (SELECT 1 FROM step_completions s WHERE s.case_id = c.id AND s.step = 'notify-anonymously')
        ), found AS (
            SELECT DISTINCT ON (f.person, d.body) f.person, d.outcome = ANY (positive) AS positive
            FROM files f JOIN identification_decisions d ON d.case_id = f.case_id
            WHERE d.outcome NOT IN ('Suspended', 'InReview')
            ORDER BY f.person, d.body, d.recorded_at DESC, d.id
        ), decided AS (
            SELECT f.person, min(d.recorded_at) AS at FROM files f JOIN identification_decisions d ON d.case_id = f.case_id
            WHERE d.outcome = ANY (positive) AND d.recorded_at < ended
              AND f.person IN (SELECT o.person FROM found o WHERE o.positive) GROUP BY f.person
        ), registered AS (
            SELECT c.id AS person, c.entry_channel, 'victims_of_trafficking' AS population, d.at
            FROM cases c JOIN decided d ON d.person = c.id WHERE c.victim_type = 'trafficking'
            UNION ALL
            SELECT c.id, c.entry_channel, 'vulnerable_migrants', c.opened_at
            FROM cases c WHERE c.victim_type = 'vulnerable_migrant' AND c.opened_at < ended
        ), said AS (
            SELECT DISTINCT ON (n.consent_id) f.person, n.purposes, n.recorded_at, n.expires_at,
                n.decision = 'given' AS given, min(n.recorded_at) OVER (PARTITION BY n.consent_id) AS first_at
            FROM files f JOIN consents n ON n.case_id = f.case_id ORDER BY n.consent_id, n.version DESC
        ), agreed AS (
            SELECT s.person FROM registered r JOIN said s ON s.person = r.person
            WHERE 'reporting' = ANY (s.purposes) GROUP BY s.person
            HAVING max(s.recorded_at) FILTER (WHERE s.given AND s.first_at < ended AND s.expires_at > r.at)
                > coalesce(max(s.recorded_at) FILTER (WHERE NOT s.given), '-infinity')
        ), counted AS MATERIALIZED (
            SELECT r.person, r.entry_channel, r.population FROM registered r JOIN cases c ON c.id = r.person
            WHERE c.country = counted_country AND c.merged_into_id IS NULL
              AND c.closure_reason IS DISTINCT FROM 'entered_in_error'
              AND c.id NOT IN (SELECT b.person FROM barred b) AND c.id IN (SELECT a.person FROM agreed a)
        ), mine AS MATERIALIZED (
            SELECT f.person, f.case_id FROM files f JOIN counted c ON c.person = f.person
        ),"""

# What is not known stays apart: of several kinds of not knowing the one that says most.
EXPLOITED = """
        spoken AS (
            SELECT DISTINCT ON (e.episode_id) m.person, e.types, e.entered_in_error
            FROM mine m JOIN exploitation_episodes e ON e.case_id = m.case_id ORDER BY e.episode_id, e.version DESC
        ), exploited AS (
            SELECT s.person, CASE
                WHEN bool_or(t.type = ANY (labour)) AND bool_or(t.type = ANY (sexual)) THEN 'combined'
                WHEN bool_or(t.type = ANY (labour)) THEN 'labour'
                WHEN bool_or(t.type = ANY (sexual)) THEN 'sexual'
                WHEN bool_or(t.type <> ALL (not_known)) THEN 'other_form'
                ELSE not_known[min(array_position(not_known, t.type))] END AS exploitation
            FROM spoken s CROSS JOIN unnest(s.types) AS t (type) WHERE NOT s.entered_in_error GROUP BY s.person
        ),"""
SUPPORTED = """
        sent AS (
            SELECT m.person, bool_or(EXISTS (
                SELECT 1 FROM referral_events v WHERE v.referral_id = r.id AND v.status = 'accepted')) AS accepted
            FROM mine m JOIN referrals r ON r.case_id = m.case_id
            WHERE r.status NOT IN ('draft', 'entered_in_error') AND r.service = ANY (support || 'case_management'::text)
            GROUP BY m.person
        ), given AS (
            SELECT m.person, array_agg(DISTINCT p.service ORDER BY p.service) AS services,
                bool_or(p.outcome IN ('full', 'partial')) AS completed
            FROM mine m JOIN service_episodes p ON p.case_id = m.case_id
            LEFT JOIN referrals r ON r.id = p.referral_id
            WHERE p.service = ANY (support) AND r.status IS DISTINCT FROM 'entered_in_error' GROUP BY m.person
        ), known AS (
            SELECT k.person, array_agg(DISTINCT k.organisation_id ORDER BY k.organisation_id) AS organisations FROM (
                SELECT m.person, g.organisation_id FROM mine m JOIN case_access g ON g.case_id = m.case_id
                UNION ALL
                SELECT m.person, unnest(ARRAY[r.sending_organisation_id, r.receiving_organisation_id])
                FROM mine m JOIN referrals r ON r.case_id = m.case_id WHERE r.status <> 'draft'
                UNION ALL
                SELECT m.person, t.organisation_id FROM mine m JOIN contact_cases j ON j.case_id = m.case_id
                JOIN contacts t ON t.id = j.contact_id
                UNION ALL
                SELECT m.person, d.organisation_id FROM mine m JOIN identification_decisions d ON d.case_id = m.case_id
            ) k GROUP BY k.person
        )"""
WRITTEN = """
        INSERT INTO counted_cases (id, case_id, country, population, period, sex, age, exploitation, entry_channel,
                                   citizenship, stage, services, organisations)
        SELECT gen_random_uuid() AS id, c.person, counted_country, c.population, named, p.sex,
            CASE WHEN p.age_disputed THEN 'unknown' ELSE p.age_band END,
            coalesce(x.exploitation, 'not_asked'), c.entry_channel,
            CASE WHEN counted_country = ANY (p.citizenships) THEN 'own'
                 WHEN p.citizenships && neighbours THEN 'neighbouring'
                 WHEN p.citizenships <@ not_known THEN coalesce(p.citizenships[1], 'not_asked')
                 ELSE 'other_country' END,
            CASE WHEN g.completed THEN 'completed' WHEN g.person IS NOT NULL THEN 'served'
                 WHEN s.accepted THEN 'accepted' WHEN s.person IS NOT NULL THEN 'referred' ELSE 'not_referred' END,
            coalesce(g.services, '{}'), coalesce(k.organisations, '{}')
        FROM counted c JOIN persons p ON p.case_id = c.person
        LEFT JOIN exploited x ON x.person = c.person LEFT JOIN sent s ON s.person = c.person
        LEFT JOIN given g ON g.person = c.person LEFT JOIN known k ON k.person = c.person
        ORDER BY 1;"""

FUNCTIONS = {
    # The worker alone counts. A period is counted once, after its end, and then for ever.
    "nrm_count_cases(counted_country text, named text, ended timestamptz, declared text, positive text[], "
    "labour text[], sexual text[], neighbours text[], support text[], not_known text[])": f"""
    RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    BEGIN
        IF session_user <> 'nrm_worker' OR ended > nrm_now() THEN
            RAISE insufficient_privilege USING MESSAGE = 'periods are counted by the worker, after their end';
        END IF;
        PERFORM pg_advisory_xact_lock(7310, 2);
        IF EXISTS (SELECT 1 FROM closed_periods o WHERE o.country = counted_country AND o.ended_at >= ended) THEN
            RETURN false;
        END IF;
        INSERT INTO closed_periods (country, period, ended_at, closed_at, declaration)
            VALUES (counted_country, named, ended, nrm_now(), declared);
        {PERSONS}{EXPLOITED}{SUPPORTED}{WRITTEN}
        RETURN true;
    END $$""",
    # What is counted never changes; only the link to whom it was is cut, when they are erased.
    "nrm_counted_for_ever()": """ RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' AND OLD.case_id IS NOT NULL AND NEW.case_id IS NULL
           AND to_jsonb(NEW) - 'case_id' = to_jsonb(OLD) - 'case_id' THEN
            RETURN NEW;
        END IF;
        RAISE insufficient_privilege USING MESSAGE = 'what is counted never changes';
    END $$""",
    "nrm_forget_counted()": """ RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
    BEGIN
        UPDATE counted_cases SET case_id = NULL WHERE case_id = NEW.id;
        RETURN NULL;
    END $$""",
}


def create_tables() -> None:
    def text(name: str, kind: sa.types.TypeEngine[object] | None = None) -> sa.Column[object]:
        return sa.Column(name, kind or sa.Text(), nullable=False)

    op.create_table(
        "counted_cases",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("case_id", sa.Uuid(), sa.ForeignKey("cases.id"), nullable=True, unique=True),
        text("country", sa.String(2)),
        text("population"),
        text("period", sa.String(7)),
        *(text(name) for name in COLUMNS),
        text("services", ARRAY(sa.Text())),
        text("organisations", ARRAY(sa.Uuid())),
    )
    op.create_table(
        "closed_periods",
        sa.Column("country", sa.String(2), primary_key=True),
        sa.Column("period", sa.String(7), primary_key=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("declaration", sa.String(80), nullable=False),
    )


def protect_tables() -> None:
    for table in ("counted_cases", "closed_periods"):
        protect(table, Rows())
        op.execute(f"CREATE POLICY owner ON {table} TO nrm_owner USING ({CALLED}) WITH CHECK ({CALLED})")
        op.execute(
            f"CREATE TRIGGER never_truncated BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION nrm_refuse_change()"
        )
    op.execute(
        "CREATE TRIGGER counted_for_ever BEFORE UPDATE OR DELETE ON counted_cases "
        "FOR EACH ROW EXECUTE FUNCTION nrm_counted_for_ever()"
    )
    op.execute(
        "CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE ON closed_periods "
        "FOR EACH ROW EXECUTE FUNCTION nrm_refuse_change()"
    )
    shown = f"id, country, population, period, {', '.join(COLUMNS)}, services, organisations"
    let_worker("counted_cases", f"SELECT ({shown})")
    let_worker("closed_periods", "SELECT")
    for table in READ:
        op.execute(f"CREATE POLICY counting ON {table} FOR SELECT TO nrm_owner USING ({COUNTING})")


def upgrade() -> None:
    create_tables()
    for signature, body in FUNCTIONS.items():
        op.execute(f"CREATE FUNCTION {signature}{body}")
    protect_tables()
    op.execute(
        "CREATE TRIGGER forget_counted AFTER UPDATE OF erased_at ON cases FOR EACH ROW "
        "WHEN (NEW.erased_at IS NOT NULL) EXECUTE FUNCTION nrm_forget_counted()"
    )
    keep_functions_private()


def downgrade() -> None:
    op.execute("DROP TRIGGER forget_counted ON cases")
    for table in READ:
        op.execute(f"DROP POLICY counting ON {table}")
    for table in ("counted_cases", "closed_periods"):
        op.drop_table(table)
    for signature in FUNCTIONS:
        op.execute(f"DROP FUNCTION {signature.split('(')[0]}")
