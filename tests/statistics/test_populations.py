"""What is published of random populations tells nobody of a few, and every weaker design is refused.

Thousands are measured by `make statistics`; here a few of them are, and what was measured is compared with the page.
"""

import json
from collections import Counter

import pytest

from domain.statistics.counts import Count, counted
from tests.statistics.designs import DESIGNS, TWO_WAYS, Weaker
from tests.statistics.measuring import FORBIDDEN, PAIRED, SETTINGS, SIZES, Numbers, outcome, refused
from tests.statistics.reporting import DOCUMENT, RESULTS, filled

EACH = 4
"""Populations of each size; a thousand in `make statistics`."""


@pytest.fixture(scope="module")
def made_up() -> dict[int, list[list[Count]]]:
    setting = SETTINGS["made_up"]
    return {
        size: [[counted(TWO_WAYS, one) for one in setting.drawn(size, seed)] for seed in range(EACH)] for size in SIZES
    }


@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.name)
def test_a_weaker_design_is_refused(design: Weaker, made_up: dict[int, list[list[Count]]]) -> None:
    tried = [refused(design, counts) for several in made_up.values() for counts in several]
    assert len(tried) == EACH * len(SIZES)
    assert all(tried)


@pytest.mark.parametrize("setting", ["made_up", "kyrgyz"])
def test_after_the_gate_nobody_learns_of_a_few(setting: str) -> None:
    found: Numbers = Counter()
    for size in SIZES[:-1]:
        found += outcome(SETTINGS[setting], size, EACH * PAIRED)
    assert found["published.1"] + found["published.2"] > len(SIZES)
    assert min(found["asked.anybody"], found["asked.one"], found["asked.two"]) > 0
    assert {name: found[name] for name in FORBIDDEN if found[name]} == {}


def test_what_was_measured_is_in_the_document() -> None:
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    document = DOCUMENT.read_text(encoding="utf-8")
    assert document == filled(document, found)
