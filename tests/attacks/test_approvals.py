"""The rule of two: never one person, never one organisation, the very act that was agreed on, in time, and once."""

import argparse
import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from api import directory
from api.cli import build_parser
from api.cli import directory as command
from api.cli.approving import tell_missing
from api.settings import DatabaseRole
from domain.approvals.rules import Action, ApprovalMissing
from domain.codes import ApprovalVerb, Role
from tests.attacks.gathering import gathered
from tests.attacks.intruder import CONTEXT, REFUSED
from tests.attacks.test_break_glass import asking, broken
from tests.world import DIRECTORY, ISSUER, World

Attack = Callable[..., None]
CLOSE = {"verb": "directory.close", "parameters": {"code": "NGO-BETA"}}


async def asked(world: World, body: Any = CLOSE, who: str = "coordinator") -> str:
    """Ask for an act; return the id of what is to be agreed on."""
    found: str = (await world.post(who, "/approvals", body, expect=201))["id"]
    return found


async def agreed(world: World, body: Any = CLOSE) -> str:
    """Ask for an act and let the other organisation agree."""
    approval = await asked(world, body)
    await world.post("monitor", f"/approvals/{approval}/decision", {"decision": "approved"})
    return approval


async def status(world: World, approval: str) -> str:
    found: str = (await world.get("monitor", f"/approvals/{approval}"))["status"]
    return found


async def in_use(world: World) -> None:
    """Open the first case: from now on there is somebody to protect."""
    await world.post("alpha", "/cases", {"entry_channel": "ngo"})


def closing(code: str = "NGO-BETA", *more: str) -> argparse.Namespace:
    return build_parser().parse_args(["directory", "close", code, *more])


async def close(world: World, *words: str) -> str:
    """Run the operator's command on the world's database."""
    return await command.change_in(world.runtime, world.access, closing(*words))


async def test_who_asked_and_their_organisation_cannot_agree(world: World, attack: Attack) -> None:
    approval = await asked(world)
    tries = [await world.ask("coordinator", "POST", f"/approvals/{approval}/decision", {"decision": "approved"})]
    staff = directory.DirectoryFile(
        organisations=[
            one.model_copy(
                update={
                    "staff": [
                        *one.staff,
                        *(directory.StaffEntry(subject=who, role="coordinator") for who in ("second", "coordinator")),
                    ]
                }
            )
            for one in DIRECTORY.organisations
            if one.code in {"COORDINATION", "MONITORING"}
        ]
    )
    async with world.runtime.database.sessions(DatabaseRole.OWNER)() as session:
        await directory.load(staff, session, world.runtime)
    for who, organisation in (("second", "COORDINATION"), ("coordinator", "MONITORING")):
        tries.append(await as_another(world, who, organisation, approval))
    assert [one.status_code for one in tries] == [403] * 3
    assert await status(world, approval) == "requested"
    attack("approvals: the same person, a colleague, the same person elsewhere", tried=3, succeeded=0)


async def as_another(world: World, subject: str, organisation: str, approval: str) -> httpx.Response:
    """Agree as a coordinator of an organisation."""
    token = ISSUER.issue(
        subject=subject,
        organisation=organisation,
        role=Role.COORDINATOR,
        lifetime=timedelta(hours=1),
        now=world.runtime.clock.present(),
        token_id=f"{subject}-{organisation}",
    )
    headers = {"Authorization": f"Bearer {token}"}
    path = f"/approvals/{approval}/decision"
    return await world.ask("monitor", "POST", path, {"decision": "approved"}, headers=headers)


async def test_somebody_of_another_organisation_agrees_once(world: World) -> None:
    approval = await agreed(world)
    assert await status(world, approval) == "approved"
    again = await world.ask("monitor", "POST", f"/approvals/{approval}/decision", {"decision": "refused"})
    assert (again.status_code, again.json()["current"]) == (409, "approved")
    assert ("approval_asked", approval) in [
        (one["kind"], one["reference"]) for one in (await world.get("monitor", "/notifications"))["items"]
    ]


