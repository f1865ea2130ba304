"""Erasing: the shred ledger, what is forgotten, what stops it, requests of the person, and restored databases."""

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
    not_walled,
    only_grows,
    owned,
    protect,
)

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

NEW = ("subject_requests", "restorations", "retention_holds", "shred_ledger", "erasures")

# Nobody can destroy a key without leaving a line: a trigger writes it, as the last thing before the commit, so that the
# only lock that all share is held for no longer than that. Who erases a case says so in the transaction's settings.
APPEND = r"""
    CREATE FUNCTION nrm_ledger_append(holder uuid, what text, erasure uuid, reason text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DECLARE
        before shred_ledger%ROWTYPE;
        place bigint;
        said text;
        instant timestamptz := nrm_now();
    BEGIN
        IF pg_trigger_depth() = 0 THEN
            RAISE insufficient_privilege USING MESSAGE = 'the ledger is written by triggers alone';
        END IF;
        PERFORM pg_advisory_xact_lock(7310, 1);
        SELECT * INTO before FROM shred_ledger ORDER BY sequence DESC LIMIT 1;
        place := coalesce(before.sequence, 0) + 1;
        said := concat_ws('|', place::text, holder::text, what, coalesce(erasure::text, ''), reason,
            to_char(instant AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'));
        INSERT INTO shred_ledger (sequence, holder_id, compartment, erasure_id, why, at, hash) VALUES (
            place, holder, what, erasure, reason, instant,
            sha256('nrm shred 1\000'::bytea || coalesce(before.hash, sha256('nrm shred genesis 1\000'::bytea))
                || convert_to(said, 'UTF8')));
    END $$
"""
RECORD_KEY = """
    CREATE FUNCTION nrm_record_shredding() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    BEGIN
        PERFORM nrm_ledger_append(OLD.holder_id, OLD.compartment,
            nullif(current_setting('nrm.erasure_id', true), '')::uuid,
            coalesce(nullif(current_setting('nrm.erasure_why', true), ''), 'package'));
        RETURN NULL;
    END $$
"""
RECORD_ERASURE = """
    CREATE FUNCTION nrm_record_erasure() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    BEGIN
        PERFORM nrm_ledger_append(NEW.subject_id, 'all', NEW.id, NEW.why);
        RETURN NULL;
    END $$
"""
AWAITS_LEDGER = """
    CREATE FUNCTION nrm_awaits_ledger() RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
        SELECT EXISTS (SELECT 1 FROM restorations WHERE replayed_at IS NULL)
    $$
"""

CODE, LIST, YEAR = "'unknown'", "ARRAY['unknown']", "date_trunc('year', {0})::date"
# What each coded attribute becomes when it is forgotten: not known; of a day, its year stays.
FORGETTABLE: dict[str, dict[str, str]] = {
    "assessments": {"needs": LIST},
    "capacity_questions": {"languages": LIST, "children": "0"},
    "classifications": {"said_on": CODE},
    "commission_records": {"decided_on": YEAR},
    "compensation_records": {"on_day": YEAR},
    "consents": {"language": CODE},
    "contacts": {"language": CODE, "country_of_interest": "NULL"},
    "course_facts": {"on_day": YEAR},
    "exploitation_episodes": {
        **dict.fromkeys(
            (
                "industries",
                "sexual_types",
                "means_of_control",
                "recruitment_methods",
                "recruitment_platforms",
                "exploitation_platforms",
                "recruiter_relations",
                "recruitment_countries",
                "transit_countries",
            ),
            LIST,
        ),
        **dict.fromkeys(("began", "ended", "duration"), CODE),
    },
    "persons": {
        **dict.fromkeys(("gender", "migration_status", "documents_held", "disability"), CODE),
        **dict.fromkeys(("citizenships", "languages"), LIST),
    },
    "plan_versions": {"review_on": YEAR},
    "referrals": {"languages": LIST},
    "screenings": {"hits": "'[]'::jsonb"},
}
OF_SUBJECT = {
    "contacts": "id = erased",
    "capacity_questions": "id IN (SELECT a.question_id FROM capacity_askings a WHERE a.case_id = erased)",
}

