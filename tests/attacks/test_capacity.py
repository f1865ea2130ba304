"""Capacity and places against the application's own database role, and what is recorded of them."""

from collections.abc import AsyncIterator, Callable

import asyncpg
import pytest

from domain.codes import Role
from tests.attacks.asked import seen
from tests.attacks.intruder import Intruder, intruding
from tests.attacks.relations import REFERRAL, WORKER, Stage, answered, code_of, opened, questioned

Attack = Callable[..., None]

SHELTER = {"step": "offer-emergency-shelter", "service": "shelter"}
LINK = (
    "INSERT INTO capacity_askings (question_id, case_id, organisation_id) SELECT $1, $2, nrm_organisation() "
    "WHERE nrm_organisation() IS NOT NULL"
)
WOMAN = {"sex": "women", "family": "single", "count": 1}


@pytest.fixture
async def intruder(stage: Stage) -> AsyncIterator[Intruder]:
    async with intruding(stage) as made:
        yield made


async def offered(stage: Stage) -> tuple[str, str, str]:
    """Ask, answer and offer upon the answer; returns case, question and referral, which is not accepted yet."""
    case, _, _ = await opened(stage, "owner", WORKER)
    question = await questioned(stage, case, "before")
    said = await stage.ask(
        "before", WORKER, "POST", f"/capacity-questions/{question}/answer", {"answer": "capacity"}, version=1
    )
    assert said.status_code == 200, said.text
    body = {**REFERRAL, "recipient": code_of("before"), "capacity_question": question}
    referral = (await stage.do("owner", f"/cases/{case}/referrals", body))["reference"]
    return case, question, referral


async def test_whoever_was_asked_cannot_reach_the_case_by_sql_before_acceptance(
    stage: Stage, intruder: Intruder, superuser: asyncpg.Connection, attack: Attack
) -> None:
    case, question, referral = await offered(stage)
    case_id = await superuser.fetchval("SELECT id FROM cases WHERE reference = $1", case)
    question_id = await superuser.fetchval("SELECT id FROM capacity_questions WHERE reference = $1", question)
    for relation in ("before", "foreign", "declined"):
        await intruder.become(superuser, relation)
        through = await intruder.all_refused(
            ("SELECT 1 FROM capacity_askings WHERE question_id = $1", question_id),
            ("SELECT 1 FROM capacity_askings WHERE case_id = $1", case_id),
            ("UPDATE capacity_askings SET referral_id = NULL WHERE question_id = $1", question_id),
            ("UPDATE capacity_questions SET reference = 'Q' WHERE id = $1", question_id),
            ("SELECT 1 FROM deadlines WHERE subject_id = $1", question_id),
            ("SELECT 1 FROM audit_entries WHERE subject_id = $1 AND stream_id = $2", question_id, case_id),
            (
                LINK,
                question_id,
                case_id,
            ),
        )
        assert through == []
    attack("a capacity question traced to its case, by SQL", tried=intruder.tried, succeeded=intruder.succeeded)
    await stage.do("before", f"/referrals/{referral}/receipt")
    await stage.do("before", f"/referrals/{referral}/acceptance")
    await intruder.become(superuser, "before")
    linked = await intruder.is_refused("SELECT 1 FROM capacity_askings WHERE question_id = $1", question_id)
    assert not linked, "acceptance is what opens the link"


async def test_no_other_shelter_reads_places_or_holds_them_by_sql(
    stage: Stage, intruder: Intruder, superuser: asyncpg.Connection, attack: Attack
) -> None:
    case, _, _ = await opened(stage, "owner", WORKER)
    await stage.do("owner", f"/cases/{case}/assessments", {"danger": "high"})
    sent = await stage.do("owner", f"/cases/{case}/referrals", {**SHELTER, "recipient": code_of("after")})
    referral = sent["reference"]
    await answered(stage, "after", referral, "receipt", "acceptance")
    place = (await stage.do("after", "/places", WOMAN))["items"][-1]["id"]
    reserved = await stage.ask("after", WORKER, "POST", f"/referrals/{referral}/placement", {})
    assert reserved.status_code == 201, reserved.text
    placement = await superuser.fetchval("SELECT placement_id FROM held_places WHERE place_id = $1", place)
    held = "INSERT INTO held_places VALUES ($1, $2, now() + interval '1 year', now() + interval '2 years')"
    for relation in ("before", "foreign"):
        await intruder.become(superuser, relation)
        through = await intruder.all_refused(
            ("SELECT 1 FROM places WHERE id = $1", place),
            ("UPDATE places SET out_of_order_since = now() WHERE id = $1", place),
            ("DELETE FROM places WHERE id = $1", place),
            ("SELECT 1 FROM placements WHERE id = $1", placement),
            ("UPDATE placements SET ended_at = now() WHERE id = $1", placement),
            ("SELECT 1 FROM held_places WHERE placement_id = $1", placement),
            (held, placement, place),
            ("SELECT 1 FROM nrm_held_places((SELECT id FROM organisations WHERE code = 'ORG-AFTER'))",),
            ("SELECT 1 FROM nrm_waiting_list((SELECT id FROM organisations WHERE code = 'ORG-AFTER'))",),
        )
        assert through == []
    attack("places of another shelter, by SQL", tried=intruder.tried, succeeded=intruder.succeeded)


async def test_questions_of_others_are_answered_like_none(stage: Stage, attack: Attack) -> None:
    case, _, _ = await opened(stage, "foreign", WORKER)
    question = await questioned(stage, case, "abroad", "foreign")
    told = tried = 0
    for role in Role:
        for path, body in (("", None), ("/answer", {"answer": "capacity"}), ("/closure", None)):
            answers = [
                await stage.ask(
                    "owner",
                    role,
                    "POST" if path else "GET",
                    f"/capacity-questions/{one}{path}",
                    body,
                    version=1 if path else None,
                )
                for one in (question, "Q-0000-0000-0000-0000")
            ]
            tried, told = tried + 1, told + (seen(answers[0]) != seen(answers[1]))
    attack("capacity questions of others", tried=tried, succeeded=told)


async def test_an_answer_is_recorded_where_the_case_is_not_named(stage: Stage, superuser: asyncpg.Connection) -> None:
    """The asker's entries stand in the stream of the case, the provider's in its own: its export names no case."""
    case, question, _ = await offered(stage)
    rows = await superuser.fetch(
        "SELECT e.action, c.reference AS stream_case, o.code AS stream_organisation FROM audit_entries e "
        "JOIN capacity_questions q ON q.id = e.subject_id LEFT JOIN cases c ON c.id = e.stream_id "
        "LEFT JOIN organisations o ON o.id = e.stream_id WHERE q.reference = $1 ORDER BY e.at",
        question,
    )
    assert [tuple(row) for row in rows] == [
        ("capacity.asked", case, None),
        ("capacity.answered", None, code_of("before")),
    ]
