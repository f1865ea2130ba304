"""Each rule of protection by itself: a table that keeps all others and breaks this one waits, and says why."""

import pytest

from domain.statistics.counts import Count, counted
from domain.statistics.declaration import Population
from domain.statistics.gate import Leak, inspect
from domain.statistics.release import prepare
from domain.statistics.windows import Reason, Window, faults
from tests.statistics.populations import POPULATION, RULES, records, repeatable

ONE = Population.model_validate(
    {
        "unit": "cases",
        "dimensions": {
            "sex": {
                "values": ["female", "male"],
                "levels": [{"female": ["female"], "male": ["male"]}, {"person": ["female", "male"]}],
            }
        },
        "tables": {"sex": {"dimensions": ["sex"]}},
    }
)

Cases = list[tuple[str, str, int]]
"""Sex, who knows, and how many such cases."""

EVEN: Cases = [(sex, who, 10) for sex in ("female", "male") for who in ("alpha", "beta", "gamma")]


def of(cases: Cases) -> Count:
    return counted(ONE, [({"sex": sex}, who.split("+")) for sex, who, number in cases for _ in range(number)])


def test_a_table_that_keeps_every_rule_has_no_fault() -> None:
    assert faults(ONE, RULES, "sex", (0,), of(EVEN), 1) == frozenset()


@pytest.mark.parametrize(
    ("cases", "level", "reason"),
    [
        ([(sex, who, 6) for sex, who, _ in EVEN], 1, Reason.FEW_CASES),
        (EVEN, 1, Reason.SMALL_COMPLEMENT),
        (
            [*EVEN[:3], ("male", "alpha+delta", 10), ("male", "beta+delta", 10), ("male", "gamma+delta", 9)],
            0,
            Reason.ONE_ORGANISATION,
        ),
        ([*EVEN[:3], ("male", "alpha", 20), ("male", "beta", 20)], 0, Reason.FEW_ORGANISATIONS),
        ([*EVEN[:3], ("male", "alpha", 20), ("male", "beta", 20), ("male", "gamma", 9)], 0, Reason.TWO_ORGANISATIONS),
        (
            [*EVEN[:3], ("male", "alpha", 3), ("male", "beta", 3), ("male", "gamma", 3), ("female", "delta", 9)],
            0,
            Reason.SMALL_CELL,
        ),
    ],
    ids=lambda value: str(value) if isinstance(value, Reason) else "",
)
def test_a_broken_rule_is_named(cases: Cases, level: int, reason: Reason) -> None:
    assert reason in faults(ONE, RULES, "sex", (level,), of(cases), 1)


def test_a_window_over_periods_of_another_is_refused() -> None:
    count = of(EVEN)
    window = Window("sex", 0, 0, (0,), 60, {("female",): 30, ("male",): 30})
    leaks = {one.leak for one in inspect(ONE, RULES, [window, window], [count])}
    assert Leak.OVERLAP in leaks


@pytest.mark.parametrize(("seed", "who"), [(9, "anybody"), (44, "org-1")])
def test_a_release_that_keeps_every_rule_and_yet_betrays_somebody_is_refused(seed: int, who: str) -> None:
    """Somebody is certain to have a combination of groups, each of which has ten people and more."""
    count = counted(POPULATION, records(repeatable("presence", seed), 60))
    candidate = prepare(POPULATION, RULES, [], [count])
    assert {finding.leak for finding in candidate.findings} == {Leak.PRESENCE}
    assert who in {finding.attacker for finding in candidate.findings}
    assert Reason.GATE in {reason for reasons in candidate.carried.values() for reason in reasons}
    assert inspect(POPULATION, RULES, list(candidate.renewed.values()), [count]) == []
