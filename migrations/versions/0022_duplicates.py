"""Duplicates: sealed match pages, searches that tell the asker nothing, and merges that can be undone."""

from importlib import import_module

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from migrations.row_security import (
    MINE,
    NOW,
    STAFF,
    Rows,
    keep_functions_private,
    let_worker,
    only_grows,
    owned,
    protect,
)

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

MATCHING = "(SELECT nrm_matching())"
"""The context of the search itself, which acts for no organisation and sees sealed vectors of all."""

CALLED = "session_user <> 'nrm_owner'"
"""Inside a function that somebody else calls; whoever logs in as the owner of the tables sees nothing through this."""

FUNCTIONS = {
    "nrm_matching()": """ RETURNS boolean LANGUAGE sql STABLE AS $$
        SELECT coalesce(current_setting('nrm.matching', true) = 'yes', false)
    $$""",
    # Blank the pads of cases and forget where their vectors stood: nothing that is kept can tell them any more.
    "nrm_blank(gone uuid[])": """ RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DECLARE place record;
    BEGIN
        IF NOT nrm_matching() AND pg_trigger_depth() = 0 THEN RETURN; END IF;
        FOR place IN SELECT p.page_id, p.slot FROM match_places p WHERE p.case_id = ANY (gone) ORDER BY p.page_id, p.slot
        LOOP
            UPDATE match_pages SET blanked = blanked + 1,
                pads = overlay(pads PLACING decode(repeat('00', 128), 'hex') FROM place.slot * 128 + 1 FOR 128)
            WHERE id = place.page_id;
        END LOOP;
        DELETE FROM match_places p WHERE p.case_id = ANY (gone);
        DELETE FROM match_pages g WHERE g.blanked >= g.filled;
    END $$""",
    # Whoever destroys the key of a person's identity, and by whatever way, destroys the vector with it.
    "nrm_forget_vectors()": """ RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DECLARE gone uuid[];
    BEGIN
        SELECT array_agg(o.holder_id) INTO gone FROM shredded o WHERE o.compartment = 'identity';
        IF gone IS NULL THEN RETURN NULL; END IF;
        DELETE FROM match_searches s WHERE s.case_id = ANY (gone);
        DELETE FROM match_entries e WHERE e.case_id = ANY (gone);
        PERFORM nrm_blank(gone);
        RETURN NULL;
    END $$""",
    # Nothing about a pair is told where a wall of either case stands before who leads the other, or before the asker.
    "nrm_pair_walled(one uuid, other uuid)": """ RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
        SELECT EXISTS (
            SELECT 1 FROM case_walls w JOIN cases a ON a.id = w.case_id
            JOIN cases b ON b.id = CASE WHEN w.case_id = one THEN other ELSE one END
            WHERE w.case_id IN (one, other) AND (
                w.organisation_id IN (a.owner_organisation_id, b.owner_organisation_id, nrm_organisation())
                OR w.staff_id = nrm_staff()
                OR (a.owner_organisation_id <> b.owner_organisation_id AND w.staff_id IN (
                    SELECT m.staff_id FROM memberships m
                    WHERE m.organisation_id = b.owner_organisation_id AND m.valid_until > nrm_now()))))
    $$""",
    # Of pairs whose first case the asker leads: as much of the other as may be told.
    "nrm_duplicate_sides(mine uuid[], others uuid[], watches boolean[])": """
    RETURNS TABLE (mine uuid, other uuid, keeps_watch boolean, same_leader boolean, agreed boolean, leader text, reference text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
        WITH pairs AS (
            SELECT a.id AS mine, b.id AS other, p.watches AS keeps_watch,
                a.owner_organisation_id = b.owner_organisation_id AS same_leader, b.reference, l.code AS leader,
                EXISTS (
                    SELECT 1 FROM consents n JOIN organisations o ON o.id = nrm_organisation()
                    WHERE n.case_id = b.id AND n.decision = 'given' AND n.expires_at > nrm_now()
                      AND 'support' = ANY (n.purposes) AND 'identity' = ANY (n.compartments)
                      AND n.recipients && ARRAY['any', 'type:' || o.type, 'organisation:' || o.code]
                      AND NOT EXISTS (SELECT 1 FROM consents v
                                      WHERE v.consent_id = n.consent_id AND v.version > n.version)) AS agreed
            FROM unnest(mine, others, watches) AS p (mine, other, watches)
            JOIN cases a ON a.id = p.mine JOIN cases b ON b.id = p.other AND b.country = a.country
            JOIN organisations l ON l.id = b.owner_organisation_id
            WHERE nrm_owns_case(a.id) AND NOT nrm_pair_walled(a.id, b.id)
              AND a.merged_into_id IS NULL AND b.merged_into_id IS NULL
              AND NOT EXISTS (
                  SELECT 1 FROM unnest(ARRAY[a.id, b.id]) AS s (case_id)
                  WHERE NOT EXISTS (SELECT 1 FROM match_entries e WHERE e.case_id = s.case_id)
                    AND NOT EXISTS (SELECT 1 FROM match_places e WHERE e.case_id = s.case_id))
        )
        SELECT p.mine, p.other, p.keeps_watch, p.same_leader, p.agreed,
            CASE WHEN p.same_leader OR p.agreed THEN p.leader END, CASE WHEN p.same_leader THEN p.reference END
        FROM pairs p
    $$""",
    "nrm_merge()": """ RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DECLARE survivor cases; merged cases;
    BEGIN
        PERFORM 1 FROM cases c WHERE c.id IN (NEW.survivor_id, NEW.merged_id) ORDER BY c.id FOR NO KEY UPDATE;
        SELECT * INTO survivor FROM cases c WHERE c.id = NEW.survivor_id;
        SELECT * INTO merged FROM cases c WHERE c.id = NEW.merged_id;
        IF survivor.id = merged.id OR survivor.merged_into_id IS NOT NULL OR merged.merged_into_id IS NOT NULL
            OR survivor.country <> merged.country OR merged.owner_organisation_id <> NEW.former_organisation_id
            OR EXISTS (SELECT 1 FROM cases c WHERE c.merged_into_id = merged.id)
            OR NOT nrm_owns_case(merged.id) OR nrm_pair_walled(survivor.id, merged.id)
        THEN RAISE insufficient_privilege USING MESSAGE = 'these cases cannot be merged'; END IF;
        IF survivor.owner_organisation_id <> merged.owner_organisation_id THEN
            INSERT INTO ended_grants (grant_id, merge_id, valid_until)
                SELECT g.id, NEW.id, g.valid_until FROM case_access g
                WHERE g.case_id = merged.id AND g.relation = 'owner' AND g.valid_until > nrm_now();
            UPDATE case_access g SET valid_until = nrm_now() FROM ended_grants d
                WHERE d.merge_id = NEW.id AND g.id = d.grant_id;
            INSERT INTO case_access (id, case_id, organisation_id, relation, holder_id, compartments, valid_from, valid_until)
                VALUES (NEW.grant_id, merged.id, survivor.owner_organisation_id, 'owner', merged.id, NEW.compartments,
                        nrm_now(), '9999-12-31 00:00:00+00');
        END IF;
        UPDATE cases SET version = version + 1 WHERE id = survivor.id;
        UPDATE cases SET version = version + 1, merged_into_id = survivor.id,
            owner_organisation_id = survivor.owner_organisation_id WHERE id = merged.id;
        WITH wanted AS (
            SELECT gen_random_uuid() AS id, CASE WHEN w.case_id = survivor.id THEN merged.id ELSE survivor.id END AS case_id,
                w.organisation_id, w.staff_id, w.reason, w.review_on
            FROM case_walls w WHERE w.case_id IN (survivor.id, merged.id)
        ), copied AS (
            INSERT INTO case_walls (id, case_id, organisation_id, staff_id, reason, review_on, raised_at)
                SELECT w.id, w.case_id, w.organisation_id, w.staff_id, w.reason, w.review_on, nrm_now() FROM wanted w
            ON CONFLICT DO NOTHING RETURNING id
        )
        INSERT INTO merged_walls (wall_id, merge_id) SELECT c.id, NEW.id FROM copied c;
        RETURN NULL;
    END $$""",
    "nrm_separate()": """ RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DECLARE undone case_merges;
    BEGIN
        SELECT * INTO undone FROM case_merges m WHERE m.id = NEW.merge_id;
        PERFORM 1 FROM cases c WHERE c.id IN (undone.survivor_id, undone.merged_id) ORDER BY c.id FOR NO KEY UPDATE;
        IF NOT nrm_owns_case(undone.merged_id) OR NOT EXISTS (
            SELECT 1 FROM cases c WHERE c.id = undone.merged_id AND c.merged_into_id = undone.survivor_id)
        THEN RAISE insufficient_privilege USING MESSAGE = 'these cases cannot be separated'; END IF;
        UPDATE case_access SET valid_until = nrm_now() WHERE id = undone.grant_id;
        -- A grant is never extended: who had one gets another with the same beginning and end.
        INSERT INTO case_access (id, case_id, organisation_id, relation, holder_id, referral_id, compartments,
                                 valid_from, valid_until)
            SELECT gen_random_uuid(), g.case_id, g.organisation_id, g.relation, g.holder_id, g.referral_id, g.compartments,
                g.valid_from, d.valid_until
            FROM ended_grants d JOIN case_access g ON g.id = d.grant_id WHERE d.merge_id = undone.id;
        DELETE FROM case_walls w USING merged_walls m WHERE m.merge_id = undone.id AND w.id = m.wall_id;
        DELETE FROM merged_walls m WHERE m.merge_id = undone.id;
        UPDATE cases SET version = version + 1, merged_into_id = NULL,
            owner_organisation_id = undone.former_organisation_id WHERE id = undone.merged_id;
        UPDATE cases SET version = version + 1 WHERE id = undone.survivor_id;
        RETURN NULL;
    END $$""",
    # A wall that is raised while two files are one stands before both, and stays before both.
    "nrm_wall_merged()": """ RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    BEGIN
        INSERT INTO case_walls (id, case_id, organisation_id, staff_id, reason, review_on, raised_at)
            SELECT gen_random_uuid(), c.id, NEW.organisation_id, NEW.staff_id, NEW.reason, NEW.review_on, NEW.raised_at
            FROM cases c WHERE c.merged_into_id = NEW.case_id
        ON CONFLICT DO NOTHING;
        RETURN NULL;
    END $$""",
}
TRIGGERS = {
    ("forget_vectors", "sealing_keys"): "AFTER DELETE ON sealing_keys REFERENCING OLD TABLE AS shredded "
    "FOR EACH STATEMENT EXECUTE FUNCTION nrm_forget_vectors()",
    ("merge", "case_merges"): "AFTER INSERT ON case_merges FOR EACH ROW EXECUTE FUNCTION nrm_merge()",
    ("separate", "case_separations"): "AFTER INSERT ON case_separations FOR EACH ROW EXECUTE FUNCTION nrm_separate()",
    ("wall_merged", "case_walls"): "AFTER INSERT ON case_walls FOR EACH ROW EXECUTE FUNCTION nrm_wall_merged()",
}
# What the functions above change in tables whose owner could only read until now.
CHANGED = {
    ("cases", "UPDATE"): f"USING ({CALLED})",
    ("case_access", "INSERT"): f"WITH CHECK ({CALLED})",
    ("case_access", "UPDATE"): f"USING ({CALLED})",
    ("case_walls", "INSERT"): f"WITH CHECK ({CALLED})",
    ("case_walls", "DELETE"): f"USING ({CALLED})",
    ("consents", "SELECT"): f"USING ({CALLED})",
}
TABLES = (
    "match_searches",
    "match_entries",
    "match_places",
    "match_pages",
    "match_findings",
    "match_statements",
    "merged_walls",
    "ended_grants",
    "case_separations",
    "case_merges",
)
ONE_PERSON = (
    ("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"),
    (
        "SELECT c.id, c.victim_type FROM cases",
        "SELECT c.id, coalesce(c.merged_into_id, c.id) AS person, c.victim_type FROM cases",
    ),
    ("p.population, count(c.id)\n", "p.population, count(DISTINCT c.person)\n"),
    ("count(DISTINCT c.id)", "count(DISTINCT c.person)"),
    ("count(DISTINCT d.case_id)", "count(DISTINCT c.person) FILTER (WHERE d.case_id IS NOT NULL)"),
)
"""How the funnel counts a person once whose two cases were merged."""


