"""The second wall: what each database role may touch, and which rows.

The first wall is `auth/policies.py`. The context of a transaction (organisation, member of staff, role, country, instant)
is set by one `set_config` call when a unit of work begins; without it nothing is visible.

Context functions are read through `(SELECT …)`, so that the planner runs them once a statement and not once a row.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ORGANISATION = "(SELECT nrm_organisation())"
STAFF = "(SELECT nrm_staff())"
NOW = "(SELECT nrm_now())"

CONTEXT_FUNCTIONS = {
    "nrm_organisation": ("uuid", "nullif(current_setting('nrm.organisation_id', true), '')::uuid"),
    "nrm_staff": ("uuid", "nullif(current_setting('nrm.staff_id', true), '')::uuid"),
    "nrm_role": ("text", "nullif(current_setting('nrm.role', true), '')"),
    "nrm_country": ("text", "nullif(current_setting('nrm.country', true), '')"),
    "nrm_now": ("timestamptz", "coalesce(nullif(current_setting('nrm.now', true), '')::timestamptz, now())"),
}


def granted(case: str, relations: str) -> str:
    """Return the predicate: the organisation holds a running grant on the case."""
    return f"""EXISTS (
        SELECT 1 FROM case_access g
        WHERE g.case_id = {case} AND g.organisation_id = {ORGANISATION} AND g.relation IN ({relations})
          AND g.valid_from <= {NOW} AND g.valid_until > {NOW})"""


def not_walled(case: str) -> str:
    """Return the predicate: neither the organisation nor the member of staff stands behind a conflict wall."""
    return f"""NOT EXISTS (
        SELECT 1 FROM case_walls w
        WHERE w.case_id = {case} AND (w.organisation_id = {ORGANISATION} OR w.staff_id = {STAFF}))"""


def owned(case: str) -> str:
    return f"{granted(case, repr('owner'))} AND {not_walled(case)}"


def related(case: str) -> str:
    relations = "'owner', 'receiver'"
    return f"{granted(case, relations)} AND {not_walled(case)}"


# Functions that look past row security, owned by nrm_owner: each answers one yes or no about the caller's own organisation.
# None of them says yes to whom a conflict wall stands before.
DEFINER_FUNCTIONS = {
    "nrm_walled(checked uuid)": """
        SELECT EXISTS (SELECT 1 FROM case_walls w
                       WHERE w.case_id = checked AND (w.organisation_id = nrm_organisation() OR w.staff_id = nrm_staff()))""",
    "nrm_owns_case(checked uuid)": """
        SELECT EXISTS (
            SELECT 1 FROM case_access g
            WHERE g.case_id = checked AND g.organisation_id = nrm_organisation() AND g.relation = 'owner'
              AND g.valid_from <= nrm_now() AND g.valid_until > nrm_now()) AND NOT nrm_walled(checked)""",
    "nrm_may_grant(checked uuid, grantee uuid, as_relation text, by_referral uuid)": """
        SELECT grantee = nrm_organisation() AND CASE as_relation
            WHEN 'owner' THEN
                (EXISTS (SELECT 1 FROM cases c WHERE c.id = checked AND c.owner_organisation_id = grantee)
                 AND NOT EXISTS (SELECT 1 FROM case_access g WHERE g.case_id = checked))
                OR EXISTS (SELECT 1 FROM referrals r WHERE r.id = by_referral AND r.case_id = checked
                           AND r.receiving_organisation_id = grantee AND r.service = 'case_management'
                           AND r.status = 'accepted')
            WHEN 'receiver' THEN
                EXISTS (SELECT 1 FROM referrals r WHERE r.id = by_referral AND r.case_id = checked
                        AND r.receiving_organisation_id = grantee AND r.status = 'accepted')
            ELSE false END""",
    "nrm_party_to(referral uuid)": """
        SELECT EXISTS (SELECT 1 FROM referrals r WHERE r.id = referral AND NOT nrm_walled(r.case_id)
                       AND nrm_organisation() IN (r.sending_organisation_id, r.receiving_organisation_id))""",
    "nrm_receives_decisions_on(checked uuid)": """
        SELECT EXISTS (SELECT 1 FROM referrals r WHERE r.case_id = checked AND r.service = 'state_identification'
                       AND r.receiving_organisation_id = nrm_organisation()
                       AND r.status IN ('accepted', 'in_service', 'completed')) AND NOT nrm_walled(checked)""",
    "nrm_writes_for(holder uuid)": """
        SELECT nrm_owns_case(holder) OR nrm_receives_decisions_on(holder)
            OR nrm_party_to(holder)
            OR EXISTS (SELECT 1 FROM referrals r WHERE r.id = holder AND nrm_owns_case(r.case_id))
            OR EXISTS (SELECT 1 FROM contacts c WHERE c.id = holder AND c.organisation_id = nrm_organisation())""",
}

# What is behind the caller's conflict walls, as it is named in notifications: cases, referrals, and the contacts that opened them.
WALLED_REFERENCES = """
    CREATE FUNCTION nrm_walled_references() RETURNS SETOF text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
        WITH walled AS (
            SELECT w.case_id FROM case_walls w
            WHERE w.organisation_id = nrm_organisation() OR w.staff_id = nrm_staff()
        )
        SELECT c.reference::text FROM cases c JOIN walled w ON w.case_id = c.id
        UNION ALL SELECT r.reference FROM referrals r JOIN walled w ON w.case_id = r.case_id
        UNION ALL SELECT k.contact_id::text FROM contact_cases k JOIN walled w ON w.case_id = k.case_id
    $$
