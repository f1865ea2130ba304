"""What may be done now, by when, and what is missing. Pure: no database, no clock, no settings.

Nothing of the engine is stored: what is open is computed anew from the facts, so a new version of a procedure needs no
migration of cases.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from domain.codes import LegalBasis, Purpose
from domain.errors import DomainError
from domain.workflow.calendar import Calendar
from domain.workflow.facts import consent_fact
from domain.workflow.sop import CompiledStep, ConsentGate, Deadline, Sop, Step, Waiver


class StepNotOpen(DomainError):
    """The procedure does not allow the step now; `step` names it and `sop` the procedure."""

    code: ClassVar[str] = "step-not-open"


class ConsentMissing(DomainError):
    """The person has not agreed to what the step would do; `purposes` says to what."""

    code: ClassVar[str] = "consent-missing"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is known of a case or a contact at one instant.

    Attributes:
        facts: Value by fact; a fact that is not given has its initial value.
        since: When each fact got its present value, for those that changed; and the start, `case.opened` or
            `contact.made`. Aware.
    """

    facts: Mapping[str, str]
    since: Mapping[str, datetime]


@dataclass(frozen=True, slots=True)
class OpenStep:
    """A step that the procedure allows now.

    Attributes:
        step: The step.
        due_at: Until when it must be done, in UTC; none for a possibility.
        duty: Whether somebody must do it; otherwise it is a possibility.
        missing: What the person would first have to agree to; while it is not empty, the step cannot be taken.
        basis: What the step rests on if it can be taken and asks for consent.
    """

    step: Step
    due_at: datetime | None
    duty: bool
    missing: tuple[Purpose, ...] = ()
    basis: LegalBasis | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """How a consent gate stands: `basis` if it is open, `refused` if an adult said no."""

    basis: LegalBasis | None
    refused: bool = False


_CONSENTED = Gate(LegalBasis.CONSENT)
_CHILD = Gate(LegalBasis.CHILD_BEST_INTEREST)
_VITAL = Gate(LegalBasis.VITAL_INTERESTS)
_SHUT = Gate(None)
_REFUSED = Gate(None, refused=True)


def gate_of(consent: ConsentGate, facts: Mapping[str, str]) -> Gate:
    """Whether the consent that a step asks for is there, or is not needed.

    A child, and a person whose age is disputed, needs none where the step says so. An adult's refusal is respected:
    only imminent danger to life passes it, and only where the step says so.
    """
    answer = facts.get(consent_fact(consent.purpose), "not_asked")
    if answer == "given":
        return _CONSENTED
    adult = facts.get("age", "disputed") == "adult"
    if not adult and Waiver.CHILD in consent.unless:
        return _CHILD
    if Waiver.VITAL_INTERESTS in consent.unless and facts.get("danger", "unknown") == "imminent":
        return _VITAL
    return _REFUSED if adult and answer == "refused" else _SHUT


def open_steps(sop: Sop, snapshot: Snapshot, calendar: Calendar) -> tuple[OpenStep, ...]:
    """Every step that is open now, in the order of the procedure."""
    facts = snapshot.facts
    fact, end = sop.vocabulary.ended
    ended = facts.get(fact) == end
    found = (_open_step(one, snapshot, calendar) for one in sop.compiled if one.step.after_end == ended)
    return tuple(step for step in found if step is not None)


def step_to_take(sop: Sop, snapshot: Snapshot, calendar: Calendar, key: str) -> OpenStep:
    """The open step of this key, which the person's consent does not bar.

    Raises:
        StepNotOpen: there is no such step, or the procedure does not allow it now.
        ConsentMissing: the person has not agreed to what the step would do.
    """
    for candidate in open_steps(sop, snapshot, calendar):
        if candidate.step.key == key:
            if candidate.missing:
                raise ConsentMissing(step=key, purposes=[str(purpose) for purpose in candidate.missing])
            return candidate
    # A key that is no step of ours was typed by somebody and is not repeated.
    raise StepNotOpen(step=key if key in sop.by_key else None, sop=sop.sop, version=sop.version)


def step_that_records(sop: Sop, snapshot: Snapshot, calendar: Calendar, fact: str, value: str) -> OpenStep:
    """The open step that sets a fact to a value; raises as `step_to_take` does.

    Commands ask for what they are about to record, so that no procedure is spelled out in code.
    """
    keys = [
        step.key
        for step in sop.steps
        if step.opens is None and any(record.fact == fact and value in record.to for record in step.records)
    ]
    is_open = {step.step.key for step in open_steps(sop, snapshot, calendar)}
    key = next((key for key in keys if key in is_open), keys[0] if keys else fact)
    return step_to_take(sop, snapshot, calendar, key)


def _open_step(one: CompiledStep, snapshot: Snapshot, calendar: Calendar) -> OpenStep | None:
    step, facts = one.step, snapshot.facts
    done = one.done(facts)
    if (done and not step.repeatable) or not one.when(facts):
        return None
    for before in one.after:
        if not before(facts):
            return None
    gate = gate_of(step.consent, facts) if step.consent else None
    duty = not (done or step.optional or (gate is not None and gate.refused))
    return OpenStep(
        step=step,
        due_at=due(step.deadline, snapshot, calendar) if duty and step.deadline else None,
        duty=duty,
        missing=(step.consent.purpose,) if step.consent and gate is not None and gate.basis is None else (),
        basis=gate.basis if gate else None,
    )


def due(deadline: Deadline, snapshot: Snapshot, calendar: Calendar) -> datetime | None:
    """When the deadline ends, or none if nothing that it counts from has happened (which a proof rules out)."""
    for start in deadline.starts:
        if (since := snapshot.since.get(start)) is not None:
            return calendar.add(since, deadline.within)
    return None
