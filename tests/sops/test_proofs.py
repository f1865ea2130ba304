"""What is proved about the published procedures."""

from pathlib import Path

import pytest

from domain.codes import Service
from domain.workflow.catalogue import Catalogue
from domain.workflow.facts import CASE, CONTACT, Mover
from domain.workflow.invariants import Rules
from domain.workflow.prover import INVARIANTS, OVER_RULES, Result, prove
from domain.workflow.situations import Situations
from domain.workflow.sop import Basis, Sop

ROOT = Path(__file__).parents[2] / "sops"


@pytest.fixture(scope="module")
def results(catalogue: Catalogue) -> dict[str, tuple[Result, ...]]:
    rules = Rules(catalogue.confidentiality("KG").matrix, catalogue.profile("KG").languages, catalogue.messages)
    return {sop.sop: prove(sop, rules) for sop in catalogue.sops.values()}


def test_every_invariant_holds_for_every_published_procedure(results: dict[str, tuple[Result, ...]]) -> None:
    assert len(results) == 5
    for found in results.values():
        assert [result.invariant for result in found] == ["facts-well-typed", *INVARIANTS]
        assert [result.violations for result in found if not result.holds] == []


def test_the_proofs_cover_every_combination_of_facts(results: dict[str, tuple[Result, ...]], sop: Sop) -> None:
    combinations = 1
    for fact in sop.facts.values():
        combinations *= len(fact.values)
    for result in results[sop.sop]:
        expected = 0 if result.invariant in OVER_RULES else combinations
        assert result.situations_examined == expected
        assert result.rules_examined == len(sop.steps) + len(sop.priorities)
    assert combinations > 500_000_000_000


def test_no_rule_passes_for_law(catalogue: Catalogue) -> None:
    for sop in catalogue.sops.values():
        assert sop.assumed == (len(sop.steps) + len(sop.priorities),) * 2
        assert all(step.basis is Basis.ASSUMED for step in sop.steps)


def test_every_service_can_be_asked_for(sop: Sop) -> None:
    assert {service for step in sop.steps for service in step.services} == set(Service)


def test_every_answer_of_a_case_can_come_about(sop: Sop) -> None:
    situations = Situations(sop)
    space = situations.space
    for fact in CASE.facts:
        for value in fact.values:
            assert space.both(situations.reachable, space.where(fact.name, (value,))) != 0, (fact.name, value)


def test_no_case_and_no_contact_is_closed_by_waiting() -> None:
    assert not [fact.name for subject in (CASE, CONTACT) for fact in subject.facts if fact.mover is Mover.TIME]


def test_every_subject_has_its_current_procedure(catalogue: Catalogue) -> None:
    current = [catalogue.sop(*named).subject for named in catalogue.current("KG").items()]
    assert sorted(current) == ["case", "contact", "proceedings", "rehabilitation", "stay"]


def test_a_refusing_adult_can_be_left_in_peace_at_once(sop: Sop) -> None:
    situations = Situations(sop)
    space = situations.space
    refused = space.all_of(
        situations.reachable,
        space.where("age", ("adult",)),
        space.where("consent_support", ("refused",)),
        space.where("consent_identification", ("refused",)),
        space.where("support", ("none",)),
        space.without(situations.ended),
    )
    assert refused != 0
    assert space.minus(refused, situations.steps["close-case"].takeable) == 0


def test_the_guide_for_authors_names_every_invariant_and_the_number_of_situations(
    results: dict[str, tuple[Result, ...]], sop: Sop
) -> None:
    guide = (ROOT.parent / "docs" / "sop-authoring.md").read_text(encoding="utf-8")
    for result in results[sop.sop]:
        assert f"| `{result.invariant}` |" in guide
    assert f"{results[sop.sop][1].situations_examined:,} situations" in guide
