"""A hundred at once is what one is: the same rules and audit, and no case opens because of its neighbour."""

import asyncpg
from sqlmodel import select

from api.exchange.rows import LONGEST_VALUE
from api.exchange.standard import ROW_ID, WITHHELD
from api.exchange.taking_rows_in import AT_ONCE, Refused, parts, take_rows_in
from api.imports.taking_in import TakenIn
from auth.authentication import enter
from domain.cases.commands import KIND
from domain.codes import Compartment
from domain.persons.models import Person
from domain.sealing.envelope import MAX_PLAINTEXT
from domain.sealing.vault import Place
from tests.exchange.test_exchange import ROW, SECRETS, acting, given, taken
from tests.journeys.scenes import consented, opened, taken_over
from tests.world import World

BUT_NARRATIVE = ["identity", "contact", "location"]


def numbered(count: int) -> list[dict[str, str]]:
    return [ROW | {ROW_ID: f"row-{number}"} for number in range(count)]


def test_rows_are_cut_by_number_and_before_an_id_that_comes_again() -> None:
    assert [len(part) for part in parts(numbered(2 * AT_ONCE + 1), ROW_ID)] == [AT_ONCE, AT_ONCE, 1]
    assert [len(part) for part in parts([*numbered(3), *numbered(2)], ROW_ID)] == [3, 2]
    assert list(parts([], ROW_ID)) == []


async def test_what_was_not_handed_over_stays_shut_in_an_export_beside_open_cases(world: World) -> None:
    case = await opened(world, "hotline", "hotline")
    await consented(world, case, "hotline", compartments=BUT_NARRATIVE)
    await taken_over(world, case, compartments=BUT_NARRATIVE)
    own = (await taken(world, ROW)).reference
    rows = {row.values[ROW_ID]: row.values for row in await given(world)}
    assert rows.keys() == {case, own}
    assert rows[own]["hte_Description"] == SECRETS["hte_Description"]
    assert rows[case]["hte_Description"] == WITHHELD
    assert rows[case]["prs_FirstName"] not in {WITHHELD, ""}
    assert rows[case]["cas_ReferringOrganisation"] == "HOTLINE"


async def test_a_row_that_is_refused_stands_alone_among_a_hundred(world: World, admin: asyncpg.Connection) -> None:
    rows = numbered(AT_ONCE)
    texts = [f"spl_{name}" for name in ("Objectives", "ActionPlan")] + ["cco_CaseComment", "cas_ReasonForCaseClosure"]
    too_long = dict.fromkeys(texts, "ө" * LONGEST_VALUE)
    assert len(too_long) * LONGEST_VALUE * 2 > MAX_PLAINTEXT
    rows[37] |= too_long
    found = await take_rows_in(rows, acting(world, "alpha"), world.runtime)
    assert [number for number, one in enumerate(found) if isinstance(one, Refused)] == [37]
    assert found[37] == Refused("invalid-input")
    references = {one.reference for one in found if isinstance(one, TakenIn)}
    assert len(references) == AT_ONCE - 1
    assert await admin.fetchval("SELECT count(*) FROM cases") == AT_ONCE - 1
    again = await take_rows_in(rows, acting(world, "alpha"), world.runtime)
    assert {one.reference for one in again if isinstance(one, TakenIn) and not one.is_new} == references


async def test_a_case_of_many_has_the_audit_and_the_deadlines_of_a_case_alone(
    world: World, admin: asyncpg.Connection
) -> None:
    entries = (
        "SELECT array_agg(action || ' ' || rule ORDER BY sequence) AS actions FROM audit_entries "
        "WHERE stream_id = (SELECT id FROM cases WHERE reference = $1)"
    )
    running = (
        "SELECT array_agg(rule || ' ' || kind ORDER BY rule) FROM deadlines "
        "WHERE settled_at IS NULL AND case_id = (SELECT id FROM cases WHERE reference = $1)"
    )
    alone = (await taken(world, ROW | {ROW_ID: "alone"})).reference
    many = await take_rows_in(numbered(20), acting(world, "alpha"), world.runtime)
    wanted = await admin.fetchval(entries, alone)
    assert wanted[0].startswith("case.opened")
    assert any(one.startswith("consent.recorded") for one in wanted)
    for one in many:
        assert isinstance(one, TakenIn)
        assert await admin.fetchval(entries, one.reference) == wanted
        assert await admin.fetchval(running, one.reference) == await admin.fetchval(running, alone)


async def test_each_place_opens_under_its_own_compartments_and_no_others(world: World) -> None:
    for number in range(2):
        await taken(world, ROW | {ROW_ID: f"place-{number}"})
    async with world.runtime.database.sessions()() as session:
        actor = await enter(session, acting(world, "alpha"), world.runtime.clock)
        work = world.runtime.work(session, actor.now)
        persons = (await session.execute(select(Person))).scalars().all()
        one, other = (Place(person.case_id, person.id, KIND) for person in persons)
        wanted = {one: {Compartment.IDENTITY}, other: {Compartment.IDENTITY, Compartment.NARRATIVE}}
        found = await work.vault.take_each(wanted)
    assert {place: set(opened) for place, opened in found.items()} == wanted
