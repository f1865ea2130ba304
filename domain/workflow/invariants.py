"""Invariants over situations: each yields what speaks against it, and nothing if it holds."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from domain.codes import Compartment, Language, Purpose, Service
from domain.workflow.diagrams import EVERYTHING, NOTHING, Set
from domain.workflow.facts import (
    CRIMINAL_FACTS,
    CRIMINAL_SERVICES,
    DONE,
    ORIGIN_FACTS,
    PURPOSES,
    STATE_FACTS,
    consent_fact,
)
from domain.workflow.messages import Messages
from domain.workflow.situations import Situations
from domain.workflow.sop import Sop, Step, Track

PROTECTIVE = frozenset({Track.EMERGENCY, Track.SUPPORT})
_POLICE_SERVICES = CRIMINAL_SERVICES - {Service.COMPENSATION}
_IDENTIFYING = frozenset({"screening", "ngo_identification", "state_referral"})
_IDENTIFICATION = frozenset({"screening", "ngo_identification"}) | STATE_FACTS
_CONSENTS = tuple(consent_fact(purpose) for purpose in Purpose)


@dataclass(frozen=True, slots=True)
class Violation:
    """What speaks against an invariant.

    Attributes:
        message: In words.
        walk: The shortest walk from the beginning to where it shows; empty if the rules alone show it.
    """

    message: str
    walk: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rules:
    """What the country package says that proofs need.

    Attributes:
        matrix: The compartments that each service needs.
        languages: The languages in which every text must be there.
        messages: The names of facts.
    """

    matrix: Mapping[Service, frozenset[Compartment]]
    languages: tuple[Language, ...]
    messages: Messages


@dataclass(frozen=True, slots=True)
class Proof:
    """A well-typed procedure with its situations, and the rules of its country."""

    sop: Sop
    rules: Rules
    situations: Situations

    def where(self, fact: str, *values: str) -> Set:
        """The situations in which a fact has one of these values; none if the procedure has no such fact."""
        return self.situations.space.where(fact, values) if fact in self.sop.facts else NOTHING

    def against(self, message: str, bad: Set) -> Iterator[Violation]:
        """A violation if the set holds any situation, with a walk if one leads there."""
        if bad == NOTHING:
            return
        space, reachable = self.situations.space, self.situations.reachable
        if space.both(bad, reachable) == NOTHING:
            yield Violation(f"{message} (in a situation that no walk reaches)")
        else:
            yield Violation(message, self.situations.walk(bad))

    def steps(self, *tracks: Track) -> Iterator[Step]:
        """The steps of these tracks."""
        return (step for step in self.sop.steps if step.track in tracks)


def _done_facts(steps: Iterable[Step]) -> set[str]:
    return {DONE + step.key for step in steps if step.done is None}


def _dependence(proof: Proof, step: Step, facts: Iterable[str], given: Set = EVERYTHING) -> Iterator[Violation]:
    """Where one of the facts alone changes whether the step is open, can be taken or must be done."""
    space, sets = proof.situations.space, proof.situations.steps[step.key]
    for fact in sorted(facts):
        if fact not in proof.sop.facts:
            continue
        for what, found in (("is open", sets.stands), ("can be taken", sets.takeable), ("must be done", sets.duty)):
            bad = space.both(space.depends_on(found, fact), given)
            if bad != NOTHING:
                yield from proof.against(f"{step.key}: whether it {what} depends on {fact}", bad)
                break


def _counted_from(step: Step, facts: Iterable[str], unless_after: Iterable[str] = ()) -> Iterator[Violation]:
    """A time limit that counts from one of the facts, unless it first asks for one that has surely happened."""
    wrong, sure = set(facts), set(unless_after)
    for start in step.deadline.starts if step.deadline else ():
        if start in sure:
            return
        if start in wrong:
            yield Violation(f"{step.key}: its time limit counts from {start}")


def support_independent_of_cooperation(proof: Proof) -> Iterator[Violation]:
    """Co-operation with law enforcement changes no step, time limit or recipient outside the criminal track."""
    criminal = list(proof.steps(Track.CRIMINAL))
    hidden = CRIMINAL_FACTS | _done_facts(criminal)
    for step in proof.sop.steps:
        if step.track is Track.CRIMINAL:
            yield from _criminal(step)
            continue
        yield from _dependence(proof, step, hidden)
        yield from _counted_from(step, hidden)
        if police := sorted(_POLICE_SERVICES.intersection(step.services)):
            yield Violation(f"{step.key}: asks for {', '.join(police)} outside the criminal track")


def _criminal(step: Step) -> Iterator[Violation]:
    """Nothing else may be called criminal: the track is no way around the invariant."""
    recorded = {recorded.fact for recorded in step.records}
    if other := sorted(set(step.services) - CRIMINAL_SERVICES):
        yield Violation(f"{step.key}: asks for {', '.join(other)} on the criminal track")
    if facts := sorted(recorded - CRIMINAL_FACTS):
        yield Violation(f"{step.key}: records {', '.join(facts)} on the criminal track")
    if not step.services and not recorded:
        yield Violation(f"{step.key}: has nothing to do with criminal proceedings, but is on the criminal track")


def support_independent_of_state_identification(proof: Proof) -> Iterator[Violation]:
    """Once an NGO has identified the person, nothing that the state decides opens or closes support."""
    deciding = [step for step in proof.sop.steps if {recorded.fact for recorded in step.records} & STATE_FACTS]
    hidden = STATE_FACTS | _done_facts(deciding)
    identified = proof.where("ngo_identification", "positive")
    sure = ("ngo_identification", proof.sop.vocabulary.start)
    for step in proof.steps(*PROTECTIVE):
        yield from _dependence(proof, step, hidden, identified)
        yield from _counted_from(step, hidden, unless_after=sure)


def emergency_before_identification(proof: Proof) -> Iterator[Violation]:
    """Whoever may be a victim gets emergency help before anybody has decided whether they are."""
    deciding = [step for step in proof.sop.steps if {recorded.fact for recorded in step.records} & _IDENTIFICATION]
    for step in proof.steps(Track.EMERGENCY):
        yield from _dependence(proof, step, _IDENTIFICATION | _done_facts(deciding))
        yield from _counted_from(step, _IDENTIFICATION)


def protection_independent_of_origin(proof: Proof) -> Iterator[Violation]:
    """Nationality, residence situation and documents open and close nothing."""
    for step in proof.sop.steps:
        yield from _dependence(proof, step, ORIGIN_FACTS)
        yield from _counted_from(step, ORIGIN_FACTS)


def child_never_blocked_by_consent(proof: Proof) -> Iterator[Violation]:
    """For a child, or where the age is disputed, what consent would open is open without it."""
    space = proof.situations.space
    child = proof.where("age", "child", "disputed")
    for step in proof.sop.steps:
        if step.track is Track.CRIMINAL:
            continue
        takeable = proof.situations.steps[step.key].takeable
        for consent in _CONSENTS:
            if consent not in proof.sop.facts:
                continue
            agreed = space.fixed(takeable, consent, "given")
            lacking = space.all_of(child, space.minus(agreed, takeable), proof.where(consent, "not_asked", "refused"))
            yield from proof.against(f"{step.key}: a child is held up by {consent}", lacking)


def adult_consent_respected(proof: Proof) -> Iterator[Violation]:
    """Nothing about an adult is shared without consent to just this, and a refusal opens nothing that shares.

    The one way past is imminent danger, for a step of the emergency track that names it.
    """
    for step in proof.sop.steps:
        if step.opens:
            yield from _sharing(proof, step)
        if {recorded.fact for recorded in step.records} & _IDENTIFYING:
            takeable = proof.situations.steps[step.key].takeable
            refused = proof.situations.space.both(
                proof.where("age", "adult"), proof.where("consent_identification", "refused")
            )
            yield from proof.against(
                f"{step.key}: an adult who refused identification is identified all the same",
                proof.situations.space.both(takeable, refused),
            )


def _sharing(proof: Proof, step: Step) -> Iterator[Violation]:
    if step.consent is None:
        yield Violation(f"{step.key}: shares without asking for consent")
        return
    purpose, space = step.consent.purpose, proof.situations.space
    if other := sorted(service for service in step.services if purpose not in PURPOSES[service]):
        yield Violation(f"{step.key}: consent to {purpose} is not consent to {', '.join(other)}")
    takeable, consent = proof.situations.steps[step.key].takeable, consent_fact(purpose)
    adult = proof.where("age", "adult")
    allowed = proof.where(consent, "given")
    if step.track is Track.EMERGENCY:
        allowed = space.either(allowed, proof.where("danger", "imminent"))
    bad = space.minus(space.both(takeable, adult), allowed)
    yield from proof.against(f"{step.key}: shares data of an adult who did not agree", bad)
    for name in _CONSENTS:
        if name in proof.sop.facts and bad == NOTHING:
            otherwise = space.either(*(space.fixed(takeable, name, value) for value in ("given", "not_asked")))
            opened = space.all_of(space.minus(takeable, otherwise), adult, proof.where(name, "refused"))
            yield from proof.against(f"{step.key}: shares only because an adult refused {name}", opened)


def no_dead_end(proof: Proof) -> Iterator[Violation]:
    """Wherever a case may come to: somebody must act, or an answer is due, or the case is or can be closed."""
    situations, space = proof.situations, proof.situations.space
    waiting = [proof.where(fact.name, *fact.waits) for fact in proof.sop.vocabulary.facts if fact.waits]
    acting = []
    for step in proof.sop.steps:
        sets = situations.steps[step.key]
        ends = any(
            (recorded.fact, value) == proof.sop.vocabulary.ended for recorded in step.records for value in recorded.to
        )
        acting.append(sets.takeable if ends else space.both(sets.takeable, sets.duty))
    alive = space.either(situations.ended, *waiting, *acting)
    stuck = space.minus(situations.reachable, alive)
    yield from proof.against("nobody has anything to do, and it is not closed", stuck)


def always_closable(proof: Proof) -> Iterator[Violation]:
    """From wherever a case may come to it can be closed, without anybody having to change their mind."""
    situations = proof.situations
    never = situations.space.minus(situations.reachable, situations.closable)
    yield from proof.against("it can never be closed from here", never)


def no_endless_wait(proof: Proof) -> Iterator[Violation]:
    """Every duty and every referral has a time limit that runs, and somebody else who is told when it passes."""
    for step in proof.sop.steps:
        if step.deadline is None:
            if not step.optional:
                yield Violation(f"{step.key}: must be done, but has no time limit")
        else:
            if step.optional:
                yield Violation(f"{step.key}: has a time limit, but need not be done")
            told = {escalation.escalate for escalation in step.deadline.on_breach}
            if not told - set(step.responsible):
                yield Violation(f"{step.key}: nobody else is told when the time limit passes")
            yield from _never_started(proof, step)
        if step.opens and step.opens.referral.priority not in proof.sop.priorities:
            yield Violation(f"{step.key}: nothing is said of the priority {step.opens.referral.priority}")
    yield from _priorities(proof.sop)


def _never_started(proof: Proof, step: Step) -> Iterator[Violation]:
    space, deadline = proof.situations.space, step.deadline
    starts = deadline.starts if deadline else ()
    if proof.sop.vocabulary.start in starts:
        return
    begun = space.either(*(space.without(proof.where(fact, proof.sop.initial[fact])) for fact in starts))
    running = space.both(proof.situations.steps[step.key].duty, proof.situations.reachable)
    message = f"{step.key}: the time limit counts from {' or '.join(starts)}, which has not happened"
    yield from proof.against(message, space.minus(running, begun))


def _priorities(sop: Sop) -> Iterator[Violation]:
    for priority, rule in sop.priorities.items():
        if rule.escalate_to is None:
            yield Violation(f"priority {priority}: nobody is told when no answer comes")
        if rule.expires_after is None:
            yield Violation(f"priority {priority}: an unanswered referral never expires")
        elif rule.expires_after.least_hours < rule.respond_within.least_hours:
            yield Violation(f"priority {priority}: a referral expires before its answer is due")


def no_dead_step(proof: Proof) -> Iterator[Violation]:
    """Every step can be taken in some situation that may come about, and completing it can make it done."""
    situations, space = proof.situations, proof.situations.space
    for step in proof.sop.steps:
        sets = situations.steps[step.key]
        here = space.both(sets.takeable, situations.reachable)
        if here == NOTHING:
            yield Violation(f"{step.key}: can never be taken")
            continue
        own = [move for move in situations.moves if move.step == step.key]
        if all(space.both(space.assigned(here, dict(move.sets)), sets.done) == NOTHING for move in own):
            yield from proof.against(f"{step.key}: stays undone however it ends", here)
