"""Webhooks: subscriptions, turns, and one delivery for each event and subscription, written with the event itself."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from migrations.row_security import MINE, Rows, keep_functions_private, let_worker, protect

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# An event is told to every webhook of its organisation that wants its kind, by the statement that writes it.
OFFER = """
    CREATE FUNCTION nrm_offer() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    BEGIN
        INSERT INTO deliveries (webhook_id, notification_id, organisation_id, state, attempts, offered_at, next_attempt_at)
        SELECT w.id, m.id, m.organisation_id, 'waiting', 0, m.created_at, m.created_at
        FROM made m JOIN webhooks w ON w.organisation_id = m.organisation_id
        WHERE w.status <> 'ended' AND m.kind = ANY (w.kinds);
        RETURN NULL;
    END $$
"""
# The worker reads references nowhere else: here, of what is due, and nobody but the worker may ask. Whoever reads what a
# webhook is told is unknown, so a conflict wall before the organisation or any of its staff holds the event back.
DUE_EVENTS = """
    CREATE FUNCTION nrm_due_events(wanted uuid, present timestamptz, most integer)
    RETURNS TABLE (id uuid, kind text, reference text, occurred_at timestamptz, withheld boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
        WITH told AS (SELECT w.organisation_id FROM webhooks w WHERE w.id = wanted AND session_user = 'nrm_worker'),
        walled AS (
            SELECT x.case_id FROM case_walls x WHERE x.organisation_id = (SELECT t.organisation_id FROM told t)
                OR x.staff_id IN (SELECT m.staff_id FROM memberships m
                                  WHERE m.organisation_id = (SELECT t.organisation_id FROM told t) AND m.valid_until > present)
        ),
        hidden AS (
            SELECT c.reference::text FROM cases c JOIN walled ON walled.case_id = c.id
            UNION ALL SELECT r.reference FROM referrals r JOIN walled ON walled.case_id = r.case_id
            UNION ALL SELECT k.contact_id::text FROM contact_cases k JOIN walled ON walled.case_id = k.case_id
        )
        SELECT n.id, n.kind, n.reference, n.created_at, n.reference IN (SELECT h.reference FROM hidden h)
        FROM deliveries d JOIN notifications n ON n.id = d.notification_id
        WHERE d.webhook_id = wanted AND d.state = 'waiting' AND d.next_attempt_at <= present AND EXISTS (SELECT 1 FROM told)
        ORDER BY d.next_attempt_at, d.notification_id LIMIT most
    $$
"""
OWNER_READS = ("webhooks", "deliveries", "notifications")
TABLES = ("deliveries", "webhook_turns", "webhooks")
# What was delivered is shown as the notification itself is: not to whom a wall stands before.
SHOWN = f"{MINE} AND EXISTS (SELECT 1 FROM notifications n WHERE n.id = notification_id)"


def create_tables() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.String(length=400), nullable=False),
        sa.Column("kinds", ARRAY(sa.Text()), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("secret_version", sa.Integer(), nullable=False),
        sa.Column("previous_secret_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),
        sa.ForeignKeyConstraint(["staff_id"], ["staff_members.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "webhooks_of_organisation", "webhooks", ["organisation_id", sa.literal_column("created_at DESC"), "id"]
    )
    op.create_table(
        "webhook_turns",
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("resume_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["webhook_id"], ["webhooks.id"]),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),
        sa.PrimaryKeyConstraint("webhook_id"),
    )
    op.create_table(
        "deliveries",
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("notification_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["webhook_id"], ["webhooks.id"]),
        sa.ForeignKeyConstraint(["notification_id"], ["notifications.id"]),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),
        sa.PrimaryKeyConstraint("webhook_id", "notification_id"),
    )
    op.create_index(
        "deliveries_due", "deliveries", ["webhook_id", "next_attempt_at"], postgresql_where=sa.text("state = 'waiting'")
    )
    op.create_index(
        "deliveries_in_state",
        "deliveries",
        ["state", "webhook_id", sa.literal_column("offered_at DESC"), "notification_id"],
    )


def upgrade() -> None:
    create_tables()
    protect(
        "webhooks",
        Rows(
            select=MINE,
            insert=f"{MINE} AND staff_id = (SELECT nrm_staff())",
            update=MINE,
            update_columns="status, secret_version, previous_secret_until, version",
        ),
    )
    protect("webhook_turns", Rows(select=MINE, insert=MINE))
    protect(
        "deliveries",
        Rows(
            select=SHOWN,
            update=MINE,
            update_columns="state, attempts, offered_at, next_attempt_at, settled_at",
        ),
    )
    let_worker("webhooks", "SELECT", "UPDATE (status, version)")
    let_worker("webhook_turns", "SELECT", "UPDATE (failures, resume_at)")
    let_worker(
        "deliveries",
        "SELECT",
        "UPDATE (state, attempts, offered_at, next_attempt_at, outcome, settled_at)",
        "DELETE",
    )
    for table in OWNER_READS:
        op.execute(f"CREATE POLICY owner ON {table} FOR SELECT TO nrm_owner USING (true)")
    op.execute("CREATE POLICY owner_offers ON deliveries FOR INSERT TO nrm_owner WITH CHECK (true)")
    op.execute(OFFER)
    op.execute("""
        CREATE TRIGGER offer AFTER INSERT ON notifications REFERENCING NEW TABLE AS made
        FOR EACH STATEMENT EXECUTE FUNCTION nrm_offer()
    """)
    op.execute(DUE_EVENTS)
    # The readiness check compares the schema's version with the program's.
    op.execute("GRANT SELECT ON alembic_version TO nrm_application, nrm_worker")
    keep_functions_private()


def downgrade() -> None:
    op.execute("REVOKE SELECT ON alembic_version FROM nrm_application, nrm_worker")
    op.execute("DROP TRIGGER offer ON notifications")
    op.execute("DROP FUNCTION nrm_offer()")
    op.execute("DROP FUNCTION nrm_due_events(uuid, timestamptz, integer)")
    op.execute("DROP POLICY owner ON notifications")
    for table in TABLES:
        op.drop_table(table)
