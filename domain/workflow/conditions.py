"""Conditions over facts: a closed tree, never an expression to be evaluated as code.

`{fact: danger, in: [imminent, high]}`, `{fact: age, is: child}`, `{fact: age, is_not: adult}`, and over these
`{all: [ … ]}`, `{any: [ … ]}`, `{not: … }`.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

Test: TypeAlias = Callable[[Mapping[str, str]], bool]
"""A compiled condition: what it says of one situation."""

FactName: TypeAlias = Annotated[str, Field(pattern=r"^(done:)?[a-z][a-z0-9_-]*$")]


class Closed(BaseModel):
    """A model that refuses keys it does not know and never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class All(Closed):
    """Every one of them holds; the empty list always holds."""

    all: "tuple[Condition, ...]"


class AnyOf(Closed):
    """At least one of them holds."""

    any: "tuple[Condition, ...]" = Field(min_length=1)


class Not(Closed):
    """It does not hold."""

    not_: "Condition" = Field(alias="not")


class Is(Closed):
    """The fact has this value."""

    fact: FactName
    is_: str = Field(alias="is")


class IsNot(Closed):
    """The fact has another value."""

    fact: FactName
    is_not: str


class In(Closed):
    """The fact has one of these values."""

    fact: FactName
    in_: tuple[str, ...] = Field(alias="in", min_length=1)


_TAGS = {"all": "all", "any": "any", "not": "not", "is": "is", "is_not": "is_not", "in": "in"}
_CLASSES: dict[type[Closed], str] = {All: "all", AnyOf: "any", Not: "not", Is: "is", IsNot: "is_not", In: "in"}


def _kind(value: Any) -> str | None:
    if isinstance(value, dict):
        found = [tag for key, tag in _TAGS.items() if key in value]
        return found[0] if len(found) == 1 else None
    return _CLASSES.get(type(value))


Condition: TypeAlias = Annotated[
    Annotated[All, Tag("all")]
    | Annotated[AnyOf, Tag("any")]
    | Annotated[Not, Tag("not")]
    | Annotated[Is, Tag("is")]
    | Annotated[IsNot, Tag("is_not")]
    | Annotated[In, Tag("in")],
    Discriminator(_kind),
]

for _model in _CLASSES:
    _model.model_rebuild()

ALWAYS = All(all=())
"""The condition that always holds."""


def leaves(condition: Condition) -> Iterator[Is | IsNot | In]:
    """Every statement about one fact in the tree, from left to right."""
    match condition:
        case All(all=parts) | AnyOf(any=parts):
            for part in parts:
                yield from leaves(part)
        case Not(not_=part):
            yield from leaves(part)
        case _:
            yield condition


def named_values(leaf: Is | IsNot | In) -> tuple[str, ...]:
    """The values that a statement spells out."""
    match leaf:
        case Is(is_=value) | IsNot(is_not=value):
            return (value,)
        case _:
            return leaf.in_


def facts_read(condition: Condition) -> frozenset[str]:
    """The names of the facts that the condition mentions."""
    return frozenset(leaf.fact for leaf in leaves(condition))


def compiled(condition: Condition, initial: Mapping[str, str]) -> Test:
    """Turn a condition into one closure per node; a fact that is not given has its initial value.

    Args:
        condition: The tree.
        initial: The initial value of every fact that the tree mentions.
    """
    match condition:
        case All(all=parts):
            return _every([compiled(part, initial) for part in parts])
        case AnyOf(any=parts):
            return _some([compiled(part, initial) for part in parts])
        case Not(not_=part):
            inner = compiled(part, initial)
            return lambda facts: not inner(facts)
        case Is(fact=fact, is_=value):
            default = initial[fact]
            return lambda facts: facts.get(fact, default) == value
        case IsNot(fact=fact, is_not=value):
            default = initial[fact]
            return lambda facts: facts.get(fact, default) != value
        case _:
            name, start, wanted = condition.fact, initial[condition.fact], frozenset(condition.in_)
            return lambda facts: facts.get(name, start) in wanted


def evaluate(condition: Condition, facts: Mapping[str, str]) -> bool:
    """Whether the condition holds; every fact that it mentions must be given."""
    return compiled(condition, facts)(facts)


def negated(condition: Condition) -> Condition:
    """A condition that holds exactly when this one does not, with no `not` above a list."""
    match condition:
        case All(all=parts):
            return AnyOf(any=tuple(negated(part) for part in parts)) if parts else Not(not_=condition)
        case AnyOf(any=parts):
            return All(all=tuple(negated(part) for part in parts))
        case Not(not_=part):
            return part
        case Is(fact=fact, is_=value):
            return IsNot(fact=fact, is_not=value)
        case IsNot(fact=fact, is_not=value):
            return Is.model_validate({"fact": fact, "is": value})
        case _:
            return Not(not_=condition)


def _every(tests: list[Test]) -> Test:
    match tests:
        case []:
            return lambda _facts: True
        case [one]:
            return one
        case [first, second]:
            return lambda facts: first(facts) and second(facts)
    return lambda facts: all(test(facts) for test in tests)


def _some(tests: list[Test]) -> Test:
    match tests:
        case [one]:
            return one
        case [first, second]:
            return lambda facts: first(facts) or second(facts)
    return lambda facts: any(test(facts) for test in tests)