"""
BEHIND_WALLS = "(SELECT nrm_walled_references())"

MINE = f"organisation_id = {ORGANISATION}"
REFERRAL_VISIBLE = f"""(
    sending_organisation_id = {ORGANISATION}
    OR (receiving_organisation_id = {ORGANISATION} AND status <> 'draft')
    OR ((SELECT nrm_role()) IN ('coordinator', 'focal_point') AND country = (SELECT nrm_country()) AND status <> 'draft')
    OR {granted("referrals.case_id", "'owner'")}
) AND {not_walled("referrals.case_id")}"""
OVER = "'completed', 'declined', 'expired', 'withdrawn_by_person', 'revoked_by_sender', 'failed', 'entered_in_error'"
# The last line lets the transaction that ends a referral see, and so delete, what is sealed for it; nothing outlives it.
SEALED_VISIBLE = f"""
    EXISTS (
        SELECT 1 FROM case_access g
        WHERE g.holder_id = sealed_values.holder_id AND g.organisation_id = {ORGANISATION}
          AND sealed_values.compartment = ANY (g.compartments)
          AND g.valid_from <= {NOW} AND g.valid_until > {NOW} AND {not_walled("g.case_id")})
    OR EXISTS (SELECT 1 FROM contacts c WHERE c.id = sealed_values.holder_id AND c.organisation_id = {ORGANISATION})
    OR (sealed_values.kind IN ('question', 'answer') AND nrm_party_to(sealed_values.holder_id))
    OR (nrm_writes_for(sealed_values.holder_id)
        AND EXISTS (SELECT 1 FROM referrals r WHERE r.id = sealed_values.holder_id AND r.status IN ({OVER})))"""
DEADLINE_VISIBLE = f"""{MINE} OR nrm_owns_case(case_id)
    OR (kind IN ('referral_response', 'referral_expiry')
        AND EXISTS (SELECT 1 FROM referrals r WHERE r.id = deadlines.subject_id))"""

# table → (SELECT, INSERT, UPDATE, DELETE) predicates of the application; None: the privilege is not granted at all.
APPLICATION: dict[str, tuple[str | None, str | None, str | None, str | None]] = {
    "organisations": ("true", None, None, None),
    "staff_members": ("true", None, None, None),
    "memberships": ("true", None, None, None),
    "contacts": (
        f"{MINE} AND id::text NOT IN {BEHIND_WALLS}",
        MINE,
        f"{MINE} AND id::text NOT IN {BEHIND_WALLS}",
        None,
    ),
    "contact_cases": (
        "EXISTS (SELECT 1 FROM contacts c WHERE c.id = contact_id)",
        "EXISTS (SELECT 1 FROM contacts c WHERE c.id = contact_id) AND nrm_owns_case(case_id)",
        None,
        None,
    ),
    "cases": (related("cases.id"), f"owner_organisation_id = {ORGANISATION}", related("cases.id"), None),
    "case_access": (
        f"{MINE} OR nrm_owns_case(case_id) OR nrm_party_to(referral_id)",
        "nrm_may_grant(case_id, organisation_id, relation, referral_id)",
        f"{MINE} OR nrm_owns_case(case_id) OR nrm_party_to(referral_id)",
        None,
    ),
    "case_walls": (
        f"{MINE} OR staff_id = {STAFF} OR nrm_owns_case(case_id)",
        "nrm_owns_case(case_id)",
        None,
        None,
    ),
    "step_completions": (owned("step_completions.case_id"), owned("step_completions.case_id"), None, None),
    "cooperations": (owned("cooperations.case_id"), owned("cooperations.case_id"), None, None),
    "persons": (related("persons.case_id"), owned("persons.case_id"), owned("persons.case_id"), None),
    "screenings": (owned("screenings.case_id"), owned("screenings.case_id"), None, None),
    "assessments": (owned("assessments.case_id"), owned("assessments.case_id"), None, None),
    "identification_decisions": (
        f"({MINE} AND {related('identification_decisions.case_id')}) OR {owned('identification_decisions.case_id')}",
        f"({owned('identification_decisions.case_id')} OR nrm_receives_decisions_on(case_id)) AND {MINE}",
        None,
        None,
    ),
    "consents": (owned("consents.case_id"), owned("consents.case_id"), None, None),
    "referrals": (
        REFERRAL_VISIBLE,
        f"sending_organisation_id = {ORGANISATION} AND nrm_owns_case(case_id)",
        f"""sending_organisation_id = {ORGANISATION} OR receiving_organisation_id = {ORGANISATION}
            OR {granted("referrals.case_id", "'owner'")}""",
        None,
    ),
    "referral_events": (
        "EXISTS (SELECT 1 FROM referrals r WHERE r.id = referral_id)",
        f"{MINE} AND staff_id = {STAFF} AND (nrm_party_to(referral_id) OR nrm_owns_case(case_id))",
        None,
        None,
    ),
    "service_episodes": (
        f"""(({MINE} OR nrm_party_to(referral_id)) AND {not_walled("service_episodes.case_id")})
            OR {owned("service_episodes.case_id")}""",
        f"{MINE} AND {related('service_episodes.case_id')}",
        f"{MINE} OR nrm_party_to(referral_id) OR nrm_owns_case(case_id)",
        None,
    ),
    "deadlines": (
        DEADLINE_VISIBLE,
        f"{MINE} OR nrm_owns_case(case_id) OR nrm_party_to(subject_id)",
        f"{MINE} OR nrm_owns_case(case_id) OR nrm_party_to(subject_id)",
        None,
    ),
    "notifications": (f"{MINE} AND reference NOT IN {BEHIND_WALLS}", "true", None, None),
    "sealed_values": (
        SEALED_VISIBLE,
        "nrm_writes_for(holder_id)",
        "nrm_writes_for(holder_id)",
        "nrm_writes_for(holder_id)",
    ),
    "sealing_keys": (
        f"""EXISTS (
            SELECT 1 FROM case_access g
            WHERE g.holder_id = sealing_keys.holder_id AND g.organisation_id = {ORGANISATION}
              AND sealing_keys.compartment = ANY (g.compartments)
              AND g.valid_from <= {NOW} AND g.valid_until > {NOW} AND {not_walled("g.case_id")})
        OR nrm_writes_for(holder_id)""",
        "nrm_writes_for(holder_id)",
        None,
        "nrm_writes_for(holder_id)",
    ),
    # Whoever writes here writes in their own name, or, for what follows from an act, in nobody's.
    "audit_entries": (
        f"{MINE} OR nrm_owns_case(stream_id)",
        f"({MINE} AND actor_id = {STAFF}) OR (organisation_id IS NULL AND actor_id IS NULL)",
        None,
        None,
    ),
    "audit_heads": ("true", "true", "true", None),
    "idempotency_records": (f"{MINE} AND staff_id = {STAFF}", f"{MINE} AND staff_id = {STAFF}", None, None),
    "releases": (None, None, None, None),
}

UPDATABLE_COLUMNS = {
    "contacts": "outcome, callback_due_at, called_back_at, version",
    "cases": "owner_organisation_id, victim_type, sop_versions, case_work, closure_reason, closed_at, version",
    "case_access": "valid_until, compartments",
    "persons": "sex, gender, age_band, age_disputed, citizenships, migration_status, documents_held, languages, disability, "
    "age_changed_at",
    "referrals": "status, outcome, changed_at, consent_version_id, shared_until, version",
    "service_episodes": "ended_at, outcome, version",
    "deadlines": "settled_at",
    "sealed_values": "sealed, key_version, version, changed_at",
    "audit_heads": "sequence, hash, at",
}

# The worker acts for the clock on every case; it can delete sealed bytes, never read them.
WORKER = {
    "SELECT": (
        "organisations, contacts, cases, case_access, step_completions, cooperations, persons, screenings, assessments, "
        "identification_decisions, consents, referrals, referral_events, service_episodes, deadlines, audit_heads"
    ),
    "INSERT": "referral_events, deadlines, notifications, audit_entries, audit_heads",
    "UPDATE (version)": "cases",  # to lock a case; the worker changes none
    "UPDATE (valid_until)": "case_access",
    "UPDATE (status, version, outcome, changed_at)": "referrals",
    "UPDATE (fired_at, settled_at)": "deadlines",
    "UPDATE (sequence, hash, at)": "audit_heads",
    "DELETE": "sealed_values, sealing_keys, idempotency_records",
    "SELECT (holder_id)": "sealed_values, sealing_keys",
    "SELECT (answered_at)": "idempotency_records",
}
WORKER_TABLES = sorted({table.strip() for tables in WORKER.values() for table in tables.split(",")})

# The owner reads these through the functions above and for the export of the audit.
OWNER_READS = (
    "cases",
    "case_access",
    "referrals",
    "contacts",
    "contact_cases",
    "case_walls",
    "audit_entries",
    "audit_heads",
    "identification_decisions",
    "organisations",
    "staff_members",
    "memberships",
)
OWNER_WRITES = ("organisations", "staff_members", "memberships")

FUNNEL = """
    CREATE FUNCTION nrm_funnel() RETURNS TABLE (stage text, unit text, counted bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
        WITH allowed AS (SELECT nrm_country() AS country WHERE nrm_role() = 'coordinator'),
        reached AS (
            SELECT e.referral_id, e.status FROM referral_events e
            JOIN referrals r ON r.id = e.referral_id JOIN allowed a ON a.country = r.country
            WHERE r.status <> 'entered_in_error' AND NOT nrm_walled(r.case_id)
        )
        SELECT 'contacts', 'contacts', count(*) FROM contacts c
            JOIN organisations o ON o.id = c.organisation_id JOIN allowed a ON a.country = o.country
            WHERE c.id::text NOT IN (SELECT nrm_walled_references())
        UNION ALL SELECT 'cases', 'cases', count(*) FROM cases c JOIN allowed a ON a.country = c.country
            WHERE NOT nrm_walled(c.id)
        UNION ALL SELECT 'presumed_or_identified', 'cases', count(DISTINCT d.case_id) FROM identification_decisions d
            JOIN cases c ON c.id = d.case_id JOIN allowed a ON a.country = c.country
            WHERE d.outcome IN ('PossibleVictimOfTrafficking', 'ActualVictimOfTrafficking') AND NOT nrm_walled(c.id)
        UNION ALL SELECT s.stage, 'referrals', count(DISTINCT r.referral_id)
            FROM (VALUES ('sent'), ('received'), ('accepted'), ('in_service'), ('completed')) AS s (stage)
            LEFT JOIN reached r ON r.status = s.stage
            WHERE EXISTS (SELECT 1 FROM allowed) GROUP BY s.stage
    $$
"""


def create_functions() -> None:
    for name, (kind, body) in CONTEXT_FUNCTIONS.items():
        op.execute(f"CREATE FUNCTION {name}() RETURNS {kind} LANGUAGE sql STABLE AS $$ SELECT {body} $$")
    for signature, body in DEFINER_FUNCTIONS.items():
        op.execute(f"""
            CREATE FUNCTION {signature} RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
            SET search_path = public, pg_temp AS $$ {body} $$
        """)
    op.execute(WALLED_REFERENCES)
    op.execute(FUNNEL)


def create_policies() -> None:
    verbs = ("SELECT", "INSERT", "UPDATE", "DELETE")
    for table, predicates in APPLICATION.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        for verb, predicate in zip(verbs, predicates, strict=True):
            if predicate is None:
                continue
            columns = f" ({UPDATABLE_COLUMNS[table]})" if verb == "UPDATE" else ""
            op.execute(f"GRANT {verb}{columns} ON {table} TO nrm_application")
            clause = {"INSERT": f"WITH CHECK ({predicate})", "UPDATE": f"USING ({predicate}) WITH CHECK (true)"}
            op.execute(
                f"CREATE POLICY application_{verb.lower()} ON {table} FOR {verb} TO nrm_application "
                f"{clause.get(verb, f'USING ({predicate})')}"
            )
    for privilege, tables in WORKER.items():
        op.execute(f"GRANT {privilege} ON {tables} TO nrm_worker")
    for table in WORKER_TABLES:
        op.execute(f"CREATE POLICY worker ON {table} TO nrm_worker USING (true) WITH CHECK (true)")
    for table in OWNER_READS:
        verb = "ALL" if table in OWNER_WRITES else "SELECT"
        op.execute(f"CREATE POLICY owner ON {table} FOR {verb} TO nrm_owner USING (true)")
    op.execute("CREATE POLICY owner_appends ON audit_entries FOR INSERT TO nrm_owner WITH CHECK (true)")
    op.execute("CREATE POLICY owner_moves ON audit_heads TO nrm_owner USING (true) WITH CHECK (true)")
    op.execute("CREATE POLICY owner_events ON referral_events FOR SELECT TO nrm_owner USING (true)")
    op.execute("GRANT SELECT ON releases TO nrm_statistics")
    op.execute("CREATE POLICY statistics ON releases FOR SELECT TO nrm_statistics USING (true)")


def upgrade() -> None:
    create_functions()
    create_policies()
    op.execute("REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC")
    op.execute("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO nrm_application, nrm_worker")
    op.execute("GRANT USAGE ON SCHEMA public TO nrm_application, nrm_worker, nrm_statistics")


def downgrade() -> None:
    for table in APPLICATION:
        for name in ("application_select", "application_insert", "application_update", "application_delete", "worker"):
            op.execute(f"DROP POLICY IF EXISTS {name} ON {table}")
        op.execute(f"DROP POLICY IF EXISTS owner ON {table}")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    op.execute("DROP POLICY owner_events ON referral_events")
    op.execute("DROP POLICY owner_appends ON audit_entries")
    op.execute("DROP POLICY owner_moves ON audit_heads")
    op.execute("DROP POLICY statistics ON releases")
    op.execute("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM nrm_application, nrm_worker, nrm_statistics")
    op.execute("DROP FUNCTION nrm_funnel()")
    op.execute("DROP FUNCTION nrm_walled_references()")
    for signature in reversed(DEFINER_FUNCTIONS):
        op.execute(f"DROP FUNCTION {signature.split('(')[0]}")
    for name in CONTEXT_FUNCTIONS:
        op.execute(f"DROP FUNCTION {name}()")