async def test_an_operator_changes_nothing_of_an_installation_in_use_alone(world: World, attack: Attack) -> None:
    await in_use(world)
    acts = [["NGO-BETA"], ["NGO-BETA", "--successor", "NGO-ALPHA"], ["NGO-BETA", "--at", "2099-01-31T18:00+06:00"]]
    for words in acts:
        with pytest.raises(ApprovalMissing):
            await close(world, *words)
    async with world.runtime.database.sessions(DatabaseRole.OWNER)() as session:
        with pytest.raises(ApprovalMissing):
            await directory.load(DIRECTORY, session, world.runtime)
    await asked(world)
    with pytest.raises(ApprovalMissing):
        await close(world, "NGO-BETA")
    refused = await asked(world)
    await world.post("monitor", f"/approvals/{refused}/decision", {"decision": "refused"})
    with pytest.raises(ApprovalMissing):
        await close(world, "NGO-BETA")
    attack("approvals: an operator alone, unanswered, refused", tried=6, succeeded=0)


async def test_what_was_agreed_is_done_once_and_nothing_else(world: World, attack: Attack) -> None:
    await in_use(world)
    approval = await agreed(world)
    for words in (["NGO-ALPHA"], ["NGO-BETA", "--successor", "NGO-ALPHA"]):
        with pytest.raises(ApprovalMissing):
            await close(world, *words)
    assert (await close(world, "NGO-BETA")).startswith("NGO-BETA closed")
    assert await status(world, approval) == "executed"
    with pytest.raises(ApprovalMissing):
        await close(world, "NGO-BETA")
    attack("approvals: another act, and the same twice", tried=3, succeeded=0)


async def test_of_many_at_once_one_does_what_was_agreed(world: World, attack: Attack) -> None:
    await in_use(world)
    await agreed(world)
    done = await asyncio.gather(*(close(world, "NGO-BETA") for _ in range(6)), return_exceptions=True)
    assert sum(isinstance(one, str) for one in done) == 1
    assert sum(isinstance(one, ApprovalMissing) for one in done) == 5
    attack("approvals: a race to do it twice", tried=6, succeeded=0)


async def test_what_was_agreed_too_long_ago_is_not_done(world: World, attack: Attack) -> None:
    await in_use(world)
    late = world.later(timedelta(hours=73))
    agreed_on, waiting = await agreed(world), await asked(world)
    assert await status(late, agreed_on) == "expired"
    answer = await late.ask("monitor", "POST", f"/approvals/{waiting}/decision", {"decision": "approved"})
    assert answer.status_code == 409
    with pytest.raises(ApprovalMissing):
        await close(late, "NGO-BETA")
    attack("approvals: too late", tried=3, succeeded=0)


async def test_an_installation_without_a_case_is_set_up_by_its_operator_alone(world: World) -> None:
    assert (await close(world, "NGO-BETA")).startswith("NGO-BETA closed")


async def test_the_right_to_break_the_glass_comes_back_when_two_agree(world: World, attack: Attack) -> None:
    case = (await world.post("alpha", "/cases", {"entry_channel": "ngo"}))["reference"]
    glass = await broken(world, "police", case)
    await world.post("monitor", f"/break-glass/{glass}/review", {"outcome": "unjustified"})
    path = f"/break-glass/{glass}/restoration"
    alone = await world.ask("monitor", "POST", path)
    assert (alone.status_code, alone.json()["code"]) == (409, "approval-missing")
    await agreed(world, {"verb": alone.json()["verb"], "parameters": alone.json()["parameters"]})
    assert (await world.post("monitor", path))["restored_at"] is not None
    assert (await world.ask("police", "POST", "/break-glass", asking(case))).status_code == 201
    again = [await world.ask("monitor", "POST", path), await world.ask("coordinator", "POST", path)]
    assert [one.status_code for one in again] == [409, 403]
    attack("approvals: the right to break the glass, without two or twice", tried=3, succeeded=0)


def test_another_spelling_of_the_same_act_is_the_same_and_another_parameter_is_another() -> None:
    one = Action(ApprovalVerb.DIRECTORY_MERGE, {"code": "A", "into": "B"})
    assert Action(ApprovalVerb.DIRECTORY_MERGE, {"into": "B", "code": "A"}).digest == one.digest
    others = [
        Action(ApprovalVerb.DIRECTORY_MERGE, {"code": "B", "into": "A"}),
        Action(ApprovalVerb.DIRECTORY_CLOSE, {"code": "A", "into": "B"}),
        Action(ApprovalVerb.DIRECTORY_MERGE, {"code": "A"}),
    ]
    assert one.digest not in {other.digest for other in others}
    assert Action.read(one.text) == one


