"""What is read of a form, what is refused unread, and that the tables of fields fit the profile."""

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.imports.nationalities import country_of
from api.imports.report import Fate, Line, counted, written
from api.imports.uk_fields import DECIDING, DROPPED, EXPLOITATION, NOT_PLACED, PLACES, TRUSTED
from api.imports.uk_form import NATIONALITIES, FormRefused, place, read, rest
from domain.codes import AgeBand, Compartment, Purpose, Role
from tests.imports.forms import fictional, form_of
from tests.world import CATALOGUE

PROFILE = CATALOGUE.confidentiality("KG")
TODAY = date(2026, 11, 22)
LEAST = {"ExternalId": "least", "AdultOrChild": "Adult", "NRMOrDuty": "NRM"}


def test_every_place_is_one_of_the_confidentiality_profile() -> None:
    wrong = {name: str(one) for name, one in PLACES.items() if PROFILE.compartment_of(one.field) != one.compartment}
    assert wrong == {}
    assert PROFILE.compartment_of("trusted_person") == Compartment.CONTACT


def test_no_field_has_two_rules() -> None:
    tables = (PLACES, EXPLOITATION, TRUSTED, DROPPED, NOT_PLACED, DECIDING, NATIONALITIES)
    names = [name for table in tables for name in table]
    assert len(names) == len(set(names))


def test_a_field_that_the_profile_has_no_place_for_is_not_stored() -> None:
    poorer = PROFILE.model_validate(
        PROFILE.model_dump(by_alias=True)
        | {"compartments": {**PROFILE.compartments, Compartment.IDENTITY: ("family_name",)}}
    )
    found = place(form_of(fictional()), poorer, Role.NGO_CASEWORKER, TODAY)
    assert found.compartments[Compartment.IDENTITY] == {"family_name": "Vydumanova"}
    (line,) = [line for line in found.lines if line.field == "Customer.Forename1"]
    assert line == Line(
        "Customer.Forename1", Fate.NOT_PLACED, "the confidentiality profile has no place identity.given_name"
    )


@pytest.mark.parametrize(
    ("born", "band"),
    [
        ("2008-11-22", AgeBand.AGE_18_20),
        ("2008-11-23", AgeBand.AGE_9_17),
        ("2017-11-23", AgeBand.AGE_0_8),
        ("1978-11-22", AgeBand.AGE_48_PLUS),
        ("1978-11-23", AgeBand.AGE_39_47),
        ("no date", AgeBand.AGE_18_PLUS),
        ("2027-01-01", AgeBand.AGE_18_PLUS),
    ],
)
def test_the_age_band_is_that_of_today(born: str, band: AgeBand) -> None:
    found = place(form_of(LEAST | {"Customer.DOB": born}), PROFILE, Role.NGO_CASEWORKER, TODAY)
    assert found.attributes["age_band"] == band


def test_a_nationality_that_is_not_known_stays_in_words_and_sealed() -> None:
    form = form_of(LEAST | {"Customer.Nationality": "kyrgyz ", "Customer.Custom11": "Ruritanian"})
    found = place(form, PROFILE, Role.NGO_CASEWORKER, TODAY)
    assert found.attributes["citizenships"] == ["KG"]
    assert found.compartments[Compartment.NARRATIVE] == {"account": "nationality: Ruritanian"}
    assert country_of("Ruritanian") is None
    unknown = place(form_of(LEAST | {"Customer.Nationality": "Ruritanian"}), PROFILE, Role.NGO_CASEWORKER, TODAY)
    assert unknown.attributes["citizenships"] == ["unknown"]


def test_a_third_person_is_kept_only_with_permission() -> None:
    third = {"AltContactFirstName": "Invented", "AltContactPermissionToSend": "No"}
    without = place(form_of(LEAST | third), PROFILE, Role.NGO_CASEWORKER, TODAY)
    assert without.compartments == {}
    assert {line.fate for line in without.lines} == {Fate.DROPPED}
    form = form_of(LEAST | third | {"AltContactPermissionToSend": "Yes"})
    with_it = place(form, PROFILE, Role.NGO_CASEWORKER, TODAY)
    assert "FirstName: Invented" in with_it.compartments[Compartment.CONTACT]["trusted_person"]


