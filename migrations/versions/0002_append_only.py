"""What was recorded stays recorded: triggers that refuse change, for every role, the owner and a superuser too."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APPEND_ONLY = (
    "audit_entries",
    "consents",
    "screenings",
    "assessments",
    "identification_decisions",
    "cooperations",
    "referral_events",
    "step_completions",
)


def upgrade() -> None:
    op.execute("""
        CREATE FUNCTION nrm_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% only grows: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
        END $$
    """)
    for table in APPEND_ONLY:
        op.execute(f"""
            CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION nrm_refuse_change()
        """)
        op.execute(f"""
            CREATE TRIGGER never_truncated BEFORE TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION nrm_refuse_change()
        """)
    # The head of a chain moves one link at a time and is never removed, so a chain cannot be cut short quietly.
    op.execute("""
        CREATE FUNCTION nrm_head_moves_one_link() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP <> 'UPDATE' OR NEW.stream_id <> OLD.stream_id OR NEW.sequence <= OLD.sequence THEN
                RAISE EXCEPTION 'the head of an audit chain only moves on' USING ERRCODE = 'insufficient_privilege';
            END IF;
            RETURN NEW;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER head_moves_on BEFORE UPDATE OR DELETE ON audit_heads
        FOR EACH ROW EXECUTE FUNCTION nrm_head_moves_one_link()
    """)
    op.execute("""
        CREATE TRIGGER never_truncated BEFORE TRUNCATE ON audit_heads
        FOR EACH STATEMENT EXECUTE FUNCTION nrm_refuse_change()
    """)
    # A grant ends once; what has ended is granted anew, by whoever may, or not at all. Only who leads the case collects more.
    op.execute("""
        CREATE FUNCTION nrm_grant_only_ends() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.valid_until > OLD.valid_until
               OR (OLD.relation <> 'owner' AND NOT NEW.compartments <@ OLD.compartments) THEN
                RAISE EXCEPTION 'a grant is never extended' USING ERRCODE = 'insufficient_privilege';
            END IF;
            RETURN NEW;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER grant_only_ends BEFORE UPDATE ON case_access
        FOR EACH ROW EXECUTE FUNCTION nrm_grant_only_ends()
    """)


def downgrade() -> None:
    op.execute("DROP TRIGGER grant_only_ends ON case_access")
    op.execute("DROP FUNCTION nrm_grant_only_ends()")
    op.execute("DROP TRIGGER never_truncated ON audit_heads")
    op.execute("DROP TRIGGER head_moves_on ON audit_heads")
    op.execute("DROP FUNCTION nrm_head_moves_one_link()")
    for table in APPEND_ONLY:
        op.execute(f"DROP TRIGGER only_grows ON {table}")
        op.execute(f"DROP TRIGGER never_truncated ON {table}")
    op.execute("DROP FUNCTION nrm_refuse_change()")
