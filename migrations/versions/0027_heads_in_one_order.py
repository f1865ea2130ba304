"""Whoever appends to the audit makes the heads that are missing before it locks those that are there."""

from importlib import import_module

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

APPEND = import_module("migrations.versions.0010_append_and_answer_quickly").APPEND
LOCKED_FIRST = APPEND[APPEND.index("        PERFORM FROM") : APPEND.index("        FOR turn IN")]

# To make a head is to wait for whoever is making the same one, and nobody may wait for that with another head in hand: it
# could be the next that the other wants. So heads are made in the order of their ids by those who hold no other, and then
# all are locked in the order of their ids: whoever holds some waits only for later ones, and so nobody waits in a circle.
MADE_FIRST = """\
        INSERT INTO audit_heads (stream_id, sequence, at, hash)
        SELECT one, 0, present, sha256('nrm audit genesis 1\\000'::bytea || uuid_send(one))
        FROM unnest(wanted) AS one WHERE NOT EXISTS (SELECT FROM audit_heads h WHERE h.stream_id = one) ORDER BY one
        ON CONFLICT DO NOTHING;
        PERFORM FROM audit_heads h WHERE h.stream_id = ANY (wanted) ORDER BY h.stream_id FOR UPDATE;
"""


def as_replacement(function: str) -> str:
    return function.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")


def upgrade() -> None:
    made_first = APPEND.replace(LOCKED_FIRST, MADE_FIRST).replace("        locked integer;\n", "")
    op.execute(as_replacement(made_first))


def downgrade() -> None:
    op.execute(as_replacement(APPEND))
