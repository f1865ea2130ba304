"""The confidentiality profile: nothing is shared that nobody named."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.codes import CaseWork, Compartment, ReferralStatus, Role, Service
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


def test_a_receiver_opens_nothing_before_acceptance_and_nothing_when_the_referral_is_over() -> None:
    opened = {state for role in Role for state in PROFILE.opens(role, "receiver").by_state}
    assert opened == {ReferralStatus.ACCEPTED, ReferralStatus.IN_SERVICE}
    said = {**CONTENT["roles"], "shelter_staff": {"receiver": {"sent": ["identity"]}}}
    with pytest.raises(ValidationError, match="shelter_staff"):
        Confidentiality.model_validate({**CONTENT, "roles": said})


def test_a_state_that_the_profile_does_not_name_opens_nothing() -> None:
    assert PROFILE.opens(Role.HOTLINE_OPERATOR, "owner").at(CaseWork.CLOSED) == frozenset()
    assert Compartment.LOCATION not in PROFILE.opens(Role.NGO_CASEWORKER, "owner").at(CaseWork.CLOSED)
    assert Compartment.HEALTH not in PROFILE.opens(Role.SHELTER_STAFF, "receiver").at(ReferralStatus.ACCEPTED)
    assert Compartment.HEALTH in PROFILE.opens(Role.SHELTER_STAFF, "receiver").at(ReferralStatus.IN_SERVICE)


def test_the_first_version_still_reads_as_it_was_meant() -> None:
    first = Confidentiality.model_validate(parse((FILE.parent / "1.0.0.yaml").read_text(encoding="utf-8")))
    assert first.opens(Role.SHELTER_STAFF, "receiver").at(ReferralStatus.ACCEPTED) >= {Compartment.HEALTH}
    assert first.opens(Role.SHELTER_STAFF, "receiver").at(ReferralStatus.COMPLETED) == frozenset()
    assert any("no place for text" in fault for fault in first.faults()), "it is kept, and may not be current again"


@pytest.mark.parametrize(
    ("part", "changed", "fault"),
    [
        ("sealed", {"question": {}}, "question: narrative has no place for text"),
        ("roles", {"coordinator": {"owner": ["identity"]}}, "coordinator opens something"),
        ("roles", {"shelter_staff": {"receiver": ["narrative"]}}, "shelter staff open the narrative"),
        ("services", {"education": ["location"]}, "education is told where somebody is"),
    ],
)
def test_no_current_profile_opts_out_of_what_protects_everybody(part: str, changed: dict[str, Any], fault: str) -> None:
    assert PROFILE.faults() == []
    assert fault in Confidentiality.model_validate({**CONTENT, part: {**CONTENT[part], **changed}}).faults()


def test_a_basis_without_an_end_is_refused() -> None:
    bases = {"child_best_interest": CONTENT["bases"]["child_best_interest"]}
    assert "vital_interests has no end" in Confidentiality.model_validate({**CONTENT, "bases": bases}).faults()
