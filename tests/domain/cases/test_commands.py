"""What a case refuses, and what it takes."""

from typing import Any

import pytest

from tests.journeys.scenes import CHILD, carried, opened, referred
from tests.world import World


@pytest.mark.parametrize(
    "named",
    [
        {},
        {"organisation": "SHELTER-NORTH", "staff": "police-officer"},
        {"organisation": "NOBODY"},
        {"organisation": "NGO-ALPHA"},
    ],
)
async def test_a_wall_names_one_other_organisation_or_one_member_of_staff(
    shared_world: World, named: dict[str, str]
) -> None:
    case = await opened(shared_world)
    refused = await shared_world.post("alpha", f"/cases/{case}/walls", named, expect=422)
    assert refused["field"] == "organisation"


async def test_behind_a_wall_a_colleague_is_told_that_there_is_no_case(shared_world: World) -> None:
    case = await opened(shared_world)
    await shared_world.get("alpha2", f"/cases/{case}")
    await shared_world.post("alpha", f"/cases/{case}/walls", {"staff": "second-caseworker-alpha"})
    await shared_world.get("alpha2", f"/cases/{case}", expect=404)
    await shared_world.get("alpha", f"/cases/{case}")


async def test_a_case_takes_what_is_said_later_and_its_version_counts_on(shared_world: World) -> None:
    world, case = shared_world, await opened(shared_world)
    changes: list[tuple[str, str, Any]] = [
        ("PATCH", "/person", {"sex": "male"}),
        ("PUT", "/person/identity", {"fields": {"given_name": "Other"}}),
        ("PATCH", "/person", {"age_band": "30--38"}),
    ]
    for method, path, body in changes:
        version = await world.version("alpha", f"/cases/{case}")
        answer = await world.ask("alpha", method, f"/cases/{case}{path}", body, version=version)
        assert answer.is_success, answer.text
        assert await world.version("alpha", f"/cases/{case}") == version + 1
    assert (await world.get("alpha", f"/cases/{case}/person/identity"))["fields"] == {"given_name": "Other"}


async def test_a_step_is_taken_by_who_is_responsible_for_it(shared_world: World) -> None:
    case = await opened(shared_world, "police", "police")
    body = {"step": "refer-to-law-enforcement", "service": "criminal_proceedings", "recipient": "POLICE"}
    answer = await shared_world.ask("police", "POST", f"/cases/{case}/referrals", body)
    assert answer.json()["code"] == "step-not-open"
    closed = {"case_work": "follow_up"}
    version = await shared_world.version("police", f"/cases/{case}")
    refused = await shared_world.ask("police", "PUT", f"/cases/{case}/case-work", closed, version=version)
    assert refused.json()["code"] == "step-not-open"


async def test_the_hotline_does_not_follow_up_what_an_ngo_is_responsible_for(shared_world: World) -> None:
    world = shared_world
    case = await opened(world, "hotline", "hotline", **CHILD)
    without_consent = {"reason": "a child without anybody"}
    guardian = await referred(world, case, "GUARDIANS", "guardianship", "refer-guardian", "hotline", **without_consent)
    await carried(world, guardian, "guardian", "receipt", "acceptance", "service-start")
    await world.act("guardian", guardian, "completion", {"outcome": "full"})
    for case_work, status in (("active", 200), ("follow_up", 403)):
        version = await world.version("hotline", f"/cases/{case}")
        answer = await world.ask(
            "hotline", "PUT", f"/cases/{case}/case-work", {"case_work": case_work}, version=version
        )
        assert answer.status_code == status, answer.text
    assert (answer.json()["rule"], answer.json()["needed"]) == ("responsible", ["ngo_caseworker"])
