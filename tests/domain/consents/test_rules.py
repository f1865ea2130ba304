"""What a person agreed to, and what it covers."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.codes import Compartment, ConsentDecision, OrganisationType, Purpose
from domain.consents.models import Consent
from domain.consents.rules import consent_fact, covering, names, narrows, newest, stands
from domain.organisations.models import Organisation

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SHELTER = Organisation(code="SHELTER-NORTH", type=OrganisationType.SHELTER)
RECIPIENTS = ["any", "type:Shelter", "type:NGO", "organisation:SHELTER-NORTH", "organisation:NGO-ALPHA"]
subsets = {
    "purposes": st.lists(st.sampled_from(list(Purpose)), unique=True),
    "recipients": st.lists(st.sampled_from(RECIPIENTS), unique=True),
    "compartments": st.lists(st.sampled_from(list(Compartment)), unique=True),
}


@st.composite
def consents(draw: st.DrawFn) -> Consent:
    """Return one version of one of three consents."""
    return Consent(
        consent_id=UUID(int=draw(st.integers(1, 3))),
        version=draw(st.integers(1, 4)),
        decision=draw(st.sampled_from(list(ConsentDecision))),
        expires_at=NOW + timedelta(hours=draw(st.integers(-2, 2))),
        **{name: draw(values) for name, values in subsets.items()},
    )


def changed(consent: Consent, **changes: object) -> Consent:
    """Return the same version with some fields changed."""
    same = {name: getattr(consent, name) for name in ("consent_id", "version", "decision", "expires_at", *subsets)}
    return Consent(**{**same, **changes})


versions = st.lists(consents(), max_size=6)


@given(versions)
def test_the_highest_version_of_each_consent_speaks(given_: list[Consent]) -> None:
    speaking = newest(given_)
    assert {one.consent_id for one in speaking} == {one.consent_id for one in given_}
    for one in given_:
        assert any(other.consent_id == one.consent_id and other.version >= one.version for other in speaking)


@given(versions, st.sampled_from(list(Purpose)))
def test_a_withdrawal_counts_as_a_refusal_and_what_has_expired_as_not_asked(
    given_: list[Consent], purpose: Purpose
) -> None:
    about = [one for one in newest(given_) if purpose in one.purposes]
    fact = consent_fact(given_, purpose, NOW)
    assert (fact == "given") == any(stands(one, NOW) for one in about)
    if fact != "given":
        said_no = any(one.decision in {ConsentDecision.REFUSED, ConsentDecision.WITHDRAWN} for one in about)
        assert fact == ("refused" if said_no else "not_asked")


@given(versions, st.sampled_from(list(Purpose)), subsets["compartments"])
def test_a_consent_covers_only_what_its_speaking_version_says(
    given_: list[Consent], purpose: Purpose, compartments: list[Compartment]
) -> None:
    found = covering(given_, purpose, SHELTER, compartments, NOW)
    mine = {"any", "type:Shelter", "organisation:SHELTER-NORTH"}
    good = [
        one
        for one in newest(given_)
        if one.decision == ConsentDecision.GIVEN
        and one.expires_at > NOW
        and purpose in one.purposes
        and mine & set(one.recipients)
        and set(compartments) <= set(one.compartments)
    ]
    assert found is (good[0] if good else None)


@pytest.mark.parametrize(
    "lacking",
    [
        {"decision": ConsentDecision.WITHDRAWN},
        {"expires_at": NOW},
        {"purposes": [Purpose.IDENTIFICATION]},
        {"recipients": ["type:NGO", "organisation:NGO-ALPHA"]},
        {"recipients": []},
        {"compartments": [Compartment.IDENTITY]},
        {"compartments": []},
    ],
    ids=lambda lacking: "-".join(f"{name}-{value}" for name, value in lacking.items())[:40],
)
def test_a_consent_that_lacks_one_thing_covers_nothing(lacking: dict[str, object]) -> None:
    """Chance seldom makes a consent that covers: so one that does, and then the same without one thing."""
    whole = Consent(
        consent_id=UUID(int=1),
        version=1,
        decision=ConsentDecision.GIVEN,
        expires_at=NOW + timedelta(hours=1),
        purposes=[Purpose.SUPPORT],
        recipients=["organisation:SHELTER-NORTH"],
        compartments=[Compartment.IDENTITY, Compartment.HEALTH],
    )
    wanted = [Compartment.IDENTITY, Compartment.HEALTH]
    assert covering([whole], Purpose.SUPPORT, SHELTER, wanted, NOW) is whole
    assert covering([changed(whole, **lacking)], Purpose.SUPPORT, SHELTER, wanted, NOW) is None


@given(consents())
def test_a_consent_ends_at_the_instant_of_its_expiry(consent: Consent) -> None:
    given_ = changed(consent, decision=ConsentDecision.GIVEN)
    assert not stands(given_, given_.expires_at)
    assert stands(given_, given_.expires_at - timedelta(microseconds=1))


@given(consents(), subsets["purposes"], subsets["recipients"], subsets["compartments"])
def test_a_narrower_version_covers_nothing_that_the_earlier_one_did_not(
    earlier: Consent, purposes: list[Purpose], recipients: list[str], compartments: list[Compartment]
) -> None:
    if not narrows(earlier, purposes, recipients, compartments):
        return
    later = changed(earlier, purposes=purposes, recipients=recipients, compartments=compartments)
    for purpose in Purpose:
        for compartment in Compartment:
            if covering([later], purpose, SHELTER, [compartment], NOW):
                assert covering([earlier], purpose, SHELTER, [compartment], NOW)


@given(consents())
def test_every_consent_narrows_itself(consent: Consent) -> None:
    assert narrows(consent, consent.purposes, consent.recipients, consent.compartments)


def test_a_recipient_is_named_by_code_by_type_or_not_at_all() -> None:
    assert [names(one, SHELTER) for one in RECIPIENTS] == [True, True, False, True, False]
