"""A conflict wall before an organisation that closed stands before its successor too."""

from alembic import op

from migrations.row_security import keep_functions_private

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

# The worker alone may ask, and reads no wall: it is told whom to tell, and what to record of the walls that were raised. A
# wall that would cut a successor off from a person whom it leads or supports is not raised. Cases are held as by everybody
# who discloses something of one, so that a wall stands from an instant on and not through the middle of a disclosure.
INHERIT = """
    CREATE FUNCTION nrm_inherit_walls(closed uuid, successor uuid)
    RETURNS TABLE (case_id uuid, wall_id uuid, reason text, review_on date)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    #variable_conflict use_column
    BEGIN
        IF session_user <> 'nrm_worker' OR NOT EXISTS (
            WITH RECURSIVE following (id) AS (
                SELECT o.successor_id FROM organisations o WHERE o.id = closed AND o.status = 'closed'
                UNION SELECT o.successor_id FROM organisations o JOIN following f ON f.id = o.id
            )
            SELECT FROM following f WHERE f.id = successor)
        THEN RAISE insufficient_privilege USING MESSAGE = 'it is not the successor'; END IF;
        PERFORM FROM cases c WHERE c.id IN (SELECT w.case_id FROM case_walls w WHERE w.organisation_id = closed)
            ORDER BY c.id FOR NO KEY UPDATE;
        RETURN QUERY
        WITH standing AS (
            SELECT w.*, EXISTS (
                SELECT FROM case_access g WHERE g.case_id = w.case_id AND g.organisation_id = successor
                  AND g.relation IN ('owner', 'receiver') AND g.valid_until > nrm_now()
            ) OR EXISTS (
                SELECT FROM referrals r WHERE r.case_id = w.case_id
                  AND successor IN (r.sending_organisation_id, r.receiving_organisation_id)
                  AND r.status NOT IN ('completed', 'declined', 'expired', 'withdrawn_by_person', 'revoked_by_sender',
                                       'failed', 'entered_in_error')
            ) AS takes_part
            FROM case_walls w JOIN cases c ON c.id = w.case_id
            WHERE w.organisation_id = closed AND c.erased_at IS NULL
              AND NOT EXISTS (SELECT FROM case_walls o WHERE o.case_id = w.case_id AND o.organisation_id = successor)
        ), raised AS (
            INSERT INTO case_walls (id, case_id, organisation_id, reason, review_on, raised_at)
                SELECT gen_random_uuid(), s.case_id, successor, s.reason, s.review_on, nrm_now()
                FROM standing s WHERE NOT s.takes_part
            ON CONFLICT DO NOTHING RETURNING id, case_walls.case_id
        )
        SELECT s.case_id, r.id, s.reason, s.review_on FROM standing s LEFT JOIN raised r ON r.case_id = s.case_id
            ORDER BY s.case_id;
    END $$
"""


def upgrade() -> None:
    op.execute(INHERIT)
    keep_functions_private()


def downgrade() -> None:
    op.execute("DROP FUNCTION nrm_inherit_walls(uuid, uuid)")
