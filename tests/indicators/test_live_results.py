"""What the running mechanism is told to have reached: counted from real requests; consent, walls, merges are kept."""

from typing import Any

import asyncpg

from api.cli.acting import claims_for
from api.cli.indicators import Report, report
from tests.attacks.test_honey import plant
from tests.journeys import scenes
from tests.journeys.alike import CONSENT as AGREED
from tests.journeys.alike import merge, said, twice
from tests.journeys.test_capacity import answered, asked
from tests.world import STAFF, World

REPORTING = [*scenes.CONSENT["purposes"], "reporting"]
SEVEN = [
    "interview",
    "purpose",
    "use",
    "research_use",
    "right_to_request_data",
    "storage_duration",
    "how_to_withdraw",
]


def year(world: World) -> str:
    return world.day()[:4]


async def result(world: World, key: str, who: str = "coordinator") -> dict[str, Any]:
    found: dict[str, Any] = await world.get(who, f"/indicators/{year(world)}/{key}")
    return found


async def value(world: World, key: str) -> Any:
    return (await result(world, key))["value"]


async def helped(world: World, *, reporting: bool = True, informed: list[str] | None = None) -> str:
    """Bring an adult to a shelter that takes them in; returns the case."""
    case = await scenes.opened(world)
    purposes = REPORTING if reporting else scenes.CONSENT["purposes"]
    await scenes.consented(world, case, purposes=purposes, informed_of=informed or ["purpose"])
    await scenes.identified(world, case)
    reference = await scenes.referred(world, case)
    await scenes.carried(world, reference, "north", "receipt", "acceptance", "service-start")
    await world.act("north", reference, "completion", {"outcome": "full"})
    return case


async def test_one_person_goes_through_the_whole_funnel(world: World) -> None:
    empty = {
        one["indicator"]: one["value"]
        for one in (await world.get("coordinator", f"/indicators/{year(world)}"))["items"]
    }
    assert {empty[key] for key in empty} == {"no_data"}, "before anything happened there are no data, and no 0"
    case = await helped(world, informed=SEVEN)
    await world.post("alpha", f"/cases/{case}/cooperation", {"willing": "no"})
    question = await asked(world, case)
    await answered(world, question, "no_capacity")
    shares = (
        "referral-rate",
        "assisted-rate",
        "acceptance-rate",
        "closed-loop-rate",
        "answered-in-time",
        "consents-informed",
        "unmet-need",
        "completion-rate",
    )
    assert [await value(world, key) for key in shares] == [100.0] * len(shares)
    assert [await value(world, key) for key in ("decline-rate", "expiry-rate")] == [0.0, 0.0]
    assert [await value(world, key) for key in ("kg-outcome-2-2", "dar-2-4")] == [1, 1]
    for key in ("hours-to-receipt", "hours-to-acceptance", "hours-to-start"):
        assert 0 <= await value(world, key) < 1
    by_cooperation = (await result(world, "assisted-by-cooperation"))["parts"]
    assert [(one["code"], one["value"], one["of"]) for one in by_cooperation] == [("no", 100.0, 1)]
    outcome = await result(world, "kg-outcome-2-2")
    assert (outcome["target"], outcome["percent"], outcome["status"]) == (10, 10.0, "behind")
    unknown = await result(world, "unknown-share")
    assert unknown["value"] == 50.0, "four of eight fields were recorded"
    assert {one["code"]: one["value"] for one in unknown["parts"]}["sex"] == 0.0


async def test_what_the_records_cannot_give_says_why_and_gives_no_number(world: World) -> None:
    await helped(world)
    for key in ("recovery-period", "minority-share", "disability-share"):
        found = await result(world, key)
        assert (found["value"], found["status"], found["origin"]) == ("no_data", "not_available", "nowhere")
    assert "provides for a recovery period" in (await result(world, "recovery-period"))["comment"]


async def test_whoever_did_not_agree_to_be_counted_is_excluded_and_only_that_is_told(world: World) -> None:
    await helped(world, reporting=False)
    found = await result(world, "dar-2-4")
    assert (found["value"], found["excluded"]) == (0, 1)
    assert all(one["value"] == 0 for one in found["parts"])
    await helped(world)
    found = await result(world, "dar-2-4")
    assert (found["value"], found["excluded"]) == (1, 1)
    assert (await result(world, "acceptance-rate"))["excluded"] == 1


async def test_whoever_takes_the_consent_back_is_counted_no_more(world: World) -> None:
    case = await scenes.opened(world)
    consent = await scenes.consented(world, case, purposes=REPORTING)
    await scenes.identified(world, case)
    await scenes.referred(world, case)
    assert await value(world, "dar-2-4") == 1
    await world.post("alpha", f"/cases/{case}/consents/{consent}/withdrawal")
    found = await result(world, "dar-2-4")
    assert (found["value"], found["excluded"]) == (0, 1)
    assert (await result(world, "withdrawals-honoured"))["excluded"] == 1


