import json
from collections import defaultdict
from pathlib import Path

import asyncpg

import api.idempotency  # noqa: F401  # registers its table
from domain.tables import METADATA

READERS = """
    SELECT t.relname AS "table", a.attname AS "column", r.rolname AS role
    FROM pg_class t
    JOIN pg_namespace n ON n.oid = t.relnamespace AND n.nspname = 'public'
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
    CROSS JOIN pg_roles r
    WHERE t.relkind = 'r' AND r.rolname LIKE 'nrm\\_%' AND NOT r.rolsuper
      AND has_column_privilege(r.oid, t.oid, a.attnum, 'SELECT')
      AND EXISTS (
          SELECT 1 FROM pg_policies p
          WHERE p.schemaname = 'public' AND p.tablename = t.relname AND p.cmd IN ('SELECT', 'ALL')
            AND r.rolname = ANY (p.roles))
"""


async def test_dump(admin: asyncpg.Connection) -> None:
    found = defaultdict(list)
    for row in await admin.fetch(READERS):
        found[f"{row['table']}.{row['column']}"].append(row["role"])
    out = {}
    for table in sorted(METADATA.tables):
        out[table] = {c.name: [str(c.type.compile()) if False else repr(c.type), sorted(found[f"{table}.{c.name}"])] for c in METADATA.tables[table].columns}
    rls = await admin.fetch("select relname, relrowsecurity, relforcerowsecurity from pg_class where relkind='r' and relnamespace='public'::regnamespace")
    Path("/tmp/inv.json").write_text(json.dumps({"t": out, "rls": [tuple(r) for r in rls]}, indent=1))
