"""Capacity first: a question without a name, the answer, the offer upon it, and identity on acceptance only."""

from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from tests.journeys.scenes import carried, consented, identified, open_now, opened, referred, supported, told
from tests.world import World

CANARIES = {
    "identity": {"given_name": "Zhanylkan", "family_name": "Kanareykova"},
    "contact": {"phone": "+996 700 445566"},
    "location": {"district": "Kanarovka"},
    "narrative": {"account": "overheard-canary"},
}
WORDS = ("Zhanylkan", "Kanareykova", "445566", "Kanarovka", "overheard-canary")
QUESTION = {"service": "shelter", "recipients": ["SHELTER-NORTH"], "priority": "urgent", "region": "Bishkek"}


async def asked(world: World, case: str, who: str = "alpha", **changes: Any) -> str:
    """Ask one provider; returns the reference of the question."""
    (question,) = await world.post(who, f"/cases/{case}/capacity-questions", {**QUESTION, **changes})
    reference: str = question["reference"]
    return reference


async def answered(world: World, question: str, answer: str = "capacity", who: str = "north", **more: Any) -> Any:
    """Answer a question in its present version."""
    path = f"/capacity-questions/{question}"
    version = await world.version(who, path)
    return await world.post(who, f"{path}/answer", {"answer": answer, **more}, version=version)


async def everything_told(world: World, who: str, *paths: str) -> str:
    """Return all bodies and headers that somebody gets from these routes and from every list of theirs."""
    lists = ("/capacity-questions", "/referrals/inbox", "/referrals/waiting-list", "/notifications", "/cases")
    answers: list[httpx.Response] = [await world.ask(who, "GET", path) for path in (*lists, *paths)]
    return "\n".join(f"{one.text} {dict(one.headers)}" for one in answers)


async def test_before_acceptance_the_receiver_gets_nothing_that_names_or_links(
    world: World, admin: asyncpg.Connection
) -> None:
    body = {"entry_channel": "ngo", "person": {"sex": "female", "age_band": "24--26"}, "compartments": CANARIES}
    case = (await world.post("alpha", "/cases", body))["reference"]
    await consented(world, case)
    await identified(world, case)
    first, second = await asked(world, case), await asked(world, case, children=1)
    await answered(world, first)
    referral = await referred(world, case, capacity_question=first)
    await world.act("north", referral, "receipt")
    paths = [f"/capacity-questions/{first}", f"/capacity-questions/{second}", f"/referrals/{referral}"]
    heard = await everything_told(world, "north", *paths, f"/cases/{case}", f"/referrals/{referral}/package")
    ids = await admin.fetchrow("SELECT id::text, (SELECT id::text FROM persons) AS person FROM cases")
    assert ids is not None
    assert [word for word in (*WORDS, case, *ids) if word in heard] == []
    shown = [(await world.get("north", path)) for path in paths]
    for question, other in ((shown[0], second), (shown[1], first)):
        assert other not in str(question)
        assert referral not in str(question)
        assert "NGO-ALPHA" in str(question)
    assert (shown[2]["case"], shown[2]["capacity_question"], shown[2]["compartments"]) == (None, None, [])
    untouched = await admin.fetchval("SELECT version FROM capacity_questions WHERE reference = $1", first)
    assert untouched == 2, "only the answer changed the question: an offer leaves no trace"
    await world.act("north", referral, "acceptance")
    accepted = await world.get("north", f"/referrals/{referral}")
    assert (accepted["case"], accepted["capacity_question"]) == (case, first)
    package = await world.get("north", f"/referrals/{referral}/package")
    assert package["compartments"]["identity"] == CANARIES["identity"]


