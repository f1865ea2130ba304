"""What can be told of all that happened: exact figures to few, and to the public nothing while it is too little."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from api.cli.acting import claims_for
from api.demo.play import CASEWORKER, COORDINATOR, MONITOR, OPERATOR, Json, Play, Unexpected, spoken
from api.runtime import published
from api.statistics.publishing import Publisher
from domain.errors import DomainError
from domain.statistics.models import ReleaseCandidate
from domain.statistics.preparing import NothingToPublish
from domain.statistics.reading import windows_of

TITLE = "What can be said of all this, and what cannot"
AFTERWARDS = "When the half-year is over"
INTRODUCTION = (
    "A small number can name a person. So exact figures are for the screens of those whose work they are, and each "
    "look is in the audit before it is answered: who, when, which figures, and none of them."
)
AFTERWARDS_INTRODUCTION = (
    "The clock of the service was set to the end of the half-year and a month on, so that late papers could come in. "
    "Now the worker counts, once and for ever, whoever agreed to be counted."
)
COUNTRY: Final = "KG"
AFTER: Final = timedelta(hours=1)
"""How long after the first moment at which it may be the half-year is counted here."""

DASHBOARD: Final = ("sent", "accepted", "completed", "declined", "expired")
TOLD: Final = ("kg-outcome-2-2", "acceptance-rate", "expiry-rate", "unmet-need", "recovery-period")
RESULTS: Final = [1, 100, 0, "no_data", "no_data"]
"""Of these indicators the story knows two numbers, a 0, that nobody asked, and that nobody can know."""


def began(play: Play, case: str) -> datetime:
    """Return when the story began, as its first case tells."""
    return datetime.fromisoformat(play.get(CASEWORKER, f"/cases/{case}")["opened_at"])


def exact(play: Play, since: datetime, days: timedelta) -> None:
    """Let everybody read the exact figures that are theirs, and try others.

    Args:
        play: The day.
        since: When the story began.
        days: How many have gone by.
    """
    first = since.astimezone(play.zone).date()
    period = f"{first}..{first + days}"
    play.page.text(INTRODUCTION)
    _caseload(play)
    _dashboard(play)
    _results(play, period)
    _not_theirs(play, period)
    _public(play, "reads what is published, without an account: there is nothing yet")


def _caseload(play: Play) -> None:
    found: Json = play.get(CASEWORKER, "/caseload")
    shown = play.get(CASEWORKER, "/cases")["items"]
    play.expect("the caseload counts what the list shows", sum(one["count"] for one in found["cases"]), len(shown))
    led = [f"{one['count']} {spoken(one['case_work'])}" for one in found["cases"] if one["relation"] == "owner"]
    sent = [f"{one['count']} {spoken(one['status'])}" for one in found["referrals"] if one["direction"] == "sent"]
    play.did(
        CASEWORKER,
        f"counts the caseload of the NGO: cases led: {', '.join(led)}; referrals sent: {', '.join(sent)}",
        ("why", "everybody may count what their own lists show"),
    )
    play.refused(
        CASEWORKER,
        "tries the figures of the others",
        "GET",
        "/dashboard",
        code="not-permitted",
        because="what the whole mechanism does is for the coordinator alone",
    )


def _dashboard(play: Play) -> None:
    counts = {
        (one["organisation"], one["figure"].removeprefix("referrals_")): one["count"]
        for one in play.get(COORDINATOR, "/dashboard")["lines"]
        if one["organisation"] is not None and one["unit"] == "referrals"
    }
    play.did(COORDINATOR, "looks where referrals get stuck, by the organisation to which they were sent:")
    play.page.table(
        ("referrals to", *DASHBOARD),
        [
            (name, *(str(counts.get((name, figure), "-")) for figure in DASHBOARD))
            for name in sorted({organisation for organisation, _ in counts})
        ],
    )
    play.expect("whose referral expired", counts.get(("SHELTER-SOUTH", "expired")), 1)


def _results(play: Play, period: str) -> None:
    found: list[Json] = play.get(COORDINATOR, f"/indicators/{period}")["items"]
    told = {one["indicator"]: one for one in found}
    rows = [told[key] for key in TOLD]
    play.did(COORDINATOR, f"reads the results of {len(found)} indicators for the days of this story; some of them:")
    play.page.table(
        ("no.", "indicator", "result", "of", "left out"),
        [(one["code"], one["name"], _value(one), str(one["of"] or ""), str(one["excluded"])) for one in rows],
    )
    play.expect("results", [one["value"] for one in rows], RESULTS)
    play.expect("how often nobody was left out", [one["excluded"] for one in rows[:3]].count(0), 0)
    play.page.text(
        "“Left out” is of people who did not agree to be counted: Aizada did, Marat was not asked, so his referral "
        "that expired is in no rate. 0 is said only where there was something to count. No data is not 0: no provider "
        "was asked for its capacity in these days. "
        f"And of {rows[-1]['code']} there are never any: “{rows[-1]['comment']}”."
    )


def _value(result: Json) -> str:
    if result["value"] == "no_data":
        return "no data"
    return f"{result['value']:g}{' %' if result['how'] == 'share' else ''}"


def _not_theirs(play: Play, period: str) -> None:
    own = [one["indicator"] for one in play.get(OPERATOR, f"/indicators/{period}")["items"]]
    play.expect("what a hotline is told of", own, ["hotline-calls"])
    play.did(OPERATOR, "is told of the one indicator that hotlines own, their calls, and of no other")
    play.refused(
        OPERATOR,
        "tries the rate of acceptance",
        "GET",
        f"/indicators/{period}/acceptance-rate",
        code="not-found",
        because="an indicator that is not theirs does not exist for them",
    )
    play.refused(
        MONITOR,
        "tries the results",
        "GET",
        f"/indicators/{period}",
        code="not-permitted",
        because="M&E prepares what is published, and reads that",
    )


def _public(play: Play, what: str) -> None:
    answer = play.client.get("/v1/statistics/releases")
    play.expect("whether anybody may read releases", answer.status_code, 200)
    play.expect("releases", answer.json()["items"], [])
    play.page.did("Anybody", what)


def half_year(since: datetime) -> str:
    """Return the name of the period of statistics in which the story began."""
    return published().statistics(COUNTRY).period.of(published().calendar(COUNTRY).day_of(since))


def over(since: datetime) -> timedelta:
    """Return how long after its beginning the half-year of the story can be counted."""
    declared = published().statistics(COUNTRY)
    following = declared.period.first_day(declared.period.next(half_year(since)))
    return published().calendar(COUNTRY).begins(following) + declared.lag + AFTER - since


def released(play: Play, since: datetime, make_publisher: Callable[[], Publisher]) -> None:
    """Let M&E prepare a release of so few cases, as `nrm statistics prepare` does: every table waits."""
    play.page.text(AFTERWARDS_INTRODUCTION)
    prepared: list[ReleaseCandidate] = []

    def counted() -> bool:
        prepared.extend(asyncio.run(_prepared(make_publisher())))
        return bool(prepared)

    play.wait_until("the worker counts the half-year", counted)
    document, report = json.loads(prepared[0].document), json.loads(prepared[0].report)
    declared = published().statistics(COUNTRY)
    tables = sum(len(population.tables) for population in declared.populations.values())
    waiting = [why for population in report["waiting"].values() for why in population.values()]
    play.expect("periods that were counted", document["periods"], [half_year(since)])
    play.expect("tables that wait for want of cases", [("few_cases" in why) for why in waiting], [True] * tables)
    windows = windows_of(document, declared.populations)
    play.expect("what would be published", [one for several in windows.values() for one in several], [])
    reasons = Counter(reason for why in waiting for reason in why)
    play.did(
        MONITOR,
        f"prepares the release of {half_year(since)} (`nrm statistics prepare`): each of its {tables} tables waits, "
        "and there is no figure in it",
        ("why", ", ".join(f"{spoken(reason)} ({number})" for reason, number in sorted(reasons.items()))),
        ("rule", f"{declared.rules.window} new cases in a table, {declared.rules.minimum} in each of its groups"),
        ("then", "whoever was counted waits in the ledger for those who come after"),
    )
    shown: Json = play.get(COORDINATOR, f"/statistics/candidates/{prepared[0].id}")
    play.expect("how the candidate stands", (shown["status"], shown["approved_by"]), ("waiting", []))
    play.did(
        COORDINATOR, "reads it with the gate's report; even so it goes nowhere before two other organisations sign"
    )
    _public(play, "reads what is published: still nothing, rather than something that points at a person")


async def _prepared(publisher: Publisher) -> list[ReleaseCandidate]:
    claims = claims_for(MONITOR.subject, MONITOR.organisation, MONITOR.role, publisher.runtime)
    try:
        return [await publisher.prepare(claims)]
    except NothingToPublish:
        return []
    except DomainError as refused:
        raise Unexpected(f"a release: expected to be prepared, got {refused.code}") from refused
    finally:
        await publisher.runtime.database.close()
