"""Generated requests to every operation of the contract: no failure of ours, and no answer that is not documented.

The same requests each time: a failure here can be repeated. The roles differ in what they may do, so three of them ask.
References lead to real records for the organisation that leads them, and nowhere for the others.
"""

import re
from pathlib import Path

import pytest
from hypothesis import settings

from tests.api.described import FILE, OPERATIONS
from tests.clients.conftest import Served, run
from tests.journeys.scenes import referred, supported

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
THOROUGH = settings.get_current_profile_name() == "thorough"
PHASES = "examples,coverage,fuzzing" if THOROUGH else "fuzzing"
"""`make fuzz` also tries every limit of every parameter and field: many thousand requests."""

TRIES = {"alpha": 6, "north": 3, "coordinator": 3}
"""Of each operation; for whom references lead somewhere, more come further than to the refusal. `make fuzz`: 50."""


async def leading_somewhere(served: Served, folder: Path) -> Path:
    """Write where references lead: to a case with a referral."""
    case, _ = await supported(served.world)
    referral = await referred(served.world, case)
    file = folder / "schemathesis.toml"
    lines = []
    for prefix, reference in (("/v1/cases/", case), ("/v1/referrals/", referral)):
        lines += [
            "[[operations]]",
            f'include-path-regex = "^{prefix}\\\\{{reference\\\\}}"',
            f'parameters = {{ "path.reference" = "{reference}" }}',
        ]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


@pytest.mark.parametrize("who", TRIES)
async def test_no_generated_request_meets_a_failure_or_an_undocumented_answer(
    who: str, served: Served, tmp_path: Path
) -> None:
    config = await leading_somewhere(served, tmp_path)
    tries = 50 if THOROUGH else TRIES[who]
    code, printed = await run(
        "schemathesis",
        *("--config-file", str(config), "run", str(FILE), "--url", served.address),
        *("--header", f"Authorization: Bearer {served.token(who)}", "--checks", CHECKS),
        *("--phases", PHASES, "--max-examples", str(tries), "--generation-deterministic"),
        *("--workers", "1", "--no-color", "--suppress-health-check", "all"),
        folder=tmp_path,
    )
    assert code == 0, printed[-6000:]
    assert f"Tested: {len(OPERATIONS)}\n" in printed, printed[-3000:]
    generated = re.search(r"(\d+) generated, (\d+) passed", printed)
    assert generated is not None, printed[-3000:]
    assert int(generated[1]) == int(generated[2]) > tries // 2 * len(OPERATIONS)
