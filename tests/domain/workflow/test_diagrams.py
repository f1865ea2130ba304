"""Decision diagrams against plain sets of situations, listed one by one."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.workflow.diagrams import EVERYTHING, NOTHING, Set, Space, fixpoint

FACTS = {"a": ("0", "1"), "b": ("0", "1", "2"), "c": ("0", "1", "2", "3"), "d": ("0", "1")}
ALL = [dict(zip(FACTS, values, strict=True)) for values in product(*FACTS.values())]
Listed = frozenset[int]

leaves = st.sampled_from(sorted(FACTS)).flatmap(
    lambda fact: st.tuples(st.just(fact), st.frozensets(st.sampled_from(FACTS[fact])))
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.tuples(st.just("both"), inner, inner),
        st.tuples(st.just("either"), inner, inner),
        st.tuples(st.just("without"), inner),
    ),
    max_leaves=12,
)


def listed(tree: tuple[object, ...]) -> Listed:
    match tree:
        case ("both", one, other):
            return listed(one) & listed(other)  # type: ignore[arg-type]
        case ("either", one, other):
            return listed(one) | listed(other)  # type: ignore[arg-type]
        case ("without", one):
            return frozenset(range(len(ALL))) - listed(one)  # type: ignore[arg-type]
    fact, values = tree
    return frozenset(n for n, situation in enumerate(ALL) if situation[fact] in values)  # type: ignore[index, operator]


def drawn(space: Space, tree: tuple[object, ...]) -> Set:
    match tree:
        case ("both", one, other):
            return space.both(drawn(space, one), drawn(space, other))  # type: ignore[arg-type]
        case ("either", one, other):
            return space.either(drawn(space, one), drawn(space, other))  # type: ignore[arg-type]
        case ("without", one):
            return space.without(drawn(space, one))  # type: ignore[arg-type]
    fact, values = tree
    return space.where(fact, values)  # type: ignore[arg-type]


def members(space: Space, one: Set) -> Listed:
    return frozenset(n for n, situation in enumerate(ALL) if space.holds(one, situation))


@given(tree=trees)
def test_a_diagram_holds_what_the_list_holds(tree: tuple[object, ...]) -> None:
    space = Space(FACTS)
    one = drawn(space, tree)
    assert members(space, one) == listed(tree)
    assert space.count(one) == len(listed(tree))


@given(tree=trees, other=trees)
def test_equal_sets_are_the_same_node(tree: tuple[object, ...], other: tuple[object, ...]) -> None:
    space = Space(FACTS)
    assert (drawn(space, tree) == drawn(space, other)) == (listed(tree) == listed(other))


@given(tree=trees, fact=st.sampled_from(sorted(FACTS)), data=st.data())
def test_setting_forgetting_and_looking_back_are_what_they_say(
    tree: tuple[object, ...], fact: str, data: st.DataObject
) -> None:
    space, value = Space(FACTS), data.draw(st.sampled_from(FACTS[fact]))
    one, inside = drawn(space, tree), listed(tree)
    after = {ALL.index({**ALL[n], fact: value}) for n in inside}
    assert members(space, space.assigned(one, {fact: value})) == after
    before = {n for n, situation in enumerate(ALL) if ALL.index({**situation, fact: value}) in inside}
    assert members(space, space.before(one, {fact: value})) == before
    near = {n: {ALL.index({**situation, fact: v}) for v in FACTS[fact]} for n, situation in enumerate(ALL)}
    assert members(space, space.forgotten(one, fact)) == {n for n, others in near.items() if others & inside}
    depends = {n for n, others in near.items() if others & inside and others - inside}
    assert members(space, space.depends_on(one, fact)) == depends


@given(tree=trees)
def test_a_situation_of_a_set_is_in_it(tree: tuple[object, ...]) -> None:
    space = Space(FACTS)
    one = drawn(space, tree)
    if one == NOTHING:
        with pytest.raises(ValueError, match="the set is empty"):
            space.first(one)
    else:
        first = space.first(one)
        assert space.holds(one, first)
        assert members(space, space.only(first)) == {ALL.index(first)}


def test_equal_sets_need_no_new_nodes() -> None:
    space = Space(FACTS)
    one = space.both(space.where("a", ("1",)), space.where("d", ("0",)))
    made = space.nodes()
    assert space.both(space.where("d", ("0",)), space.where("a", ("1",))) == one
    assert space.nodes() == made
    assert space.count(EVERYTHING) == len(ALL)


def test_a_fixpoint_is_the_least_set_that_nothing_adds_to() -> None:
    space = Space({"n": tuple("012345")})

    def one_further(here: Set) -> Set:
        """From 0 to 2 to 4; the odd ones are never reached."""
        return space.either(
            *(space.assigned(space.both(here, space.where("n", (str(n),))), {"n": str(n + 2)}) for n in range(4))
        )

    assert fixpoint(space.where("n", ("0",)), [one_further], space) == space.where("n", ("0", "2", "4"))
