"""What goes on beside a case: proceedings, rehabilitation, stays; who may see which of them."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations.row_security import (
    MINE,
    ORGANISATION,
    STAFF,
    Rows,
    granted,
    keep_functions_private,
    let_owner_read,
    let_worker,
    not_walled,
    only_grows,
    protect,
)

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ROLE = "(SELECT nrm_role())"
# Authorities see nothing of rehabilitation and stays, whatever role their staff claim.
NOT_AN_AUTHORITY = f"""NOT EXISTS (
    SELECT 1 FROM organisations o
    WHERE o.id = {ORGANISATION} AND o.type IN ('LawEnforcement', 'Prosecution', 'ImmigrationService'))"""
LEADS = granted("courses.case_id", "'owner'")
# The authority that accepted the referral for criminal proceedings, and no other receiver.
CONDUCTS = f"""EXISTS (
    SELECT 1 FROM case_access g
    WHERE g.case_id = courses.case_id AND g.organisation_id = {ORGANISATION} AND g.relation = 'receiver'
      AND g.referral_id = courses.referral_id AND g.valid_from <= (SELECT nrm_now()) AND g.valid_until > (SELECT nrm_now()))"""
VISIBLE = f"""(
    (subject = 'proceedings' AND (
        ({ROLE} IN ('ngo_caseworker', 'police_officer') AND {LEADS}) OR ({ROLE} = 'police_officer' AND {CONDUCTS})))
    OR (subject = 'rehabilitation' AND {ROLE} = 'ngo_caseworker' AND {LEADS} AND {NOT_AN_AUTHORITY})
    OR (subject = 'stay' AND {ROLE} IN ('shelter_staff', 'ngo_caseworker') AND {MINE} AND {NOT_AN_AUTHORITY})
) AND {not_walled("courses.case_id")}"""
OPENED = f"""{MINE} AND {not_walled("courses.case_id")} AND (
    (subject IN ('proceedings', 'rehabilitation') AND {LEADS})
    OR (subject = 'stay' AND EXISTS (
        SELECT 1 FROM referrals r
        WHERE r.id = courses.referral_id AND r.case_id = courses.case_id AND r.service = 'shelter'
          AND r.receiving_organisation_id = {ORGANISATION} AND r.status IN ('accepted', 'in_service'))))
    AND (subject = 'proceedings' OR {NOT_AN_AUTHORITY})"""
# The commission sees what was put to it: services in codes, and no more.
PUT_TO_US = f"""({MINE} AND {ROLE} = 'migration_officer' AND {not_walled("commission_records.case_id")})"""
DECIDED = f"outcome <> 'asked' AND {PUT_TO_US} AND nrm_was_asked(request_id, course_id, case_id)"
OF_COURSE = "EXISTS (SELECT 1 FROM courses c WHERE c.id = course_id)"

# Whether anything goes on beside a case that the caller leads, without telling what.
HAS_COURSES = """
    CREATE FUNCTION nrm_has_courses(checked uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
        SELECT EXISTS (SELECT 1 FROM courses c WHERE c.case_id = checked)
               AND (nrm_owns_case(checked) OR session_user = 'nrm_worker')
    $$
"""
# What is behind the caller's conflict walls, as notifications name it.
WALLED_COURSES = """
    CREATE FUNCTION nrm_walled_courses() RETURNS SETOF text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
        SELECT c.reference FROM courses c JOIN case_walls w ON w.case_id = c.case_id
        WHERE w.organisation_id = nrm_organisation() OR w.staff_id = nrm_staff()
        UNION ALL SELECT m.id::text FROM commission_records m JOIN case_walls w ON w.case_id = m.case_id
        WHERE w.organisation_id = nrm_organisation() OR w.staff_id = nrm_staff()
    $$
"""
# Whether the caller's commission was asked about this course of this case: a policy cannot look at its own table.
WAS_ASKED = """
    CREATE FUNCTION nrm_was_asked(request uuid, course uuid, of_case uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
        SELECT EXISTS (SELECT 1 FROM commission_records q
                       WHERE q.id = request AND q.course_id = course AND q.case_id = of_case
                         AND q.outcome = 'asked' AND q.organisation_id = nrm_organisation())
    $$
"""
# What a stay needs to know of a case that the shelter does not see: codes and instants, nothing that tells who the
# person is, nothing of identification, origin or the criminal track; to the shelter, and while its stay is open.
SUPPORT = """'shelter', 'guardianship', 'medical', 'psychosocial', 'legal', 'social_support',
    'documents', 'education', 'employment', 'return', 'reintegration', 'compensation', 'interpretation'"""
KNOWN_IN_STAY = """
    CREATE FUNCTION nrm_known_in_stay(checked uuid) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
        SELECT jsonb_build_object(
            'case', jsonb_build_object('opened_at', c.opened_at, 'case_work', c.case_work, 'closed_at', c.closed_at),
            'person', (SELECT jsonb_build_object('age_band', p.age_band, 'age_disputed', p.age_disputed,
                                                 'age_changed_at', p.age_changed_at)
                       FROM persons p WHERE p.case_id = c.id),
            'assessments', (SELECT coalesce(jsonb_agg(jsonb_build_object('danger', a.danger, 'recorded_at', a.recorded_at)
                                   ORDER BY a.recorded_at, a.id), '[]') FROM assessments a WHERE a.case_id = c.id),
            'consents', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                                    'consent_id', n.consent_id, 'version', n.version, 'decision', n.decision,
                                    'purposes', jsonb_build_array('support'), 'expires_at', n.expires_at, 'recorded_at', n.recorded_at)
                                   ORDER BY n.recorded_at, n.id), '[]')
                         FROM consents n WHERE n.case_id = c.id AND 'support' = ANY (n.purposes)),
            'referrals', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                                     'id', r.id, 'service', r.service, 'status', r.status, 'changed_at', r.changed_at)
                                   ORDER BY r.created_at, r.id), '[]')
                          FROM referrals r WHERE r.case_id = c.id AND r.service IN (%(support)s)),
            'episodes', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                                    'referral_id', e.referral_id, 'service', e.service, 'outcome', e.outcome,
                                    'started_at', e.started_at, 'ended_at', e.ended_at)
                                   ORDER BY e.started_at, e.id), '[]')
                         FROM service_episodes e WHERE e.case_id = c.id AND e.service IN (%(support)s)))
        FROM courses k JOIN cases c ON c.id = k.case_id
        WHERE k.id = checked AND k.subject = 'stay'
          AND (session_user = 'nrm_worker'
               OR (k.organisation_id = nrm_organisation() AND NOT nrm_walled(k.case_id)
                   AND nrm_role() IN ('shelter_staff', 'ngo_caseworker')))
    $$
