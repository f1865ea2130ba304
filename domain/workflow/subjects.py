"""Every subject that a procedure may be about: the case and the contact, and what may go on beside a case.

The three below share the facts about the person with the case, so that every invariant speaks of them too. The records
that drive them stand in `domain/courses/`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from domain.workflow.facts import CASE, CONTACT, Fact, Mover, Subject, freely

_OF_CASE = {fact.name: fact for fact in CASE.facts}
_PERSON = (
    "age",
    "danger",
    "consent_support",
    "ngo_identification",
    "state_identification",
    "support",
    "cooperation",
    "origin",
    "migration_status",
    "documents",
)


def _of_case(*names: str) -> tuple[Fact, ...]:
    """Facts that mean the same here as in a case, those about the person first."""
    return tuple(_OF_CASE[name] for name in (*_PERSON, *names))


def _moves(**moves: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    return MappingProxyType(moves)


PROCEEDINGS = Subject(
    key="proceedings",
    start="proceedings.opened",
    ended=("accompaniment", "closed"),
    facts=(
        *_of_case("consent_criminal_proceedings"),
        Fact(
            name="stage",
            values=("investigation", "pre_trial", "trial", "after_trial", "discontinued"),
            meaning="How far the criminal proceedings are.",
            source="What the authority in charge of the proceedings told.",
            initial="investigation",
            moves=_moves(
                investigation=("pre_trial", "discontinued"),
                pre_trial=("investigation", "trial", "discontinued"),
                trial=("after_trial", "discontinued"),
                after_trial=("trial",),
                discontinued=("investigation",),
            ),
            mover=Mover.STATE,
        ),
        Fact(
            name="stage_explained",
            values=("no", "yes"),
            meaning="Whether the person was told what the present stage means and which choices it leaves.",
            source="The steps recorded as completed since the stage began.",
            initial="no",
            moves=_moves(yes=("no",)),
            mover=Mover.STATE,
        ),
        Fact(
            name="hearing",
            values=("none", "planned", "held"),
            meaning="Whether the person is to be heard.",
            source="The summons.",
            initial="none",
            moves=_moves(none=("planned",), planned=("none", "held"), held=("planned",)),
            mover=Mover.STATE,
        ),
        Fact(
            name="safeguards",
            values=("not_agreed", "agreed", "not_wanted"),
            meaning="Whether it is agreed with the person how they are heard: by whom, where, with whom beside them.",
            source="The steps recorded as completed since the hearing was planned.",
            initial="not_agreed",
            moves=_moves(agreed=("not_agreed",), not_wanted=("not_agreed",)),
            mover=Mover.PERSON,
        ),
        Fact(
            name="own_charges",
            values=("not_checked", "none", "brought", "objected"),
            meaning="Whether the person is charged themselves with what they were made to do.",
            source="What the authority in charge of the proceedings told.",
            initial="not_checked",
            moves=_moves(none=("brought",), brought=("none",), objected=("none", "brought")),
            mover=Mover.STATE,
        ),
        Fact(
            name="outcome_told",
            values=("no", "yes"),
            meaning="Whether the person was told how the proceedings ended, and of a release.",
            source="The steps recorded as completed since the proceedings ended.",
            initial="no",
            moves=_moves(yes=("no",)),
            mover=Mover.STATE,
        ),
        Fact(
            name="accompaniment",
            values=("open", "closed"),
            meaning="Whether the person is still accompanied through the proceedings.",
            source="The record of the proceedings.",
            initial="open",
        ),
    ),
)


def _told(name: str, what: str) -> Fact:
    return Fact(
        name=name,
        values=("not_asked", "told", "declined_to_answer"),
        meaning=f"Whether the person told of their {what} in this follow-up.",
        source="The latest follow-up.",
        initial="not_asked",
        moves=_moves(told=("not_asked",), declined_to_answer=("not_asked",)),
    )


REHABILITATION = Subject(
    key="rehabilitation",
    start="rehabilitation.opened",
    ended=("rehabilitation", "closed"),
    facts=(
        *_of_case(),
        Fact(
            name="needs",
            values=("not_assessed", "assessed"),
            meaning="Whether it is known what the person needs and wants.",
            source="The latest assessment of needs.",
            initial="not_assessed",
            moves=_moves(assessed=("not_assessed",)),
        ),
        Fact(
            name="plan",
            values=("none", "drafted", "agreed", "completed", "ended"),
            meaning="The individual plan: agreed only by the person themselves.",
            source="The latest version of the plan.",
            initial="none",
            moves=_moves(agreed=("drafted",), drafted=("none",)),
            mover=Mover.PERSON,
            waits=("agreed",),
        ),
        Fact(
            name="commission",
            values=("not_asked", "asked", "approved", "changes_asked", "declined"),
            meaning="What the special commission says to the plan.",
            source="The latest decision of the commission.",
            initial="not_asked",
            moves=_moves(asked=("approved", "changes_asked", "declined"), approved=("not_asked",)),
            mover=Mover.STATE,
        ),
        Fact(
            name="plan_review",
            values=("not_due", "due", "held"),
            meaning="Whether the plan is to be looked at again with the person.",
            source="The date of the next review.",
            initial="not_due",
            moves=_moves(not_due=("due",), held=("due",)),
            mover=Mover.TIME,
        ),
        Fact(
            name="follow_up",
            values=("not_due", "due", "done", "not_reached"),
            meaning="Whether the person is to be asked how they are.",
            source="The date of the next follow-up.",
            initial="not_due",
            moves=_moves(not_due=("due",), done=("due",), not_reached=("due",)),
            mover=Mover.TIME,
        ),
        _told("work", "work or training"),
        _told("income", "income"),
        _told("living_standard", "standard of living"),
        Fact(
            name="rehabilitation",
            values=("open", "closed"),
            meaning="Whether the social rehabilitation goes on.",
            source="The record of the rehabilitation.",
            initial="open",
        ),
    ),
)

STAY = Subject(
    key="stay",
    start="stay.asked",
    ended=("stay", "closed"),
    facts=(
        *_of_case("screening", "shelter_referral", "guardianship_referral"),
        Fact(
            name="stay",
            values=("asked", "staying", "declined", "left", "closed"),
            meaning="Whether a place was asked for, given or declined, left, and everything about it done.",
            source="The record of the stay.",
            initial="asked",
            waits=("staying",),
        ),
        Fact(
            name="length",
            values=("first_days", "settled", "near_limit", "at_limit"),
            meaning="How long the stay has lasted: under 14 days, longer, in its last 14 days, at its limit.",
            source="The day of admission and the extensions.",
            initial="first_days",
            moves=_moves(first_days=("settled",), settled=("near_limit",), near_limit=("at_limit",)),
            mover=Mover.TIME,
        ),
        Fact(
            name="extension",
            values=("none", "asked", "granted", "declined"),
            meaning="Whether the person asked to stay longer, and the answer.",
            source="The latest extension of the stay.",
            initial="none",
            moves=_moves(none=("asked",), asked=("none",), granted=("asked",), declined=("asked",)),
            mover=Mover.PERSON,
        ),
        Fact(
            name="wish",
            values=("stay", "leave"),
            meaning="What the person wishes.",
            source="What the person said last.",
            initial="stay",
            moves=freely("stay", "leave"),
            mover=Mover.PERSON,
        ),
        Fact(
            name="next_place",
            values=("none", "found", "own_choice"),
            meaning="Where the person goes: to a place that was found with them, or wherever they choose.",
            source="The plan for leaving.",
            initial="none",
            moves=_moves(found=("none",), own_choice=("none",)),
            mover=Mover.PERSON,
        ),
        Fact(
            name="grant_report",
            values=("not_due", "due", "sent"),
            meaning="Whether the use of the state's grant for this stay is to be reported, as numbers only.",
            source="The dates of the grant.",
            initial="not_due",
            moves=_moves(not_due=("due",), sent=("due",)),
            mover=Mover.TIME,
        ),
    ),
)

SUBJECTS: Mapping[str, Subject] = MappingProxyType(
    {subject.key: subject for subject in (CASE, CONTACT, PROCEEDINGS, REHABILITATION, STAY)}
)
