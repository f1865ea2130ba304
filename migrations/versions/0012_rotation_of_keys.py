"""Rotation of key-encryption keys: a role that rewraps data keys and may do nothing else, and keys that are retired for good."""

import sqlalchemy as sa
from alembic import op

from migrations.row_security import Rows, let_owner_read, only_grows, protect

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# Whoever writes a wrapped key waits for a retirement that is under way, and a retirement waits for them. So no key is
# retired while somebody still writes under it, and what comes later under a retired key is refused.
LOCK = "hashtext('nrm retired keys')"
UNDER_RETIRED = f"""
    CREATE FUNCTION nrm_refuse_retired_key() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock_shared({LOCK});
        IF EXISTS (SELECT 1 FROM retired_keys r WHERE r.key_id = NEW.key_id) THEN
            RAISE EXCEPTION 'key % is retired', NEW.key_id USING ERRCODE = 'NRK01';
        END IF;
        RETURN NEW;
    END $$
"""
STILL_USED = f"""
    CREATE FUNCTION nrm_refuse_retiring_used_key() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock({LOCK});
        IF EXISTS (SELECT 1 FROM sealing_keys k WHERE k.key_id = NEW.key_id) THEN
            RAISE EXCEPTION 'key % still wraps something', NEW.key_id USING ERRCODE = 'NRK02';
        END IF;
        RETURN NEW;
    END $$
"""
ROTATOR = {
    "sealing_keys": ("SELECT", "UPDATE (key_id, wrapped)"),
    "retired_keys": ("SELECT", "INSERT"),
}


def upgrade() -> None:
    op.create_table(
        "retired_keys",
        sa.Column("key_id", sa.String(length=40), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
        sa.PrimaryKeyConstraint("key_id"),
    )
    protect("retired_keys", Rows())
    only_grows("retired_keys")
    let_owner_read("retired_keys")
    op.execute(UNDER_RETIRED)
    op.execute(STILL_USED)
    op.execute("REVOKE ALL ON FUNCTION nrm_refuse_retired_key(), nrm_refuse_retiring_used_key() FROM PUBLIC")
    op.execute(
        "CREATE TRIGGER refuse_retired_key BEFORE INSERT OR UPDATE OF key_id ON sealing_keys "
        "FOR EACH ROW EXECUTE FUNCTION nrm_refuse_retired_key()"
    )
    op.execute(
        "CREATE TRIGGER refuse_retiring_used_key BEFORE INSERT ON retired_keys "
        "FOR EACH ROW EXECUTE FUNCTION nrm_refuse_retiring_used_key()"
    )
    # What is counted before a key is retired is what stands beside the wrapped keys: it must not lie.
    op.execute(
        "ALTER TABLE sealing_keys ADD CONSTRAINT names_the_key_that_wraps "
        "CHECK (key_id = encode(substring(wrapped FROM 2 FOR 8), 'hex'))"
    )
    for table, privileges in ROTATOR.items():
        for privilege in privileges:
            op.execute(f"GRANT {privilege} ON {table} TO nrm_rotator")
        op.execute(f"CREATE POLICY rotator ON {table} TO nrm_rotator USING (true) WITH CHECK (true)")


def downgrade() -> None:
    op.execute("DROP POLICY rotator ON sealing_keys")
    op.execute("REVOKE ALL ON sealing_keys FROM nrm_rotator")
    op.execute("ALTER TABLE sealing_keys DROP CONSTRAINT names_the_key_that_wraps")
    op.execute("DROP TRIGGER refuse_retired_key ON sealing_keys")
    op.drop_table("retired_keys")
    op.execute("DROP FUNCTION nrm_refuse_retired_key()")
    op.execute("DROP FUNCTION nrm_refuse_retiring_used_key()")
