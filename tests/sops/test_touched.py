"""`nrm sop diff --cases`: how many open cases follow the older version."""

from pathlib import Path

import pytest

from api.cli.sop_touched import counted, open_cases
from domain.workflow.catalogue import Catalogue
from tests.journeys.scenes import opened
from tests.sops.test_command import Run, copy, run  # noqa: F401 - fixtures
from tests.world import World

CASE = "kg-identification-and-referral"


async def test_the_open_cases_of_a_version_are_counted_and_the_closed_are_not(
    world: World, catalogue: Catalogue
) -> None:
    sop, hotline = catalogue.sop(CASE, "1.0.0"), catalogue.sop("kg-hotline-contact", "1.0.0")
    assert await counted(world.access, sop) == 0
    for _ in range(3):
        case = await opened(world)
    version = await world.version("alpha", f"/cases/{case}")
    body = {"case_work": "closed", "reason": "moved"}
    assert (await world.ask("alpha", "PUT", f"/cases/{case}/case-work", body, version=version)).is_success
    assert await counted(world.access, sop) == 2
    assert await counted(world.access, sop.model_copy(update={"version": "1.0.1"})) == 0
    for channel in ("voicemail", "call"):
        await world.post("hotline", "/contacts", {"channel": channel, "language": "ky", "topic": "other"})
    assert await counted(world.access, hotline) == 1


def test_without_a_database_it_says_so(
    run: Run,  # noqa: F811
    catalogue: Catalogue,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NRM_DATA_DIR", str(tmp_path / "nothing"))
    monkeypatch.delenv("NRM_DATABASE_URL", raising=False)
    assert open_cases(catalogue.sop(CASE, "1.0.0")) is None
    code, out, err = run("diff", CASE, f"{CASE}@1.0.0", "--cases")
    assert (code, err) == (0, "")
    assert out.endswith("so the open cases that follow the older version were not counted.\n")
