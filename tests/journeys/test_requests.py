"""The person asks to see, correct, restrict and erase what is held about them, and somebody must answer in time."""

from datetime import timedelta

import asyncpg
import pytest

from tests.journeys.erasing import granted, held, requested
from tests.journeys.scenes import SEALED, carried, opened, referred, sealed_rows, supported, told
from tests.world import World

EXPLOITERS = {"account": "what was done", "exploiters": "the name of somebody else", "danger_reasons": "a brother"}


async def test_a_granted_access_gives_the_file_without_what_is_about_others(shared_world: World) -> None:
    world = shared_world
    case, _ = await supported(world)
    version = await world.version("alpha", f"/cases/{case}")
    put = await world.ask("alpha", "PUT", f"/cases/{case}/person/narrative", {"fields": EXPLOITERS}, version=version)
    assert put.status_code == 204
    await referred(world, case)
    request = await granted(world, case, "access")
    file = await world.get("alpha", f"/cases/{case}/subject-requests/{request}/file")
    assert file["compartments"]["identity"] == SEALED["identity"]
    assert file["compartments"]["narrative"] == {"account": "what was done"}
    reasons = {one["what"]: (one["because"], one["reason"]) for one in file["kept_back"]}
    assert reasons == {
        "exploiters": ("others", "It is about somebody else"),
        "danger_reasons": ("safety", "It could endanger somebody"),
    }
    assert [one["organisation"] for one in file["shared"]] == ["SHELTER-NORTH"]
    assert "caseworker-alpha" not in str(file)
    assert "staff_id" not in str(file)


async def test_the_file_opens_only_on_a_request_for_access_that_was_granted(shared_world: World) -> None:
    world = shared_world
    case = await opened(world)
    waiting = await requested(world, case, "access")
    await world.get("alpha", f"/cases/{case}/subject-requests/{waiting}/file", 409)
    other = await granted(world, case, "correction")
    await world.get("alpha", f"/cases/{case}/subject-requests/{other}/file", 409)


async def test_a_guardian_is_given_neither_where_the_person_is_nor_what_they_told(shared_world: World) -> None:
    world = shared_world
    case = await opened(world, age_band="9--17")
    request = await granted(world, case, "access", made_by="guardian")
    file = await world.get("alpha", f"/cases/{case}/subject-requests/{request}/file")
    assert set(file["compartments"]) == {"identity", "contact"}
    assert {one["what"]: one["because"] for one in file["kept_back"]} == {
        "location": "requester",
        "narrative": "requester",
    }


async def test_a_guardian_who_is_suspected_is_refused_on_that_ground_and_the_person_is_not(shared_world: World) -> None:
    world = shared_world
    case = await opened(world, age_band="9--17")
    body = {"granted": False, "ground": "guardian_suspected", "reasons": "the child named him"}
    of_person = await requested(world, case, "access")
    path = f"/cases/{case}/subject-requests/{of_person}/answer"
    refused = await world.ask("alpha", "POST", path, body)
    assert (refused.status_code, refused.json()["field"]) == (422, "ground")
    without = await world.ask("alpha", "POST", path, {"granted": False})
    assert (without.status_code, without.json()["field"]) == (422, "ground")
    of_guardian = await requested(world, case, "access", made_by="guardian", words="where is my daughter")
    answer = await world.post("alpha", f"/cases/{case}/subject-requests/{of_guardian}/answer", body)
    assert (answer["status"], answer["ground"]) == ("refused", "guardian_suspected")
    await world.get("alpha", f"/cases/{case}/subject-requests/{of_guardian}/file", 409)
    read = await world.get("alpha", f"/cases/{case}/subject-requests/{of_guardian}")
    assert (read["words"], read["reasons"]) == ("where is my daughter", "the child named him")


async def test_a_request_is_answered_once(shared_world: World) -> None:
    world = shared_world
    case = await opened(world)
    request = await granted(world, case, "access")
    path = f"/cases/{case}/subject-requests/{request}/answer"
    again = await world.ask("alpha", "POST", path, {"granted": False, "ground": "legal_duty"})
    assert (again.status_code, again.json()["current"]) == (409, "granted")


async def test_a_correction_is_sealed_as_a_new_version(world: World, admin: asyncpg.Connection) -> None:
    case = await opened(world)
    request = await requested(world, case, "correction")
    corrected = {"given_name": "Aigul", "family_name": "Testova"}
    body = {"granted": True, "corrections": {"identity": corrected}}
    await world.post("alpha", f"/cases/{case}/subject-requests/{request}/answer", body)
    assert (await world.get("alpha", f"/cases/{case}/person/identity"))["fields"] == corrected
    version = "SELECT version FROM sealed_values WHERE kind = 'compartment' AND compartment = 'identity'"
    assert await admin.fetchval(version) == 2
    other = await requested(world, case, "restriction")
    refused = await world.ask("alpha", "POST", f"/cases/{case}/subject-requests/{other}/answer", body)
    assert (refused.status_code, refused.json()["field"]) == (422, "corrections")