async def test_two_questions_of_one_case_look_like_those_of_two_cases(world: World) -> None:
    """What differs between two questions are random references, instants and what was asked: never a common mark."""
    one, _ = await supported(world)
    other, _ = await supported(world)
    references = [await asked(world, one), await asked(world, one), await asked(world, other)]
    seen = [await world.get("north", f"/capacity-questions/{reference}") for reference in references]
    for question in seen:
        for varying in ("reference", "asked_at", "respond_by", "expires_at"):
            question.pop(varying)
    assert seen[0] == seen[1] == seen[2]


async def test_a_question_goes_to_several_providers_and_none_learns_of_another(world: World) -> None:
    case, _ = await supported(world)
    body = {**QUESTION, "recipients": ["SHELTER-NORTH", "SHELTER-SOUTH"], "wanted_from": "2031-05-01", "children": 2}
    questions = await world.post("alpha", f"/cases/{case}/capacity-questions", body)
    north, south = (question["reference"] for question in questions)
    assert north not in await everything_told(world, "south", f"/capacity-questions/{south}")
    assert south not in await everything_told(world, "north", f"/capacity-questions/{north}")
    await world.get("north", f"/capacity-questions/{south}", expect=404)
    await world.get("beta", f"/capacity-questions/{south}", expect=404)
    seen = await world.get("south", f"/capacity-questions/{south}")
    told_of = (seen["children"], seen["sex"], seen["age_band"], seen["languages"], seen["wanted_from"], seen["region"])
    assert told_of == (2, "female", "24--26", ["ky"], "2031-05-01", "Bishkek")
    await answered(world, north, "no_capacity")
    await answered(world, south, "waitlist", who="south", expected_on="2031-06-01")
    listed = await world.get("alpha", f"/cases/{case}/capacity-questions")
    assert {one["asked_of"]: (one["answer"], one["expected_on"]) for one in listed} == {
        "SHELTER-NORTH": ("no_capacity", None),
        "SHELTER-SOUTH": ("waitlist", "2031-06-01"),
    }
    assert await told(world, "alpha", south) == ["capacity_answered"]


async def test_an_unanswered_question_is_escalated_once_and_expires(world: World) -> None:
    case, _ = await supported(world)
    question = await asked(world, case)
    late = world.later(timedelta(hours=73))
    await late.work_off()
    await late.work_off()
    for who, kinds in (("north", ["capacity_asked", "capacity_overdue"]), ("coordinator", ["capacity_overdue"])):
        assert await told(late, who, question) == kinds, who
    assert await told(late, "alpha", question) == ["capacity_overdue"]
    told_to = (await late.get("coordinator", "/notifications"))["items"]
    assert [one["detail"] for one in told_to if one["reference"] == question] == ["SHELTER-NORTH"]
    assert (await late.get("alpha", f"/capacity-questions/{question}"))["overdue"] is True
    over = world.later(timedelta(days=8))
    assert (await over.get("north", f"/capacity-questions/{question}"))["status"] == "expired"
    refused = await over.post(
        "north", f"/capacity-questions/{question}/answer", {"answer": "capacity"}, version=1, expect=409
    )
    assert refused["current"] == "expired"


async def test_an_answered_question_is_not_escalated_and_its_answer_expires(world: World) -> None:
    case, _ = await supported(world)
    question = await asked(world, case)
    until = (await world.get("north", f"/capacity-questions/{question}"))["respond_by"]
    assert (await answered(world, question, holds_until=until))["status"] == "answered"
    late = world.later(timedelta(hours=73))
    await late.work_off()
    assert await told(late, "coordinator", question) == []
    assert (await late.get("alpha", f"/capacity-questions/{question}"))["status"] == "expired"
    body = {"step": "refer-for-shelter", "service": "shelter", "recipient": "SHELTER-NORTH"}
    refused = await late.post("alpha", f"/cases/{case}/referrals", {**body, "capacity_question": question}, expect=422)
    assert refused["field"] == "capacity_question"


