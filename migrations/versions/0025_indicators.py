"""What outcome indicators count: one function that tells aggregates to the coordinator, and of some to who owns them."""

from alembic import op

from migrations.row_security import keep_functions_private

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

CALLED = "session_user <> 'nrm_owner'"
"""Inside a function that somebody else calls; whoever logs in as the owner of the tables sees nothing through this."""

READ = (
    "persons",
    "cooperations",
    "deadlines",
    "service_costs",
    "compensation_records",
    "exploitation_episodes",
    "follow_ups",
    "awards",
)
"""What the function reads and the owner of the tables could not read until now."""

OWNERS = {"calls_taken": "hotline", "decisions_in_time": "competent_authority"}
"""Who is told beside the coordinator. Written apart from `domain/results/measures.py` on purpose; a test compares them."""

SUPPORT = "NOT IN ('case_management', 'state_identification', 'criminal_proceedings', 'witness_protection')"
POSITIVE = "IN ('PossibleVictimOfTrafficking', 'ActualVictimOfTrafficking')"
UNKNOWN = "IN ('unknown', 'not_asked', 'declined_to_answer', 'not_applicable')"
LIMIT = """CASE s.priority WHEN 'emergency' THEN interval '24 hours' WHEN 'urgent' THEN interval '72 hours'
    ELSE interval '14 days' END"""
IN_PERIOD = "{0} >= since AND {0} < until"
ON_DAYS = "{0} >= (since AT TIME ZONE zone)::date AND {0} < (until AT TIME ZONE zone)::date"
SENT = f"FROM sent s WHERE {IN_PERIOD.format('s.sent_at')}"
FOUND = f"FROM found f WHERE {IN_PERIOD.format('f.at')}"
ASKED = f"""FROM follow_ups f JOIN counted c ON c.id = f.case_id
    WHERE f.reached AND {ON_DAYS.format("f.asked_on")}"""


def hours(later: str, earlier: str) -> str:
    """Return the columns of a measure of waiting: whether it ended, how long it was, and the priority."""
    return f"""s.id::text, s.person, s.{later} IS NOT NULL AND s.{earlier} IS NOT NULL,
        (EXTRACT(EPOCH FROM s.{later} - s.{earlier}) / 3600)::numeric, s.priority {SENT}"""


def of_follow_up(column: str, good: str) -> str:
    """Return the columns of a measure of an answer at a follow-up: good, not, or not known; and the answer."""
    return f"""f.id::text, c.person, CASE WHEN f.{column} {UNKNOWN} THEN NULL ELSE f.{column} IN ({good}) END,
        NULL::numeric, f.{column} {ASKED}"""