def test_an_adult_agrees_to_support_only_where_the_form_says_that_it_is_wanted() -> None:
    assert form_of(LEAST).consents_to == (Purpose.IDENTIFICATION,)
    assert form_of(LEAST | {"NeedSupport": "Yes"}).consents_to == (Purpose.IDENTIFICATION, Purpose.SUPPORT)
    assert form_of(LEAST | {"NRMOrDuty": "DTN"}).consents_to == ()
    assert form_of(LEAST | {"AdultOrChild": "Child"}).consents_to == ()


def test_a_field_that_nobody_knows_is_reported_and_not_stored() -> None:
    found = place(form_of(LEAST | {"Invented.Field": "words"}), PROFILE, Role.NGO_CASEWORKER, TODAY)
    assert found.lines == [Line("Invented.Field", Fate.NOT_PLACED, "no field of the form that we know")]
    assert found.compartments == {}


@pytest.mark.parametrize(
    "changed",
    [
        {"ExternalId": ""},
        {"AdultOrChild": "adult"},
        {"AdultOrChild": None},
        {"NRMOrDuty": ""},
        {"NRMOrDuty": "yes"},
        {"Type": "662265"},
        {"PVFamily": 1},
        {"PVFamily": True},
        {"PVFamily": ["a"]},
        {"PVFamily": "a\x00b"},
        {"PVFamily": "\ud800"},
        {"PVFamily": "a" * 15_001},
        {"a" * 61: "x"},
        {"Имя": "x"},
        {f"Field{number}": "x" for number in range(300)},
    ],
)
def test_what_is_no_form_or_contradicts_itself_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(FormRefused) as refused:
        form_of(LEAST | changed)
    assert "\ud800" not in str(refused.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"null", b"{", b'{"A": "1", "A": "2"}', b"\xff", b"[" * 100_000, b" " * (1024 * 1024 + 1)],
)
def test_what_is_no_object_of_texts_is_refused(content: bytes) -> None:
    with pytest.raises(FormRefused):
        read(content)


@given(
    st.dictionaries(
        st.sampled_from(sorted({*PLACES, *EXPLOITATION, *TRUSTED, *DROPPED, *NOT_PLACED, *NATIONALITIES, "Other"})),
        st.sampled_from(["", " ", "Yes", "No", "2001-01-01", "words"]),
    ),
    st.sampled_from(["Adult", "Child", "Unknown"]),
    st.sampled_from(["NRM", "DTN"]),
    st.sampled_from(list(Role)),
)
def test_every_field_has_one_fate_whatever_the_form_says(
    fields: dict[str, str], age: str, decision: str, role: Role
) -> None:
    form = form_of(fields | {"ExternalId": "x", "AdultOrChild": age, "NRMOrDuty": decision})
    found = place(form, PROFILE, role, TODAY)
    names = sorted(line.field for line in (*found.lines, *rest(form)))
    assert names == sorted(fields)
    assert set(found.compartments) <= PROFILE.opens(role, "owner").ever()
    if form.is_refused:
        assert found.compartments == {}
    for compartment, sealed in found.compartments.items():
        assert all(PROFILE.compartment_of(name) == compartment for name in sealed)


def test_the_report_is_ordered_by_fate_and_counts_every_field() -> None:
    lines = [Line("Z", Fate.EMPTY), Line("B", Fate.PLACED, "identity.given_name"), Line("A", Fate.PLACED, "x.y")]
    assert [line.split()[0] for line in written(lines)] == ["A", "B", "Z"]
    assert counted(lines) == "3 fields: 2 placed, 0 kept, 0 dropped on purpose, 0 not placed, 1 empty"
    assert json.dumps(written([])) == "[]"