async def test_a_restriction_stops_what_would_be_sent_and_what_would_be_accepted(shared_world: World) -> None:
    world = shared_world
    case, _ = await supported(world)
    waiting = await referred(world, case)
    await carried(world, waiting, "north", "receipt")
    drafted = await referred(world, case, "NGO-BETA", "legal", "refer-for-support", draft=True)
    await granted(world, case, "restriction")
    for who, reference, act in (("north", waiting, "acceptance"), ("alpha", drafted, "sending")):
        version = await world.version(who, f"/referrals/{reference}")
        refused = await world.ask(who, "POST", f"/referrals/{reference}/{act}", version=version)
        assert (refused.status_code, refused.json()["code"]) == (409, "restricted"), refused.text
    body = {"step": "refer-for-support", "service": "medical", "recipient": "NGO-BETA"}
    refused = await world.ask("alpha", "POST", f"/cases/{case}/referrals", body)
    assert (refused.status_code, refused.json()["code"]) == (409, "restricted")
    assert (await world.get("north", f"/referrals/{waiting}"))["status"] == "received"
    await world.post("alpha", f"/cases/{case}/restriction/end")
    await carried(world, waiting, "north", "acceptance")
    assert (await world.get("north", f"/referrals/{waiting}"))["status"] == "accepted"


async def test_an_erasure_withdraws_destroys_and_leaves_a_certificate(world: World, admin: asyncpg.Connection) -> None:
    case, _ = await supported(world)
    referral = await referred(world, case)
    await carried(world, referral, "north", "receipt", "acceptance")
    assert min(await held(admin, case)) > 4
    await granted(world, case, "erasure")
    assert (await world.get("north", f"/referrals/{referral}"))["status"] == "withdrawn_by_person"
    assert await sealed_rows(admin, referral) == (0, 0)
    assert "referral_recalled" in await told(world, "north", referral)
    await world.post("alpha", f"/cases/{case}/restriction/end", expect=409)
    await world.work_off()
    assert await held(admin, case) == (0, 0)
    for path in (f"/cases/{case}", f"/cases/{case}/person/identity", f"/cases/{case}/subject-requests"):
        await world.get("alpha", path, 404)
    assert "case_erased" in await told(world, "alpha", case)
    (erasure,) = (await world.get("alpha", "/erasures"))["items"]
    assert (erasure["reference"], erasure["why"], erasure["whole"]) == (case, "request", True)
    certificate = await world.get("alpha", f"/erasures/{erasure['id']}/certificate")
    assert {one["compartment"] for one in certificate["destroyed"]} >= {"identity", "contact", "narrative", "all"}
    assert "persons.sex" in certificate["remaining"]
    assert "persons.citizenships" not in certificate["remaining"]
    for who in ("beta", "hotline"):
        assert (await world.get(who, "/erasures"))["items"] == []
    await world.get("beta", f"/erasures/{erasure['id']}/certificate", 404)


async def test_codes_that_single_out_are_forgotten_and_coarse_ones_stay(
    world: World, admin: asyncpg.Connection
) -> None:
    case, _ = await supported(world)
    body = {"types": ["ForcedLabour"], "industries": ["F_Construction"], "began": "2025-03-04"}
    made = await world.ask("alpha", "POST", f"/cases/{case}/exploitation-episodes", body)
    assert made.is_success, made.text
    await granted(world, case, "erasure")
    await world.work_off()
    person = await admin.fetchrow("SELECT sex, age_band, citizenships, languages FROM persons")
    assert tuple(person) == ("female", "24--26", ["unknown"], ["unknown"])
    episode = await admin.fetchrow("SELECT types, industries, began FROM exploitation_episodes")
    assert tuple(episode) == (["ForcedLabour"], ["unknown"], "unknown")
    stages = (await world.get("coordinator", "/caseload/funnel"))["stages"]
    victims = [one for one in stages if (one["stage"], one["population"]) == ("cases", "victims_of_trafficking")]
    assert [one["count"] for one in victims] == [1], "it is still counted"


@pytest.mark.parametrize(("kind", "days"), [("restriction", 3), ("access", 30)])
async def test_a_request_that_nobody_answers_reaches_the_coordinator_once(world: World, kind: str, days: int) -> None:
    case = await opened(world)
    await requested(world, case, kind)
    await world.work_off()
    assert "subject_request_overdue" not in await told(world, "coordinator", case)
    late = world.later(timedelta(days=days, minutes=1))
    await late.work_off()
    await late.work_off()
    assert (await told(late, "coordinator", case)).count("subject_request_overdue") == 1
    assert "subject_request_overdue" in await told(late, "alpha", case)


async def test_an_answer_in_time_calls_nobody(world: World) -> None:
    case = await opened(world)
    await granted(world, case, "access")
    late = world.later(timedelta(days=31))
    await late.work_off()
    assert "subject_request_overdue" not in await told(late, "coordinator", case)
