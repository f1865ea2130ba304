"""Attack many published populations, and count what was reached.

`make statistics` does so for each size, after the attacks with the project's own programme.
"""

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Final

from tests.statistics.independent_attacker import Attacker
from tests.statistics.necessary_overlaps import SMALL, Claim, Overlaps
from tests.statistics.published_limits import VALUES, Cases, Groups, Limits, Outside, among, limits_of
from tests.statistics.releases_to_attack import PEOPLE, Series, drawn

SIZES: Final[Mapping[int, int]] = {20: 5, 60: 3, 150: 3, 400: 3, 1000: 3}
"""Cases in a period, and for how many periods they come: the smaller, the more periods a window takes."""

REPORTS: Final = 10
"""So many cases were in the newspapers."""

FORBIDDEN: Final = (
    *(f"{knowing}: exact recoveries" for knowing in ("totals", "press", "one", "two")),
    *(f"{knowing}: presences" for knowing in ("totals", "press", "one")),
    "solver: exact recoveries",
)
"""What nobody may reach, whom the rules assume."""


def outsides(series: Series, chance: random.Random) -> Iterator[tuple[str, Outside]]:
    """Give what somebody may know besides: totals; the press; one organisation; two; two and the press."""
    press = series.everybody[chance.sample(range(len(series.everybody)), REPORTS)]
    names = sorted(series.organisations)
    yield "totals", Outside(series.totals)
    yield "press", Outside(series.totals, (), press)
    for name in names:
        yield "one", Outside(series.totals, (series.organisations[name],))
    for pair in combinations(names, 2):
        yield "two", Outside(series.totals, tuple(series.organisations[name] for name in pair))
    most = sorted(names, key=lambda name: -len(series.organisations[name]))[:2]
    yield "two and press", Outside(series.totals, tuple(series.organisations[name] for name in most), press)


def exact(limits: Limits, claim: Claim) -> bool:
    """Whether the claim is the exact number; the lower bound is the truth then, so that few need a solver."""
    if claim.least != claim.truth:
        return False
    return Attacker(limits).most(claim.groups, claim.periods) == claim.truth


def attacked(series: Series, chance: random.Random) -> Counter[str]:
    """Return how often what was tried on one population, and how often it succeeded."""
    found: Counter[str] = Counter(populations=1, windows=len(series.windows))
    for knowing, outside in outsides(series, chance):
        limits = limits_of(series.document, PEOPLE, series.declaration, outside)
        hidden = series.hidden(limits.known)
        overlaps = Overlaps(limits)
        claims = list(overlaps.claims(hidden))
        found[f"{knowing}: attacks"] += 1
        found[f"{knowing}: presences"] += bool(claims)
        found[f"{knowing}: presences in a whole window"] += any(_whole(series, claim) for claim in claims)
        found[f"{knowing}: presences of a person's full record"] += any(
            len(claim.groups) == len(limits.sizes) for claim in claims
        )
        found[f"{knowing}: exact recoveries"] += any(exact(limits, claim) for claim in claims)
        if knowing in {"totals", "press"}:
            found[f"{knowing}: presences in unions"] += any(True for _ in overlaps.coarse_claims(hidden))
        if knowing == "totals" or chance.random() < 1 / 8:
            found += checked(limits, hidden, chance)
    return found


def _whole(series: Series, claim: Claim) -> bool:
    return any(claim.periods == tuple(range(window.first, window.last + 1)) for window in series.windows)


def checked(limits: Limits, hidden: Cases, chance: random.Random) -> Counter[str]:
    """Ask the solver about a combination in which few are, and compare."""
    groups, periods = small_combination(limits, hidden, chance)
    truth = len(among(hidden, groups, periods))
    bound = Attacker(limits).bound(groups, periods)
    if not bound.least <= truth <= bound.most:
        raise AssertionError(f"the truth {truth} lies outside of {bound}: {groups}")
    if bound.least != Overlaps(limits).within(groups, periods):
        raise AssertionError(f"solver and flow disagree on {groups} in {periods}")
    return Counter(
        {
            "solver: asked": 1,
            "solver: certain presences": bound.least > 0 and truth <= SMALL,
            "solver: exact recoveries": 0 < bound.least == bound.most <= SMALL,
        }
    )


def small_combination(limits: Limits, hidden: Cases, chance: random.Random) -> tuple[Groups, Sequence[int]]:
    """Take somebody, and name attributes one by one until few share them."""
    person = hidden[chance.randrange(len(hidden))]
    periods = tuple(range(len(limits.totals)))
    groups: dict[int, frozenset[int]] = {}
    for dimension in chance.sample(range(len(limits.sizes)), len(limits.sizes)):
        value = int(person[VALUES + dimension])
        groups[dimension] = next(atom for atom in limits.atoms(dimension) if value in atom)
        if len(among(hidden, groups, periods)) <= SMALL:
            break
    return groups, periods


def measured(job: tuple[str, int, int]) -> tuple[str, int, Counter[str]]:
    """Return the setting, the size and what was reached of one population, as a process is told of it."""
    setting, size, seed = job
    return setting, size, attacked(drawn(size, seed, SIZES[size]), random.Random(seed))  # noqa: S311 - repeatable