# measure → unit, person (NULL: about no person), hit (NULL: not known), value, code of the dimension `kind`, and from where
MEASURES = {
    "calls_taken": f"""k.id::text, NULL::uuid, true, NULL::numeric, k.topic FROM contacts k
        JOIN organisations o ON o.id = k.organisation_id AND o.country = nrm_country()
        WHERE k.channel IN ('call', 'voicemail') AND {IN_PERIOD.format("k.made_at")}
          AND k.id::text NOT IN (SELECT nrm_walled_references())""",
    "persons_approaching": f"""p.id::text, p.id, true, NULL::numeric, NULL FROM people p
        WHERE {IN_PERIOD.format("p.opened_at")}""",
    "persons_found": f"f.person::text, f.person, true, NULL::numeric, NULL {FOUND}",
    "persons_referred": f"""f.person::text, f.person,
        EXISTS (SELECT 1 FROM sent s WHERE s.person = f.person AND s.service {SUPPORT}), NULL::numeric, NULL {FOUND}""",
    "persons_assisted": f"""f.person::text, f.person, EXISTS (
            SELECT 1 FROM counted c JOIN service_episodes e ON e.case_id = c.id
            LEFT JOIN referrals r ON r.id = e.referral_id
            WHERE c.person = f.person AND e.service {SUPPORT} AND r.status IS DISTINCT FROM 'entered_in_error'),
        NULL::numeric, coalesce((
            SELECT w.willing FROM counted c JOIN cooperations w ON w.case_id = c.id WHERE c.person = f.person
            ORDER BY w.recorded_at DESC LIMIT 1), 'not_asked') {FOUND}""",
    "persons_sent": f"""s.person::text, s.person, true, NULL::numeric, o.type FROM sent s
        JOIN organisations o ON o.id = s.sending_organisation_id WHERE {IN_PERIOD.format("s.sent_at")}""",
    "referrals_accepted": f"s.id::text, s.person, s.accepted_at IS NOT NULL, NULL::numeric, s.priority {SENT}",
    "referrals_declined": f"s.id::text, s.person, s.status = 'declined', NULL::numeric, s.reason {SENT}",
    "referrals_expired": f"s.id::text, s.person, s.status = 'expired', NULL::numeric, s.priority {SENT}",
    "referrals_closed": f"""s.id::text, s.person, CASE WHEN s.status IN ('completed', 'declined', 'failed') THEN true
        WHEN s.status IN ('expired', 'withdrawn_by_person', 'revoked_by_sender') THEN false END,
        NULL::numeric, s.priority {SENT}""",
    "referrals_answered_in_time": f"""s.id::text, s.person,
        CASE WHEN s.answered_at <= s.sent_at + {LIMIT} THEN true WHEN nrm_now() > s.sent_at + {LIMIT} THEN false END,
        NULL::numeric, s.priority {SENT}""",
    "hours_to_receipt": hours("received_at", "sent_at"),
    "hours_to_acceptance": hours("accepted_at", "received_at"),
    "hours_to_start": hours("started_at", "accepted_at"),
    # A deadline that was settled without a decision was moot: the question was taken back, or asked anew.
    "decisions_in_time": f"""l.id::text, c.person, CASE WHEN d.at <= l.due_at THEN true
            WHEN l.due_at <= nrm_now() THEN false END, NULL::numeric, NULL
        FROM deadlines l JOIN counted c ON c.id = l.case_id
        LEFT JOIN LATERAL (
            SELECT min(i.recorded_at) AS at FROM identification_decisions i
            WHERE i.case_id = l.case_id AND i.body = 'state' AND i.recorded_at >= l.anchored_at) d ON true
        WHERE l.kind = 'step' AND l.rule = 'decide-state-identification' AND {IN_PERIOD.format("l.due_at")}
          AND (l.settled_at IS NULL OR l.fired_at IS NOT NULL OR d.at <= l.settled_at)""",
    "consents_informed": f"""n.id::text, c.person,
        (SELECT count(DISTINCT told) FROM unnest(n.informed_of) AS told) = 7, NULL::numeric, NULL
        FROM consents n JOIN counted c ON c.id = n.case_id
        WHERE n.decision = 'given' AND {IN_PERIOD.format("n.recorded_at")}""",
    "withdrawals_honoured": f"""n.id::text, c.person, NOT EXISTS (
            SELECT 1 FROM consents v JOIN referrals r ON r.consent_version_id = v.id
            JOIN case_access g ON g.referral_id = r.id AND g.relation = 'receiver'
            WHERE v.consent_id = n.consent_id AND v.version < n.version AND r.purpose = ANY (v.purposes)
              AND g.valid_from <= n.recorded_at
              AND g.valid_until > n.recorded_at + interval '24 hours'), NULL::numeric, NULL
        FROM consents n JOIN counted c ON c.id = n.case_id
        WHERE n.decision = 'withdrawn' AND {IN_PERIOD.format("n.recorded_at")}""",
    "requests_unmet": f"""q.id::text, c.person, q.answer = 'no_capacity', NULL::numeric, q.service
        FROM capacity_questions q JOIN capacity_askings a ON a.question_id = q.id JOIN counted c ON c.id = a.case_id
        WHERE {IN_PERIOD.format("q.answered_at")}""",
    "episodes_completed": f"""e.id::text, c.person, e.outcome IN ('full', 'partial'), NULL::numeric, e.service
        FROM service_episodes e JOIN counted c ON c.id = e.case_id
        WHERE {IN_PERIOD.format("e.ended_at")} AND e.service {SUPPORT}""",
    "episode_cost": f"""e.id::text || k.currency, c.person, true, sum(k.amount) / 100.0, k.currency
        FROM service_episodes e JOIN counted c ON c.id = e.case_id JOIN service_costs k ON k.episode_id = e.id
        WHERE {IN_PERIOD.format("e.ended_at")} GROUP BY e.id, c.person, k.currency""",
    "claims_paid": f"""m.claim_id::text, c.person, l.stage = 'paid', NULL::numeric, l.stage
        FROM compensation_records m JOIN counted c ON c.id = m.case_id
        CROSS JOIN LATERAL (
            SELECT x.stage FROM compensation_records x WHERE x.claim_id = m.claim_id
            ORDER BY x.recorded_at DESC, x.stage = 'paid' DESC LIMIT 1) l
        WHERE m.stage = 'claimed' AND {ON_DAYS.format("m.on_day")}""",
    "follow_ups_done": f"""f.id::text, c.person, CASE WHEN f.asked_on <= f.due_on + 7 THEN true
            WHEN f.due_on + 7 < (nrm_now() AT TIME ZONE zone)::date THEN false END, NULL::numeric, NULL
        FROM follow_ups f JOIN counted c ON c.id = f.case_id WHERE {ON_DAYS.format("f.due_on")}""",
    "work_after": of_follow_up("work", "'working', 'in_training'"),
    "income_after": of_follow_up("income", "'own'"),
    "living_standard_after": of_follow_up("living_standard", "'better'"),
    "awards_given": "w.id::text, w.person, true, NULL::numeric, w.service FROM given w",
    "persons_awarded": "w.person::text, w.person, true, NULL::numeric, NULL FROM given w",
    "awards_to_women": f"""w.id::text, w.person, CASE WHEN p.sex {UNKNOWN} THEN NULL ELSE p.sex = 'female' END,
        NULL::numeric, NULL FROM given w JOIN people p ON p.id = w.person""",
    "awards_with_disability": f"""w.id::text, w.person,
        CASE WHEN p.disability {UNKNOWN} THEN NULL ELSE p.disability = 'yes' END, NULL::numeric, NULL
        FROM given w JOIN people p ON p.id = w.person""",
    "cases_filed": f"""u.id::text, c.person, true, NULL::numeric, t.type
        FROM courses u JOIN counted c ON c.id = u.case_id
        LEFT JOIN LATERAL (
            SELECT DISTINCT unnest(x.types) AS type FROM exploitation_episodes x
            JOIN counted k ON k.id = x.case_id AND k.person = c.person
            WHERE NOT x.entered_in_error AND NOT EXISTS (
                SELECT 1 FROM exploitation_episodes y WHERE y.episode_id = x.episode_id AND y.version > x.version)) t ON true
        WHERE u.subject = 'proceedings' AND {IN_PERIOD.format("u.opened_at")}""",
    "police_involved": f"""o.id::text, NULL::uuid, true, NULL::numeric, NULL FROM organisations o
        WHERE o.country = nrm_country() AND o.type = 'LawEnforcement' AND (
            EXISTS (SELECT 1 FROM sent s WHERE {IN_PERIOD.format("s.sent_at")}
                    AND (s.sending_organisation_id = o.id
                         OR (s.receiving_organisation_id = o.id AND s.accepted_at IS NOT NULL)))
            OR EXISTS (SELECT 1 FROM identification_decisions d JOIN counted c ON c.id = d.case_id
                       WHERE d.organisation_id = o.id AND {IN_PERIOD.format("d.recorded_at")}))""",
    "entries_unknown": f"""p.id::text || v.field, p.id, v.value {UNKNOWN}, NULL::numeric, v.field
        FROM people p CROSS JOIN LATERAL (VALUES ('sex', p.sex), ('gender', p.gender), ('age_band', p.age_band),
            ('citizenships', p.citizenship), ('migration_status', p.migration_status),
            ('documents_held', p.documents_held), ('languages', p.language), ('disability', p.disability))
            AS v (field, value)
        WHERE {IN_PERIOD.format("p.opened_at")}""",
}

