"""Conflict walls: whoever is named there learns of the case by no channel: no list, count, notification or contact."""

from collections.abc import Callable
from dataclasses import astuple

import pytest

from domain.codes import Role
from tests.attacks.asked import routes, seen
from tests.attacks.relations import CASE, CONTACT, WORKER, Stage, Things, code_of, opened, referred, walled_off

Attack = Callable[..., None]


@pytest.fixture(scope="module")
async def hidden(stage: Stage) -> Things:
    """Return what stands behind the walls."""
    walls = await walled_off(stage, candidate="")
    return walls["walled"]


def marks(things: Things) -> list[str]:
    """Return every reference and id by which the case could be recognised."""
    named = [*astuple(things)[:5], things.question]
    assert all(named)
    return named


async def told(stage: Stage, relation: str, role: Role) -> str:
    """Return all that a member of staff is told on routes that name nothing."""
    bodies = []
    for route in routes(stage.world.app):
        method, path = route.split(" ", 1)
        if method == "GET" and "{" not in path:
            query = "?limit=100" if path in {"/v1/cases", "/v1/contacts", "/v1/notifications"} else ""
            response = await stage.ask(relation, role, method, path.removeprefix("/v1") + query)
            bodies.append(response.text)
    return "\n".join(bodies)


async def test_no_list_and_no_notification_names_what_is_behind_a_wall(
    stage: Stage, hidden: Things, attack: Attack
) -> None:
    of_owner = await told(stage, "owner", WORKER)
    assert {hidden.case, hidden.referral, hidden.contact} <= {mark for mark in marks(hidden) if mark in of_owner}
    asked = await stage.ask("owner", WORKER, "GET", f"/cases/{hidden.case}/capacity-questions")
    assert hidden.question in asked.text
    tried, heard = 0, []
    for relation in ("walled", "walled_staff"):
        for role in Role:
            text = await told(stage, relation, role)
            tried += len(marks(hidden))
            heard += [(relation, role, mark) for mark in marks(hidden) if mark in text]
    assert heard == []
    attack("walled: lists, inboxes, callbacks, notifications", tried=tried, succeeded=len(heard))


async def test_the_funnel_counts_nothing_behind_a_wall(stage: Stage, attack: Attack) -> None:
    async def funnel(relation: str) -> dict[str, int]:
        response = await stage.ask(relation, Role.COORDINATOR, "GET", "/caseload/funnel")
        stages = response.json()["stages"]
        return {one["stage"]: one["count"] for one in stages if one["population"] != "vulnerable_migrants"}

    before = await funnel("walled_staff"), await funnel("walled"), await funnel("foreign")
    await walled_off(stage, candidate="")
    after = await funnel("walled_staff"), await funnel("walled"), await funnel("foreign")
    assert after[:2] == before[:2]
    counted = ("contacts", "contacts_about_cases", "cases", "persons", "sent", "received", "accepted", "in_service")
    assert {stage: after[2][stage] - before[2][stage] for stage in counted} == dict.fromkeys(counted, 1)
    attack("walled: counts of the funnel", tried=2 * len(counted), succeeded=0)


async def test_a_contact_that_opened_a_walled_case_is_gone_with_its_words(stage: Stage, attack: Attack) -> None:
    case, contact, _ = await opened(stage, "owner", WORKER)
    paths = [f"/contacts/{contact}", f"/contacts/{contact}/words"]
    assert [(await stage.ask("walled_staff", WORKER, "GET", path)).status_code for path in paths] == [200, 200]
    await stage.do("owner", f"/cases/{case}/walls", {"staff": f"walled_staff-{WORKER}"})
    refused = [(await stage.ask("walled_staff", WORKER, "GET", path)).status_code for path in paths]
    assert refused == [404, 404]
    assert (await stage.ask("owner", WORKER, "GET", paths[1])).status_code == 200
    attack("walled: the contact behind a case", tried=2, succeeded=refused.count(200))


async def test_a_notification_that_came_before_the_wall_is_gone_too(stage: Stage) -> None:
    case, _, _ = await opened(stage, "owner", WORKER)
    referral = await referred(stage, case, "before")
    assert referral in (await stage.ask("before", WORKER, "GET", "/notifications?limit=100")).text
    await stage.do("owner", f"/cases/{case}/walls", {"organisation": code_of("before")})
    assert referral not in (await stage.ask("before", WORKER, "GET", "/notifications?limit=100")).text


async def test_a_referral_behind_a_wall_is_never_overdue_for_a_walled_coordinator(stage: Stage) -> None:
    """Nor may its status be asked: the country's oversight ends at the wall."""
    case, _, _ = await opened(stage, "owner", WORKER)
    referral = await referred(stage, case, "before")
    path = f"/referrals/{referral}/status"
    assert (await stage.ask("walled_staff", Role.COORDINATOR, "GET", path)).status_code == 200
    await stage.do("owner", f"/cases/{case}/walls", {"staff": f"walled_staff-{Role.COORDINATOR}"})
    missing = await stage.ask("walled_staff", Role.COORDINATOR, "GET", "/referrals/R-0000-0000-0000-0000/status")
    assert seen(await stage.ask("walled_staff", Role.COORDINATOR, "GET", path)) == seen(missing)


async def test_who_knows_the_person_may_wall_off_themselves(stage: Stage) -> None:
    case, _, _ = await opened(stage, "owner", WORKER)
    await stage.do("owner", f"/cases/{case}/walls", {"staff": f"owner-{WORKER}"})
    assert (await stage.ask("owner", WORKER, "GET", f"/cases/{case}")).status_code == 404
    assert (await stage.ask("owner", Role.POLICE_OFFICER, "GET", f"/cases/{case}")).status_code == 200


async def test_a_wall_does_not_stop_anybody_from_opening_the_case_of_the_same_person_anew(stage: Stage) -> None:
    """Cases are opened blind: a refusal would tell that the person is known."""
    first = await stage.ask("walled", WORKER, "POST", "/contacts", {**CONTACT, "cases": [CASE]})
    second = await stage.ask("foreign", WORKER, "POST", "/contacts", {**CONTACT, "cases": [CASE]})
    assert first.status_code == second.status_code == 201
    assert first.json().keys() == second.json().keys()
