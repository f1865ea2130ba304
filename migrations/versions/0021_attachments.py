"""Attachments of cases and of packages, what is left of them once they are removed, and the chunks that they are sealed in."""

import sqlalchemy as sa
from alembic import op

from migrations.row_security import NOW, ORGANISATION, STAFF, Rows, let_worker, not_walled, only_grows, owned, protect

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

WRITTEN_BY_CALLER = f"organisation_id = {ORGANISATION} AND staff_id = {STAFF}"
# Who leads the case sees, beside its own, the copies in packages: to destroy them. A compartment that was not handed over
# hides what lies in it, and before acceptance a receiver has no grant, and so sees nothing.
VISIBLE = f"""EXISTS (
    SELECT 1 FROM case_access g
    WHERE g.case_id = attachments.case_id AND g.organisation_id = {ORGANISATION}
      AND (g.holder_id = attachments.holder_id OR g.relation = 'owner')
      AND attachments.compartment = ANY (g.compartments)
      AND g.valid_from <= {NOW} AND g.valid_until > {NOW} AND {not_walled("g.case_id")})"""
# A copy is written for a referral of the same case, and for no other.
WRITABLE = f"""{owned("attachments.case_id")} AND {WRITTEN_BY_CALLER} AND (
    holder_id = case_id AND source_id IS NULL
    OR EXISTS (SELECT 1 FROM referrals r WHERE r.id = holder_id AND r.case_id = attachments.case_id
               AND r.sending_organisation_id = {ORGANISATION}))"""
OF_VISIBLE = "EXISTS (SELECT 1 FROM attachments a WHERE a.id = {record})"
OVER = "'completed', 'declined', 'expired', 'withdrawn_by_person', 'revoked_by_sender', 'failed', 'entered_in_error'"
# The last line, as for sealed values: the transaction that ends a referral sees, and so deletes, what is sealed for it.
CHUNKS_VISIBLE = f"""{OF_VISIBLE.format(record="record_id")}
    OR (nrm_writes_for(holder_id)
        AND EXISTS (SELECT 1 FROM referrals r WHERE r.id = sealed_chunks.holder_id AND r.status IN ({OVER})))"""


def create_tables() -> None:
    op.create_table(
        "attachments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.String(length=24), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=True),
        sa.Column("compartment", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.ForeignKeyConstraint(["source_id"], ["attachments.id"]),
        sa.ForeignKeyConstraint(["staff_id"], ["staff_members.id"]),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("reference"),
    )
    op.create_index("attachments_of_holder", "attachments", ["holder_id", "added_at"])
    op.create_index("attachments_of_case", "attachments", ["case_id"])
    op.create_table(
        "attachment_removals",
        sa.Column("attachment_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["attachment_id"], ["attachments.id"]),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.ForeignKeyConstraint(["staff_id"], ["staff_members.id"]),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),
        sa.PrimaryKeyConstraint("attachment_id"),
    )
    op.create_table(
        "sealed_chunks",
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("compartment", sa.String(length=20), nullable=False),
        sa.Column("key_version", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("record_id", "number"),
    )
    op.create_index("sealed_chunks_of_holder", "sealed_chunks", ["holder_id"])
    # What is sealed cannot be made smaller: the server would only try, and keep it out of line all the same.
    op.execute("ALTER TABLE sealed_chunks ALTER COLUMN sealed SET STORAGE EXTERNAL")


def upgrade() -> None:
    create_tables()
    protect("attachments", Rows(select=VISIBLE, insert=WRITABLE))
    protect(
        "attachment_removals",
        Rows(
            select=OF_VISIBLE.format(record="attachment_id"),
            insert=f"{owned('attachment_removals.case_id')} AND {WRITTEN_BY_CALLER} "
            f"AND {OF_VISIBLE.format(record='attachment_id')}",
        ),
    )
    protect(
        "sealed_chunks",
        Rows(
            select=CHUNKS_VISIBLE,
            insert=f"{OF_VISIBLE.format(record='record_id')} AND nrm_writes_for(holder_id)",
            delete="nrm_writes_for(holder_id)",
        ),
    )
    only_grows("attachments")
    only_grows("attachment_removals")
    # What tells of a copy in a package goes with the document that it is a copy of.
    op.execute(f"""
        CREATE POLICY application_select_attachments ON sealed_values FOR SELECT TO nrm_application
        USING (kind = 'attachment' AND {OF_VISIBLE.format(record="sealed_values.record_id")})
    """)
    let_worker("sealed_chunks", "DELETE", "SELECT (holder_id, compartment)")


def downgrade() -> None:
    op.execute("DROP POLICY application_select_attachments ON sealed_values")
    for table in ("sealed_chunks", "attachment_removals", "attachments"):
        op.drop_table(table)
