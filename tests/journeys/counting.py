"""Scenes of counting: who was registered in this period, and what the ledger holds once the period is closed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import asyncpg

from api import worker
from api.settings import DatabaseRole
from domain.codes import Population
from domain.duplicates.models import FINDINGS_KEPT
from domain.statistics.counting import Counted, counted_periods
from tests.attacks.test_honey import plant
from tests.journeys import alike
from tests.journeys.erasing import closed as closed_case
from tests.journeys.erasing import granted
from tests.journeys.scenes import (
    ADULT,
    CONSENT,
    VICTIM,
    carried,
    consented,
    identified,
    opened,
    referred,
    taken_over,
)
from tests.world import CATALOGUE, World

DECLARED = CATALOGUE.statistics("KG")
VICTIMS, MIGRANTS = str(Population.VICTIMS_OF_TRAFFICKING), str(Population.VULNERABLE_MIGRANTS)
REPORTING: dict[str, Any] = {**CONSENT, "purposes": ["support", "identification", "reporting"]}
DAY = timedelta(days=1)


def after_periods(world: World, number: int = 1) -> World:
    """Return the world on the first day on which so many periods, the present one the first, can be closed."""
    calendar, now = CATALOGUE.calendar("KG"), world.runtime.clock.present()
    name = DECLARED.period.of(calendar.day_of(now))
    for _ in range(number):
        name = DECLARED.period.next(name)
    return world.later(calendar.begins(DECLARED.period.first_day(name)) + DECLARED.lag + timedelta(hours=1) - now)


def well_into_the_period(world: World) -> World:
    """Return the world so late in its period that a warning of duplicates is still kept when the period is closed."""
    late = after_periods(world).later(-(FINDINGS_KEPT - 60 * DAY))
    return max(world, late, key=lambda one: one.runtime.clock.shift)


async def agreed(world: World, who: str = "alpha", **person: Any) -> tuple[str, str]:
    """Bring an adult who agrees to be counted to where they are identified; returns the case and the consent."""
    case = await opened(world, who, **person)
    consent = await consented(world, case, who, purposes=REPORTING["purposes"])
    await identified(world, case, who)
    return case, consent


async def closed(world: World) -> tuple[str, ...]:
    """Let the worker count every period that is due; returns their names."""
    return await worker.close_periods(world.runtime)


async def counted(world: World) -> Counted:
    """Return what the worker reads from the ledger."""
    async with world.runtime.database.sessions(DatabaseRole.WORKER)() as session:
        return await counted_periods(session, DECLARED)


async def totals(world: World, population: str = VICTIMS) -> list[int]:
    """Return how many were counted in each closed period."""
    return [one.everybody.total for one in (await counted(world)).counts[population]]


async def ledger(admin: asyncpg.Connection) -> Sequence[asyncpg.Record]:
    """Return every row of the ledger, with the reference of its case, past every policy."""
    found: Sequence[asyncpg.Record] = await admin.fetch(
        "SELECT k.*, c.reference FROM counted_cases k LEFT JOIN cases c ON c.id = k.case_id ORDER BY c.reference"
    )
    return found


@dataclass
class History:
    """A country in which two periods were closed.

    Attributes:
        cases: The references of its cases, by what happened in them.
        ledgers: The ledger after each closing.
        counts: What the worker read of it then.
        closed: Which periods were closed each time.
    """

    world: World
    cases: dict[str, str] = field(default_factory=dict)
    ledgers: list[Sequence[asyncpg.Record]] = field(default_factory=list)
    counts: list[Counted] = field(default_factory=list)
    closed: list[tuple[str, ...]] = field(default_factory=list)

    async def close(self, later: World, admin: asyncpg.Connection) -> None:
        """Close what is due on a later day, and remember what is counted then."""
        self.closed.append(await closed(later))
        self.ledgers.append(await ledger(admin))
        self.counts.append(await counted(later))

    def row(self, name: str, at: int = 0) -> asyncpg.Record | None:
        """Return the row of a case in the ledger, or None."""
        return next((row for row in self.ledgers[at] if row["reference"] == self.cases[name]), None)

    def period(self, name: str) -> str | None:
        """Return in which period a case is counted after both were closed; None: in neither."""
        row = self.row(name, 1)
        return None if row is None else str(row["period"])


async def attributes(world: World) -> dict[str, str]:
    """Open cases that differ in what is known of the person."""
    told = {}
    told["known"], _ = await agreed(world, channel="police", citizenships=["KZ"])
    both = {"types": ["ForcedBegging", "SexualExploitation"]}
    await world.post("alpha", f"/cases/{told['known']}/exploitation-episodes", both)
    unasked = {"sex": "not_asked", "age_band": "not_asked", "citizenships": ["declined_to_answer"]}
    told["unasked"], _ = await agreed(world, **unasked)
    told["disputed"], _ = await agreed(world, age_disputed=True, citizenships=["FR"])
    for kind in ("not_asked", "unknown"):
        await world.post("alpha", f"/cases/{told['disputed']}/exploitation-episodes", {"types": [kind]})
    told["own"], _ = await agreed(world, citizenships=["FR", "KG"])
    await world.post("alpha", f"/cases/{told['own']}/exploitation-episodes", {"types": ["OrganRemoval"]})
    return told


async def stages(world: World) -> dict[str, str]:
    """Open cases in which support has come to different stages."""
    acts = ("receipt", "acceptance", "service-start")
    told = {}
    for stage, done in (("referred", acts[:1]), ("accepted", acts[:2]), ("served", acts), ("completed", acts)):
        told[stage], _ = await agreed(world)
        reference = await referred(world, told[stage])
        await carried(world, reference, "north", *done)
        if stage == "completed":
            await world.act("north", reference, "completion", {"outcome": "partial"})
    for name, done in (("mistaken", ()), ("mistaken_service", acts)):
        told[name], _ = await agreed(world)
        reference = await referred(world, told[name])
        await carried(world, reference, "north", *done)
        await world.act("alpha", reference, "error-mark")
    return told


async def answers(world: World) -> dict[str, str]:
    """Open cases of persons who said different things about being counted."""
    told = {}
    for name in ("silent", "late"):
        told[name] = await opened(world)
        await consented(world, told[name])
        await identified(world, told[name])
    told["taken_back"], consent = await agreed(world)
    await world.post("alpha", f"/cases/{told['taken_back']}/consents/{consent}/withdrawal")
    told["refusing"], _ = await agreed(world)
    refused = {**REPORTING, "decision": "refused", "purposes": ["reporting"]}
    await world.post("alpha", f"/cases/{told['refusing']}/consents", refused)
    told["narrowing"], consent = await agreed(world)
    await world.post("alpha", f"/cases/{told['narrowing']}/consents/{consent}/versions", CONSENT)
    for name, days, when in (("expired", 30, world), ("short", 1, world.later(timedelta(hours=25)))):
        told[name] = await opened(world)
        await consented(world, told[name], purposes=REPORTING["purposes"], valid_days=days)
        await identified(when, told[name])
    return told


async def decisions(world: World) -> dict[str, str]:
    """Open cases of persons who were found to be victims, or not, or of whom that was never the question."""
    no, maybe = "NotAVictimOfTrafficking", "PossibleVictimOfTrafficking"
    told = {}
    for name, outcomes in (("overturned", (maybe, no)), ("no_victim", (no,)), ("presumed", (maybe, "Suspended"))):
        told[name] = await opened(world)
        await consented(world, told[name], purposes=REPORTING["purposes"])
        await world.post("alpha", f"/cases/{told[name]}/screenings", {"hits": {}, "result": "indicated"})
        for outcome in outcomes:
            await world.post("alpha", f"/cases/{told[name]}/decisions", {**VICTIM, "outcome": outcome})
    body = {"entry_channel": "ngo", "victim_type": "vulnerable_migrant", "person": ADULT, "compartments": {}}
    told["migrant"] = (await world.post("alpha", "/cases", body))["reference"]
    await consented(world, told["migrant"], purposes=REPORTING["purposes"])
    return told


async def called(world: World) -> str:
    """Let the hotline hear of somebody, an NGO take over, and a shelter decline."""
    case = {"entry_channel": "hotline", "person": ADULT, "compartments": {}}
    call = {"channel": "call", "language": "ky", "topic": "possible_trafficking", "cases": [case]}
    reference: str = (await world.post("hotline", "/contacts", call))["cases"][0]
    await consented(world, reference, "hotline", purposes=REPORTING["purposes"])
    await taken_over(world, reference)
    await identified(world, reference)
    asked = await referred(world, reference, "SHELTER-SOUTH")
    await carried(world, asked, "south", "receipt")
    await world.act("south", asked, "decline", {"reason": "no_capacity", "declined_by": "provider"})
    return reference


async def nobody(world: World) -> dict[str, str]:
    """Open a honey case, a case that was a mistake, and one that is erased before it is counted."""
    told = {"honey": await plant(world)}
    await consented(world, told["honey"], purposes=REPORTING["purposes"])
    await identified(world, told["honey"])
    told["mistake"], _ = await agreed(world)
    await closed_case(world, told["mistake"], "entered_in_error")
    told["erased"], _ = await agreed(world)
    await granted(world, told["erased"], "erasure")
    await world.work_off()
    return told


async def two_periods(world: World, admin: asyncpg.Connection) -> History:
    """Let a country live through two periods."""
    told = History(world)
    told.cases["second_file"], told.cases["first_file"] = await alike.twice(world, consent=True)
    await consented(world, told.cases["first_file"], "beta", purposes=REPORTING["purposes"])
    await identified(world, told.cases["first_file"], "beta")
    for scene in (attributes, stages, answers, decisions, nobody):
        told.cases |= await scene(world)
    told.cases["called"] = await called(world)
    told.cases["restricted"], _ = await agreed(world)
    await granted(world, told.cases["restricted"], "restriction")
    told.cases["withdrawing"], consent = await agreed(world)
    later = after_periods(world)
    within = later.later(-5 * DAY)
    assert await closed(within) == ()
    told.cases["within_the_lag"], _ = await agreed(within)
    await told.close(later, admin)
    await later.post("alpha", f"/cases/{told.cases['withdrawing']}/consents/{consent}/withdrawal")
    await consented(later, told.cases["withdrawing"], purposes=REPORTING["purposes"])
    await consented(later, told.cases["late"], purposes=["reporting"])
    await later.post("alpha", f"/cases/{told.cases['restricted']}/restriction/end")
    await alike.said(later, "alpha")
    for who in ("alpha", "beta"):
        await alike.merge(later, who)
    await consented(later, told.cases["second_file"], purposes=REPORTING["purposes"])
    await identified(later, told.cases["second_file"])
    await told.close(after_periods(world, 2), admin)
    return told