"""
WRITTEN = f"{MINE} AND staff_id = {STAFF} AND {OF_COURSE}"
LEADS_CASE = f"{OF_COURSE} AND {granted('compensation_records.case_id', repr('owner'))}"
APPEND_ONLY = ("course_facts", "plan_versions", "plan_episodes", "commission_records", "compensation_records")
READ_FOR_STAYS = ("persons", "assessments", "consents", "service_episodes")


def create_tables() -> None:
    op.create_table(
        "courses",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("reference", sa.String(24), nullable=False, unique=True),
        sa.Column("case_id", sa.Uuid(), sa.ForeignKey("cases.id"), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), sa.ForeignKey("organisations.id"), nullable=False),
        sa.Column("referral_id", sa.Uuid(), sa.ForeignKey("referrals.id"), nullable=True),
        sa.Column("country", sa.String(2), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("sop", sa.String(60), nullable=False),
        sa.Column("sop_version", sa.String(20), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
    )
    not_a_stay, a_stay = sa.text("subject <> 'stay'"), sa.text("subject = 'stay'")
    op.create_index("courses_once", "courses", ["case_id", "subject"], unique=True, postgresql_where=not_a_stay)
    op.create_index("courses_stay_once", "courses", ["referral_id"], unique=True, postgresql_where=a_stay)
    op.create_index("courses_of_case", "courses", ["case_id"])
    op.create_table(
        "course_facts",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("course_id", sa.Uuid(), sa.ForeignKey("courses.id"), nullable=False),
        sa.Column("case_id", sa.Uuid(), sa.ForeignKey("cases.id"), nullable=False),
        sa.Column("fact", sa.String(80), nullable=False),
        sa.Column("value", sa.String(40), nullable=False),
        sa.Column("step", sa.String(60), nullable=True),
        sa.Column("on_day", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("staff_id", sa.Uuid(), sa.ForeignKey("staff_members.id"), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), sa.ForeignKey("organisations.id"), nullable=False),
    )
    op.create_index("course_facts_of_course", "course_facts", ["course_id", "recorded_at"])


def id_columns(*more: sa.Column[Any]) -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), primary_key=True),
        *more,
        sa.Column("course_id", sa.Uuid(), sa.ForeignKey("courses.id"), nullable=False),
        sa.Column("case_id", sa.Uuid(), sa.ForeignKey("cases.id"), nullable=False),
    ]


def written(*, nullable: bool = False) -> list[sa.Column[Any]]:
    return [
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=nullable),
        sa.Column("staff_id", sa.Uuid(), sa.ForeignKey("staff_members.id"), nullable=False),
    ]


def by_organisation(name: str = "organisation_id") -> sa.Column[Any]:
    return sa.Column(name, sa.Uuid(), sa.ForeignKey("organisations.id"), nullable=False)


def create_records() -> None:
    op.create_table(
        "plan_versions",
        *id_columns(),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("services", JSONB(), nullable=False),
        sa.Column("review_on", sa.Date(), nullable=True),
        sa.Column("agreed_by", sa.Text(), nullable=True),
        sa.Column("reviewed", sa.Boolean(), nullable=False),
        *written(),
        by_organisation(),
        sa.UniqueConstraint("course_id", "number"),
    )
    op.create_table(
        "plan_episodes",
        *id_columns(),
        sa.Column("episode_id", sa.Uuid(), sa.ForeignKey("service_episodes.id"), nullable=False, unique=True),
        *written(),
        by_organisation(),
    )
    op.create_index("plan_episodes_of_course", "plan_episodes", ["course_id"])
    op.create_table(
        "commission_records",
        *id_columns(sa.Column("request_id", sa.Uuid(), nullable=False)),
        by_organisation(),
        by_organisation("asked_by_id"),
        sa.Column("services", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=True),
        *written(),
    )
    decided = sa.text("outcome <> 'asked'")
    op.create_index("commission_records_of_course", "commission_records", ["course_id"])
    op.create_index(
        "commission_records_of_organisation",
        "commission_records",
        ["organisation_id", sa.text("recorded_at DESC"), "id"],
    )
    op.create_index(
        "commission_decides_once", "commission_records", ["request_id"], unique=True, postgresql_where=decided
    )
    op.create_table(
        "follow_ups",
        *id_columns(),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_on", sa.Date(), nullable=True),
        sa.Column("reached", sa.Boolean(), nullable=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("work", "income", "living_standard", "would_refer")),
        *written(nullable=True),
        by_organisation(),
        sa.UniqueConstraint("course_id", "due_on"),
    )
    op.create_table(
        "compensation_records",
        *id_columns(sa.Column("claim_id", sa.Uuid(), nullable=False)),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(14, 2), nullable=True),
        sa.Column("currency", sa.String(3), nullable=True),
        sa.Column("on_day", sa.Date(), nullable=False),
        *written(),
        by_organisation(),
    )
    op.create_index("compensation_records_of_course", "compensation_records", ["course_id", "recorded_at"])


def protect_records() -> None:
    for table in ("plan_versions", "plan_episodes"):
        protect(table, Rows(select=OF_COURSE, insert=WRITTEN))
    protect("compensation_records", Rows(select=LEADS_CASE, insert=f"{WRITTEN} AND {LEADS_CASE}"))
    protect(
        "commission_records",
        Rows(
            select=f"{OF_COURSE} OR {PUT_TO_US}",
            insert=f"staff_id = {STAFF} AND (({DECIDED}) OR (outcome = 'asked' AND {OF_COURSE} "
            f"AND request_id = id AND asked_by_id = {ORGANISATION}))",
        ),
    )
    answers = "asked_on, reached, work, income, living_standard, would_refer, recorded_at, staff_id, organisation_id"
    protect("follow_ups", Rows(select=OF_COURSE, insert=WRITTEN, update=OF_COURSE, update_columns=answers))
    for table in ("plan_versions", "commission_records", "follow_ups"):
        let_worker(table, "SELECT")
    let_owner_read("commission_records")
    op.execute("""
        CREATE FUNCTION nrm_answered_once() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'DELETE' OR OLD.recorded_at IS NOT NULL THEN
                RAISE EXCEPTION 'a follow-up is answered once' USING ERRCODE = 'insufficient_privilege';
            END IF;
            RETURN NEW;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER answered_once BEFORE UPDATE OR DELETE ON follow_ups
        FOR EACH ROW EXECUTE FUNCTION nrm_answered_once()
    """)
    # The reasons of a commission, sealed under its request: for both sides of it.
    for table in ("sealed_values", "sealing_keys"):
        kind = "kind = 'reasons' AND " if table == "sealed_values" else ""
        of_request = f"{kind}EXISTS (SELECT 1 FROM commission_records m WHERE m.id = {table}.holder_id)"
        op.execute(f"CREATE POLICY commission_select ON {table} FOR SELECT TO nrm_application USING ({of_request})")
        op.execute(
            f"CREATE POLICY commission_insert ON {table} FOR INSERT TO nrm_application WITH CHECK ({of_request})"
        )


def upgrade() -> None:
    create_tables()
    create_records()
    for table in APPEND_ONLY:
        only_grows(table)
    op.execute(HAS_COURSES)
    op.execute(WALLED_COURSES)
    op.execute(WAS_ASKED)
    op.execute(KNOWN_IN_STAY % {"support": SUPPORT})
    protect(
        "courses",
        Rows(select=VISIBLE, insert=OPENED, update=VISIBLE, update_columns="referral_id, closed_at, version"),
    )
    protect(
        "course_facts",
        Rows(select=OF_COURSE, insert=f"{MINE} AND staff_id = {STAFF} AND {OF_COURSE}"),
    )
    let_worker("courses", "SELECT", "UPDATE (referral_id, version)")
    let_worker("course_facts", "SELECT")
    protect_records()
    keep_functions_private()
    let_owner_read("courses")
    for table in READ_FOR_STAYS:  # through the function above alone: whoever migrates has no organisation and sees none
        op.execute(f"""
            CREATE POLICY stays ON {table} FOR SELECT TO nrm_owner USING (
                session_user = 'nrm_worker' OR EXISTS (
                    SELECT 1 FROM courses k WHERE k.case_id = {table}.case_id AND k.subject = 'stay'
                      AND k.organisation_id = (SELECT nrm_organisation())))
        """)
    op.execute(
        "CREATE POLICY walled_courses ON notifications AS RESTRICTIVE FOR SELECT TO nrm_application "
        "USING (reference NOT IN (SELECT nrm_walled_courses()))"
    )


def downgrade() -> None:
    op.execute("DROP POLICY walled_courses ON notifications")
    for table in READ_FOR_STAYS:
        op.execute(f"DROP POLICY stays ON {table}")
    op.execute("DROP FUNCTION nrm_known_in_stay(uuid)")
    op.execute("DROP FUNCTION nrm_walled_courses()")
    op.execute("DROP FUNCTION nrm_has_courses(uuid)")
    for table in ("sealed_values", "sealing_keys"):
        op.execute(f"DROP POLICY commission_select ON {table}")
        op.execute(f"DROP POLICY commission_insert ON {table}")
    for table in ("compensation_records", "follow_ups", "commission_records", "plan_episodes", "plan_versions"):
        op.drop_table(table)
    op.execute("DROP FUNCTION nrm_answered_once()")
    op.execute("DROP FUNCTION nrm_was_asked(uuid, uuid, uuid)")
    op.drop_table("course_facts")
    op.drop_table("courses")
