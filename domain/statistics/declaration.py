"""What is counted and how it may be published, as data of a country: dimensions, tables and the rules of protection.

A closed language: an unknown word, a value in two groups or a group without values is refused when the file is read.
"""

from itertools import product
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Value = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_+-]{0,39}$")]
"""A value as it is recorded, in the spelling of its list: `female`, `9--17`, `48+`."""

Cell = tuple[str, ...]
"""One code for each dimension of a table, in the table's order."""

LEAST_POOLED: Final = 3
"""A table of two dimensions pools so many periods at least."""

REST: Final = "other_or_unknown"
"""The group of every value that a level names in no other: what is rare, and what is not known."""


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rules(_Closed):
    """The rules of protection; each may be stricter than here, never weaker.

    Attributes:
        minimum: The least cases in a published cell, and in all other cells of its table together.
        base: Counts are rounded to a multiple of this; odd, so that rounding is never a matter of taste.
        window: The least cases of a window: a table is renewed after so many new ones, and not before.
        organisations: So many organisations at least know of cases in each cell.
        patience: After so many periods without a renewal a table takes its coarsest level.
    """

    minimum: int = Field(10, ge=10)
    base: int = Field(5, ge=5)
    window: int = Field(40, ge=40)
    organisations: int = Field(3, ge=3)
    patience: int = Field(3, ge=1)

    @model_validator(mode="after")
    def _rounds_without_ties(self) -> Self:
        if self.base % 2 == 0:
            raise ValueError("the base of rounding is odd")
        return self

    def rounded(self, count: int) -> int:
        """Return a count rounded to the base; totals and cells alike, each on its own."""
        return (count + self.base // 2) // self.base * self.base

    def uncertainty(self, published: int) -> tuple[int, int]:
        """Return the least and the most that a published count may stand for, to somebody who knows these rules."""
        return max(self.minimum, published - self.base // 2), published + self.base // 2


class Dimension(_Closed):
    """One attribute of what is counted.

    Attributes:
        values: Every code that it can have, the kinds of not knowing among them.
        levels: Ways to group them, from the finest to the coarsest; what no group names is in `other_or_unknown`.
    """

    values: tuple[Value, ...] = Field(min_length=2)
    levels: tuple[dict[Code, tuple[Value, ...]], ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _groups_are_apart(self) -> Self:
        known = set(self.values)
        if len(known) != len(self.values):
            raise ValueError("a value stands twice")
        for level in self.levels:
            grouped = [value for group in level.values() for value in group]
            if not set(grouped) <= known or len(set(grouped)) != len(grouped) or not all(level.values()):
                raise ValueError("a level groups an unknown value, one value twice, or nothing")
            if REST in level:
                raise ValueError(f"{REST} is what the groups leave")
        for finer, coarser in zip(self.levels, self.levels[1:], strict=False):
            merged = {self.group(coarser, value) for value in self.values}
            if len(merged) >= len({self.group(finer, value) for value in self.values}):
                raise ValueError("each level is coarser than the one before")
        return self

    @staticmethod
    def group(level: dict[Code, tuple[Code, ...]], value: str) -> str:
        """Return the group of a value."""
        return next((name for name, values in level.items() if value in values), REST)

    def grouping(self, level: int) -> dict[str, str]:
        """Return the group of every value at a level."""
        return {value: self.group(self.levels[level], value) for value in self.values}


class Table(_Closed):
    """One table: which dimensions, and how many periods it pools at least."""

    dimensions: tuple[Code, ...] = Field(min_length=1, max_length=2)
    pooled: int = Field(1, ge=1)

    @model_validator(mode="after")
    def _two_ways_are_pooled(self) -> Self:
        if len(set(self.dimensions)) != len(self.dimensions):
            raise ValueError("a dimension stands twice")
        if len(self.dimensions) > 1 and self.pooled < LEAST_POOLED:
            raise ValueError(f"a table of two dimensions pools {LEAST_POOLED} periods at least")
        return self


class Population(_Closed):
    """One kind of thing that is counted, such as presumed or identified victims; no table counts two kinds.

    Attributes:
        tables: In the order of their worth: where the gate refuses them together, the last one goes first.
    """

    unit: Code
    dimensions: dict[Code, Dimension]
    tables: dict[Code, Table]

    @model_validator(mode="after")
    def _tables_know_their_dimensions(self) -> Self:
        if any(name not in self.dimensions for table in self.tables.values() for name in table.dimensions):
            raise ValueError("a table has a dimension that the population has not")
        return self

    def coarsest(self, table: str) -> tuple[int, ...]:
        """Return the coarsest level of each dimension of a table."""
        return tuple(len(self.dimensions[name].levels) - 1 for name in self.tables[table].dimensions)

    def levels(self, table: str) -> list[tuple[int, ...]]:
        """Return every combination of levels of a table, finer ones first."""
        ranges = [range(len(self.dimensions[name].levels)) for name in self.tables[table].dimensions]
        return sorted(product(*ranges), key=lambda levels: (sum(levels), levels))

    def groupings(self, table: str, levels: tuple[int, ...]) -> tuple[dict[str, str], ...]:
        """Return, for each dimension of a table, the group of every value."""
        named = zip(self.tables[table].dimensions, levels, strict=True)
        return tuple(self.dimensions[name].grouping(level) for name, level in named)

    def cells(self, table: str, levels: tuple[int, ...]) -> list[Cell]:
        """Return every cell of a table at its levels, also those in which nobody was counted."""
        groups = [list(dict.fromkeys(grouping.values())) for grouping in self.groupings(table, levels)]
        return list(product(*groups))
