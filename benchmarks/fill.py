"""Fill a country with cases in bulk: copies of one that went through the commands, made inside the database.

A copy has its own ids, references and instants, one open referral with its clocks, and an audit chain that begins with
the head alone. Sealed values are not copied: no key would open them, and no workload here reads them.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

NUMBERS = r"""
    CREATE UNLOGGED TABLE copies AS
        SELECT n, regexp_replace(to_char(n, 'FM0000000000000000'), '(....)', '-\1', 'g') AS reference,
            gen_random_uuid() AS case_id, gen_random_uuid() AS referral_id
        FROM generate_series(1, $1::int) n
"""
AGO = "- c.n * interval '1 second'"
"""The first copy is the newest, one a second: a million of them go eleven days back."""

COPIED: dict[str, tuple[str, dict[str, str]]] = {
    "cases": ("true", {"id": "c.case_id", "reference": "'C' || c.reference", "opened_at": f"s.opened_at {AGO}"}),
    "persons": ("true", {"id": "gen_random_uuid()", "case_id": "c.case_id"}),
    "referrals": (
        "true",
        {
            "id": "c.referral_id",
            "case_id": "c.case_id",
            "reference": "'R' || c.reference",
            "created_at": f"s.created_at {AGO}",
            "changed_at": f"s.changed_at {AGO}",
        },
    ),
    "referral_events": (
        "true",
        {"id": "gen_random_uuid()", "referral_id": "c.referral_id", "case_id": "c.case_id", "at": f"s.at {AGO}"},
    ),
    "case_access": (
        "s.relation = 'owner'",
        {
            "id": "gen_random_uuid()",
            "case_id": "c.case_id",
            "holder_id": "c.case_id",
            "valid_from": f"s.valid_from {AGO}",
        },
    ),
    "deadlines": (
        "s.kind IN ('referral_response', 'referral_expiry')",
        {
            "id": "gen_random_uuid()",
            "subject_id": "c.referral_id",
            "case_id": "c.case_id",
            # The clocks run out in the future, the last copy's first, so that nothing is due before a round says so.
            "due_at": "s.due_at + (1000000 - c.n) * interval '0.1 second'",
        },
    ),
}
"""Of which tables, which row stands as the model, and what differs in each copy."""

HEADS = r"""
    INSERT INTO audit_heads (stream_id, sequence, at, hash)
    SELECT case_id, 0, now() - interval '30 days', sha256('nrm audit genesis 1\000'::bytea || uuid_send(case_id))
    FROM copies
"""


async def fill(connection: "Connection", scale: int) -> None:
    """Copy the one case `scale` times, in minutes at most for a million, and let the planner know.

    Args:
        connection: The administrator's; triggers and foreign keys rest meanwhile, since every copy is whole.
        scale: How many.
    """
    await connection.execute("SET session_replication_role = replica; SET maintenance_work_mem = '256MB'")
    await connection.execute(NUMBERS.replace("$1::int", str(int(scale))))
    for table, (model, changed) in COPIED.items():
        await connection.execute(await _copying(connection, table, model, changed))
    await connection.execute(HEADS)
    await connection.execute("DROP TABLE copies; RESET session_replication_role")
    await connection.execute("VACUUM ANALYZE")
    await connection.execute("CHECKPOINT")


async def _copying(connection: "Connection", table: str, model: str, changed: dict[str, str]) -> str:
    """Return the statement that copies one table's model rows; columns that a later migration adds come along."""
    rows = await connection.fetch(
        "SELECT quote_ident(attname) AS name FROM pg_attribute "
        "WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum",
        table,
    )
    columns = [row["name"] for row in rows]
    values = ", ".join(changed.get(name, f"s.{name}") for name in columns)
    models = f"SELECT * FROM {table} s WHERE {model}"  # noqa: S608 - names and conditions of ours
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM ({models}) s, copies c"  # noqa: S608
