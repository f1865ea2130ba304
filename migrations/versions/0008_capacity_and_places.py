"""Capacity questions, shelter places, who holds them, and the order of a waiting list."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from migrations.row_security import (
    MINE,
    NOW,
    ORGANISATION,
    Rows,
    keep_functions_private,
    let_owner_read,
    let_worker,
    not_walled,
    owned,
    protect,
)

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLES = ("capacity_questions", "capacity_askings", "places", "placements", "held_places")

BOOLEANS = {
    # Asked by whoever was asked, who may not know the case: does a wall of the case stand before them?
    "nrm_question_walled(checked uuid)": """
        SELECT EXISTS (SELECT 1 FROM capacity_askings a WHERE a.question_id = checked AND nrm_walled(a.case_id))""",
}
# Where a hold begins is not asked: it may have been written a moment ago by a transaction that began after this one.
HELD = f"held_places h JOIN placements m ON m.id = h.placement_id WHERE h.held_until > {NOW}"
WORKER = "session_user = 'nrm_worker'"
TABLE_FUNCTIONS = {
    # A wall hides who holds a place, not that it is held: or the place would be given to two.
    "nrm_held_places(shelter uuid) RETURNS TABLE (place_id uuid, occupied boolean)": f"""
        SELECT h.place_id, m.admitted_at IS NOT NULL FROM {HELD} AND m.organisation_id = shelter
          AND (shelter = nrm_organisation() OR {WORKER})""",
    # All that the directory tells about places: of each type of each shelter, whether any is free.
    "nrm_free_place_types() RETURNS TABLE (organisation_id uuid, sex text, family text, free boolean)": f"""
        SELECT p.organisation_id, p.sex, p.family, bool_or(
            p.out_of_order_since IS NULL AND p.offered_from <= {NOW} AND p.offered_until > {NOW}
            AND p.id NOT IN (SELECT h.place_id FROM {HELD}))
        FROM places p JOIN organisations o ON o.id = p.organisation_id
        WHERE o.country = nrm_country() GROUP BY 1, 2, 3 ORDER BY 1, 2, 3""",
    # Who waits at an organisation, in order: the most urgent, then the longest waiting, a question between does not lose
    # the place. A sender is told the position of its own referrals alone; what a wall hides is not counted.
    "nrm_waiting_list(receiver uuid) RETURNS TABLE (referral_id uuid, service text, place_in_line bigint)": f"""
        WITH waiting AS (
            SELECT r.id, r.service, r.sending_organisation_id, r.priority,
                (SELECT min(e.at) FROM referral_events e WHERE e.referral_id = r.id AND e.act = 'waitlist') AS since
            FROM referrals r
            WHERE r.receiving_organisation_id = receiver AND r.status = 'waitlisted' AND NOT nrm_walled(r.case_id)
              AND NOT EXISTS (SELECT 1 FROM case_walls w WHERE w.case_id = r.case_id AND w.organisation_id = receiver)
        ), lined_up AS (
            SELECT w.*, row_number() OVER (
                PARTITION BY w.service
                ORDER BY array_position(ARRAY['emergency', 'urgent', 'normal'], w.priority), w.since, w.id) AS place
            FROM waiting w
        )
        SELECT l.id, l.service, l.place FROM lined_up l
        WHERE {WORKER} OR nrm_organisation() IN (receiver, l.sending_organisation_id) ORDER BY 2, 3""",
    "nrm_walled_questions() RETURNS SETOF text": """
        SELECT q.reference::text FROM capacity_questions q JOIN capacity_askings a ON a.question_id = q.id
        JOIN case_walls w ON w.case_id = a.case_id
        WHERE w.organisation_id = nrm_organisation() OR w.staff_id = nrm_staff()""",
}

PARTY = f"({ORGANISATION} IN (asking_organisation_id, asked_organisation_id)) AND NOT nrm_question_walled(id)"
ACCEPTED_HERE = f"""EXISTS (
    SELECT 1 FROM referrals r WHERE r.id = referral_id AND r.receiving_organisation_id = {ORGANISATION}
      AND r.status IN ('accepted', 'in_service', 'completed'))"""
PLACEMENT_KNOWN = (
    f"({MINE} OR nrm_party_to(referral_id) OR nrm_owns_case(case_id)) AND {not_walled('placements.case_id')}"
)
OF_KNOWN_PLACEMENT = "EXISTS (SELECT 1 FROM placements m WHERE m.id = placement_id)"

ROWS = {
    "capacity_questions": Rows(
        select=PARTY,
        insert=f"asking_organisation_id = {ORGANISATION}",
        update=PARTY,
        update_columns="answer, expected_on, answered_at, holds_until, closed_at, version",
    ),
    "capacity_askings": Rows(
        select=f"""({MINE} AND {not_walled("capacity_askings.case_id")})
            OR ({owned("capacity_askings.case_id")}) OR {ACCEPTED_HERE}""",
        insert=f"{MINE} AND nrm_owns_case(case_id)",
        update=MINE,
        update_columns="referral_id",
    ),
    "places": Rows(select=MINE, insert=MINE, update=MINE, update_columns="offered_until, out_of_order_since, version"),
    "placements": Rows(
        select=PLACEMENT_KNOWN,
        insert=f"""{MINE} AND EXISTS (
            SELECT 1 FROM referrals r WHERE r.id = referral_id AND r.case_id = placements.case_id
              AND r.receiving_organisation_id = {ORGANISATION} AND r.service = 'shelter' AND r.status = 'accepted')""",
        update=PLACEMENT_KNOWN,
        update_columns="admitted_at, ended_at, version",
    ),
    "held_places": Rows(
        select=OF_KNOWN_PLACEMENT,
        insert=f"""EXISTS (
            SELECT 1 FROM placements m JOIN places p ON p.id = place_id
            WHERE m.id = placement_id AND m.{MINE} AND p.{MINE})""",
        update=OF_KNOWN_PLACEMENT,
        update_columns="held_until",
    ),
}


def create_tables() -> None:
    op.create_table(
        "capacity_questions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.String(length=24), nullable=False),
        sa.Column("asking_organisation_id", sa.Uuid(), nullable=False),
        sa.Column("asked_organisation_id", sa.Uuid(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("priority", sa.Text(), nullable=False),
        sa.Column("age_band", sa.Text(), nullable=False),
        sa.Column("sex", sa.Text(), nullable=False),
        sa.Column("languages", ARRAY(sa.Text()), nullable=False),
        sa.Column("region", sa.String(length=40), nullable=True),
        sa.Column("children", sa.Integer(), nullable=False),
        sa.Column("wanted_from", sa.Date(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("respond_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("expected_on", sa.Date(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("holds_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["asking_organisation_id"], ["organisations.id"]),
        sa.ForeignKeyConstraint(["asked_organisation_id"], ["organisations.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("reference"),
    )
    for side in ("asked", "asking"):
        columns = [f"{side}_organisation_id", sa.literal_column("asked_at DESC"), "id"]
        op.create_index(f"capacity_questions_{side}", "capacity_questions", columns)
    op.create_table(
        "capacity_askings",
        sa.Column("question_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["question_id"], ["capacity_questions.id"]),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),
        sa.ForeignKeyConstraint(["referral_id"], ["referrals.id"]),
        sa.PrimaryKeyConstraint("question_id"),
        sa.UniqueConstraint("referral_id"),
    )
    op.create_index("capacity_askings_of_case", "capacity_askings", ["case_id"])
    op.create_table(
        "places",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("sex", sa.Text(), nullable=False),
        sa.Column("family", sa.Text(), nullable=False),
        sa.Column("offered_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("offered_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("out_of_order_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("organisation_id", "number"),
    )
    op.create_table(
        "placements",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("reserved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reserved_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("admitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),
        sa.ForeignKeyConstraint(["referral_id"], ["referrals.id"]),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "placements_one_running",
        "placements",
        ["referral_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("placements_of_organisation", "placements", ["organisation_id"])
    op.create_index("placements_of_case", "placements", ["case_id"])
    op.create_table(
        "held_places",
        sa.Column("placement_id", sa.Uuid(), nullable=False),
        sa.Column("place_id", sa.Uuid(), nullable=False),
        sa.Column("held_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["placement_id"], ["placements.id"]),
        sa.ForeignKeyConstraint(["place_id"], ["places.id"]),
        sa.PrimaryKeyConstraint("placement_id", "place_id"),
    )


def upgrade() -> None:
    create_tables()
    # A range over ids lets the constraint say "the same place" without an extension, which not every server has.
    op.execute("CREATE TYPE nrm_place_range AS RANGE (subtype = uuid)")
    op.execute("""
        ALTER TABLE held_places ADD CONSTRAINT one_at_a_time EXCLUDE USING gist (
            nrm_place_range(place_id, place_id, '[]') WITH &&, tstzrange(held_from, held_until) WITH &&)
    """)
    for signature, body in BOOLEANS.items():
        op.execute(f"""
            CREATE FUNCTION {signature} RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
            SET search_path = public, pg_temp AS $$ {body} $$
        """)
    for signature, body in TABLE_FUNCTIONS.items():
        op.execute(f"""
            CREATE FUNCTION {signature} LANGUAGE sql STABLE SECURITY DEFINER
            SET search_path = public, pg_temp AS $$ {body} $$
        """)
    for table, rows in ROWS.items():
        protect(table, rows)
        let_owner_read(table)
    let_worker("capacity_questions", "SELECT")
    let_worker("capacity_askings", "SELECT")
    let_worker("places", "SELECT")
    let_worker("placements", "SELECT", "UPDATE (ended_at, version)")
    let_worker("held_places", "SELECT", "UPDATE (held_until)")
    op.execute("""
        CREATE POLICY walled_questions ON notifications AS RESTRICTIVE FOR SELECT TO nrm_application
        USING (reference NOT IN (SELECT nrm_walled_questions()))
    """)
    keep_functions_private()


def downgrade() -> None:
    op.execute("DROP POLICY walled_questions ON notifications")
    for table in TABLES:
        for name in ("application_select", "application_insert", "application_update"):
            op.execute(f"DROP POLICY IF EXISTS {name} ON {table}")
    for signature in (*TABLE_FUNCTIONS, *BOOLEANS):
        op.execute(f"DROP FUNCTION {signature.split('(')[0]}")
    for table in reversed(TABLES):
        op.drop_table(table)
    op.execute("DROP TYPE nrm_place_range")
