"""The coordinator's dashboard: counts by organisation and by service, and nothing about anybody."""

from alembic import op

from migrations.row_security import keep_functions_private

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

# Every case is looked at once. What stands behind a conflict wall of the caller, and what no person stands behind, is not
# among `seen`, and nothing is counted that is not of a case in it. A duplicate is a record of its person, and its referrals
# were sent; but nobody is called about its steps any more.
DASHBOARD = """
    CREATE FUNCTION nrm_dashboard() RETURNS TABLE (
        organisation text, service text, figure text, population text, counted bigint, median_hours double precision)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
        WITH seen AS MATERIALIZED (
            SELECT c.id, c.case_work <> 'closed' AND c.merged_into_id IS NULL AS running,
                CASE c.victim_type WHEN 'vulnerable_migrant' THEN 'vulnerable_migrants' ELSE 'victims_of_trafficking' END
                AS population
            FROM cases c
            WHERE nrm_role() = 'coordinator' AND c.country = nrm_country() AND NOT nrm_walled(c.id)
              AND NOT EXISTS (SELECT 1 FROM honey_cases h WHERE h.case_id = c.id)
        ),
        went AS (
            SELECT r.receiving_organisation_id AS organisation_id, r.service, s.population, r.status,
                min(e.at) FILTER (WHERE e.status = 'sent') AS sent_at,
                min(e.at) FILTER (WHERE e.status = 'received') AS received_at,
                min(e.at) FILTER (WHERE e.status = 'accepted') AS accepted_at,
                min(e.at) FILTER (WHERE e.status = 'in_service') AS begun_at,
                bool_or(e.reason = 'no_capacity') AS without_capacity,
                EXISTS (SELECT 1 FROM deadlines d WHERE d.subject_id = r.id AND d.kind = 'referral_response'
                        AND d.settled_at IS NULL AND d.due_at <= nrm_now()) AS overdue
            FROM seen s JOIN referrals r ON r.case_id = s.id JOIN referral_events e ON e.referral_id = r.id
            WHERE r.status NOT IN ('draft', 'entered_in_error')
            GROUP BY r.id, s.population
        ),
        happened (organisation_id, service, figure, population, took) AS (
            SELECT w.organisation_id, w.service, f.figure, w.population, f.took FROM went w
            CROSS JOIN LATERAL (VALUES
                ('referrals_sent', w.sent_at IS NOT NULL, NULL::interval),
                ('referrals_received', w.received_at IS NOT NULL, w.received_at - w.sent_at),
                ('referrals_accepted', w.accepted_at IS NOT NULL, w.accepted_at - w.sent_at),
                ('referrals_in_service', w.begun_at IS NOT NULL, w.begun_at - w.sent_at),
                ('referrals_completed', w.status = 'completed', NULL),
                ('referrals_declined', w.status = 'declined', NULL),
                ('referrals_expired', w.status = 'expired', NULL),
                ('referrals_waiting', w.status = 'waitlisted', NULL),
                ('referrals_overdue', w.overdue, NULL),
                ('referrals_without_capacity', w.without_capacity, NULL)
            ) AS f (figure, holds, took) WHERE f.holds
            UNION ALL
            SELECT d.organisation_id, NULL, 'steps_missed', s.population, NULL
            FROM seen s JOIN deadlines d ON d.case_id = s.id
            WHERE s.running AND d.kind = 'step' AND d.settled_at IS NULL AND d.due_at <= nrm_now()
            UNION ALL
            SELECT q.asked_organisation_id, q.service, f.figure, s.population, f.took
            FROM seen s JOIN capacity_askings a ON a.case_id = s.id JOIN capacity_questions q ON q.id = a.question_id
            CROSS JOIN LATERAL (VALUES
                ('questions_asked', true, NULL::interval),
                ('questions_answered', q.answer IS NOT NULL, q.answered_at - q.asked_at),
                ('questions_with_capacity', q.answer = 'capacity', NULL),
                ('questions_without_capacity', q.answer IN ('no_capacity', 'waitlist'), NULL)
            ) AS f (figure, holds, took) WHERE f.holds
        )
        SELECT o.code, h.service, h.figure, h.population, count(*),
            percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM h.took) / 3600.0)
        FROM happened h JOIN organisations o ON o.id = h.organisation_id
        GROUP BY GROUPING SETS ((o.code, h.figure, h.population), (h.service, h.figure, h.population))
        HAVING o.code IS NOT NULL OR h.service IS NOT NULL
    $$
"""


def upgrade() -> None:
    op.execute(DASHBOARD)
    keep_functions_private()


def downgrade() -> None:
    op.execute("DROP FUNCTION nrm_dashboard()")