def counting_persons_once() -> str:
    """Return the funnel of migration 0018 with every person counted once."""
    text: str = import_module("migrations.versions.0018_honey_cases").funnel_without_honey()
    for before, after in ONE_PERSON:
        text = text.replace(before, after)
    return text


def instant(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def create_match_tables() -> None:
    op.create_table(
        "match_entries",
        sa.Column("case_id", sa.Uuid(), sa.ForeignKey("cases.id"), primary_key=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        instant("changed_at"),
    )
    op.create_index("match_entries_in_order", "match_entries", ["changed_at", "case_id"])
    op.create_table(
        "match_searches",
        sa.Column("case_id", sa.Uuid(), sa.ForeignKey("cases.id"), primary_key=True),
        instant("asked_at"),
    )
    op.create_index("match_searches_in_order", "match_searches", ["asked_at", "case_id"])
    op.create_table(
        "match_pages",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("pads", sa.LargeBinary(), nullable=False),
        sa.Column("filled", sa.Integer(), nullable=False),
        sa.Column("blanked", sa.Integer(), nullable=False),
        instant("written_at"),
    )
    for column in ("sealed", "pads"):  # noise: nothing to compress
        op.execute(f"ALTER TABLE match_pages ALTER COLUMN {column} SET STORAGE EXTERNAL")
    op.create_table(
        "match_places",
        sa.Column("case_id", sa.Uuid(), sa.ForeignKey("cases.id"), primary_key=True),
        sa.Column("page_id", sa.Uuid(), sa.ForeignKey("match_pages.id"), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
    )
    op.create_index("match_places_of_page", "match_places", ["page_id"])
    op.create_table(
        "match_findings",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        instant("found_at"),
    )
    op.create_index("match_findings_in_order", "match_findings", ["found_at"])
    op.create_table(
        "match_statements",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("organisation_id", sa.Uuid(), sa.ForeignKey("organisations.id"), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        instant("stated_at"),
    )
    op.create_index("match_statements_in_order", "match_statements", ["stated_at"])


def create_merge_tables() -> None:
    op.create_table(
        "case_merges",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("survivor_id", sa.Uuid(), sa.ForeignKey("cases.id"), nullable=False),
        sa.Column("merged_id", sa.Uuid(), sa.ForeignKey("cases.id"), nullable=False),
        sa.Column("former_organisation_id", sa.Uuid(), sa.ForeignKey("organisations.id"), nullable=False),
        sa.Column("compartments", ARRAY(sa.Text()), nullable=False),
        sa.Column("grant_id", sa.Uuid(), nullable=False),
        instant("merged_at"),
        sa.Column("staff_id", sa.Uuid(), sa.ForeignKey("staff_members.id"), nullable=False),
    )
    op.create_index("case_merges_of_merged", "case_merges", ["merged_id", "merged_at"])
    op.create_index("case_merges_of_survivor", "case_merges", ["survivor_id"])
    op.create_table(
        "case_separations",
        sa.Column("merge_id", sa.Uuid(), sa.ForeignKey("case_merges.id"), primary_key=True),
        instant("separated_at"),
        sa.Column("staff_id", sa.Uuid(), sa.ForeignKey("staff_members.id"), nullable=False),
    )
    op.create_table(
        "merged_walls",
        sa.Column("wall_id", sa.Uuid(), primary_key=True),
        sa.Column("merge_id", sa.Uuid(), sa.ForeignKey("case_merges.id"), nullable=False),
    )
    op.create_index("ix_merged_walls_merge_id", "merged_walls", ["merge_id"])
    op.create_table(
        "ended_grants",
        sa.Column("grant_id", sa.Uuid(), primary_key=True),
        sa.Column("merge_id", sa.Uuid(), sa.ForeignKey("case_merges.id"), primary_key=True),
        instant("valid_until"),
    )
    op.add_column("cases", sa.Column("merged_into_id", sa.Uuid(), sa.ForeignKey("cases.id"), nullable=True))
    op.create_index("cases_merged", "cases", ["merged_into_id"], postgresql_where=sa.text("merged_into_id IS NOT NULL"))


def protect_tables() -> None:
    of_entry, of_search = owned("match_entries.case_id"), owned("match_searches.case_id")
    protect(
        "match_entries",
        Rows(
            select=f"{MATCHING} OR ({of_entry})",
            insert=of_entry,
            update=f"{MATCHING} OR ({of_entry})",
            update_columns="version, sealed, changed_at",
            delete=MATCHING,
        ),
    )
    protect(
        "match_searches",
        Rows(
            select=f"{MATCHING} OR ({of_search})",
            insert=of_search,
            update=MATCHING,
            update_columns="asked_at",
            delete=MATCHING,
        ),
    )
    for table in ("match_pages", "match_places", "match_findings"):
        protect(table, Rows(select=MATCHING, insert=MATCHING))
    protect("match_statements", Rows(select=MATCHING, insert=MINE))
    recorded = f"staff_id = {STAFF} AND {{}} = {NOW}"
    protect(
        "case_merges",
        Rows(
            select=f"{owned('case_merges.survivor_id')} OR ({owned('case_merges.merged_id')})",
            insert=f"nrm_owns_case(merged_id) AND {recorded.format('merged_at')}",
        ),
    )
    protect(
        "case_separations",
        Rows(
            select="EXISTS (SELECT 1 FROM case_merges m WHERE m.id = merge_id)",
            insert=f"EXISTS (SELECT 1 FROM case_merges m WHERE m.id = merge_id) AND {recorded.format('separated_at')}",
        ),
    )
    for table in ("merged_walls", "ended_grants"):
        protect(table, Rows())
    for table in ("case_merges", "case_separations"):
        only_grows(table)
    for table in TABLES:
        op.execute(f"CREATE POLICY owner ON {table} TO nrm_owner USING ({CALLED}) WITH CHECK ({CALLED})")
    let_worker("match_findings", "SELECT (found_at)", "DELETE")


def upgrade() -> None:
    create_match_tables()
    create_merge_tables()
    for signature, body in FUNCTIONS.items():
        op.execute(f"CREATE FUNCTION {signature}{body}")
    protect_tables()
    for (table, verb), clause in CHANGED.items():
        op.execute(f"CREATE POLICY duplicates_{verb.lower()} ON {table} FOR {verb} TO nrm_owner {clause}")
    for (name, _), what in TRIGGERS.items():
        op.execute(f"CREATE TRIGGER {name} {what}")
    op.execute(counting_persons_once())
    keep_functions_private()


def downgrade() -> None:
    op.execute("DROP FUNCTION nrm_funnel()")
    op.execute(import_module("migrations.versions.0018_honey_cases").funnel_without_honey())
    for name, table in TRIGGERS:
        op.execute(f"DROP TRIGGER {name} ON {table}")
    for table, verb in CHANGED:
        op.execute(f"DROP POLICY duplicates_{verb.lower()} ON {table}")
    for signature in reversed(FUNCTIONS):
        if signature != "nrm_matching()":
            op.execute(f"DROP FUNCTION {signature}")
    for table in TABLES:
        op.drop_table(table)
    op.execute("DROP FUNCTION nrm_matching()")
    op.drop_column("cases", "merged_into_id")
    keep_functions_private()
