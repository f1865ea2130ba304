"""The engine that decides and the diagrams that prove are two programs: they agree on every situation tried."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.codes import LegalBasis
from domain.workflow.calendar import Calendar
from domain.workflow.catalogue import Catalogue
from domain.workflow.conditions import evaluate
from domain.workflow.engine import Snapshot, gate_of, open_steps, step_to_take
from domain.workflow.situations import Situations
from domain.workflow.sop import Sop

KEYS = (
    "kg-hotline-contact",
    "kg-identification-and-referral",
    "kg-law-enforcement-proceedings",
    "kg-shelter-stay",
    "kg-social-rehabilitation",
)
OPENED = datetime(2026, 11, 16, 4, tzinfo=UTC)


@st.composite
def situations_of(draw: st.DrawFn, sop: Sop) -> dict[str, str]:
    return {name: draw(st.sampled_from(fact.values)) for name, fact in sop.facts.items()}


def agree(sop: Sop, situations: Situations, calendar: Calendar, facts: dict[str, str]) -> None:
    since = dict.fromkeys((*sop.facts, sop.vocabulary.start), OPENED)
    found = {one.step.key: one for one in open_steps(sop, Snapshot(facts, since), calendar)}
    holds = situations.space.holds
    for step in sop.steps:
        sets = situations.steps[step.key]
        one = found.get(step.key)
        assert (one is not None) == holds(sets.stands, facts), step.key
        assert (one is not None and not one.missing) == holds(sets.takeable, facts), step.key
        assert (one is not None and one.duty) == holds(sets.duty, facts), step.key
        assert evaluate(step.done_when, facts) == holds(sets.done, facts), step.key
        if step.consent:
            assert (gate_of(step.consent, facts).basis is not None) == holds(sets.gate, facts), step.key
        if one is not None:
            assert (one.due_at is not None) == (one.duty and step.deadline is not None), step.key
            assert not (one.missing and one.basis), step.key
            assert one.basis in {None, *LegalBasis}


@pytest.fixture(scope="module")
def examined(catalogue: Catalogue) -> dict[str, Situations]:
    return {sop.sop: Situations(sop) for sop in catalogue.sops.values()}


@pytest.mark.parametrize("key", KEYS)
@given(data=st.data())
def test_the_engine_and_the_proofs_agree_on_any_situation(
    key: str, data: st.DataObject, examined: dict[str, Situations], calendar: Calendar
) -> None:
    situations = examined[key]
    agree(situations.sop, situations, calendar, data.draw(situations_of(situations.sop)))


def test_a_fact_that_is_not_given_has_its_initial_value(sop: Sop, calendar: Calendar) -> None:
    since = {sop.vocabulary.start: OPENED}
    told = open_steps(sop, Snapshot(dict(sop.initial), since), calendar)
    assert open_steps(sop, Snapshot({}, since), calendar) == told


@pytest.mark.parametrize("key", KEYS)
def test_every_walk_of_a_proof_can_be_walked_by_the_engine(
    key: str, examined: dict[str, Situations], calendar: Calendar
) -> None:
    situations = examined[key]
    sop = situations.sop
    moves = {move.label: move for move in situations.moves}
    since = dict.fromkeys((*sop.facts, sop.vocabulary.start), OPENED)
    for step in sop.steps:
        facts = dict(sop.initial)
        for label in situations.walk(situations.steps[step.key].takeable):
            move = moves[label]
            if move.step:
                step_to_take(sop, Snapshot(facts, since), calendar, move.step)
            else:
                assert all(value in sop.facts[fact].moves[facts[fact]] for fact, value in move.sets)
            facts |= dict(move.sets)
        assert step_to_take(sop, Snapshot(facts, since), calendar, step.key).step == step
