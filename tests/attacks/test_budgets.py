"""Budgets: a thief with an account gets a day's work, not the registry; whoever works, and whoever is in danger, is not
stopped; nobody finds anything by trying."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from api import worker
from api.app import create_app
from api.settings import DatabaseRole
from domain.codes import BudgetKind
from tests.attacks.asked import VARYING
from tests.attacks.gathering import gathered
from tests.attacks.intruder import CONTEXT, REFUSED
from tests.attacks.relations import CONSENT, REFERRAL
from tests.world import CATALOGUE, STAFF, World

Attack = Callable[..., None]
SMALL = {BudgetKind.OPENING: (3, 5), BudgetKind.STATUS: (3, 5), BudgetKind.REFUSAL: (10, 1000)}
PERSON = {"identity": {"given_name": "Budgetbek"}}


def stinted(world: World, kinds: dict[BudgetKind, tuple[int, int]] = SMALL) -> World:
    """Return the same world with small budgets: of a member of staff, and of an organisation."""
    rules = CATALOGUE.access["KG"]
    small = {
        kind: one.model_copy(update=dict(zip(("staff", "organisation"), kinds[kind], strict=True)))
        if kind in kinds
        else one
        for kind, one in rules.budgets.items()
    }
    catalogue = replace(CATALOGUE, access={"KG": rules.model_copy(update={"budgets": small})})
    runtime = replace(world.runtime, catalogue=catalogue)
    return World(runtime, world.access, create_app(runtime), world.numbers)


async def opened(world: World, person: dict[str, str] | None = None) -> str:
    """Open a case of NGO Alpha; return its reference."""
    body = {"entry_channel": "ngo", "person": person or {}, "compartments": PERSON}
    reference: str = (await world.post("alpha", "/cases", body))["reference"]
    return reference


async def looked(world: World, who: str, case: str) -> int:
    return (await world.ask(who, "GET", f"/cases/{case}/person/identity")).status_code


async def told(world: World, who: str) -> list[tuple[str, str, str]]:
    items = (await world.get(who, "/notifications"))["items"]
    return [(one["kind"], one["reference"], one["detail"]) for one in items if one["kind"] == "budget_exceeded"]


async def test_a_thief_with_an_account_opens_a_day_s_work_and_those_who_watch_are_told_once(
    world: World, admin: asyncpg.Connection, attack: Attack
) -> None:
    cases = [await opened(world) for _ in range(8)]
    small = stinted(world)
    answers = [await small.ask("alpha", "GET", f"/cases/{case}/person/identity") for case in cases]
    assert [one.status_code for one in answers] == [200] * 3 + [429] * 5
    assert answers[3].json()["budget"] == "opening"
    assert 0 < int(answers[3].headers["retry-after"]) <= 86_400
    assert all("Budgetbek" not in one.text for one in answers[3:])
    staff = str(await admin.fetchval("SELECT id FROM staff_members WHERE subject = $1", STAFF["alpha"][0]))
    for who in ("coordinator", "monitor"):
        assert await told(small, who) == [("budget_exceeded", staff, "opening")]
    assert await told(small, "alpha") == []
    refusals = "SELECT count(*) FROM audit_entries WHERE action = 'access.denied' AND rule = 'budget-exceeded'"
    assert await admin.fetchval(refusals) == 5
    attack("budgets: openings of one account", tried=5, succeeded=0)


async def test_what_one_works_on_never_runs_out(world: World) -> None:
    cases = [await opened(world) for _ in range(4)]
    small = stinted(world)
    assert [await looked(small, "alpha", case) for case in cases] == [200, 200, 200, 429]
    assert {await looked(small, "alpha", case) for case in cases[:3] for _ in range(5)} == {200}
    for what in (f"/cases/{cases[3]}", f"/cases/{cases[3]}/next-steps"):
        assert (await small.ask("alpha", "GET", what)).status_code == 200
    written = {"danger": "imminent", "needs": ["medical"]}
    assert (await small.ask("alpha", "POST", f"/cases/{cases[3]}/assessments", written)).status_code == 201


async def test_no_budget_stands_before_a_child_or_somebody_in_imminent_danger(
    world: World, admin: asyncpg.Connection
) -> None:
    known = [await opened(world) for _ in range(3)]
    child, endangered = await opened(world, {"age_band": "9--17"}), await opened(world)
    await world.post("alpha", f"/cases/{endangered}/assessments", {"danger": "imminent", "needs": ["medical"]})
    small = stinted(world)
    for case in known:
        assert await looked(small, "alpha", case) == 200
    assert [await looked(small, "alpha", case) for case in (child, endangered)] == [200, 200]
    assert len(await told(small, "monitor")) == 1, "it opens, and those who watch are told"
    calm = {"danger": "low", "needs": ["medical"]}
    await world.post("alpha", f"/cases/{endangered}/assessments", calm)
    await admin.execute(
        "DELETE FROM budget_uses WHERE kind = 'opening' AND counted_at = (SELECT max(counted_at) FROM budget_uses)"
    )
    assert await looked(small, "alpha", endangered) == 429, "what counts is what is known now"


async def test_colleagues_together_open_no_more_than_their_organisation_may(world: World, attack: Attack) -> None:
    cases = [await opened(world) for _ in range(6)]
    small = stinted(world)
    answers = [await looked(small, who, case) for who, case in zip(("alpha", "alpha2") * 3, cases, strict=True)]
    assert answers == [200] * 5 + [429]
    attack("budgets: openings of one organisation", tried=1, succeeded=0)


async def test_many_requests_at_once_through_two_processes_are_counted_together(world: World, attack: Attack) -> None:
    cases = [await opened(world) for _ in range(10)]
    replicas = [stinted(world), stinted(world)]
    asked = [looked(replicas[number % 2], "alpha", case) for number, case in enumerate(cases)]
    statuses = sorted(await gathered(asked, at_once=10))
    assert statuses == [200] * 3 + [429] * 7
    attack("budgets: a race for the last opening", tried=7, succeeded=0)


async def test_a_row_of_guesses_ends_in_refusals_that_are_alike_and_own_work_goes_on(
    world: World, attack: Attack
) -> None:
    """Found or not, of others or absent: once too many attempts were refused, nothing tells one from the other."""
    own = await opened(world)
    foreign = (await world.post("beta", "/cases", {"entry_channel": "ngo"}))["reference"]
    small = stinted(world, {BudgetKind.REFUSAL: (20, 1000)})
    ids = world.runtime.ids
    guesses = [*(ids.reference("C") for _ in range(199)), foreign]
    answers = [await small.ask("alpha", "GET", f"/cases/{guess}") for guess in guesses]
    assert [one.status_code for one in answers] == [404] * 20 + [429] * 180
    late = [(one.json()["code"], one.headers.get("content-type")) for one in answers[20:]]
    assert len(set(late)) == 1
    last = [
        sorted(item for item in one.headers.items() if item[0] not in {*VARYING, "retry-after"}) for one in answers[-2:]
    ]
    assert last[0] == last[1], "the last is of others, the one before is absent"
    assert (await small.ask("alpha", "GET", f"/cases/{own}")).status_code == 200
    assert [one[2] for one in await told(small, "monitor")] == ["refusal"]
    attack("budgets: guesses of references", tried=len(guesses), succeeded=0)


async def test_statuses_are_asked_for_within_a_budget_and_not_at_all_after_a_row_of_misses(
    world: World, attack: Attack
) -> None:
    """Whoever watches over the country may ask for any reference: so a hit must not come after a thousand misses."""
    sent = await sent_by_alpha(world)
    small = stinted(world)
    found = [(await small.ask("coordinator", "GET", f"/referrals/{one}/status")) for one in [*sent, sent[0]]]
    assert [one.status_code for one in found] == [200, 200, 200, 429, 200], "the same again is not counted again"
    misses = [world.runtime.ids.reference("R") for _ in range(12)]
    asked = [await small.ask("focal", "GET", f"/referrals/{one}/status") for one in [*misses, sent[0]]]
    assert [one.status_code for one in asked] == [404] * 10 + [429] * 3, "the last would have been a hit"
    assert len({one.json()["budget"] for one in asked[10:]}) == 1
    attack("budgets: statuses beyond the budget, and after misses", tried=4, succeeded=0)


async def sent_by_alpha(world: World) -> list[str]:
    """Send four referrals of one case; return their references."""
    case = await opened(world)
    await world.post("alpha", f"/cases/{case}/steps/inform-of-rights/completion")
    await world.post("alpha", f"/cases/{case}/consents", CONSENT)
    body = {**REFERRAL, "recipient": "NGO-BETA"}
    return [(await world.post("alpha", f"/cases/{case}/referrals", body))["reference"] for _ in range(4)]


FORGED = (
    "DELETE FROM budget_uses",
    "UPDATE budget_uses SET counted_at = '2000-01-01'",
    "SELECT count(*) FROM budget_uses",
    "INSERT INTO budget_uses SELECT * FROM budget_uses",
    "TRUNCATE budget_uses",
)


async def test_no_sql_of_the_application_takes_a_use_back(
    world: World, admin: asyncpg.Connection, attack: Attack
) -> None:
    await looked(world, "alpha", await opened(world))
    ids = await admin.fetchrow("SELECT organisation_id, staff_id FROM budget_uses")
    connection = await asyncpg.connect(world.access.dsns[DatabaseRole.APPLICATION])
    try:
        await connection.execute(CONTEXT, str(ids[0]), str(ids[1]), "ngo_caseworker", "KG")
        for statement in FORGED:
            with pytest.raises(REFUSED):
                await connection.execute(statement)
    finally:
        await connection.close()
    attack("budgets: SQL of the application", tried=len(FORGED), succeeded=0)


async def test_the_worker_forgets_what_counts_no_more(world: World, admin: asyncpg.Connection) -> None:
    await looked(world, "alpha", await opened(world))
    await worker.forget_answers(world.runtime)
    kinds = await admin.fetch("SELECT kind FROM budget_uses ORDER BY kind")
    assert [row["kind"] for row in kinds] == [BudgetKind.OPENING, BudgetKind.SEARCH]
    await worker.forget_answers(world.later(timedelta(days=31)).runtime)
    assert await admin.fetchval("SELECT count(*) FROM budget_uses") == 0


async def test_who_records_person_after_person_is_not_stopped_and_those_who_watch_are_told_once(
    world: World, attack: Attack
) -> None:
    small = stinted(world, {BudgetKind.SEARCH: (4, 1000)})
    for number in range(8):
        body = {"entry_channel": "ngo", "compartments": {"identity": {"given_name": f"Guess{chr(97 + number)}bek"}}}
        await small.post("alpha", "/cases", body)
    alerts = [one for one in await told(world, "coordinator") if one[2] == BudgetKind.SEARCH]
    assert len(alerts) == 1
    attack("budgets: looking for somebody by recording many, unseen", tried=8, succeeded=1 - len(alerts))
