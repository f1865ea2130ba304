"""How a migration after 0003 says who may touch which rows of a new table. Migration 0003 explains the walls.

Only add to this file: migrations that have run read it.
"""

from dataclasses import dataclass

from alembic import op

ORGANISATION = "(SELECT nrm_organisation())"
STAFF = "(SELECT nrm_staff())"
NOW = "(SELECT nrm_now())"
MINE = f"organisation_id = {ORGANISATION}"


def granted(case: str, relations: str) -> str:
    """Return the predicate: the organisation holds a running grant of one of these relations on the case."""
    return f"""EXISTS (
        SELECT 1 FROM case_access g
        WHERE g.case_id = {case} AND g.organisation_id = {ORGANISATION} AND g.relation IN ({relations})
          AND g.valid_from <= {NOW} AND g.valid_until > {NOW})"""


def not_walled(case: str) -> str:
    """Return the predicate: neither the organisation nor the member of staff stands behind a conflict wall."""
    return f"""NOT EXISTS (
        SELECT 1 FROM case_walls w
        WHERE w.case_id = {case} AND (w.organisation_id = {ORGANISATION} OR w.staff_id = {STAFF}))"""


def owned(case: str) -> str:
    """Return the predicate: the organisation leads the case and no wall stands before it."""
    return f"{granted(case, repr('owner'))} AND {not_walled(case)}"


def related(case: str) -> str:
    """Return the predicate: the organisation leads the case or serves in it, and no wall stands before it."""
    return f"{granted(case, repr('owner') + ', ' + repr('receiver'))} AND {not_walled(case)}"


@dataclass(frozen=True, slots=True)
class Rows:
    """Which rows of a table the application may touch, as SQL predicates; None: no privilege at all.

    Attributes:
        update_columns: The only columns that may be changed, as SQL lists them.
    """

    select: str | None = None
    insert: str | None = None
    update: str | None = None
    delete: str | None = None
    update_columns: str = ""


def protect(table: str, rows: Rows) -> None:
    """Turn row security on, for the table's owner too, and let the application touch only these rows."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    clauses = {
        "SELECT": (rows.select, f"USING ({rows.select})"),
        "INSERT": (rows.insert, f"WITH CHECK ({rows.insert})"),
        "UPDATE": (rows.update, f"USING ({rows.update}) WITH CHECK (true)"),
        "DELETE": (rows.delete, f"USING ({rows.delete})"),
    }
    for verb, (predicate, clause) in clauses.items():
        if predicate is None:
            continue
        columns = f" ({rows.update_columns})" if verb == "UPDATE" else ""
        op.execute(f"GRANT {verb}{columns} ON {table} TO nrm_application")
        op.execute(f"CREATE POLICY application_{verb.lower()} ON {table} FOR {verb} TO nrm_application {clause}")


def only_grows(table: str) -> None:
    """Let nobody change, delete or truncate rows of a table, whatever their role."""
    op.execute(
        f"CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION nrm_refuse_change()"
    )
    op.execute(
        f"CREATE TRIGGER never_truncated BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION nrm_refuse_change()"
    )


def let_worker(table: str, *privileges: str, first: bool = True) -> None:
    """Let the worker use these privileges on every row; `first` unless the table has the worker's policy already."""
    for privilege in privileges:
        op.execute(f"GRANT {privilege} ON {table} TO nrm_worker")
    if first:
        op.execute(f"CREATE POLICY worker ON {table} TO nrm_worker USING (true) WITH CHECK (true)")


def let_owner_read(table: str) -> None:
    """Let functions that look past row security, and the exports of the audit, read every row."""
    op.execute(f"CREATE POLICY owner ON {table} FOR SELECT TO nrm_owner USING (true)")


def keep_functions_private() -> None:
    """Let only the service's own roles call functions: run after creating one."""
    op.execute("REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC")
    op.execute("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO nrm_application, nrm_worker")


BEHIND_WALLS = "(SELECT nrm_walled_references())"
"""What is behind the caller's conflict walls, as notifications and escalations name it."""
