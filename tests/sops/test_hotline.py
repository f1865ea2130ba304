"""Contacts with the Kyrgyz hotline: nothing that was left on the machine is lost."""

from datetime import UTC, datetime

import pytest

from domain.workflow.calendar import Calendar
from domain.workflow.catalogue import Catalogue
from domain.workflow.engine import Snapshot, open_steps
from domain.workflow.sop import Sop

FRIDAY_EVENING = datetime(2026, 11, 20, 15, tzinfo=UTC)  # 21:00 in Bishkek
MONDAY_EVENING = datetime(2026, 11, 23, 15, tzinfo=UTC)


@pytest.fixture
def hotline(catalogue: Catalogue) -> Sop:
    return catalogue.sop("kg-hotline-contact", "1.0.0")


def keys(hotline: Sop, calendar: Calendar, **facts: str) -> dict[str, datetime | None]:
    since = {"contact.made": FRIDAY_EVENING, **dict.fromkeys(facts, FRIDAY_EVENING)}
    names = {fact.replace("done_", "done:").replace("__", "-"): value for fact, value in facts.items()}
    return {one.step.key: one.due_at for one in open_steps(hotline, Snapshot(names, since), calendar)}


@pytest.mark.parametrize("channel", ["voicemail", "text", "email"])
def test_every_message_is_to_be_answered_on_the_next_working_day(
    hotline: Sop, calendar: Calendar, channel: str
) -> None:
    found = keys(hotline, calendar, channel=channel)
    assert found == {"answer-message": MONDAY_EVENING}


@pytest.mark.parametrize("callback", ["done", "not_reached"])
def test_an_answered_message_can_be_recorded(hotline: Sop, calendar: Calendar, callback: str) -> None:
    assert set(keys(hotline, calendar, channel="voicemail", callback=callback)) == {"record-outcome"}


def test_a_callback_that_is_due_keeps_the_contact_open(hotline: Sop, calendar: Calendar) -> None:
    assert keys(hotline, calendar, channel="call", callback="due") == {"call-back": MONDAY_EVENING}


def test_a_case_is_offered_before_a_contact_about_trafficking_ends(hotline: Sop, calendar: Calendar) -> None:
    about = {"channel": "call", "topic": "possible_trafficking"}
    assert set(keys(hotline, calendar, **about)) == {"offer-to-open-case"}
    declined = keys(hotline, calendar, **about, done_offer__to__open__case="yes")
    assert set(declined) == {"offer-to-open-case", "record-outcome"}
    assert declined["offer-to-open-case"] is None


def test_a_contact_with_an_outcome_can_only_be_taken_up_again(hotline: Sop, calendar: Calendar) -> None:
    assert set(keys(hotline, calendar, channel="call", outcome="recorded")) == {"take-up-again"}
