"""A field or attribute without a class of keeping makes the whole profile refused: nothing is kept by oversight."""

import copy
import re
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from domain.codes import ClosureReason, Compartment, RefusalGround, Requester, SubjectRequestKind
from domain.workflow.attributes import CODED, FORGETTABLE
from domain.workflow.confidentiality import Confidentiality
from domain.workflow.retention import Retention
from tests.architecture import tree
from tests.world import CATALOGUE

PROFILE = CATALOGUE.retention("KG")
CONFIDENTIALITY = CATALOGUE.confidentiality("KG")
FOLDER = tree.ROOT / "sops" / "kg"
NAMED = CATALOGUE.profile("KG")
WRITTEN = yaml.safe_load((FOLDER / "kg-retention" / f"{NAMED.retention.version}.yaml").read_text())
OTHER = yaml.safe_load((FOLDER / NAMED.confidentiality.key / f"{NAMED.confidentiality.version}.yaml").read_text())

ABOUT_NOBODY = {"approvals", "counted_cases", "idempotency_records"}
"""Acts on organisations and backups, counts, and answers that are kept for a month: no case's end changes them. A count
points to nobody from the moment in which its case is erased."""


def changed(change: Any) -> dict[str, Any]:
    written = copy.deepcopy(WRITTEN)
    change(written)
    return written


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda one: one["attributes"]["persons"].pop("sex"), "persons.sex"),
        (lambda one: one["attributes"]["persons"].update(shoe_size={"class": "case", "then": "keep"}), "shoe_size"),
        (lambda one: one["attributes"]["persons"].update(sex={"class": "for-ever", "then": "keep"}), "for-ever"),
        (lambda one: one["attributes"]["persons"].update(sex={"class": "case", "then": "forget"}), "persons.sex"),
        (lambda one: one["classes"].pop("contact"), "contact"),
        (lambda one: one["classes"]["whereabouts"].update(days=9999), "ends after its case"),
        (lambda one: one["closures"].update(moved="hotline-draft"), "hotline-draft"),
        (lambda one: one["requests"].pop("erasure"), "erasure"),
        (lambda one: one["refusals"].pop("legal_duty"), "legal_duty"),
        (lambda one: one["classes"]["case"].update(source="nowhere"), "nowhere"),
    ],
)
def test_a_profile_that_leaves_something_out_is_refused(change: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(said)):
        Retention.model_validate(changed(change))


def test_a_new_sealed_field_without_a_class_is_refused() -> None:
    other = copy.deepcopy(OTHER)
    other["compartments"]["health"].append("blood_type")
    with pytest.raises(ValueError, match=r"without a class of keeping.*blood_type"):
        PROFILE.refuse_unclassed(Confidentiality.model_validate(other))


def test_fields_under_one_key_share_a_class() -> None:
    mixed = Retention.model_validate(changed(lambda one: one["fields"].update(address="case")))
    with pytest.raises(ValueError, match="two classes of keeping: location"):
        mixed.refuse_unclassed(CONFIDENTIALITY)


def test_the_coded_attributes_are_those_of_the_data_inventory() -> None:
    text = (tree.ROOT / "docs" / "data-inventory.md").read_text()
    parts = re.split(r"^## `(\w+)`$", text, flags=re.MULTILINE)
    found = {
        table: set(re.findall(r"^\| `(\w+)` \| coded attribute \|", part, re.MULTILINE))
        for table, part in zip(parts[1::2], parts[2::2], strict=True)
        if table not in ABOUT_NOBODY
    }
    assert {table: names for table, names in found.items() if names} == {
        table: set(names) for table, names in CODED.items()
    }
    assert all(set(names) <= set(CODED[table]) for table, names in FORGETTABLE.items())


def test_all_of_a_case_goes_by_the_class_of_its_closing_and_whereabouts_before() -> None:
    days = {name: period.days for name, period in PROFILE.classes_of_case(ClosureReason.MOVED).items()}
    assert days == {"whereabouts": 365, "case": 1825}
    assert {name: period.days for name, period in PROFILE.classes_of_case(ClosureReason.NOT_A_VICTIM).items()} == {
        "not-a-victim": 180
    }
    assert PROFILE.compartments_of("whereabouts", CONFIDENTIALITY) == [Compartment.LOCATION]
    assert PROFILE.compartments_of("not-a-victim", CONFIDENTIALITY) == list(Compartment)


def test_the_person_is_never_refused_on_a_ground_that_is_about_guardians() -> None:
    for kind in SubjectRequestKind:
        assert not PROFILE.may_refuse(RefusalGround.GUARDIAN_SUSPECTED, kind, Requester.PERSON)
        assert PROFILE.may_refuse(RefusalGround.GUARDIAN_SUSPECTED, kind, Requester.GUARDIAN)
    assert not PROFILE.may_refuse(RefusalGround.RIGHTS_OF_OTHERS, SubjectRequestKind.ERASURE, Requester.PERSON)


def test_every_rule_of_keeping_is_assumed_and_says_so() -> None:
    rules = [*PROFILE.classes.values(), *PROFILE.requests.values(), *PROFILE.refusals.values()]
    assert {rule.basis for rule in rules} == {"assumed"}
