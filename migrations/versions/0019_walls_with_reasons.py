"""Conflict walls say why they stand and when they are looked at again; who leads the case may lift them."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("case_walls", sa.Column("reason", sa.Text(), nullable=False, server_default="not_stated"))
    op.alter_column("case_walls", "reason", server_default=None)
    op.add_column("case_walls", sa.Column("review_on", sa.Date(), nullable=True))
    op.execute("GRANT DELETE ON case_walls TO nrm_application")
    op.execute(
        "CREATE POLICY application_delete ON case_walls FOR DELETE TO nrm_application USING (nrm_owns_case(case_id))"
    )


def downgrade() -> None:
    op.execute("DROP POLICY application_delete ON case_walls")
    op.execute("REVOKE DELETE ON case_walls FROM nrm_application")
    op.drop_column("case_walls", "review_on")
    op.drop_column("case_walls", "reason")
