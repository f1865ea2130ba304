"""A procedure as sets of situations: when each step is open, what moves are possible, what can be reached, and how."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import product

from domain.workflow.conditions import All, AnyOf, Condition, Is, IsNot, Not, leaves, named_values
from domain.workflow.diagrams import EVERYTHING, NOTHING, Set, Space, fixpoint
from domain.workflow.facts import DONE, Mover, consent_fact
from domain.workflow.sop import ConsentGate, Sop, Step, Waiver


@dataclass(frozen=True, slots=True)
class Move:
    """One change: what causes it, where it is possible, and what it sets.

    Attributes:
        label: How a walk calls it.
        mover: Who causes it from outside; none for a step.
        step: The key of the step whose completion it is; empty for a move from outside.
        guard: The situations in which it is possible.
        sets: The facts that it sets, with their values.
    """

    label: str
    mover: Mover | None
    step: str
    guard: Set
    sets: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class StepSets:
    """The situations in which a step stands open, in which its consent is there, and in which it is done.

    Attributes:
        stands: The procedure allows it.
        gate: Nothing is missing.
        done: It counts as done.
        takeable: It is allowed and nothing is missing.
        duty: Somebody must do it.
    """

    stands: Set
    gate: Set
    done: Set
    takeable: Set
    duty: Set


class Situations:
    """Every situation of a well-typed procedure."""

    def __init__(self, sop: Sop, space: Space | None = None) -> None:
        """Take every combination of the procedure's own facts, or those of a wider space that has them all."""
        self.sop = sop
        self.space = space or Space({name: fact.values for name, fact in sop.facts.items()})
        fact, value = sop.vocabulary.ended
        self.ended = self.space.where(fact, (value,))

    @cached_property
    def start(self) -> Set:
        """Where nothing is recorded yet."""
        return self.space.only(self.sop.initial)

    @property
    def total(self) -> int:
        """How many situations there are."""
        return self.space.count(EVERYTHING)

    def where(self, condition: Condition) -> Set:
        """The situations in which a condition holds."""
        space = self.space
        match condition:
            case All(all=parts):
                return space.all_of(*(self.where(part) for part in parts))
            case AnyOf(any=parts):
                return space.either(*(self.where(part) for part in parts))
            case Not(not_=part):
                return space.without(self.where(part))
            case IsNot(fact=fact, is_not=value):
                return space.without(space.where(fact, (value,)))
            case Is(fact=fact):
                return space.where(fact, named_values(condition))
            case _:
                return space.where(condition.fact, named_values(condition))

    @cached_property
    def steps(self) -> dict[str, StepSets]:
        """The sets of every step, by key."""
        done = {step.key: self.where(step.done_when) for step in self.sop.steps}
        return {step.key: self._sets(step, done) for step in self.sop.steps}

    def _sets(self, step: Step, done: dict[str, Set]) -> StepSets:
        space = self.space
        in_time = self.ended if step.after_end else space.without(self.ended)
        fresh = EVERYTHING if step.repeatable else space.without(done[step.key])
        before = space.all_of(*(done[key] for key in step.after))
        stands = space.all_of(in_time, fresh, before, self.where(step.when))
        gate = self.gate(step.consent) if step.consent else EVERYTHING
        duty = NOTHING
        if not step.optional:
            refused = self._refused(step.consent) if step.consent else NOTHING
            duty = space.minus(space.minus(stands, done[step.key]), space.minus(refused, gate))
        return StepSets(stands, gate, done[step.key], space.both(stands, gate), duty)

    def gate(self, consent: ConsentGate) -> Set:
        """The situations in which the consent is there, or is not needed."""
        space = self.space
        answers = space.where(consent_fact(consent.purpose), ("given",))
        if Waiver.CHILD in consent.unless:
            answers = space.either(answers, space.without(space.where("age", ("adult",))))
        if Waiver.VITAL_INTERESTS in consent.unless:
            answers = space.either(answers, space.where("danger", ("imminent",)))
        return answers

    def _refused(self, consent: ConsentGate) -> Set:
        refused = self.space.where(consent_fact(consent.purpose), ("refused",))
        return self.space.both(refused, self.space.where("age", ("adult",)))

    @cached_property
    def moves(self) -> tuple[Move, ...]:
        """Every change that is possible: first the outcomes of steps, then what happens from outside."""
        return (*self._step_moves(), *self._outside_moves())

    def _step_moves(self) -> Iterator[Move]:
        for step in self.sop.steps:
            own = () if step.done is not None else ((DONE + step.key, "yes"),)
            for values in product(*(recorded.to for recorded in step.records)):
                outcome = tuple((recorded.fact, value) for recorded, value in zip(step.records, values, strict=True))
                told = ", ".join(f"{fact} is {value}" for fact, value in outcome)
                label = f"{step.key}: {told}" if told else step.key
                yield Move(label, None, step.key, self.steps[step.key].takeable, (*own, *outcome))

    def _outside_moves(self) -> Iterator[Move]:
        for fact in self.sop.vocabulary.facts:
            for to in fact.values:
                sources = [value for value, targets in fact.moves.items() if to in targets]
                if sources:
                    guard = self.space.where(fact.name, sources)
                    yield Move(f"{fact.mover}: {fact.name} becomes {to}", fact.mover, "", guard, ((fact.name, to),))

    def _after(self, move: Move, here: Set) -> Set:
        return self.space.assigned(self.space.both(here, move.guard), dict(move.sets))

    def _before(self, move: Move, there: Set) -> Set:
        return self.space.both(move.guard, self.space.before(there, dict(move.sets)))

    @cached_property
    def reachable(self) -> Set:
        """Where a case may come to, from its beginning, by any moves."""
        outside_first = sorted(self.moves, key=lambda move: move.mover is None)
        return fixpoint(self.start, [partial(self._after, move) for move in outside_first], self.space)

    @cached_property
    def closable(self) -> Set:
        """From where the end can be reached by steps, by the answers of receiving organisations, and by waiting.

        Nobody has to change their mind, no danger has to pass and no decision of the state has to come by itself.
        """
        helpful = [move for move in self.moves if move.mover in (None, Mover.RECEIVER, Mover.TIME)]
        return fixpoint(self.ended, [partial(self._before, move) for move in helpful], self.space)

    def walk(self, goal: Set) -> tuple[str, ...]:
        """The moves of a shortest walk from the beginning into the goal; it must be reachable.

        Raises:
            ValueError: no walk leads there.
        """
        space = self.space
        if space.both(self.reachable, goal) == NOTHING:
            raise ValueError("no walk leads there")
        layers = [self.start]  # where one may be after at most so many moves
        while space.both(layers[-1], goal) == NOTHING:
            here = layers[-1]
            layers.append(space.either(here, *(self._after(move, here) for move in self.moves)))
        labels: list[str] = []
        there = space.only(space.first(space.both(layers[-1], goal)))
        for layer in reversed(layers[:-1]):
            move, here = next(
                (move, here) for move in self.moves if (here := space.both(layer, self._before(move, there))) != NOTHING
            )
            labels.append(move.label)
            there = space.only(space.first(here))
        return tuple(reversed(labels))


def conditions_of(step: Step) -> Iterator[Condition]:
    """The conditions that a step spells out."""
    yield step.when
    if step.done is not None:
        yield step.done


def facts_of(step: Step) -> frozenset[str]:
    """The facts that a step's own conditions mention."""
    return frozenset(leaf.fact for condition in conditions_of(step) for leaf in leaves(condition))
