"""The checker is checked: every harmful change of the procedures is caught, by the invariant that is named for it."""

from copy import deepcopy
from pathlib import Path

import pytest

from domain.workflow.catalogue import Catalogue
from domain.workflow.files import parse
from domain.workflow.invariants import Rules
from domain.workflow.prover import INVARIANTS, WELL_TYPED, prove
from domain.workflow.sop import Sop
from tests.sops.mutants import MUTANTS, Change, Content, names

PACKAGE = Path(__file__).parents[2] / "sops" / "kg"


@pytest.fixture(scope="module")
def contents() -> dict[str, Content]:
    return {path.parent.name: parse(path.read_text(encoding="utf-8")) for path in PACKAGE.glob("kg-*/1.0.0.yaml")}


@pytest.fixture(scope="module")
def rules(catalogue: Catalogue) -> Rules:
    matrix = catalogue.confidentiality("KG").matrix
    return Rules(matrix, catalogue.profile("KG").languages, catalogue.messages)


@pytest.mark.parametrize(("name", "sop", "invariant", "change"), MUTANTS, ids=list(names()))
def test_a_harmful_change_is_caught_by_the_invariant_named_for_it(
    name: str, sop: str, invariant: str, change: Change, contents: dict[str, Content], rules: Rules
) -> None:
    content = deepcopy(contents[sop])
    change(content)
    assert content != contents[sop], name
    results = {result.invariant: result for result in prove(Sop.model_validate(content), rules)}
    assert not results[invariant].holds, [key for key, result in results.items() if not result.holds]


def test_every_invariant_catches_some_change() -> None:
    assert {invariant for _, _, invariant, _ in MUTANTS} == {WELL_TYPED, *INVARIANTS}


def test_a_violation_shows_a_shortest_walk(contents: dict[str, Content], rules: Rules) -> None:
    content = deepcopy(contents["kg-identification-and-referral"])
    change = next(change for name, _, _, change in MUTANTS if name == "support for who co-operates")
    change(content)
    results = {result.invariant: result for result in prove(Sop.model_validate(content), rules)}
    violation = results["support-independent-of-cooperation"].violations[0]
    assert violation.message == "refer-for-support: whether it is open depends on cooperation"
    assert violation.walk == ("state: state_identification becomes positive",)


def test_nothing_is_claimed_of_a_procedure_whose_facts_are_not_well_typed(
    contents: dict[str, Content], rules: Rules
) -> None:
    content = deepcopy(contents["kg-identification-and-referral"])
    content["steps"][0]["when"] = {"fact": "nationality", "is": "KG"}
    first, *others = prove(Sop.model_validate(content), rules)
    assert [violation.message for violation in first.violations] == ["inform-of-rights: there is no fact nationality"]
    assert all(not result.holds and result.situations_examined == 0 for result in others)
