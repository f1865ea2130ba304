"""What a person sees who types `make demo`."""

import asyncio
import re

import asyncpg
import pytest

from api.demo.journeys.figures import AFTERWARDS, TITLE
from api.demo.stage import DATABASE
from tests.demo.rehearsal import Played, Rehearsal, rehearsal

MASKED = (
    (re.compile(r"\b[CR](-[0-9A-Z]{4}){4}\b"), "REFERENCE"),
    (re.compile(r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d\d \w{3} \d{4}(, \d\d:\d\d)?"), "DAY"),
)
STAGE = re.compile(r"^  ([a-z ]+?) {2,}(\d+) ")
RESULT = re.compile(r"^  (\S+) {2,}[A-Z].*? {2,}(no data|\d+(?: %)?) ")
FUNNEL = "How far the referrals got"


@pytest.fixture(scope="module")
def played() -> Rehearsal:
    return rehearsal()


@pytest.fixture(scope="module")
def told(played: Rehearsal) -> str:
    """The story on one line, so that a claim may run over a line's end."""
    return " ".join(played.second.output.split())


def test_both_runs_end_well(played: Rehearsal) -> None:
    for run in (played.first, played.second):
        assert (run.code, run.errors) == (0, ""), run.output[-2000:]


def test_a_second_run_tells_the_same_story(played: Rehearsal) -> None:
    assert masked(played.second) == masked(played.first)


def masked(run: Played) -> str:
    text = " ".join(run.output.split())
    for pattern, word in MASKED:
        text = pattern.sub(word, text)
    return text


def test_no_stage_of_the_funnel_is_empty(played: Rehearsal) -> None:
    assert played.second.output.count("\n  stage ") == 1
    stages = {match[1]: int(match[2]) for line in chapter(played, FUNNEL) if (match := STAGE.match(line))}
    assert list(stages) == [
        "contacts",
        "contacts about cases",
        "cases",
        "persons",
        "presumed or identified",
        "sent",
        "received",
        "accepted",
        "in service",
        "completed",
        "services begun",
        "services given",
    ]
    assert min(stages.values()) > 0


def test_the_story_ends_with_what_can_be_said_and_where_to_go_on(played: Rehearsal) -> None:
    headings = [line for line in played.second.output.splitlines() if line in {FUNNEL, TITLE, AFTERWARDS}]
    assert headings == [FUNNEL, TITLE, AFTERWARDS]
    last = played.second.output.splitlines()[-1]
    assert last.startswith("The API explains itself at http://127.0.0.1:8000/documentation")


def chapter(played: Rehearsal, heading: str) -> list[str]:
    """Return the lines below a heading, up to the next one."""
    return played.second.output.split(f"\n{heading}\n")[1].split("\n\n")[0].splitlines()


def test_results_tell_no_data_apart_from_0(played: Rehearsal) -> None:
    results = {found[1]: found[2] for line in chapter(played, TITLE) if (found := RESULT.match(line))}
    assert results == {"2.2": "1", "F4": "100 %", "F6": "0 %", "F16": "no data", "F13": "no data"}


def test_each_look_at_exact_figures_is_in_the_audit(played: Rehearsal) -> None:
    with played.server as server:
        looks = asyncio.run(looked(server.dsn(database=DATABASE)))
    assert looks == {
        ("caseworker-alpha", "caseload"): 1,
        ("coordinator", "dashboard"): 1,
        ("coordinator", "funnel"): 2,
        ("coordinator", "results"): 1,
        ("hotline-operator", "results"): 1,
    }


async def looked(dsn: str) -> dict[tuple[str, str], int]:
    """Return who read which exact figures, how often."""
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(
            "SELECT s.subject, e.details->>'figures' AS figures, count(*) FROM audit_entries e "
            "JOIN staff_members s ON s.id = e.actor_id WHERE e.action = 'figures.read' GROUP BY 1, 2"
        )
        return {(row["subject"], row["figures"]): row["count"] for row in rows}
    finally:
        await connection.close()


def test_the_page_is_plain_and_narrow(played: Rehearsal) -> None:
    assert "\033" not in played.second.output
    assert max(len(line) for line in played.second.output.splitlines()) <= 110


@pytest.mark.parametrize(
    "claim",
    [
        "4 contacts, 2 cases, 2 persons",
        "tries to hand the case over before she was asked NO The person has not agreed to this (consent-missing, 409)",
        "Police officer tries to open the case NO There is nothing here for you (not-found, 404)",
        "tries a reference that does not exist NO There is nothing here for you (not-found, 404)",
        "wants to see the package before it answers NO This is not possible in the present state (state-conflict, 409)",
        "support is open now: the NGO's identification is enough",
        "does not wish to co-operate with the police: of her",
        "not one changed",
        "closes the case: support completed",
        "opens the package again NO This is not possible in the present state (state-conflict, 409)",
        "consents on record: 0.",
        "rests on child best interest",
        "the case now stands at “anonymous notification”",
        "Referrals sent: 0. Shared about him: nothing",
        "the same as those of Aizada, a national, on her first day",
        "no place is free; its package is destroyed unread",
        "sent → received → declined",
        "M&E officer tries to open a case NO You may not do this (not-permitted, 403)",
        "reads the published releases: none.",
        "types a name into the wrong field: Aizada Synoochueva NO The request is not well-formed",
        "takes in the form of a man who did not agree",
        "The clock of the service was set two days ahead",
        "was not answered in time",
        "Focal point reads the list of overdue referrals",
        "wants to accept NO This is not possible in the present state (state-conflict, 409)",
        "support “receiving”",
        "tries the figures of the others NO You may not do this (not-permitted, 403)",
        "is told of the one indicator that hotlines own, their calls, and of no other",
        "tries the rate of acceptance NO There is nothing here for you (not-found, 404)",
        "M&E officer tries the results NO You may not do this (not-permitted, 403)",
        "Anybody reads what is published, without an account: there is nothing yet",
        "each of its 22 tables waits, and there is no figure in it",
        "few cases (22)",
        "Anybody reads what is published: still nothing, rather than something that points at a person",
    ],
)
def test_the_story_shows(told: str, claim: str) -> None:
    assert claim in told


def test_every_rule_says_that_it_is_assumed(told: str) -> None:
    reasons = re.findall(r"Government Decree No\. 493, annexed guideline \d \((\w+)\)", told)
    assert len(reasons) > 30
    assert set(reasons) == {"assumed"}


def test_everything_is_stopped_afterwards(played: Rehearsal) -> None:
    assert not played.server.running
