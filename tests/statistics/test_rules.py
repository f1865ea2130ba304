"""Each rule of protection by itself: a table that keeps all others and breaks this one waits, and says why."""

import pytest

from domain.statistics.counts import Count, counted
from domain.statistics.declaration import Population
from domain.statistics.gate import Leak, inspect
from domain.statistics.release import prepare
from domain.statistics.windows import Reason, Window, faults
from tests.statistics.populations import RULES

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

TWO = Population.model_validate(
    {
        "unit": "cases",
        "dimensions": {
            "sex": {"values": ["female", "male"], "levels": [{"female": ["female"]}]},
            "age": {"values": ["child", "adult"], "levels": [{"child": ["child"]}]},
        },
        "tables": {"sex": {"dimensions": ["sex"]}, "age": {"dimensions": ["age"]}},
    }
)
OTHERS = ("beta", "gamma", "delta", "epsilon")

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


def test_every_figure_is_rounded() -> None:
    count = counted(
        TWO,
        [
            (
                {"sex": "female" if number < 33 else "male", "age": "child" if number % 2 else "adult"},
                [OTHERS[number % 4]],
            )
            for number in range(72)
        ],
    )
    windows = prepare(TWO, RULES, [], [count]).renewed
    assert windows["sex"].total == 70
    assert windows["sex"].cells == {("female",): 35, ("other_or_unknown",): 40}


@pytest.mark.parametrize(
    ("girls", "women", "boys", "men", "of_alpha", "who"),
    [(44, 16, 16, 4, 0, "anybody"), (20, 20, 20, 20, 20, "alpha")],
    ids=["anybody", "one organisation"],
)
def test_a_release_that_keeps_every_rule_and_yet_betrays_somebody_is_refused(
    girls: int, women: int, boys: int, men: int, of_alpha: int, who: str
) -> None:
    """Most are female and most are children: there must be girls. Who knows all men sees that much of the others."""
    numbers = {("female", "child"): girls, ("female", "adult"): women, ("male", "child"): boys, ("male", "adult"): men}
    count = counted(
        TWO,
        [
            (
                {"sex": sex, "age": age},
                ["alpha"] if of_alpha and (sex, age) == ("male", "adult") else [OTHERS[number % len(OTHERS)]],
            )
            for (sex, age), several in numbers.items()
            for number in range(several)
        ],
    )
    candidate = prepare(TWO, RULES, [], [count])
    assert {finding.leak for finding in candidate.findings} == {Leak.PRESENCE}
    assert who in {finding.attacker for finding in candidate.findings}
    assert ("anybody" in {finding.attacker for finding in candidate.findings}) == (who == "anybody")
    assert candidate.carried["age"] == {Reason.GATE}
    assert inspect(TWO, RULES, list(candidate.renewed.values()), [count]) == []
