"""The contract keeps the rules of OpenAPI and those of OWASP's API Security Top 10."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.api.described import CONTRACT, FILE
from tests.clients.conftest import CLIENTS, run

LINTER = "node_modules/@stoplight/spectral-cli/dist/index.js"
ERROR = 0


pytestmark = pytest.mark.usefixtures("node_modules")


async def findings(contract: Path, output: Path) -> list[dict[str, Any]]:
    """Return all that the linter finds in a contract."""
    options = ("--ruleset", "spectral.yaml", "--format", "json", "--output", str(output))
    code, printed = await run("node", LINTER, "lint", str(contract), *options, folder=CLIENTS)
    assert code in {0, 1}, printed
    return read(output)


def read(output: Path) -> list[dict[str, Any]]:
    """Return what the linter wrote."""
    found: list[dict[str, Any]] = json.loads(output.read_text(encoding="utf-8"))
    return found


async def test_the_contract_breaks_no_rule(tmp_path: Path) -> None:
    found = await findings(FILE, tmp_path / "found.json")
    assert [(one["code"], one["path"]) for one in found if one["severity"] == ERROR] == []


async def test_the_rules_find_what_they_are_for(tmp_path: Path) -> None:
    spoilt = json.loads(json.dumps(CONTRACT))
    del spoilt["components"]["schemas"]["CaseOpened"]["properties"]["reference"]["maxLength"]
    del spoilt["paths"]["/v1/cases"]["get"]["responses"]["200"]["headers"]
    contract = tmp_path / "spoilt.json"
    contract.write_text(json.dumps(spoilt), encoding="utf-8")
    found = await findings(contract, tmp_path / "found.json")
    errors = {one["code"] for one in found if one["severity"] == ERROR}
    assert {"owasp:api4:2023-string-limit", "owasp:api4:2023-rate-limit"} <= errors