# The one exception to "only grows": this function of the owner's, called by the worker, for what is being erased.
ERASING = "current_user = 'nrm_owner' AND session_user = 'nrm_worker'"
REFUSE_CHANGE = """
    CREATE OR REPLACE FUNCTION nrm_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        {exception}RAISE EXCEPTION '% only grows: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
    END $$
"""
EXCEPTION = f"""IF TG_OP = 'UPDATE' AND TG_TABLE_NAME IN ({", ".join(repr(one) for one in sorted(FORGETTABLE))})
           AND {ERASING} THEN
            RETURN NEW;
        END IF;
        """


def forget() -> str:
    """Return the function that makes coded attributes of an erased case or contact unknown."""
    updates = "\n".join(
        f"UPDATE {table} SET "
        + ", ".join(
            f"{name} = CASE WHEN '{table}.{name}' = ANY (forgotten) THEN {value.format(name)} ELSE {name} END"
            for name, value in columns.items()
        )
        + f" WHERE {OF_SUBJECT.get(table, 'case_id = erased')};"
        for table, columns in sorted(FORGETTABLE.items())
    )
    return f"""
        CREATE FUNCTION nrm_forget(erased uuid, forgotten text[]) RETURNS void
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
        BEGIN
            IF session_user NOT IN ('nrm_worker', 'nrm_owner')
               OR NOT EXISTS (SELECT 1 FROM erasures e WHERE e.subject_id = erased AND e.whole) THEN
                RAISE insufficient_privilege USING MESSAGE = 'only what was erased is forgotten';
            END IF;
            {updates}
        END $$
    """


def recorded_by_staff() -> tuple[sa.schema.SchemaItem, ...]:
    """Return the columns and keys of what somebody records about a case."""
    return (
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.ForeignKeyConstraint(["staff_id"], ["staff_members.id"]),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),
        sa.PrimaryKeyConstraint("id"),
    )


