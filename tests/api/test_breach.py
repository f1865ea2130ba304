"""The breach pack: what an account reached in a time, who else did, whom to notify, and no word about anybody."""

import argparse
import asyncio
import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from api.cli import audit_breach
from api.settings import DatabaseRole
from domain.audit.breach import Breach, find_account, find_organisation, reach_of
from tests.api.prepared import Prepared
from tests.world import STAFF, World

NAME = "Fictional"


async def pack_of(world: World, folder: Path, since: datetime, until: datetime, **who: str) -> dict[str, Any]:
    """Write a pack as the command does, over the test's database."""
    async with world.runtime.database.sessions(DatabaseRole.OWNER)() as session:
        account = await find_account(session, who["account"]) if "account" in who else None
        organisation = await find_organisation(session, who["organisation"]) if "organisation" in who else None
        breach = Breach(account, organisation, since, until)
        pack = await reach_of(session, breach)
    await asyncio.to_thread(audit_breach.write, folder, breach, pack, until)
    found: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return found


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
async def happened(world: World) -> tuple[str, str, datetime, datetime]:
    """Let the shelter open a package, alpha its own case, and a breach be over before alpha opens it again."""
    prepared = Prepared(world)
    referral, case = await prepared.named("referral:accepted"), await prepared.named("case")
    since = world.runtime.clock.present()
    await world.get("north", f"/referrals/{referral}/package")
    await world.get("north", f"/referrals/{referral}/package")
    await world.get("north", f"/cases/{case}")
    await world.ask("north", "GET", "/cases/C-0000-0000-0000-0000")
    await world.get("north", "/caseload")
    until = world.runtime.clock.present()
    await world.get("alpha", f"/cases/{case}/person/identity")
    await world.get("north", f"/referrals/{referral}/package")
    return case, referral, since, until


async def test_the_pack_of_an_account_tells_cases_compartments_and_who_else(
    world: World, happened: tuple[str, str, datetime, datetime], admin: asyncpg.Connection, tmp_path: Path
) -> None:
    case, _, since, until = happened
    subject = STAFF["north"][0]
    summary = await pack_of(world, tmp_path / "pack", since, until, account=subject)
    staff = str(await admin.fetchval("SELECT id FROM staff_members WHERE subject = $1", subject))
    assert (summary["account"], summary["cases"], summary["notify"]) == (staff, 1, {"NGO-ALPHA": 1})
    assert (summary["openings"], summary["refused"]) == (3, 1)
    due = datetime.fromisoformat(summary["notify_before"]) - datetime.fromisoformat(summary["known_at"])
    assert due == timedelta(hours=72)
    (one,) = rows(tmp_path / "pack" / "cases.csv")
    assert (one["reference"], one["led_by"], one["staff"], one["organisation"]) == (
        case,
        "NGO-ALPHA",
        staff,
        "SHELTER-NORTH",
    )
    assert one["openings"] == "3"
    assert "identity" in one["compartments"].split()
    others = rows(tmp_path / "pack" / "others.csv")
    assert {row["organisation"] for row in others} == {"NGO-ALPHA"}
    assert all(staff != row["staff"] for row in others)
    (elsewhere,) = rows(tmp_path / "pack" / "elsewhere.csv")
    assert (elsewhere["action"], elsewhere["staff"], elsewhere["figures"]) == ("figures.read", staff, "caseload")
    content = "".join(path.read_text() for path in (tmp_path / "pack").iterdir())
    assert NAME not in content
    assert subject not in content
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "pack").iterdir()} == {0o600}
    assert (tmp_path / "pack").stat().st_mode & 0o777 == 0o700


async def test_the_pack_tells_which_results_were_read_and_of_which_period(world: World, tmp_path: Path) -> None:
    since = world.runtime.clock.present()
    await world.get("coordinator", "/indicators/FY2026/dar-2-4")
    subject = STAFF["coordinator"][0]
    summary = await pack_of(world, tmp_path / "pack", since, world.runtime.clock.present(), account=subject)
    assert (summary["cases"], summary["opened_elsewhere"]) == (0, 1)
    (one,) = rows(tmp_path / "pack" / "elsewhere.csv")
    assert (one["action"], one["figures"]) == ("figures.read", "results FY2026 dar-2-4")


async def test_the_pack_of_an_organisation_covers_everybody_who_acted_for_it(
    world: World, happened: tuple[str, str, datetime, datetime], tmp_path: Path
) -> None:
    _, _, since, until = happened
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    whole = await pack_of(world, tmp_path / "whole", long_ago, until + timedelta(days=1), organisation="NGO-ALPHA")
    assert whole["organisation"] == "NGO-ALPHA"
    assert whole["changes"] > 3
    assert {row["organisation"] for row in rows(tmp_path / "whole" / "others.csv")} == {"SHELTER-NORTH"}
    none = await pack_of(world, tmp_path / "none", long_ago, since - timedelta(days=1), organisation="NGO-ALPHA")
    assert (none["cases"], none["notify"], none["openings"]) == (0, {}, 0)
    with pytest.raises(FileExistsError):
        await pack_of(world, tmp_path / "none", since, until, organisation="NGO-ALPHA")


def test_instants_without_a_zone_are_utc_and_one_of_account_and_organisation_is_needed() -> None:
    parser = argparse.ArgumentParser()
    audit_breach.register(parser.add_subparsers(required=True))
    times = ["--from", "2026-11-20T08:00:00", "--until", "2026-11-21T08:00:00+06:00", "--output", "x"]
    found = parser.parse_args(["breach", "--account", "somebody", *times])
    assert found.since == datetime(2026, 11, 20, 8, tzinfo=UTC)
    assert found.until == datetime(2026, 11, 21, 2, tzinfo=UTC)
    for words in (times, ["--account", "a", "--organisation", "b", *times]):
        with pytest.raises(SystemExit):
            parser.parse_args(["breach", *words])
