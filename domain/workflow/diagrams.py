"""Sets of situations as decision diagrams, so that thousands of millions of situations are examined exactly.

A situation gives every fact one of its values. A set of situations is a graph: each inner node asks for one fact and
has one branch per value, facts are asked in a fixed order, equal nodes are stored once, and a node whose branches are
all equal is left out. So two sets are equal exactly if they are the same node, and a set depends on a fact exactly if a
node asks for it. No set is ever listed: every operation works on the graph.

Source: R. E. Bryant, "Graph-based algorithms for Boolean function manipulation", IEEE Transactions on Computers C-35
(1986); with as many branches as a fact has values instead of two.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

Set: TypeAlias = int
"""A set of situations: the number of its node, meaningful only within one `Space`."""

NOTHING: Set = 0
EVERYTHING: Set = 1


class Space:
    """All situations over some facts, and the sets of them."""

    def __init__(self, facts: Mapping[str, Sequence[str]]) -> None:
        self.facts = tuple(facts)
        self.values = tuple(tuple(values) for values in facts.values())
        self._level = {name: level for level, name in enumerate(self.facts)}
        self._index = tuple({value: n for n, value in enumerate(values)} for values in self.values)
        bottom = len(self.facts)
        self._nodes: list[tuple[int, tuple[Set, ...]]] = [(bottom, ()), (bottom, ())]
        self._known: dict[tuple[int, tuple[Set, ...]], Set] = {}
        self._both: dict[tuple[Set, Set], Set] = {}
        self._without: dict[Set, Set] = {NOTHING: EVERYTHING, EVERYTHING: NOTHING}
        self._forgotten: dict[tuple[Set, int], Set] = {}
        self._fixed: dict[tuple[Set, int, int], Set] = {}
        self._counts: dict[Set, int] = {}

    def where(self, fact: str, values: Sequence[str] | frozenset[str]) -> Set:
        """The situations in which the fact has one of these values."""
        level = self._level[fact]
        return self._node(level, tuple(EVERYTHING if value in values else NOTHING for value in self.values[level]))

    def both(self, one: Set, other: Set) -> Set:
        """The situations in both sets."""
        if other in (one, EVERYTHING):
            return one
        if one == EVERYTHING:
            return other
        if NOTHING in (one, other):
            return NOTHING
        key = (one, other) if one < other else (other, one)
        found = self._both.get(key)
        if found is None:
            (level, branches), (level2, branches2) = self._nodes[one], self._nodes[other]
            if level < level2:
                found = self._node(level, tuple([self.both(branch, other) for branch in branches]))
            elif level2 < level:
                found = self._node(level2, tuple([self.both(one, branch) for branch in branches2]))
            else:
                found = self._node(level, tuple([self.both(a, b) for a, b in zip(branches, branches2, strict=True)]))
            self._both[key] = found
        return found

    def without(self, one: Set) -> Set:
        """The situations that are not in the set."""
        found = self._without.get(one)
        if found is None:
            level, branches = self._nodes[one]
            found = self._node(level, tuple([self.without(branch) for branch in branches]))
            self._without[one] = found
            self._without[found] = one
        return found

    def either(self, *sets: Set) -> Set:
        """The situations in at least one of the sets."""
        result = EVERYTHING
        for one in sets:
            result = self.both(result, self.without(one))
        return self.without(result)

    def all_of(self, *sets: Set) -> Set:
        """The situations in every one of the sets."""
        result = EVERYTHING
        for one in sets:
            result = self.both(result, one)
        return result

    def minus(self, one: Set, other: Set) -> Set:
        """The situations in the first set but not in the second."""
        return self.both(one, self.without(other))

    def fixed(self, one: Set, fact: str, value: str) -> Set:
        """The situations that would be in the set if the fact had this value, whatever value it has."""
        level = self._level[fact]
        return self._restrict(one, level, self._index[level][value])

    def forgotten(self, one: Set, fact: str) -> Set:
        """The situations that would be in the set if the fact had some other or the same value."""
        return self._forget(one, self._level[fact])

    def assigned(self, one: Set, assignments: Mapping[str, str]) -> Set:
        """Where one may be after these facts were set, having been in the set."""
        for fact, value in assignments.items():
            one = self.both(self.forgotten(one, fact), self.where(fact, (value,)))
        return one

    def before(self, one: Set, assignments: Mapping[str, str]) -> Set:
        """Where one may have been before these facts were set, being in the set afterwards."""
        for fact, value in assignments.items():
            one = self.fixed(one, fact, value)
        return one

    def depends_on(self, one: Set, fact: str) -> Set:
        """The situations in which another value of this fact alone would move them into the set or out of it."""
        somewhere = self.forgotten(one, fact)
        everywhere = self.without(self.forgotten(self.without(one), fact))
        return self.minus(somewhere, everywhere)

    def holds(self, one: Set, situation: Mapping[str, str]) -> bool:
        """Whether a situation is in the set."""
        while one > EVERYTHING:
            level, branches = self._nodes[one]
            one = branches[self._index[level][situation[self.facts[level]]]]
        return one == EVERYTHING

    def count(self, one: Set) -> int:
        """How many situations are in the set."""
        return self._count(one) * self._width(0, self._nodes[one][0])

    def first(self, one: Set) -> dict[str, str]:
        """One situation of the set; of values that do not matter, the first.

        Raises:
            ValueError: the set is empty.
        """
        if one == NOTHING:
            raise ValueError("the set is empty")
        situation = {fact: values[0] for fact, values in zip(self.facts, self.values, strict=True)}
        while one != EVERYTHING:
            level, branches = self._nodes[one]
            index = next(n for n, branch in enumerate(branches) if branch != NOTHING)
            situation[self.facts[level]] = self.values[level][index]
            one = branches[index]
        return situation

    def only(self, situation: Mapping[str, str]) -> Set:
        """The set of this one situation."""
        return self.all_of(*(self.where(fact, (situation[fact],)) for fact in reversed(self.facts)))

    def nodes(self) -> int:
        """How many nodes were made so far: a measure of the work."""
        return len(self._nodes)

    def _node(self, level: int, branches: tuple[Set, ...]) -> Set:
        if branches.count(branches[0]) == len(branches):
            return branches[0]
        key = (level, branches)
        found = self._known.get(key)
        if found is None:
            found = len(self._nodes)
            self._nodes.append(key)
            self._known[key] = found
        return found

    def _forget(self, one: Set, level: int) -> Set:
        own, branches = self._nodes[one]
        if own > level:
            return one
        key = (one, level)
        found = self._forgotten.get(key)
        if found is None:
            if own == level:
                found = self.either(*branches)
            else:
                found = self._node(own, tuple([self._forget(branch, level) for branch in branches]))
            self._forgotten[key] = found
        return found

    def _restrict(self, one: Set, level: int, index: int) -> Set:
        own, branches = self._nodes[one]
        if own > level:
            return one
        if own == level:
            return branches[index]
        key = (one, level, index)
        found = self._fixed.get(key)
        if found is None:
            found = self._node(own, tuple([self._restrict(branch, level, index) for branch in branches]))
            self._fixed[key] = found
        return found

    def _width(self, level: int, until: int) -> int:
        width = 1
        for values in self.values[level:until]:
            width *= len(values)
        return width

    def _count(self, one: Set) -> int:
        """How many situations over the facts from this node's fact downwards."""
        if one <= EVERYTHING:
            return one
        found = self._counts.get(one)
        if found is None:
            level, branches = self._nodes[one]
            found = sum(self._count(branch) * self._width(level + 1, self._nodes[branch][0]) for branch in branches)
            self._counts[one] = found
        return found


def fixpoint(start: Set, grow: Sequence[Callable[[Set], Set]], space: Space) -> Set:
    """The least set that holds `start` and all that the functions add to it.

    Each function sees at once what the ones before it added: the sets then stay simple, and what took seconds takes
    milliseconds.
    """
    reached = start
    while True:
        before = reached
        for grown in grow:
            reached = space.either(reached, grown(reached))
        if reached == before:
            return reached
