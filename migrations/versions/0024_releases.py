"""Releases: a candidate with the gate's report, two who sign it, and what is published, which nobody changes."""

import sqlalchemy as sa
from alembic import op

from migrations.row_security import NOW, ORGANISATION, STAFF, Rows, keep_functions_private, only_grows, protect

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

COUNTRY = "country = (SELECT nrm_country())"
PREPARES = f"(SELECT nrm_role()) IN ('coordinator', 'monitoring_staff') AND {COUNTRY}"
APPROVES = f"(SELECT nrm_role()) IN ('coordinator', 'monitoring_staff', 'focal_point') AND {COUNTRY}"
SIGNS = """EXISTS (
    SELECT 1 FROM release_candidates c WHERE c.id = candidate_id
      AND (SELECT nrm_role()) IN ('coordinator', 'monitoring_staff', 'focal_point')
      AND c.country = (SELECT nrm_country()))"""
IS_DIGEST_OF = "encode(sha256({}), 'hex')"

# A release is a candidate that passed the gate and that two have signed, the next of its country; what the file says of
# itself is what its bytes are.
AGREED = """
    CREATE FUNCTION nrm_release_is_agreed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT EXISTS (
            SELECT 1 FROM release_candidates c
            WHERE c.address = NEW.id AND c.document = NEW.document
              AND (c.country, c.number, c.previous) = (NEW.country, NEW.number, NEW.previous)
              AND c.report::jsonb -> 'passed' = 'true'
              AND (SELECT count(*) FROM candidate_approvals a WHERE a.candidate_id = c.id) >= 2
        ) OR NEW.number <> 1 + (SELECT count(*) FROM releases r WHERE r.country = NEW.country)
          OR NEW.previous <> coalesce(
              (SELECT r.id FROM releases r WHERE r.country = NEW.country AND r.number = NEW.number - 1), '') THEN
            RAISE insufficient_privilege USING MESSAGE = 'a release is the next candidate that two have signed';
        END IF;
        RETURN NEW;
    END $$
"""


def create_candidates() -> None:
    op.create_table(
        "release_candidates",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.Column("report_digest", sa.String(length=64), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("author_organisation_id", sa.Uuid(), nullable=False),
        sa.Column("prepared_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["author_id"], ["staff_members.id"]),
        sa.ForeignKeyConstraint(["author_organisation_id"], ["organisations.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("address"),
        sa.UniqueConstraint("id", "author_id", "author_organisation_id", "report_digest"),
        sa.CheckConstraint(f"address = {IS_DIGEST_OF.format('document')}", name="release_candidates_address"),
        sa.CheckConstraint(
            "report_digest = " + IS_DIGEST_OF.format("convert_to(report, 'UTF8')"), name="release_candidates_report"
        ),
    )
    op.create_index("release_candidates_of_country", "release_candidates", ["country", "number"])
    op.create_table(
        "candidate_approvals",
        sa.Column("candidate_id", sa.Uuid(), nullable=False),
        sa.Column("approver_organisation_id", sa.Uuid(), nullable=False),
        sa.Column("approver_id", sa.Uuid(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("author_organisation_id", sa.Uuid(), nullable=False),
        sa.Column("report_digest", sa.String(length=64), nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["approver_id"], ["staff_members.id"]),
        sa.ForeignKeyConstraint(["approver_organisation_id"], ["organisations.id"]),
        sa.ForeignKeyConstraint(
            ["candidate_id", "author_id", "author_organisation_id", "report_digest"],
            [f"release_candidates.{name}" for name in ("id", "author_id", "author_organisation_id", "report_digest")],
            name="candidate_approvals_of_this_very_report",
        ),
        sa.PrimaryKeyConstraint("candidate_id", "approver_organisation_id"),
        sa.UniqueConstraint("candidate_id", "approver_id"),
        sa.CheckConstraint(
            "approver_id <> author_id AND approver_organisation_id <> author_organisation_id",
            name="candidate_approvals_of_others",
        ),
    )


def create_releases() -> None:
    op.create_table(
        "releases",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("country", "number"),
        sa.UniqueConstraint("country", "previous"),
        sa.CheckConstraint(f"id = {IS_DIGEST_OF.format('document')}", name="releases_address"),
        sa.CheckConstraint("octet_length(signature) = 64", name="releases_signed"),
    )
    op.create_table(
        "release_files",
        sa.Column("release_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("media_type", sa.String(length=80), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["release_id"], ["releases.id"]),
        sa.PrimaryKeyConstraint("release_id", "name"),
        sa.CheckConstraint(f"address = {IS_DIGEST_OF.format('content')}", name="release_files_address"),
    )


def let_owner_publish(table: str) -> None:
    """Let the operator's command add what is published; the statistics role reads it, and nobody else."""
    protect(table, Rows(select="true" if table == "releases" else None))
    op.execute(f"CREATE POLICY owner_publishes ON {table} TO nrm_owner USING (true) WITH CHECK (true)")
    op.execute(f"GRANT SELECT ON {table} TO nrm_statistics")
    op.execute(f"CREATE POLICY statistics ON {table} FOR SELECT TO nrm_statistics USING (true)")
    only_grows(table)


def upgrade() -> None:
    # The table of migration 0001 was never written to: nothing could.
    op.drop_table("releases")
    create_candidates()
    create_releases()
    own = f"author_id = {STAFF} AND author_organisation_id = {ORGANISATION} AND prepared_at = {NOW}"
    protect("release_candidates", Rows(select=APPROVES, insert=f"{PREPARES} AND {own}"))
    mine = f"approver_id = {STAFF} AND approver_organisation_id = {ORGANISATION} AND approved_at = {NOW}"
    protect("candidate_approvals", Rows(select=SIGNS, insert=f"{SIGNS} AND {mine}"))
    for table in ("release_candidates", "candidate_approvals"):
        op.execute(f"CREATE POLICY owner ON {table} FOR SELECT TO nrm_owner USING (true)")
        only_grows(table)
    for table in ("releases", "release_files"):
        let_owner_publish(table)
    op.execute(AGREED)
    op.execute("CREATE TRIGGER agreed BEFORE INSERT ON releases FOR EACH ROW EXECUTE FUNCTION nrm_release_is_agreed()")
    keep_functions_private()


def downgrade() -> None:
    for table in ("release_files", "releases", "candidate_approvals", "release_candidates"):
        op.drop_table(table)
    op.execute("DROP FUNCTION nrm_release_is_agreed()")
    op.create_table(
        "releases",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("period", sa.String(length=20), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tables", sa.dialects.postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    protect("releases", Rows())
    op.execute("GRANT SELECT ON releases TO nrm_statistics")
    op.execute("CREATE POLICY statistics ON releases FOR SELECT TO nrm_statistics USING (true)")
