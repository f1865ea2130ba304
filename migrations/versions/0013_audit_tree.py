"""One tree over all chains of the audit, its signed heads, and what witnesses in other institutions signed of them."""

import sqlalchemy as sa
from alembic import op

from migrations.row_security import let_owner_read, let_worker, only_grows

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TABLES = ("audit_cosignatures", "audit_checkpoints", "audit_placed", "audit_leaves")
ONLY_GROW = ("audit_cosignatures", "audit_checkpoints", "audit_leaves")

# Sizes and instants of the tree tell how much is done in the whole country: for those who watch over the mechanism.
WATCHES = "(SELECT nrm_role()) IN ('coordinator', 'monitoring_staff')"

APPLICATION = {
    "audit_leaves": "SELECT (position, hashes)",  # not which entry: streams of others are nobody's business
    "audit_checkpoints": "SELECT",
    "audit_cosignatures": "SELECT",
}


def create_tables() -> None:
    op.create_table(
        "audit_leaves",
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("stream_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("stream_id", "sequence", name="audit_leaves_of_entry"),
    )
    op.create_table(
        "audit_placed",
        sa.Column("stream_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("stream_id"),
    )
    op.create_table(
        "audit_checkpoints",
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("size"),
    )
    op.create_table(
        "audit_cosignatures",
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("witness", sa.String(length=120), nullable=False),
        sa.Column("cosigned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["size"], ["audit_checkpoints.size"]),
        sa.PrimaryKeyConstraint("size", "witness"),
    )


def upgrade() -> None:
    create_tables()
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        let_owner_read(table)
    for table in ONLY_GROW:
        only_grows(table)
    # How far a chain is placed moves on and is never taken back, as the head of the chain itself.
    op.execute("""
        CREATE TRIGGER head_moves_on BEFORE UPDATE OR DELETE ON audit_placed
        FOR EACH ROW EXECUTE FUNCTION nrm_head_moves_one_link()
    """)
    op.execute("""
        CREATE TRIGGER never_truncated BEFORE TRUNCATE ON audit_placed
        FOR EACH STATEMENT EXECUTE FUNCTION nrm_refuse_change()
    """)
    for table, verb in APPLICATION.items():
        op.execute(f"GRANT {verb} ON {table} TO nrm_application")
        op.execute(f"CREATE POLICY application_select ON {table} FOR SELECT TO nrm_application USING ({WATCHES})")
    op.execute("GRANT INSERT ON audit_cosignatures TO nrm_application")
    op.execute(
        f"CREATE POLICY application_insert ON audit_cosignatures FOR INSERT TO nrm_application WITH CHECK ({WATCHES})"
    )
    # The sequencer reads of an entry which it is and its hash, and not what was done to whom.
    let_worker("audit_entries", "SELECT (stream_id, sequence, hash)", first=False)
    let_worker("audit_leaves", "SELECT", "INSERT")
    let_worker("audit_placed", "SELECT", "INSERT", "UPDATE (sequence)")
    let_worker("audit_checkpoints", "SELECT", "INSERT")
    let_worker("audit_cosignatures", "SELECT", "INSERT")


def downgrade() -> None:
    op.execute("REVOKE SELECT (stream_id, sequence, hash) ON audit_entries FROM nrm_worker")
    for table in TABLES:
        op.drop_table(table)
