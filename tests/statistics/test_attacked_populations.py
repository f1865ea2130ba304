"""What the independent attacker reaches in releases that the rules and the gate let through: nobody."""

import random
from itertools import combinations
from typing import Final

import pytest

from domain.statistics.reading import retract
from tests.statistics.attacked_populations import SIZES, attacked
from tests.statistics.independent_attacker import Attacker
from tests.statistics.necessary_overlaps import Overlaps
from tests.statistics.populations import POPULATION, RULES
from tests.statistics.published_limits import NUMBER, VALUES, Outside, among, limits_of
from tests.statistics.releases_to_attack import PEOPLE, Series, drawn, told

SEEDS: Final = range(1)
"""Few; `make statistics` tries thousands."""


@pytest.fixture(scope="module")
def series() -> Series:
    return drawn(150, 7, 3)


@pytest.mark.parametrize("size", SIZES)
def test_nobody_is_recovered_and_nobody_is_present_for_certain(size: int) -> None:
    for seed in SEEDS:
        found = attacked(drawn(size, seed, SIZES[size]), random.Random(seed))  # noqa: S311 - repeatable
        assert found["windows"] > 0 or size == 20, f"nothing was published of seed {seed}"
        for knowing in ("totals", "press", "one", "two", "two and press"):
            assert found[f"{knowing}: attacks"] > 0
            assert found[f"{knowing}: presences of a person's full record"] == 0, f"seed {seed}: {found}"
        for knowing in ("totals", "press", "one", "two"):
            assert found[f"{knowing}: exact recoveries"] == 0, f"seed {seed}: {found}"
        for knowing in ("totals", "press", "one"):
            assert found[f"{knowing}: presences"] == 0, f"seed {seed}: {found}"
        assert found["solver: asked"] > 0
        assert found["solver: exact recoveries"] == 0, f"seed {seed}: {found}"


def test_no_published_cell_of_few_is_left_to_one_organisation_or_two(series: Series) -> None:
    tried = 0
    for number in (1, 2):
        for names in combinations(series.organisations, number):
            outside = Outside(series.totals, tuple(series.organisations[name] for name in names))
            limits = limits_of(series.document, PEOPLE, series.declaration, outside)
            hidden = series.hidden(limits.known)
            for limit in limits.limits:
                if "hindsight" not in limit.source:
                    tried += 1
                    assert len(among(hidden, limit.groups, limit.periods)) >= 10
    assert tried > 100


@pytest.mark.parametrize(("size", "seed"), [(150, 0), (150, 2), (400, 2)])
def test_the_choice_of_groups_tells_two_organisations_nothing_of_few(size: int, seed: int) -> None:
    """A later window with finer groups says that each had many; two organisations must not be nearly all of them."""
    series = drawn(size, seed, SIZES[size])
    finer = 0
    for names in combinations(series.organisations, 2):
        outside = Outside(series.totals, tuple(series.organisations[name] for name in names))
        limits = limits_of(series.document, PEOPLE, series.declaration, outside)
        finer += sum("hindsight" in limit.source for limit in limits.limits)
        claims = list(Overlaps(limits).claims(series.hidden(limits.known)))
        assert [claim for claim in claims if len(claim.groups) == 1] == []
    assert finer > 0


@pytest.mark.parametrize(
    ("size", "seed", "name"),
    [
        pytest.param(60, 0, "org-0", id="two groups"),
        pytest.param(150, 18, "org-1", id="two groups, of one period"),
        pytest.param(20, 2, "org-0", id="two periods of a window"),
    ],
)
def test_no_organisation_is_certain_of_a_few_others(size: int, seed: int, name: str) -> None:
    """Each of these was certain of six to nine others while the gate asked for whole records and windows alone."""
    series = drawn(size, seed, SIZES[size])
    limits = limits_of(
        series.document, PEOPLE, series.declaration, Outside(series.totals, (series.organisations[name],))
    )
    overlaps = Overlaps(limits)
    assert limits.limits, "nothing was published"
    assert list(overlaps.certain()), "nothing was asked"
    assert list(overlaps.claims(series.hidden(limits.known))) == []


@pytest.mark.parametrize("believing", [False, True])
def test_a_window_that_was_retracted_helps_neither_who_believes_it_nor_who_does_not(
    series: Series, *, believing: bool
) -> None:
    """The newest release still says what a retracted window showed: no older one need be read."""
    finer = next(one for one in series.windows if one.first > 0 and one.levels != POPULATION.coarsest(one.table))
    before = next(one for one in series.windows if one.table == finer.table and one.last == finer.first - 1)
    windows = retract(series.windows, before.table, before.first, before.last)
    document = told(POPULATION, RULES, windows, len(series.totals))
    outsides = [Outside(series.totals, (own,), believing=believing) for own in series.organisations.values()]
    for outside in (Outside(series.totals, believing=believing), *outsides):
        limits = limits_of(document, PEOPLE, series.declaration, outside)
        shown = [limit for limit in limits.limits if (limit.source, limit.first) == (before.table, before.first)]
        assert bool(shown) is believing
        assert any("hindsight" in limit.source and limit.first == before.first for limit in limits.limits)
        assert list(Overlaps(limits).claims(series.hidden(limits.known))) == []


def test_a_report_in_the_press_completes_no_record(series: Series) -> None:
    """Whoever was in the newspapers with all attributes but one: more than one value of it remains possible."""
    chance = random.Random(7)  # noqa: S311 - repeatable
    others = series.everybody[chance.sample(range(len(series.everybody)), 12)]
    limits = limits_of(series.document, PEOPLE, series.declaration, Outside(series.totals, (), others[2:]))
    attacker = Attacker(limits)
    for person in others[:2]:
        period = [int(person[1])]
        full = {
            dimension: next(atom for atom in limits.atoms(dimension) if int(person[VALUES + dimension]) in atom)
            for dimension in range(len(limits.sizes))
        }
        assert attacker.least(full, period) == 0
        for missing in full:
            atoms = limits.atoms(missing)
            possible = [attacker.most({**full, missing: atom}, period) > 0 for atom in atoms]
            assert all(possible)
            assert len(atoms) > 1


def test_what_a_later_release_adds_says_of_nobody_that_they_came_in(series: Series) -> None:
    """The new periods of each release, after all that was published: no combination of few is there for certain."""
    limits = limits_of(series.document, PEOPLE, series.declaration, Outside(series.totals))
    attacker = Attacker(limits)
    tried = 0
    for window in series.windows:
        new = range(window.first, window.last + 1)
        for person in among(series.everybody, {}, new)[:8]:
            groups = {
                dimension: next(atom for atom in limits.atoms(dimension) if int(person[VALUES + dimension]) in atom)
                for dimension in (0, 2, int(person[NUMBER]) % 7)
            }
            if len(among(series.everybody, groups, new)) < 10:
                tried += 1
                assert attacker.least(groups, new) == 0
    assert tried > 5
