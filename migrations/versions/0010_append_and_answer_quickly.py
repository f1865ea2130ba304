"""One statement appends to the audit, and what a referral or case waits for is found by an index."""

from alembic import op
from sqlalchemy import text

from migrations.row_security import keep_functions_private

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

OPEN = "fired_at IS NULL AND settled_at IS NULL"

# Heads are locked before they are read, in the order of their ids, so that no chain forks and nobody waits in a circle. Each
# entry comes as its canonical JSON in three parts, around the instant and the position, which only the head can tell: what
# is hashed is what is stored, since the columns are read from the same text. Chains are appended to side by side: first the
# first entry of every stream, then the second. It runs with the rights of whoever calls it.
APPEND = r"""
    CREATE FUNCTION nrm_append(
        present timestamptz, streams uuid[], places integer[], befores text[], betweens text[], afters text[]
    ) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        wanted uuid[] := ARRAY(SELECT DISTINCT one FROM unnest(streams) AS one);
        locked integer;
    BEGIN
        PERFORM FROM audit_heads h WHERE h.stream_id = ANY (wanted) ORDER BY h.stream_id FOR UPDATE;
        GET DIAGNOSTICS locked = ROW_COUNT;
        IF locked < cardinality(wanted) THEN
            INSERT INTO audit_heads (stream_id, sequence, at, hash)
            SELECT one, 0, present, sha256('nrm audit genesis 1\000'::bytea || uuid_send(one))
            FROM unnest(wanted) AS one ORDER BY one
            ON CONFLICT DO NOTHING;
            PERFORM FROM audit_heads h WHERE h.stream_id = ANY (wanted) ORDER BY h.stream_id FOR UPDATE;
        END IF;
        FOR turn IN 1 .. (SELECT max(place) FROM unnest(places) AS place) LOOP
            WITH linked AS MATERIALIZED (
                SELECT h.stream_id, h.hash AS previous, h.sequence + 1 AS sequence, greatest(present, h.at) AS instant,
                    given.before || to_char(greatest(present, h.at) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
                    || given.between || (h.sequence + 1)::text || given.after AS spelled
                FROM unnest(streams, places, befores, betweens, afters) AS given (stream, place, before, between, after)
                JOIN audit_heads h ON h.stream_id = given.stream
                WHERE given.place = turn
            ), hashed AS MATERIALIZED (
                SELECT *, spelled::jsonb AS said,
                    sha256('nrm audit entry 1\000'::bytea || previous || convert_to(spelled, 'UTF8')) AS link
                FROM linked
            ), written AS (
                INSERT INTO audit_entries
                    (stream_id, sequence, action, actor_id, organisation_id, subject_id, rule, details, at, hash)
                SELECT stream_id, sequence, said->>'action', (said->>'actor_id')::uuid, (said->>'organisation_id')::uuid,
                    (said->>'subject_id')::uuid, said->>'rule', said->'details', instant, link
                FROM hashed
            )
            UPDATE audit_heads h SET sequence = n.sequence, at = n.instant, hash = n.link
            FROM hashed n WHERE h.stream_id = n.stream_id;
        END LOOP;
    END $$
"""


def upgrade() -> None:
    op.execute(APPEND)
    keep_functions_private()
    op.drop_index("deadlines_due", "deadlines")
    op.create_index("deadlines_due", "deadlines", ["kind", "due_at", "id"], postgresql_where=text(OPEN))
    # Without it, asking when a referral must be answered read every deadline of the country.
    op.create_index(
        "deadlines_of_subject", "deadlines", ["subject_id", "kind"], postgresql_where=text("settled_at IS NULL")
    )


def downgrade() -> None:
    op.drop_index("deadlines_of_subject", "deadlines")
    op.drop_index("deadlines_due", "deadlines")
    op.create_index("deadlines_due", "deadlines", ["due_at"], postgresql_where=text(OPEN))
    op.execute("DROP FUNCTION nrm_append")
