"""The confidentiality profile: nothing is shared that nobody named."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.codes import Compartment, Service
from domain.workflow.confidentiality import Confidentiality
from domain.workflow.files import parse

FILE = Path(__file__).parents[3] / "sops/kg/kg-confidentiality/1.1.0.yaml"
CONTENT: dict[str, Any] = parse(FILE.read_text(encoding="utf-8"))
PROFILE = Confidentiality.model_validate(CONTENT)


def test_a_new_field_is_in_no_compartment() -> None:
    assert PROFILE.compartment_of("given_name") is Compartment.IDENTITY
    assert PROFILE.compartment_of("address") is Compartment.LOCATION
    assert PROFILE.compartment_of("shoe_size") is None


@given(
    allowed=st.frozensets(st.sampled_from(Compartment)), services=st.frozensets(st.sampled_from(Service), min_size=1)
)
def test_a_package_never_holds_more_than_is_allowed_and_needed(
    allowed: frozenset[Compartment], services: frozenset[Service]
) -> None:
    package = PROFILE.package(allowed, services)
    assert package <= allowed
    assert all(any(part in PROFILE.matrix[service] for service in services) for part in package)
    assert all(part in package for service in services for part in PROFILE.matrix[service] & allowed)


def test_an_interpreter_learns_nothing_but_how_to_reach_the_person() -> None:
    assert PROFILE.package(Compartment, [Service.INTERPRETATION]) == {Compartment.CONTACT}


@pytest.mark.parametrize("key", ["compartments", "services", "roles", "consents"])
def test_a_profile_that_leaves_a_code_out_is_refused(key: str) -> None:
    part = dict(CONTENT[key])
    gone = next(iter(part))
    del part[gone]
    with pytest.raises(ValidationError, match=f"nothing is said of {gone}"):
        Confidentiality.model_validate({**CONTENT, key: part})


def test_a_field_in_two_compartments_is_refused() -> None:
    twice = {**CONTENT["compartments"], "health": ["conditions", "phone"]}
    with pytest.raises(ValidationError, match="in two compartments: phone"):
        Confidentiality.model_validate({**CONTENT, "compartments": twice})


def test_a_rule_without_a_source_is_refused() -> None:
    rule = {**CONTENT["consents"]["support"], "source": "custom"}
    consents = {**CONTENT["consents"], "support": rule}
    with pytest.raises(ValidationError, match="no such source: custom"):
        Confidentiality.model_validate({**CONTENT, "consents": consents})