async def test_the_asker_closes_a_question_and_nothing_is_built_upon_it(world: World) -> None:
    case, _ = await supported(world)
    question = await asked(world, case)
    await answered(world, question)
    path = f"/capacity-questions/{question}"
    await world.post("north", f"{path}/closure", version=2, expect=403)
    closed = await world.post("alpha", f"{path}/closure", version=await world.version("alpha", path))
    assert closed["status"] == "closed"
    assert await told(world, "north", question) == ["capacity_asked", "capacity_closed"]
    assert (await world.post("north", f"{path}/answer", {"answer": "capacity"}, version=3, expect=409))[
        "current"
    ] == "closed"
    late = world.later(timedelta(hours=73))
    await late.work_off()
    assert await told(late, "coordinator", question) == []


@pytest.mark.parametrize(
    "change",
    [
        {"recipients": ["NGO-ALPHA"]},
        {"recipients": ["NOBODY"]},
        {"recipients": ["POLICE"]},
        {"recipients": ["SHELTER-NORTH", "SHELTER-NORTH"]},
        {"wanted_from": "2001-01-01"},
    ],
)
async def test_a_question_that_cannot_be_meant_is_refused(shared_world: World, change: dict[str, Any]) -> None:
    case = await opened(shared_world)
    refused = await shared_world.post("alpha", f"/cases/{case}/capacity-questions", {**QUESTION, **change}, expect=422)
    assert refused["field"] in change


async def test_a_question_needs_no_consent_but_the_case_must_be_ones_own(world: World) -> None:
    case = await opened(world)
    assert "inform-of-rights" in await open_now(world, case), "nothing was agreed to yet"
    await asked(world, case)
    await world.post("beta", f"/cases/{case}/capacity-questions", QUESTION, expect=404)


@pytest.mark.parametrize("wrong", ["other_case", "other_recipient", "no_capacity", "unanswered", "used", "foreign"])
async def test_an_offer_stands_on_an_inviting_answer_to_a_question_of_the_same_case(world: World, wrong: str) -> None:
    case, _ = await supported(world)
    body = {"step": "refer-for-shelter", "service": "shelter", "recipient": "SHELTER-NORTH"}
    if wrong == "other_case":
        question = await asked(world, (await supported(world))[0])
    elif wrong == "foreign":
        question = await asked(world, (await supported(world, "beta"))[0], "beta")
    else:
        question = await asked(world, case)
    if wrong != "unanswered":
        await answered(world, question, "no_capacity" if wrong == "no_capacity" else "capacity")
    if wrong == "other_recipient":
        body["recipient"] = "SHELTER-SOUTH"
    if wrong == "used":
        await referred(world, case, draft=True, capacity_question=question)
    refused = await world.post("alpha", f"/cases/{case}/referrals", {**body, "capacity_question": question}, expect=422)
    assert refused["field"] == "capacity_question"


async def test_whom_a_wall_stops_is_neither_asked_nor_told_any_more(world: World) -> None:
    case, _ = await supported(world)
    question = await asked(world, case)
    await world.post("alpha", f"/cases/{case}/walls", {"organisation": "SHELTER-NORTH"})
    assert question not in await everything_told(world, "north")
    await world.get("north", f"/capacity-questions/{question}", expect=404)
    refused = await world.post("alpha", f"/cases/{case}/capacity-questions", QUESTION, expect=422)
    assert refused["field"] == "recipients"


async def test_a_receiver_that_declines_never_learns_upon_which_question_it_was_asked(world: World) -> None:
    case, _ = await supported(world)
    question = await asked(world, case)
    await answered(world, question, "assessment_needed")
    referral = await referred(world, case, capacity_question=question)
    assert (await world.get("alpha", f"/referrals/{referral}"))["capacity_question"] == question
    await carried(world, referral, "north", "receipt")
    await world.act("north", referral, "decline", {"declined_by": "provider", "reason": "no_capacity"})
    assert question not in (await world.ask("north", "GET", f"/referrals/{referral}")).text
