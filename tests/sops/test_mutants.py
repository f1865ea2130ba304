"""The checker is checked: every harmful change of the procedures is caught, by the invariant that is named for it."""

from collections import Counter
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest

from domain.codes import Service
from domain.workflow.catalogue import Catalogue
from domain.workflow.files import parse
from domain.workflow.invariants import Rules
from domain.workflow.prover import INVARIANTS, WELL_TYPED, prove
from domain.workflow.situations import Situations
from domain.workflow.sop import Sop
from tests.sops import mutants, mutants_beside
from tests.sops.mutants import Change, Content

MUTANTS = (*mutants.MUTANTS, *mutants_beside.MUTANTS)
PACKAGE = Path(__file__).parents[2] / "sops" / "kg"


@pytest.fixture(scope="module")
def contents() -> dict[str, Content]:
    return {path.parent.name: parse(path.read_text(encoding="utf-8")) for path in PACKAGE.glob("kg-*/1.0.0.yaml")}


@pytest.fixture(scope="module")
def rules(catalogue: Catalogue) -> Rules:
    matrix = catalogue.confidentiality("KG").matrix
    return Rules(matrix, catalogue.profile("KG").languages, catalogue.messages)


@pytest.mark.parametrize(("name", "sop", "invariant", "change"), MUTANTS, ids=[name for name, *_ in MUTANTS])
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


def test_every_procedure_has_many_mutants() -> None:
    count = Counter(sop for _, sop, _, _ in mutants_beside.MUTANTS)
    assert set(count) == {mutants_beside.PROCEEDINGS, mutants_beside.REHABILITATION, mutants_beside.STAY}
    assert min(count.values()) >= 10


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


def test_a_dependence_that_no_walk_reaches_is_a_violation_all_the_same(
    contents: dict[str, Content], rules: Rules
) -> None:
    content = deepcopy(contents["kg-hotline-contact"])
    content["steps"][0]["when"]["all"].append({"fact": "callback", "is": "done"})
    content["steps"][0]["done"] = {"fact": "outcome", "is": "recorded"}
    results = {result.invariant: result for result in prove(Sop.model_validate(content), rules)}
    assert [violation.message for violation in results["no-dead-step"].violations] == [
        "answer-message: can never be taken"
    ]
    case = deepcopy(contents["kg-identification-and-referral"])
    shut = {"all": [{"fact": "screening", "is": "not_done"}, {"fact": "ngo_identification", "is": "positive"}]}
    case["steps"][3]["when"] = {"all": [shut, {"fact": "cooperation", "is": "yes"}]}
    results = {result.invariant: result for result in prove(Sop.model_validate(case), rules)}
    violation = results["support-independent-of-cooperation"].violations[0]
    assert violation.message.endswith("depends on cooperation (in a situation that no walk reaches)")
    assert violation.walk == ()
    situations = Situations(Sop.model_validate(case))
    with pytest.raises(ValueError, match="no walk leads there"):
        situations.walk(situations.where(Sop.model_validate(case).steps[3].when))


def test_what_the_country_leaves_unsaid_is_a_violation(contents: dict[str, Content], rules: Rules) -> None:
    sop = Sop.model_validate(contents["kg-identification-and-referral"])
    poorer = {service: needed for service, needed in rules.matrix.items() if service is not Service.SHELTER}
    silent = rules.messages.model_copy(
        update={"facts": {name: text for name, text in rules.messages.facts.items() if name != "danger"}}
    )
    results = {one.invariant: one for one in prove(sop, replace(rules, matrix=poorer, messages=silent))}
    least = [violation.message for violation in results["least-disclosure"].violations]
    assert "refer-for-shelter: nothing is said of what shelter needs" in least
    unnamed = [violation.message for violation in results["every-step-answerable"].violations]
    assert "assess-danger: the fact danger has no name for readers" in unnamed
