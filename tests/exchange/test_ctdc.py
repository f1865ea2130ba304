"""The 27 variables: by one table, only of victims who agreed, and with nothing that names anybody."""

import io
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from python_calamine import CalamineWorkbook

from api.exchange.countries import ALPHA_3
from api.exchange.ctdc import COLUMNS, FLAGS
from api.exchange.rows import Format
from api.exchange.telling_ctdc import MicroData, tell
from domain.codes import ExploitationType, Industry, MeansOfControl, RecruiterRelation
from domain.errors import NotPermitted
from tests.api.prepared import CONSENT
from tests.exchange.test_exchange import acting
from tests.world import World

REPORTING = {**CONSENT, "purposes": ["reporting"], "recipients": ["type:InternationalOrganisation"]}
CASE: dict[str, Any] = {
    "entry_channel": "ngo",
    "person": {"gender": "Feminine", "sex": "female", "age_band": "9--17", "citizenships": ["KG"], "languages": ["ky"]},
    "compartments": {"identity": {"given_name": "Zhibek-canary"}},
}
EPISODE = {
    "types": ["ForcedLabour", "ForcedBegging"],
    "industries": ["A01_CropAndAnimalProduction"],
    "means_of_control": ["TakesEarnings", "RestrictsMovement"],
    "recruiter_relations": ["Friend"],
    "exploitation_countries": ["RU"],
    "duration": "13--24",
}


async def victim(world: World, consent: dict[str, Any] | None = REPORTING, **person: Any) -> str:
    """Open a case of somebody whom an NGO identified."""
    case = (await world.post("alpha", "/cases", {**CASE, "person": CASE["person"] | person}))["reference"]
    await world.post("alpha", f"/cases/{case}/steps/inform-of-rights/completion")
    await world.post("alpha", f"/cases/{case}/consents", CONSENT)
    if consent is not None:
        await world.post("alpha", f"/cases/{case}/consents", consent)
    await world.post("alpha", f"/cases/{case}/screenings", {"hits": {}, "result": "indicated"})
    decision = {"body": "ngo", "outcome": "ActualVictimOfTrafficking", "legal_basis": "guideline-1"}
    await world.post("alpha", f"/cases/{case}/decisions", decision)
    return str(case)


async def told(world: World, who: str = "alpha") -> MicroData:
    return await tell(acting(world, who), world.runtime)


def test_there_are_27_variables_and_every_code_that_ctdc_tells_apart_has_one() -> None:
    assert len(COLUMNS) == len(set(COLUMNS)) == 27
    named: dict[str, set[str]] = {}
    for attribute, codes in FLAGS.values():
        assert not named.setdefault(attribute, set()) & codes, "no code stands for two variables"
        named[attribute] |= codes
    assert named["types"] == set(ExploitationType)
    assert named["means_of_control"] == set(MeansOfControl) - {MeansOfControl.OTHER}
    assert named["recruiter_relations"] == set(RecruiterRelation)
    assert Industry.AGRICULTURE_FORESTRY_FISHING not in named["industries"]
    assert len(ALPHA_3) == len(set(ALPHA_3.values())) == 249


async def test_a_victim_is_told_of_in_codes_alone(world: World, admin: asyncpg.Connection) -> None:
    case = await victim(world)
    await world.post("alpha", f"/cases/{case}/exploitation-episodes", EPISODE, expect=201)
    before = await admin.fetchval("SELECT count(*) FROM audit_entries WHERE action = 'case.read'")
    found = await told(world)
    (row,) = found.rows
    year = world.day()[:4]
    known = {
        "yearOfRegistration": year, "gender": "Woman", "ageBroad": "09--17", "citizenship": "KGZ",
        "CountryOfExploitation": "RUS", "traffickMonths": "13--24 (1-2 yrs)", "meansDebtBondageEarnings": "1",
        "meansDenyBasicNeeds": "1", "isForcedLabour": "1", "isOtherExploit": "1", "typeOfLabourAgriculture": "1",
        "recruiterRelationFriend": "1",
    }  # fmt: skip
    assert {name: value for name, value in row.items() if value} == known
    assert set(row.values()) <= {*known.values(), ""}
    content = found.written(Format.CSV).decode()
    assert case not in content
    assert "canary" not in content
    assert content.splitlines()[0] == ",".join(COLUMNS)
    book = CalamineWorkbook.from_filelike(io.BytesIO(found.written(Format.XLSX)))
    assert book.get_sheet_by_index(0).to_python()[0] == list(COLUMNS)
    assert await admin.fetchval("SELECT count(*) FROM audit_entries WHERE action = 'case.read'") == before + 1


async def test_who_did_not_agree_is_left_out_and_counted(world: World) -> None:
    await victim(world)
    await victim(world, None)
    await victim(world, REPORTING | {"decision": "refused"})
    await victim(world, REPORTING | {"recipients": ["organisation:NGO-BETA"]})
    await world.post("alpha", "/cases", CASE)
    withdrawn = await victim(world)
    consents = await world.get("alpha", f"/cases/{withdrawn}/consents")
    given = next(one["consent_id"] for one in consents if one["purposes"] == ["reporting"])
    await world.post("alpha", f"/cases/{withdrawn}/consents/{given}/withdrawal")
    found = await told(world)
    assert len(found.rows) == 1
    assert found.left_out == {
        "no consent to reporting to an international organisation": 4,
        "not identified, by an NGO or by the state": 1,
    }
    later = await told(world.later(timedelta(days=3_000)))
    assert later.rows == []


async def test_what_is_not_known_or_disputed_is_empty(world: World) -> None:
    await victim(world, age_disputed=True, citizenships=["KG", "UZ"], gender="NonSpecifiedUnknown")
    (row,) = (await told(world)).rows
    assert {name for name, value in row.items() if value} == {"yearOfRegistration"}


async def test_only_cases_that_the_organisation_leads_and_that_no_wall_hides_are_told_of(world: World) -> None:
    case = await victim(world)
    assert (await told(world, "beta")).rows == []
    await world.post("alpha", f"/cases/{case}/walls", {"staff": "second-caseworker-alpha"}, expect=201)
    assert (await told(world, "alpha2")).rows == []
    assert len((await told(world)).rows) == 1


@pytest.mark.parametrize("who", ["monitor", "coordinator", "north"])
async def test_roles_without_records_are_refused_and_the_refusal_is_recorded(
    who: str, world: World, admin: asyncpg.Connection
) -> None:
    with pytest.raises(NotPermitted):
        await told(world, who)
    row = await admin.fetchrow("SELECT rule, details FROM audit_entries WHERE action = 'access.denied'")
    assert (row["rule"], row["details"]) == ("not-permitted", '{"command": "export ctdc"}')