SELF = "decider_id = nrm_staff(), decider_organisation_id = nrm_organisation(), decided_at = nrm_now()"
FORGED = (
    f"UPDATE approvals SET decision = 'approved', {SELF} WHERE decision IS NULL",  # noqa: S608 - closed text
    """UPDATE approvals SET decision = 'approved', decided_at = nrm_now(), decider_id = (
            SELECT id FROM staff_members WHERE subject = 'monitoring-officer'), decider_organisation_id = (
            SELECT id FROM organisations WHERE code = 'MONITORING') WHERE decision IS NULL""",
    "UPDATE approvals SET executed_at = nrm_now() WHERE decision IS NULL",
    "UPDATE approvals SET executed_at = NULL WHERE executed_at IS NOT NULL",
    "UPDATE approvals SET action = '{}'",
    "UPDATE approvals SET requester_id = gen_random_uuid()",
    "UPDATE approvals SET expires_at = now() + interval '1 year'",
    "DELETE FROM approvals",
    """INSERT INTO approvals (id, country, action, digest, requester_id, requester_organisation_id, requested_at,
            expires_at, decision, decided_at, decider_id, decider_organisation_id)
        SELECT gen_random_uuid(), country, action, digest, nrm_staff(), nrm_organisation(), nrm_now(),
            nrm_now() + interval '1 day', 'approved', nrm_now(), gen_random_uuid(), gen_random_uuid() FROM approvals""",
    """INSERT INTO approvals (id, country, action, digest, requester_id, requester_organisation_id, requested_at,
            expires_at)
        SELECT gen_random_uuid(), country, action, digest, other.id, requester_organisation_id, nrm_now(), nrm_now()
        FROM approvals, LATERAL (SELECT id FROM staff_members WHERE subject = 'monitoring-officer') other""",
    """INSERT INTO approvals (id, country, action, digest, requester_id, requester_organisation_id, requested_at,
            expires_at)
        SELECT gen_random_uuid(), country, action || ' ', digest, nrm_staff(), nrm_organisation(), nrm_now(), nrm_now()
        FROM approvals""",
)


async def test_no_sql_of_the_application_agrees_with_itself(
    world: World, admin: asyncpg.Connection, attack: Attack
) -> None:
    """In the context of whoever asked; an application that lies about its context is not what this wall is for."""
    await asked(world)
    ids = await admin.fetchrow("SELECT requester_organisation_id, requester_id FROM approvals")
    refused = (*REFUSED, asyncpg.CheckViolationError, asyncpg.RaiseError, asyncpg.UniqueViolationError)
    connection = await asyncpg.connect(world.access.dsns[DatabaseRole.APPLICATION])
    through = []
    try:
        await connection.execute(CONTEXT, str(ids[0]), str(ids[1]), "coordinator", "KG")
        await connection.execute("SELECT set_config('nrm.now', now()::text, false)")
        for statement in FORGED:
            try:
                if not (await connection.execute(statement)).endswith(" 0"):
                    through.append(statement)
            except refused:
                continue
    finally:
        await connection.close()
    assert through == []
    attack("approvals: SQL of the application", tried=len(FORGED), succeeded=0)


async def test_the_roles_that_open_cases_have_no_voice(world: World, attack: Attack) -> None:
    approval = await asked(world)
    people = ("hotline", "alpha", "police", "migration", "north", "focal")
    tries = [
        world.ask(who, "POST", path, body)
        for who in people
        for path, body in (("/approvals", CLOSE), (f"/approvals/{approval}/decision", {"decision": "approved"}))
    ]
    assert {one.status_code for one in await gathered(tries)} == {403}
    attack("approvals: roles without a voice", tried=len(tries), succeeded=0)


def test_the_operator_is_told_what_to_ask_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert tell_missing(ApprovalMissing(command.action_of(closing("NGO-BETA", "--at", "2099-01-31T18:00+06:00")))) == 1
    said = capsys.readouterr().err
    assert '{"parameters": {"at": "2099-01-31T12:00:00Z", "code": "NGO-BETA"}, "verb": "directory.close"}' in said
