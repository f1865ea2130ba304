"""Figures that others published: entered by hand, "no data" apart from 0, corrections and contradictions kept."""

import json
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from api import figures
from auth.tokens import Claims
from domain.codes import Role
from domain.errors import NotPermitted
from tests.world import World

PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "published_figures.json"
CALLS: dict[str, Any] = {
    "series": "hotline-calls",
    "unit": "calls",
    "country": "KG",
    "period_from": "2016-01-01",
    "period_to": "2016-12-31",
    "value": 3280,
    "source": "evaluation-2020",
}


async def entered(world: World, *changes: dict[str, Any], expect: int = 201) -> list[dict[str, Any]]:
    body = {"figures": [{**CALLS, **change} for change in changes]}
    answer = await world.post("coordinator", "/published-figures", body, expect=expect)
    return answer["items"] if expect == 201 else answer


async def listed(world: World, query: str = "", who: str = "monitor") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await world.get(who, f"/published-figures{query}"))["items"]
    return found


def claims(world: World, role: Role = Role.COORDINATOR, subject: str = "coordinator") -> Claims:
    now = world.runtime.clock.present()
    organisation = "COORDINATION" if role == Role.COORDINATOR else "MONITORING"
    return Claims(subject, organisation, role, "id", now, now)


async def test_no_data_is_said_in_words_and_is_not_nought(world: World) -> None:
    await entered(world, {"value": "no_data"}, {"value": 0, "country": "TJ"})
    assert {one["country"]: one["value"] for one in await listed(world)} == {"KG": "no_data", "TJ": 0}
    refused = await world.ask("coordinator", "POST", "/published-figures", {"figures": [{**CALLS, "value": None}]})
    assert refused.status_code == 422


async def test_a_correction_is_a_new_version_and_the_old_one_stays(world: World, admin: asyncpg.Connection) -> None:
    await entered(world, {})
    again = (await entered(world, {}))[0]
    assert again["version"] == 1, "the same again changes nothing"
    corrected = (await entered(world, {"value": 3281}))[0]
    assert (corrected["version"], corrected["value"], corrected["entered_by"]) == (2, 3281, "COORDINATION")
    assert [one["value"] for one in await listed(world)] == [3281]
    assert await admin.fetchval("SELECT array_agg(value ORDER BY version) FROM published_figures") == [3280, 3281]
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await admin.execute("UPDATE published_figures SET value = 0")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await admin.execute("DELETE FROM published_figures")


async def test_two_sources_that_say_different_things_are_marked_and_both_stay(world: World) -> None:
    await entered(world, {}, {"source": "annual-report", "value": 3000}, {"source": "letter", "value": "no_data"})
    await entered(world, {"country": "TJ"}, {"country": "TJ", "source": "annual-report"})
    found = {(one["country"], one["source"]): (one["value"], one["contradicted"]) for one in await listed(world)}
    assert found == {
        ("KG", "evaluation-2020"): (3280, True),
        ("KG", "annual-report"): (3000, True),
        ("KG", "letter"): ("no_data", True),
        ("TJ", "evaluation-2020"): (3280, False),
        ("TJ", "annual-report"): (3280, False),
    }
    await entered(world, {"source": "annual-report"})
    assert not any(one["contradicted"] for one in await listed(world, "?country=KG"))


async def test_a_series_counts_one_thing_for_ever_and_a_period_has_an_order(world: World) -> None:
    await entered(world, {})
    refused = await entered(world, {"unit": "persons", "country": "TJ"}, expect=422)
    assert refused["field"] == "unit"
    refused = await entered(world, {"period_to": "2015-12-31"}, expect=422)
    assert refused["field"] == "period_to"


async def test_only_the_coordinator_enters_figures(world: World) -> None:
    await world.post("monitor", "/published-figures", {"figures": [CALLS]}, expect=403)
    with pytest.raises(NotPermitted):
        await figures.enter_file([], claims(world, Role.MONITORING_STAFF, "monitoring-officer"), world.runtime)


async def test_a_file_of_figures_is_read_as_the_api_takes_them(world: World, tmp_path: Path) -> None:
    path = tmp_path / "figures.yaml"
    path.write_text(json.dumps({"figures": [CALLS, {**CALLS, "country": "TJ", "value": "no_data"}]}))
    assert await figures.enter_file(figures.read(path, None), claims(world), world.runtime) == 2
    assert await figures.enter_file(figures.read(path, None), claims(world), world.runtime) == 0
    assert {one["country"]: one["value"] for one in await listed(world)} == {"KG": 3280, "TJ": "no_data"}


@pytest.mark.parametrize(
    "written",
    [
        "[]",
        '{"rows": []}',
        '{"figures": [{"series": "x"}]}',
        '{"hotline_years": {"unit": "persons", "rows": []}}',
        '{"hotline_years": {"unit": "calls", "rows": [{"country": "KG", "year": 2016, "calls": -1}]}}',
        '{"hotline_years": {"unit": "calls", "rows": [{"country": "KG", "year": 2016, "calsl": 1}]}}',
    ],
)
def test_a_file_that_does_not_fit_is_refused_as_a_whole(written: str, tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    path.write_text(written)
    with pytest.raises(ValueError, match=r".+"):
        figures.read(path, "evaluation-2020")


@pytest.mark.skipif(not PUBLISHED.exists(), reason="../shared is absent: the published figures are not here")
async def test_the_published_hotline_years_are_entered_and_read_back_with_no_data_where_it_belongs(
    world: World,
) -> None:
    rows = json.loads(PUBLISHED.read_text())["hotline_years"]["rows"]
    read = figures.read(PUBLISHED, "dar-evaluation-2020")
    assert await figures.enter_file(read, claims(world), world.runtime) == len(read) > 60
    back = {(one["series"], one["country"], one["period_from"][:4]): one for one in await listed(world)}
    assert len(back) == len(read)
    for row in rows:
        for column, (series, unit) in figures.SERIES.items():
            key = series, row["country"], str(row["year"])
            if column not in row:
                assert key not in back, "what a source does not say is not entered at all"
                continue
            expected = "no_data" if row[column] is None else row[column]
            assert (back[key]["value"], back[key]["unit"]) == (expected, unit), key
        for reason, value in row.get("reasons", {}).items():
            key = f"hotline-victim-referrals-{reason.replace('_', '-')}", row["country"], str(row["year"])
            assert back[key]["value"] == value
    silent = {key[1:] for key, one in back.items() if one["value"] == "no_data"}
    assert silent == {("KG", "2019"), ("TJ", "2017"), ("TJ", "2018"), ("TJ", "2019")}
    noughts = {key[1:] for key, one in back.items() if one["value"] == 0}
    assert noughts == {("TJ", "2016"), ("TM", "2016"), ("TM", "2017")}
    disputed = {key for key, one in back.items() if one["disputed"]}
    assert disputed == {("hotline-victim-referrals", "TJ", "2017")}
    calls = await listed(world, "?country=KG&series=hotline-calls")
    assert [one["value"] for one in calls] == [3280, 2798, 3832, 2188]
