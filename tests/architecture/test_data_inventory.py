"""The data inventory says of every column what it is and who reads it: compared with the tables and a real database."""

import importlib
import inspect
import pkgutil
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import asyncpg
import pytest
import yaml
from sqlalchemy import LargeBinary

import api.idempotency  # registers its table with the metadata
import api.schemas
from api.schemas.base import In
from domain.tables import METADATA
from tests.architecture import tree

INVENTORY = tree.ROOT / "docs" / "data-inventory.md"
PROFILE = tree.ROOT / "sops" / "kg" / "kg-retention" / "1.0.0.yaml"
CLASSES = {
    "identifier",
    "routing",
    "coded attribute",
    "sealed",
    "key material",
    "staff pseudonym",
    "audit",
    "technical",
}
KEPT_OTHERWISE = {"answer", "audit", "directory", "release"}
"""What is kept by other rules than those of the retention profile; the inventory says which."""

READERS = r"""
    SELECT t.relname AS "table", a.attname AS "column", r.rolname AS role
    FROM pg_class t
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
    CROSS JOIN pg_roles r
    WHERE t.relkind = 'r' AND t.relnamespace = 'public'::regnamespace AND r.rolname LIKE 'nrm\_%' AND NOT r.rolsuper
      AND has_column_privilege(r.oid, t.oid, a.attnum, 'SELECT')
      AND EXISTS (
          SELECT 1 FROM pg_policies p
          WHERE p.schemaname = 'public' AND p.tablename = t.relname AND p.cmd IN ('SELECT', 'ALL')
            AND r.rolname = ANY (p.roles))
"""


class Described(NamedTuple):
    """One line of the inventory."""

    kind: str
    why: str
    readers: frozenset[str]


def sections() -> dict[str, str]:
    """Return the part of the inventory about each table."""
    parts = re.split(r"^## `(\w+)`$", INVENTORY.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def described() -> dict[str, Described]:
    """Return the lines of the inventory, by `table.column`."""
    found = {}
    for table, text in sections().items():
        for column, kind, why, readers in re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \| (.*?) \|$", text, re.MULTILINE):
            assert f"{table}.{column}" not in found
            found[f"{table}.{column}"] = Described(kind, why, frozenset(readers.split(", ")))
    return found


def columns() -> dict[str, object]:
    """Return the type of every column that there is, by `table.column`."""
    assert api.idempotency.IdempotencyRecord.__tablename__ in METADATA.tables
    return {f"{name}.{column.name}": column.type for name, table in METADATA.tables.items() for column in table.columns}


def test_the_inventory_names_every_column_and_no_other() -> None:
    assert set(described()) == set(columns())
    assert len(described()) > 200


def test_every_column_has_a_class_and_a_reason() -> None:
    assert {name: line.kind for name, line in described().items() if line.kind not in CLASSES} == {}
    assert [name for name, line in described().items() if len(line.why) < 3] == []


SEALED = {
    "sealed_values.sealed",
    "sealed_chunks.sealed",
    "match_entries.sealed",
    "match_findings.sealed",
    "match_pages.sealed",
    "match_statements.sealed",
}
"""What persons are said to be, and by what they are searched."""


def test_sealed_bytes_lie_where_they_are_named() -> None:
    assert {name for name, line in described().items() if line.kind == "sealed"} == SEALED
    assert {name for name in SEALED if not isinstance(columns()[name], LargeBinary)} == set()


def test_bytes_that_are_not_sealed_are_digests_wrapped_keys_or_stored_answers() -> None:
    others = {name: described()[name].kind for name, kind in columns().items() if isinstance(kind, LargeBinary)}
    assert {others.pop(name) for name in SEALED} == {"sealed"}
    assert others.pop("idempotency_records.body") == "coded attribute"
    assert set(others.values()) <= {"key material", "audit", "technical"}


def test_every_table_says_how_long_it_is_kept() -> None:
    classes = set(yaml.safe_load(PROFILE.read_text())["classes"])
    kept = {table: re.findall(r"^Kept: `([\w-]+)`\.$", sections()[table], re.MULTILINE) for table in METADATA.tables}
    assert {table: found for table, found in kept.items() if len(found) != 1} == {}
    assert {found[0] for found in kept.values()} <= classes | KEPT_OTHERWISE


async def test_each_column_is_read_by_the_database_roles_that_the_inventory_names(
    admin: asyncpg.Connection,
) -> None:
    found: dict[str, set[str]] = defaultdict(set)
    for row in await admin.fetch(READERS):
        found[f"{row['table']}.{row['column']}"].add(row["role"].removeprefix("nrm_"))
    assert {name: set(line.readers) for name, line in described().items()} == dict(found)


@pytest.mark.parametrize("secret", ["sealed_values.sealed", "sealed_chunks.sealed"])
def test_nobody_but_the_application_reads_both_sealed_bytes_and_their_wrapped_keys(secret: str) -> None:
    assert described()[secret].readers == {"application"}
    assert described()["sealing_keys.wrapped"].readers == {"application", "rotator"}


SEALED_INPUTS = {
    "AttachmentWordsIn.name",
    "AttachmentWordsIn.description",
    "CompartmentIn.fields",
    "DecisionIn.reasons",
    "DecisionOfCommissionIn.reasons",
    "NoteIn.text",
    "ReferralIn.reason",
    "ContactIn.narrative",
    "ContactIn.contact",
    "CaseIn.compartments",
    "SubjectRequestIn.words",
    "RequestAnswerIn.reasons",
    "RequestAnswerIn.corrections",
    "ClassificationIn.reasons",
    "ExploitationIn.account",
    "ExploitationIn.places",
    "ExploitationCorrectionIn.account",
    "ExploitationCorrectionIn.places",
    "BreakGlassIn.account",
}
LOOKED_UP = {"WallIn.staff", "ApprovalOfCandidateIn.report"}
"""Free text that is compared with what is stored, and not stored itself."""


def inputs() -> Iterator[type[In]]:
    """Yield every schema of what comes in."""
    for module in pkgutil.iter_modules(api.schemas.__path__, "api.schemas."):
        for _, kind in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(kind, In) and kind is not In and kind.__module__ == module.name:
                yield kind


def is_free(schema: object) -> bool:
    """Tell whether a part of a JSON Schema takes any text at all."""
    if isinstance(schema, list):
        return any(is_free(part) for part in schema)
    if not isinstance(schema, dict):
        return False
    if schema.get("type") == "string":
        return not schema.keys() & {"pattern", "enum", "format", "const"}
    return any(is_free(part) for part in schema.values())


def test_free_text_comes_in_only_where_it_is_sealed() -> None:
    free = {
        f"{kind.__name__}.{name}"
        for kind in inputs()
        for name, schema in kind.model_json_schema().get("properties", {}).items()
        if is_free(schema)
    }
    assert len(list(inputs())) > 10
    assert free == SEALED_INPUTS | LOOKED_UP