UNITS = "\n        UNION ALL ".join(
    f"SELECT '{name}', x.* FROM (SELECT {text}) x (unit, person, hit, value, kind) "
    f"WHERE EXISTS (SELECT 1 FROM allowed WHERE measure = '{name}')"
    for name, text in MEASURES.items()
)
TOLD = ", ".join(f"('{measure}', '{owner}')" for measure, owner in OWNERS.items())

# One person counts once: what belongs to a merged case belongs to the person whose file goes on. What is behind the asker's
# walls, honey cases and what was entered in error count nowhere; whoever did not agree to reporting is only `excluded`.
MEASURED = f"""
    CREATE FUNCTION nrm_measured(wanted text[], since timestamptz, until timestamptz, zone text)
    RETURNS TABLE (measure text, victim_type text, dimension text, code text,
                   hits bigint, known bigint, units bigint, excluded bigint, median numeric, total numeric)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH allowed AS MATERIALIZED (
        SELECT w.measure FROM unnest(wanted) AS w (measure)
        WHERE nrm_role() = 'coordinator' OR EXISTS (
            SELECT 1 FROM organisations o JOIN (VALUES {TOLD}) AS t (measure, owner) ON t.owner = ANY (o.nrm_roles)
            WHERE o.id = nrm_organisation() AND t.measure = w.measure)
    ),
    counted AS MATERIALIZED (
        SELECT c.id, coalesce(c.merged_into_id, c.id) AS person, c.opened_at FROM cases c
        WHERE c.country = nrm_country() AND c.closure_reason IS DISTINCT FROM 'entered_in_error'
          AND EXISTS (SELECT 1 FROM allowed)
          AND NOT EXISTS (SELECT 1 FROM honey_cases h WHERE h.case_id = c.id)
          AND NOT EXISTS (SELECT 1 FROM case_walls w WHERE w.case_id = c.id
                          AND (w.organisation_id = nrm_organisation() OR w.staff_id = nrm_staff()))
    ),
    agreed AS MATERIALIZED (
        SELECT DISTINCT c.person FROM counted c JOIN consents n ON n.case_id = c.id
        WHERE n.decision = 'given' AND 'reporting' = ANY (n.purposes) AND n.expires_at > least(until, nrm_now())
          AND NOT EXISTS (SELECT 1 FROM consents v WHERE v.consent_id = n.consent_id AND v.version > n.version)
    ),
    people AS MATERIALIZED (
        SELECT c.id, s.victim_type, s.entry_channel, o.opened_at, p.sex, p.gender, p.age_band, p.migration_status,
            p.documents_held, p.disability, p.citizenships[1] AS citizenship, p.languages[1] AS language,
            a.person IS NOT NULL AS agreed
        FROM counted c JOIN cases s ON s.id = c.id JOIN persons p ON p.case_id = c.id
        JOIN (SELECT person, min(opened_at) AS opened_at FROM counted GROUP BY person) o ON o.person = c.id
        LEFT JOIN agreed a ON a.person = c.id WHERE c.person = c.id
    ),
    found AS MATERIALIZED (
        SELECT c.person, min(d.recorded_at) AS at FROM counted c JOIN identification_decisions d ON d.case_id = c.id
        WHERE d.outcome {POSITIVE} GROUP BY c.person
    ),
    sent AS MATERIALIZED (
        SELECT r.id, c.person, r.service, r.priority, r.status, r.sending_organisation_id, r.receiving_organisation_id,
            min(e.at) FILTER (WHERE e.status = 'sent') AS sent_at,
            min(e.at) FILTER (WHERE e.status = 'received') AS received_at,
            min(e.at) FILTER (WHERE e.status = 'accepted') AS accepted_at,
            min(e.at) FILTER (WHERE e.status = 'in_service') AS started_at,
            min(e.at) FILTER (WHERE e.status IN ('accepted', 'declined', 'waitlisted')) AS answered_at,
            max(e.reason) FILTER (WHERE e.status = 'declined') AS reason
        FROM counted c JOIN referrals r ON r.case_id = c.id JOIN referral_events e ON e.referral_id = r.id
        WHERE r.status <> 'entered_in_error' GROUP BY r.id, c.person
    ),
    given AS (
        SELECT w.id, c.person, w.service FROM awards w JOIN award_cases k ON k.award_id = w.id
        JOIN counted c ON c.id = k.case_id
        WHERE w.status IN ('granted', 'paid') AND {IN_PERIOD.format("w.decided_at")}
    ),
    units (measure, unit, person, hit, value, kind) AS (
        {UNITS}
    )
    SELECT u.measure, coalesce(p.victim_type, ''), d.dimension, d.code,
        count(DISTINCT u.unit) FILTER (WHERE u.hit AND u.said),
        count(DISTINCT u.unit) FILTER (WHERE u.hit IS NOT NULL AND u.said),
        count(DISTINCT u.unit) FILTER (WHERE u.said),
        count(DISTINCT u.unit) FILTER (WHERE NOT u.said),
        (percentile_cont(0.5) WITHIN GROUP (ORDER BY u.value::float8) FILTER (WHERE u.said))::numeric,
        sum(u.value) FILTER (WHERE u.said)
    FROM (SELECT x.*, x.person IS NULL OR x.person IN (SELECT g.person FROM agreed g) AS said FROM units x) u
    LEFT JOIN people p ON p.id = u.person
    CROSS JOIN LATERAL (VALUES ('', ''), ('sex', p.sex), ('age_band', p.age_band), ('entry_channel', p.entry_channel),
                               ('kind', u.kind)) AS d (dimension, code)
    WHERE d.code IS NOT NULL AND (u.person IS NULL OR p.id IS NOT NULL)
    GROUP BY u.measure, p.victim_type, d.dimension, d.code
    $$
"""


def upgrade() -> None:
    for table in READ:
        op.execute(f"CREATE POLICY owner_measures ON {table} FOR SELECT TO nrm_owner USING ({CALLED})")
    op.execute(MEASURED)
    keep_functions_private()


def downgrade() -> None:
    op.execute("DROP FUNCTION nrm_measured(text[], timestamptz, timestamptz, text)")
    for table in READ:
        op.execute(f"DROP POLICY owner_measures ON {table}")
    keep_functions_private()
