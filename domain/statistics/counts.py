"""What was counted in one period: exact, never published. Pure; `counting.py` fills it from the events."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from domain.statistics.declaration import Cell, Population

Cells = Mapping[Cell, int]


@dataclass(frozen=True)
class Caseload:
    """How many cases somebody knows of: by table and cell, in the values that were recorded.

    Attributes:
        total: How many cases.
        tables: By table: by cell of values, not groups.
        cross: How many have the same values in all dimensions of the population, in the order of its dimensions.
    """

    total: int
    tables: Mapping[str, Cells]
    cross: Cells = field(default_factory=dict)

    def grouped(self, population: Population, table: str, levels: tuple[int, ...]) -> dict[Cell, int]:
        """Return the cells of a table at its levels, also those in which nobody was counted."""
        found = dict.fromkeys(population.cells(table, levels), 0)
        groupings = population.groupings(table, levels)
        for values, count in self.tables.get(table, {}).items():
            found[tuple(grouping[value] for grouping, value in zip(groupings, values, strict=True))] += count
        return found


NOBODY = Caseload(0, {})


@dataclass(frozen=True)
class Count:
    """One period, or several together.

    Attributes:
        everybody: All cases that were registered in it.
        organisations: By organisation: those of the cases that it knows of. One case may be known to several.
    """

    everybody: Caseload
    organisations: Mapping[str, Caseload] = field(default_factory=dict)

    @property
    def cross(self) -> Cells:
        """How many have the same values in all dimensions."""
        return self.everybody.cross


NOTHING = Count(NOBODY)


def together(counts: Iterable[Count]) -> Count:
    """Return several periods as one. Nobody was registered twice, so that counts add up."""
    several = list(counts)
    names = sorted({name for one in several for name in one.organisations})
    return Count(
        _sum(one.everybody for one in several),
        {name: _sum(one.organisations.get(name, NOBODY) for one in several) for name in names},
    )


def _sum(caseloads: Iterable[Caseload]) -> Caseload:
    total = 0
    tables: dict[str, Counter[Cell]] = {}
    cross: Counter[Cell] = Counter()
    for one in caseloads:
        total += one.total
        cross.update(one.cross)
        for table, cells in one.tables.items():
            tables.setdefault(table, Counter()).update(cells)
    return Caseload(total, tables, cross)


def counted(population: Population, records: Iterable[tuple[Mapping[str, str], Iterable[str]]]) -> Count:
    """Count records: the values of each by dimension, and the organisations that know of it."""
    names = tuple(population.dimensions)
    everybody: list[Cell] = []
    known: dict[str, list[Cell]] = {}
    for values, organisations in records:
        cell = tuple(values[name] for name in names)
        everybody.append(cell)
        for organisation in organisations:
            known.setdefault(organisation, []).append(cell)
    return Count(
        _caseload(population, everybody),
        {name: _caseload(population, cells) for name, cells in sorted(known.items())},
    )


def _caseload(population: Population, cells: list[Cell]) -> Caseload:
    place = {name: number for number, name in enumerate(population.dimensions)}
    tables = {}
    for table, declared in population.tables.items():
        places = [place[name] for name in declared.dimensions]
        tables[table] = Counter(tuple(cell[one] for one in places) for cell in cells)
    return Caseload(len(cells), tables, Counter(cells))