async def test_a_person_with_two_merged_cases_counts_once(world: World) -> None:
    await twice(world, consent=True)
    for who in ("alpha", "beta"):
        (case,) = [one["reference"] for one in (await world.get(who, "/cases"))["items"]]
        await world.post(who, f"/cases/{case}/consents", {**AGREED, "purposes": REPORTING})
        await world.post(who, f"/cases/{case}/screenings", {"hits": {}, "result": "indicated"})
        await world.post(who, f"/cases/{case}/decisions", scenes.VICTIM)
    assert (await result(world, "referral-rate"))["of"] == 2
    await said(world, "alpha")
    await merge(world, "alpha")
    await merge(world, "beta")
    assert (await result(world, "referral-rate"))["of"] == 1


async def test_vulnerable_migrants_are_counted_apart_and_honey_cases_nowhere(
    world: World, admin: asyncpg.Connection
) -> None:
    case = await helped(world)
    await plant(world)
    before = await world.get("coordinator", f"/indicators/{year(world)}")
    await admin.execute("INSERT INTO honey_cases SELECT id, now() FROM cases WHERE reference = $1", case)
    assert await value(world, "dar-2-4") == "no_data", "a honey case was never there"
    await admin.execute("DELETE FROM honey_cases WHERE case_id = (SELECT id FROM cases WHERE reference = $1)", case)
    after = await world.get("coordinator", f"/indicators/{year(world)}")
    assert [one["sha256"] for one in after["items"]] == [one["sha256"] for one in before["items"]]
    await admin.execute("UPDATE cases SET victim_type = 'vulnerable_migrant' WHERE reference = $1", case)
    found = await result(world, "dar-2-4")
    assert found["value"] != 1, "a vulnerable migrant is no victim of trafficking"
    assert (await result(world, "acceptance-rate"))["of"] in (None, 0)


async def test_awards_and_costs_are_counted_as_they_were_decided(world: World) -> None:
    case = await helped(world)
    episode = (await world.get("alpha", f"/cases/{case}/service-episodes"))[0]["id"]
    cost = {"amount": 15_000, "currency": "KGS", "funding_source": "state"}
    await world.post("north", f"/service-episodes/{episode}/costs", cost)
    assert await value(world, "cost-per-episode") == 150.0
    await world.post("north", f"/service-episodes/{episode}/costs", {**cost, "currency": "USD"})
    found = await result(world, "cost-per-episode")
    assert found["value"] == "no_data", "amounts of two currencies are not added"
    assert {one["code"]: one["value"] for one in found["parts"]} == {"KGS": 150.0, "USD": 150.0}
    wanted = {"service": "medical", "amount": 100, "currency": "KGS", "ground": "state_declined"}
    award = await world.post("alpha", f"/cases/{case}/awards", {**wanted, "decided_by": "COORDINATION"})
    assert await value(world, "dar-awards") == "no_data", "asked for is not granted"
    await world.post("coordinator", f"/awards/{award['id']}/decision", {"amount": 100}, version=1)
    assert [await value(world, key) for key in ("dar-awards", "dar-2-1")] == [1, 1]
    share = await result(world, "female-share")
    assert (share["value"], share["target"], share["status"]) == (100.0, 50, "achieved")


async def test_an_organisation_is_told_of_the_indicators_that_it_owns_and_of_no_other(world: World) -> None:
    call = {"channel": "call", "language": "ky", "topic": "employment_abroad"}
    await world.post("hotline", "/contacts", call)
    own = (await world.get("hotline", f"/indicators/{year(world)}"))["items"]
    assert [(one["indicator"], one["value"]) for one in own] == [("hotline-calls", 1)]
    assert await value(world, "hotline-calls") == 1
    answers = [await world.ask("hotline", "GET", f"/indicators/{year(world)}/{key}") for key in ("dar-2-4", "dar-9-9")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert {answer.json()["code"] for answer in answers} == {"not-found"}
    decided = (await world.get("migration", "/indicators"))["items"]
    assert [one["indicator"] for one in decided] == ["decisions-in-time"]
    for who in ("alpha", "north", "focal", "monitor"):
        await world.get(who, f"/indicators/{year(world)}", expect=403)


async def test_a_period_that_is_none_is_refused(world: World) -> None:
    for name in ("2026-Q5", "2026-H0", "1700", "dar-later", "2026-02-30..2026-03-01", "2026-03-01..2026-02-01"):
        refused = await world.ask("coordinator", "GET", f"/indicators/{name}")
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid-input"), name


async def test_a_page_of_results_is_of_the_day_that_it_is_in_the_country(world: World) -> None:
    night = world.night()
    wanted = Report(("2016",), form="html", indicators=frozenset({"dar-1-1"}))
    content, _ = await report(wanted, claims_for(*STAFF["coordinator"], night.runtime), night.runtime)
    assert night.day() in content.decode()