def create_tables() -> None:
    instant = sa.DateTime(timezone=True)
    create_ledger(instant)
    create_requests(instant)
    op.create_table(
        "restorations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("taken_at", instant, nullable=False),
        sa.Column("restored_at", instant, nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("replayed_at", instant, nullable=True),
        sa.Column("replayed_entries", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.add_column("cases", sa.Column("restricted_at", instant, nullable=True))
    op.add_column("cases", sa.Column("erased_at", instant, nullable=True))


def create_ledger(instant: sa.DateTime) -> None:
    op.create_table(
        "shred_ledger",
        sa.Column("sequence", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("compartment", sa.String(length=20), nullable=False),
        sa.Column("erasure_id", sa.Uuid(), nullable=True),
        sa.Column("why", sa.String(length=20), nullable=False),
        sa.Column("at", instant, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
    )
    op.create_index("shred_ledger_of_erasure", "shred_ledger", ["erasure_id"])
    op.create_index("shred_ledger_of_holder", "shred_ledger", ["holder_id"])
    op.create_table(
        "erasures",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.String(length=40), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("compartments", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("erased_at", instant, nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("erasures_of_organisation", "erasures", ["organisation_id", sa.text("erased_at DESC"), "id"])


def create_requests(instant: sa.DateTime) -> None:
    op.create_table(
        "retention_holds",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("placed_at", instant, nullable=False),
        sa.Column("holds_until", instant, nullable=False),
        sa.Column("lifted_at", instant, nullable=True),
        *recorded_by_staff(),
    )
    op.create_index("retention_holds_of_case", "retention_holds", ["case_id"])
    op.create_table(
        "subject_requests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("received_at", instant, nullable=False),
        sa.Column("due_at", instant, nullable=False),
        sa.Column("answered_at", instant, nullable=True),
        sa.Column("ground", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("(status = 'refused') = (ground IS NOT NULL)", name="subject_requests_refused_on_a_ground"),
        *recorded_by_staff(),
    )
    op.create_index("subject_requests_of_case", "subject_requests", ["case_id", "received_at"])


def protect_tables() -> None:
    mine = f"{MINE} AND ({not_walled('erasures.case_id')}) AND reference NOT IN {BEHIND_WALLS}"
    protect("erasures", Rows(select=mine))
    protect("shred_ledger", Rows(select="erasure_id IN (SELECT e.id FROM erasures e)"))
    protect("restorations", Rows())
    for table, columns in (
        ("subject_requests", "status, answered_at, ground, version"),
        ("retention_holds", "lifted_at"),
    ):
        of_case = owned(f"{table}.case_id")
        written = f"{MINE} AND staff_id = {STAFF} AND {of_case}"
        protect(table, Rows(select=of_case, insert=written, update=of_case, update_columns=columns))
        let_worker(table, "SELECT")
    let_worker("retention_holds", "UPDATE (lifted_at)", first=False)
    for table in ("shred_ledger", "erasures"):
        let_owner_read(table)
        only_grows(table)
    let_worker("erasures", "SELECT", "INSERT")
    op.execute("CREATE POLICY owner_appends ON shred_ledger FOR INSERT TO nrm_owner WITH CHECK (true)")
    op.execute("CREATE POLICY owner ON restorations TO nrm_owner USING (true)")
    let_worker("cases", "UPDATE (erased_at)", first=False)
    for table in ("sealed_values", "sealing_keys"):
        let_worker(table, "SELECT (compartment)", first=False)
    op.execute("GRANT UPDATE (restricted_at) ON cases TO nrm_application")
    for table in FORGETTABLE:
        for verb in ("SELECT", "UPDATE"):
            op.execute(
                f"CREATE POLICY erasing_{verb.lower()} ON {table} FOR {verb} TO nrm_owner "
                "USING (session_user = 'nrm_worker')"
            )


def upgrade() -> None:
    create_tables()
    for statement in (APPEND, RECORD_KEY, RECORD_ERASURE, AWAITS_LEDGER, forget()):
        op.execute(statement)
    op.execute(REFUSE_CHANGE.format(exception=EXCEPTION))
    protect_tables()
    op.execute("""
        CREATE CONSTRAINT TRIGGER shredding_is_recorded AFTER DELETE ON sealing_keys
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION nrm_record_shredding()
    """)
    op.execute("""
        CREATE CONSTRAINT TRIGGER erasure_is_recorded AFTER INSERT ON erasures
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.whole) EXECUTE FUNCTION nrm_record_erasure()
    """)
    op.execute(
        "CREATE TRIGGER never_truncated BEFORE TRUNCATE ON sealing_keys "
        "FOR EACH STATEMENT EXECUTE FUNCTION nrm_refuse_change()"
    )
    # Without a key nothing opens: a restored database shows none before what was erased since is erased again.
    op.execute(
        "CREATE POLICY awaits_ledger ON sealing_keys AS RESTRICTIVE FOR SELECT TO nrm_application "
        "USING ((SELECT NOT nrm_awaits_ledger()))"
    )
    keep_functions_private()
    # What was closed or made before this release has a period too: the worker looks at it, and at its profile, at once.
    op.execute("ALTER TABLE deadlines NO FORCE ROW LEVEL SECURITY")
    op.execute("""
        INSERT INTO deadlines (id, case_id, subject_id, organisation_id, kind, rule, anchored_at, due_at)
        SELECT gen_random_uuid(), id, id, owner_organisation_id, 'retention', 'case', now(), now()
        FROM cases WHERE closed_at IS NOT NULL
        UNION ALL
        SELECT gen_random_uuid(), NULL, id, organisation_id, 'contact_retention', 'contact', now(), now() FROM contacts
    """)
    op.execute("ALTER TABLE deadlines FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    op.execute("ALTER TABLE deadlines NO FORCE ROW LEVEL SECURITY")
    op.execute("DELETE FROM deadlines WHERE kind IN ('retention', 'contact_retention', 'erasure', 'subject_request')")
    op.execute("ALTER TABLE deadlines FORCE ROW LEVEL SECURITY")
    op.execute("DROP POLICY awaits_ledger ON sealing_keys")
    op.execute("DROP TRIGGER never_truncated ON sealing_keys")
    op.execute("DROP TRIGGER shredding_is_recorded ON sealing_keys")
    op.execute(REFUSE_CHANGE.format(exception=""))
    for table in FORGETTABLE:
        for verb in ("select", "update"):
            op.execute(f"DROP POLICY erasing_{verb} ON {table}")
    for table in ("sealed_values", "sealing_keys"):
        op.execute(f"REVOKE SELECT (compartment) ON {table} FROM nrm_worker")
    op.drop_column("cases", "erased_at")
    op.drop_column("cases", "restricted_at")
    for table in NEW:
        op.drop_table(table)
    for name in ("nrm_forget", "nrm_awaits_ledger", "nrm_record_erasure", "nrm_record_shredding", "nrm_ledger_append"):
        op.execute(f"DROP FUNCTION {name}")
    keep_functions_private()
