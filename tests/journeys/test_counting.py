"""Who is counted, as what, and in which period: over HTTP, until the worker closes the period."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
from sqlmodel import col, select

from api.settings import DatabaseRole
from domain.organisations.models import Organisation
from tests.conftest import Databases
from tests.journeys import alike
from tests.journeys.counting import (
    DECLARED,
    MIGRANTS,
    REPORTING,
    VICTIMS,
    History,
    after_periods,
    agreed,
    closed,
    counted,
    ledger,
    two_periods,
    well_into_the_period,
)
from tests.journeys.erasing import granted
from tests.journeys.scenes import consented, identified
from tests.world import CATALOGUE, World, new_world

KNOWN = ("sex", "age", "exploitation", "entry_channel", "citizenship", "stage")


@pytest.fixture(scope="module")
async def history(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[History]:
    """Live through two periods once; the tests only look."""
    access = await databases.new()
    async with new_world(access, tmp_path_factory.mktemp("counting")) as world:
        admin = await asyncpg.connect(databases.server.dsn(database=access.database))
        try:
            yield await two_periods(well_into_the_period(world), admin)
        finally:
            await admin.close()


def values(history: History, name: str) -> list[str]:
    row = history.row(name)
    assert row is not None, name
    return [row[one] for one in KNOWN]


async def codes(history: History, name: str) -> list[str]:
    row = history.row(name)
    assert row is not None
    async with history.world.runtime.database.sessions(DatabaseRole.WORKER)() as session:
        found = await session.execute(
            select(col(Organisation.code)).where(col(Organisation.id).in_(row["organisations"]))
        )
        return sorted(found.scalars())


def test_a_case_is_counted_in_the_codes_of_the_declaration(history: History) -> None:
    assert values(history, "known") == ["female", "24--26", "combined", "police", "neighbouring", "not_referred"]
    assert values(history, "own")[2:5] == ["other_form", "ngo", "own"]
    assert values(history, "disputed")[4] == "other_country"


def test_the_kinds_of_not_knowing_stay_apart(history: History) -> None:
    assert values(history, "unasked")[:3] == ["not_asked", "not_asked", "not_asked"]
    assert values(history, "unasked")[4] == "declined_to_answer"
    assert values(history, "disputed")[:3] == ["female", "unknown", "unknown"]


def test_how_far_support_has_come_follows_referrals_and_services(history: History) -> None:
    names = ("referred", "accepted", "served", "completed")
    assert [values(history, name)[5] for name in names] == list(names)
    mistakes = ("mistaken", "mistaken_service")
    assert {values(history, name)[5] for name in mistakes} == {"not_referred"}
    given = {name for name in (*names, *mistakes) if history.row(name)["services"] == ["shelter"]}  # type: ignore[index]
    assert given == {"served", "completed"}


def test_nobody_is_counted_who_did_not_agree_or_took_it_back(history: History) -> None:
    for name in ("silent", "taken_back", "refusing", "narrowing", "short"):
        assert history.period(name) is None, name


def test_a_consent_counts_that_stood_when_the_person_was_registered(history: History) -> None:
    assert history.period("expired") == history.closed[0][0]


def test_taking_back_after_the_period_was_closed_changes_no_count_and_counts_for_no_other(history: History) -> None:
    assert history.row("withdrawing", 0) == history.row("withdrawing", 1) is not None


def test_who_agrees_late_is_counted_in_the_period_in_which_that_happens(history: History) -> None:
    assert history.row("late") is None
    assert history.period("late") == history.closed[1][0]


def test_what_is_registered_within_the_lag_is_of_the_next_period(history: History) -> None:
    assert history.row("within_the_lag") is None
    assert history.period("within_the_lag") == history.closed[1][0]


def test_one_body_s_yes_is_enough_and_a_last_no_is_a_no(history: History) -> None:
    assert history.period("presumed") == history.closed[0][0]
    assert history.period("overturned") is history.period("no_victim") is None


def test_vulnerable_migrants_are_counted_apart_and_nobody_in_both(history: History) -> None:
    rows = [row["population"] for row in history.ledgers[1] if row["reference"] == history.cases["migrant"]]
    assert rows == [MIGRANTS]
    migrants = [one.everybody.total for one in history.counts[1].counts[MIGRANTS]]
    victims = [one.everybody.total for one in history.counts[1].counts[VICTIMS]]
    assert migrants == [1, 0]
    assert sum(victims) + sum(migrants) == len(history.ledgers[1])


def test_honey_cases_mistakes_and_erased_cases_are_nobody(history: History) -> None:
    for name in ("honey", "mistake", "erased"):
        assert history.period(name) is None, name


def test_who_wants_nothing_more_passed_on_is_not_counted_until_they_lift_that(history: History) -> None:
    assert history.row("restricted") is None
    assert history.period("restricted") == history.closed[1][0]


def test_a_person_is_not_counted_again_through_a_case_that_was_merged_later(history: History) -> None:
    assert history.period("first_file") == history.closed[0][0]
    assert history.period("second_file") is None


async def test_the_organisations_that_heard_of_a_case_are_counted_with_it(history: History) -> None:
    assert await codes(history, "called") == ["HOTLINE", "NGO-ALPHA", "SHELTER-SOUTH"]
    assert await codes(history, "served") == ["NGO-ALPHA", "SHELTER-NORTH"]
    count = history.counts[0].counts[VICTIMS][0]
    assert count.organisations["HOTLINE"].total == 1
    assert count.organisations["SHELTER-SOUTH"].tables["sex"] == {("female",): 1}


def test_periods_are_closed_in_their_order_and_never_changed(history: History) -> None:
    now = history.world.runtime.clock.present()
    first = DECLARED.period.of(CATALOGUE.calendar("KG").day_of(now))
    assert history.closed == [(first,), (DECLARED.period.next(first),)]
    assert history.counts[0].periods == (first,)
    for name in (VICTIMS, MIGRANTS):
        assert history.counts[1].counts[name][0] == history.counts[0].counts[name][0]
    assert {row["period"] for row in history.ledgers[0]} == {first}


async def test_two_calls_about_one_person_are_one_once_they_are_merged(world: World, admin: asyncpg.Connection) -> None:
    survivor, merged = await alike.merged(world)
    await consented(world, survivor, purposes=REPORTING["purposes"])
    await identified(world, survivor)
    await closed(after_periods(world))
    rows = await ledger(admin)
    assert [row["reference"] for row in rows] == [survivor]
    assert survivor != merged
    led = await admin.fetch(
        "SELECT code FROM organisations WHERE id = ANY ($1) ORDER BY code", rows[0]["organisations"]
    )
    assert [row["code"] for row in led] == ["NGO-ALPHA", "NGO-BETA"]


async def test_an_erasure_changes_no_count_and_the_ledger_points_to_nobody_any_more(
    world: World, admin: asyncpg.Connection
) -> None:
    case, _ = await agreed(world)
    later = after_periods(world)
    await closed(later)
    before = await counted(later)
    (row,) = await ledger(admin)
    assert row["reference"] == case
    await granted(later, case, "erasure")
    await later.work_off()
    (row,) = await ledger(admin)
    assert (row["case_id"], row["sex"]) == (None, "female")
    assert await counted(later) == before
    again = after_periods(world, 2)
    await closed(again)
    after = (await counted(again)).counts[VICTIMS]
    assert [after[0], after[1].everybody.total] == [before.counts[VICTIMS][0], 0]


async def test_a_worker_that_was_away_counts_all_periods_that_were_missed_and_none_twice(
    world: World, admin: asyncpg.Connection
) -> None:
    assert await closed(after_periods(world, 2)) == ()
    assert (await counted(world)).periods == ()
    await agreed(world)
    later = after_periods(world, 3)
    names = await closed(later)
    assert (len(names), names) == (3, tuple(DECLARED.period.after(names[0], names[-1])))
    before = await ledger(admin)
    assert await closed(later) == ()
    assert await ledger(admin) == before
    found = await counted(later)
    assert (found.periods, [one.everybody.total for one in found.counts[VICTIMS]]) == (names, [1, 0, 0])
    told = await admin.fetch("SELECT details FROM audit_entries WHERE action = 'statistics.counted' ORDER BY sequence")
    assert [name in str(row["details"]) for name, row in zip(names, told, strict=True)] == [True] * 3
