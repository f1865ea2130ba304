"""Cases played through the Kyrgyz procedure: who must do what, by when, and what stays closed."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.codes import LegalBasis, Purpose
from domain.workflow.calendar import Calendar
from domain.workflow.engine import ConsentMissing, StepNotOpen, open_steps
from domain.workflow.sop import Sop
from tests.sops.walking import MONDAY, Walk


@pytest.fixture
def walk(sop: Sop, calendar: Calendar) -> Walk:
    return Walk(sop, calendar)


def test_a_new_case_has_these_duties_with_these_limits(walk: Walk) -> None:
    local = {key: step.due_at.astimezone(UTC) for key, step in walk.duties().items() if step.due_at}
    assert local == {
        "inform-of-rights": MONDAY + timedelta(days=1),
        "establish-age": MONDAY + timedelta(days=3),
        "assess-danger": MONDAY + timedelta(days=1),
        "refer-guardian": MONDAY + timedelta(days=1),
        "take-up-case": MONDAY + timedelta(days=3),
        "screen": MONDAY + timedelta(days=7),  # five working days
    }


def test_an_adult_goes_from_danger_to_follow_up_without_ever_speaking_to_the_police(walk: Walk) -> None:
    walk.take("inform-of-rights")
    walk.take("establish-age", age="adult")
    walk.take("assess-danger", danger="high")
    with pytest.raises(ConsentMissing) as refusal:
        walk.take("offer-emergency-shelter", shelter_referral="open", support="requested")
    assert refusal.value.details == {"step": "offer-emergency-shelter", "purposes": ["support"]}
    walk.take("ask-consent-support", consent_support="given")
    shelter = walk.take("offer-emergency-shelter", shelter_referral="open", support="requested")
    assert shelter.basis is LegalBasis.CONSENT
    walk.take("ask-consent-identification", consent_identification="given")
    walk.take("take-up-case", case_work="active")
    walk.take("screen", screening="indicated")
    walk.take("identify-by-ngo", ngo_identification="positive")
    walk.happens(shelter_referral="accepted", support="receiving")
    walk.take("refer-for-support", support="requested")
    assert "close-case" not in walk.open()
    walk.happens(support="completed")
    walk.take("begin-follow-up", case_work="follow_up")
    walk.take("close-case", case_work="closed")
    assert "cooperation" not in walk.facts
    assert walk.open() == {"reopen-case"}
    walk.take("reopen-case", case_work="active")
    assert "close-case" in walk.open()


@pytest.mark.parametrize("age", ["child", "disputed"])
@pytest.mark.parametrize("answer", ["not_asked", "refused"])
def test_a_child_is_helped_whatever_was_answered(walk: Walk, age: str, answer: str) -> None:
    walk.happens(age=age, danger="high", consent_support=answer, consent_identification=answer)
    bases = [
        walk.take("offer-emergency-shelter", shelter_referral="open", support="requested").basis,
        walk.take("refer-guardian", guardianship_referral="open", support="requested").basis,
    ]
    walk.take("screen", screening="indicated")
    walk.take("identify-by-ngo", ngo_identification="positive")
    bases.append(walk.take("refer-for-support", support="requested").basis)
    bases.append(walk.take("refer-for-state-identification", state_referral="open").basis)
    assert bases == [LegalBasis.CHILD_BEST_INTEREST] * 4
    assert "notify-anonymously" not in walk.open()


def test_an_adult_who_refuses_is_counted_and_left_in_peace(walk: Walk) -> None:
    walk.take("inform-of-rights")
    walk.take("establish-age", age="adult")
    walk.take("ask-consent-support", consent_support="refused")
    walk.take("ask-consent-identification", consent_identification="refused")
    assert "screen" not in walk.open()
    walk.happens(danger="high")
    shelter = next(
        step
        for step in open_steps(walk.sop, walk.snapshot, walk.calendar)
        if step.step.key == "offer-emergency-shelter"
    )
    assert shelter.missing == (Purpose.SUPPORT,)
    assert not shelter.duty
    assert shelter.due_at is None
    assert walk.duties()["notify-anonymously"].step.services == ()
    walk.take("notify-anonymously")
    walk.take("close-case", case_work="closed")
    assert walk.open() == {"reopen-case"}


def test_only_imminent_danger_passes_an_adults_refusal_and_only_for_emergency_steps(walk: Walk) -> None:
    walk.happens(age="adult", consent_support="refused", danger="imminent", ngo_identification="positive")
    shelter = walk.take("offer-emergency-shelter", shelter_referral="open", support="requested")
    assert shelter.basis is LegalBasis.VITAL_INTERESTS
    with pytest.raises(ConsentMissing):
        walk.take("refer-for-support", support="requested")


@pytest.mark.parametrize("origin", ["unknown", "national", "foreign", "stateless"])
def test_a_foreign_person_without_status_or_documents_has_the_same_steps(walk: Walk, origin: str) -> None:
    walk.happens(age="adult", danger="high", consent_support="given", ngo_identification="positive")
    walk.happens(screening="indicated")
    expected = walk.open()
    walk.happens(origin=origin, migration_status="irregular", documents="not_held")
    assert walk.open() == expected
    assert {"offer-emergency-shelter", "refer-for-support", "refer-for-shelter"} <= expected


def test_a_negative_decision_of_the_state_takes_nothing_away_and_can_be_reviewed(walk: Walk) -> None:
    walk.happens(age="adult", consent_support="given", consent_identification="given", ngo_identification="positive")
    walk.take("refer-for-state-identification", state_referral="open")
    before = walk.open()
    decided = walk.take("decide-state-identification", state_identification="negative")
    assert decided.due_at == datetime(2026, 11, 30, 4, tzinfo=UTC)
    assert before - walk.open() == {"decide-state-identification"}
    walk.take("request-review", state_identification="in_review")
    assert "decide-state-identification" in walk.duties()


def test_co_operation_opens_the_criminal_track_and_nothing_else(walk: Walk) -> None:
    walk.happens(age="adult", consent_support="given", ngo_identification="positive")
    walk.take("inform-of-rights")
    before = walk.open()
    walk.take("ask-about-cooperation", cooperation="yes", consent_criminal_proceedings="given")
    assert walk.open() - before == {"refer-to-law-enforcement"}
    walk.take("refer-to-law-enforcement", criminal_referral="open")
    assert walk.open() - before == {"refer-for-witness-protection"}


def test_a_step_that_is_not_open_is_refused_by_name(walk: Walk) -> None:
    with pytest.raises(StepNotOpen) as refusal:
        walk.take("begin-follow-up", case_work="follow_up")
    assert refusal.value.details == {"step": "begin-follow-up", "sop": walk.sop.sop, "version": "1.0.0"}
