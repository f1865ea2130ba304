"""The schema is the standard, field by field, with its slips known."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from api.exchange.places import CONSENTS, DIRECT, DROPPED, KEPT, NOT_TAKEN
from api.exchange.standard import field_named, fields, schema
from domain.codes import EXTENSIONS, DecisionOutcome, Gender, OrganisationType

PUBLISHED = Path(__file__).parents[2].parent / "shared" / "data" / "htcds_2.0_fields.json"


def codes_of(about: dict[str, Any]) -> list[str]:
    return list(about.get("htcdsLabels", {}))


def test_the_schema_is_a_schema_and_gives_credit() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    assert "IOM, CC BY 4.0" in schema()["$comment"]
    assert len(fields()) == 83
    assert sum(bool(codes_of(about)) for about in schema()["properties"].values()) == 21
    assert sum(bool(about.get("deprecated")) for about in schema()["properties"].values()) == 3


@pytest.mark.skipif(not PUBLISHED.exists(), reason="../shared is absent")
def test_every_field_is_the_published_one() -> None:
    published = json.loads(PUBLISHED.read_text(encoding="utf-8"))["fields"]
    assert [one["field"] for one in published] == list(fields())
    for one in published:
        about = schema()["properties"][one["field"]]
        assert about["title"] == one["label"]
        assert about["htcdsType"] == one["type"]
        assert about["htcdsSection"] == one["section"]
        assert about["htcdsCore"] is one["core"]
        assert about.get("deprecated", False) is (one["status"] == "DEPRECATED")
        codes = [code for code in one["values"] if "ISO" not in code]
        assert codes_of(about) == codes
        if codes:
            assert list(about["htcdsLabels"].values()) == one["labels"]


def test_every_field_of_the_standard_has_one_place_or_a_reason() -> None:
    groups = [set(DIRECT), set(KEPT), set(DROPPED), set(NOT_TAKEN), set(CONSENTS)]
    assert set().union(*groups) == set(fields())
    assert sum(map(len, groups)) == len(fields())


def test_our_codes_are_the_standards_where_it_has_them() -> None:
    properties = schema()["properties"]
    assert codes_of(properties["prs_Gender"]) == list(Gender)
    ours = {"org_Type": OrganisationType, "vic_TraffickingStatus": DecisionOutcome}
    for name, codes in ours.items():
        assert set(codes_of(properties[name])) == set(codes) - EXTENSIONS[codes.__name__]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("prs_First_Name", "prs_FirstName"),
        ("prs_Second_Name", "prs_SecondName"),
        ("vic_Methods_of_Control", "vic_MethodsOfControl"),
        ("vic_TraffickinStatusDecisionMakingOrg", "vic_TraffickingStatusDecisionMakingOrg"),
        ("PRS_BIRTHDATE", "prs_Birthdate"),
    ],
)
def test_misspelt_machine_names_are_understood(written: str, meant: str) -> None:
    found = field_named(written)
    assert found is not None
    assert found.name == meant


def test_a_label_is_never_a_name() -> None:
    assert field_named("Mailing City") is None
    assert field_named("First Name") is None


def test_misspelt_codes_are_understood_in_the_standards_spelling() -> None:
    relation = fields()["vic_RelationshipToTrafficker"]
    assert {relation.code(word) for word in ("Unaquainted", "Unacquainted", "unaquainted")} == {"Unaquainted"}
    control = fields()["vic_MethodsOfControl"]
    assert control.code("ThreatOfLawEnforcement") == control.code("Threats of law enforcement")
    assert control.code("RestrictsMovement") is None
