"""What a person sees who types `make demo`."""

import re

import pytest

from tests.demo.rehearsal import Played, Rehearsal, rehearsal

MASKED = (
    (re.compile(r"\b[CR](-[0-9A-Z]{4}){4}\b"), "REFERENCE"),
    (re.compile(r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d\d \w{3} \d{4}(, \d\d:\d\d)?"), "DAY"),
)
STAGE = re.compile(r"^  ([a-z ]+?) {2,}(\d+) ")


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


def test_the_last_table_is_the_funnel_and_no_stage_is_empty(played: Rehearsal) -> None:
    last = played.second.output.splitlines()[-1]
    assert played.second.output.count("\n  stage ") == 1
    stages = {match[1]: int(match[2]) for line in last_table(played) if (match := STAGE.match(line))}
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
    assert last.startswith("The API explains itself at http://127.0.0.1:8000/documentation")


def last_table(played: Rehearsal) -> list[str]:
    return played.second.output.split("How far the referrals got")[1].splitlines()


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
