"""A row says what the case says, and comes back: pure, over many made-up cases."""

import json
from datetime import date
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.exchange.htcds import Row, Told, row_of
from api.exchange.places import DIRECT, KEPT
from api.exchange.placing import Placed, Reader, place_row
from api.exchange.rows import Format, RowsRefused, read, written
from api.exchange.standard import ROW_ID, WITHHELD, WITHHELD_LIST, fields, schema
from api.exchange.workbook import OUTER
from api.imports.report import Fate
from domain.codes import AgeBand, Compartment, EntryChannel, Gender, Known, MigrationStatus, Role, Sex
from domain.exploitation.commands import Coded
from tests.world import CATALOGUE

PROFILE = CATALOGUE.confidentiality("KG")
TODAY = date(2026, 11, 22)
READER = Reader(PROFILE, frozenset(Compartment), TODAY)
VALID = jsonschema.Draft202012Validator(schema(), format_checker=jsonschema.FormatChecker())

TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), min_size=1, max_size=40).map(
    lambda text: text.strip(OUTER).strip() or "x"
) | st.sampled_from(["=1+1", "'a", "+996 555 000", "@x", "Ы;Ң,Ө", 'say "no"', "a\r\nb", "withheld", "a\n  b"])
KNOWN = st.sampled_from([Known.UNKNOWN, Known.NOT_ASKED, Known.DECLINED_TO_ANSWER])
CODES = st.lists(st.sampled_from(["KG", "UZ", "KZ", "RU"]), min_size=1, max_size=3, unique=True)
TONGUES = st.lists(st.sampled_from(["ky", "ru", "uzb", "en"]), min_size=1, max_size=3, unique=True)


def _value(compartment: Compartment, name: str) -> st.SearchStrategy[Any]:
    if name == "birth_date":
        return st.dates(date(1940, 1, 1), TODAY).map(date.isoformat) | st.just("about 1990")
    return TEXT if (compartment, name) != (Compartment.CONTACT, "safe_to_contact") else st.booleans()


SEALED = st.fixed_dictionaries(
    {},
    optional={
        one: st.fixed_dictionaries({}, optional={name: _value(one, name) for name in PROFILE.compartments[one]})
        for one in Compartment
    },
)
ATTRIBUTES = st.fixed_dictionaries(
    {
        "sex": st.sampled_from(list(Sex)) | KNOWN,
        "gender": st.sampled_from(list(Gender)) | KNOWN,
        "age_band": st.sampled_from(list(AgeBand)) | KNOWN,
        "age_disputed": st.booleans(),
        "citizenships": CODES | KNOWN.map(lambda one: [one]),
        "migration_status": st.sampled_from(list(MigrationStatus)) | KNOWN,
        "documents_held": KNOWN,
        "languages": TONGUES | KNOWN.map(lambda one: [one]),
        "disability": KNOWN,
    }
)
ROUTING = st.fixed_dictionaries(
    {
        "cas_Status": st.sampled_from(["Active", "FollowUp", "Closed"]),
        "cas_IncomingReferralDetails": st.sampled_from(list(EntryChannel)).map("entry channel: {}".format),
    }
)
TOLD = st.builds(
    Told,
    reference=st.just("C-1"),
    attributes=ATTRIBUTES,
    opened=SEALED,
    routing=ROUTING,
    lost=st.just({"screenings": "HTCDS has no such record"}),
)


def there_and_back(row: Row, form: Format) -> Placed:
    (values,) = read(written([row.values], form), form)
    return place_row(values, READER)


def direct(sealed: Any) -> dict[str, str]:
    """Return what stands in the fields that both have."""
    return {
        name: str(sealed[place.compartment][place.field])
        for name, place in DIRECT.items()
        if place.field in sealed.get(place.compartment, {})
    }


@settings(max_examples=300)
@given(TOLD, st.sampled_from(list(Format)))
def test_what_both_have_comes_back_and_the_rest_is_reported(told: Told, form: Format) -> None:
    row = row_of(told)
    VALID.validate(row.values)
    back = there_and_back(row, form)
    placed = {name for line in row.lines if line.fate == Fate.PLACED for name in line.where.split(", ")}
    given_direct = direct(told.opened)
    if told.attributes["age_disputed"] or given_direct.get("prs_Birthdate") == "about 1990":
        given_direct.pop("prs_Birthdate", None)
    if row.values["cas_Status"] != "Active":
        account = back.compartments[Compartment.NARRATIVE]["account"]
        kept = f"cas_Status: {row.values['cas_Status']}"
        assert account.endswith(kept)
        back.compartments[Compartment.NARRATIVE]["account"] = account.removesuffix(kept).removesuffix("\n")
        if account == kept:
            del back.compartments[Compartment.NARRATIVE]["account"]
    assert direct(back.compartments) == given_direct
    assert set(given_direct) <= placed
    for name, empty in (("gender", None), ("citizenships", None), ("languages", None)):
        before = told.attributes[name]
        if not set(before if isinstance(before, list) else [before]) & set(Known):
            assert back.attributes[name] == (before[:2] if name == "languages" else before)
        else:
            assert back.attributes.get(name) is empty
    assert f"entry channel: {back.entry_channel}" == told.routing["cas_IncomingReferralDetails"]
    named = {line.field for line in row.lines}
    ours = {f"{one}.{name}" for one, sealed in told.opened.items() for name in sealed}
    assert named >= ours | {f"person.{name}" for name in told.attributes} | set(told.lost)
    unplaced = {line.field for line in row.lines if line.fate == Fate.NOT_PLACED}
    both = {f"{place.compartment}.{place.field}" for place in DIRECT.values()}
    assert ours - both <= unplaced


def said(placed: Placed) -> list[Coded]:
    """Return what a row says of exploitation, as the episode that it becomes."""
    return [Coded(**placed.exploitation)] if placed.exploitation else []


FOREIGN = st.fixed_dictionaries(
    {ROW_ID: st.just("row")},
    optional={
        name: st.sampled_from(sorted(set(field.codes.values()))) if field.codes else TEXT
        for name, field in fields().items()
    },
)


@settings(max_examples=200)
@given(FOREIGN)
def test_every_column_of_a_foreign_row_has_one_fate_and_nothing_leaves_its_compartment(row: dict[str, str]) -> None:
    back = place_row(row, READER)
    assert sorted(line.field for line in back.lines) == sorted(row)
    for compartment, sealed in back.compartments.items():
        assert all(PROFILE.compartment_of(name) == compartment for name in sealed)
    report = {line.where for line in back.lines}
    assert not any(value in report for value in row.values() if len(value) > 3)


@settings(max_examples=200)
@given(
    st.dictionaries(st.sampled_from(sorted(name for name, one in fields().items() if one.codes)), st.integers(0, 99))
)
def test_coded_fields_without_a_record_of_ours_come_back_from_the_words_that_keep_them(chosen: dict[str, int]) -> None:
    lists = {name: sorted(set(fields()[name].codes.values())) for name in chosen}
    row = {name: lists[name][number % len(lists[name])] for name, number in chosen.items()}
    placed = place_row(row | {ROW_ID: "row", "prs_FirstName": "Аяна"}, READER)
    blank = {name: [Known.NOT_ASKED] if name in {"citizenships", "languages"} else Known.NOT_ASKED for name in (
        "sex", "gender", "age_band", "age_disputed", "citizenships", "migration_status", "documents_held", "languages",
        "disability")}  # fmt: skip
    out = row_of(Told("C-1", blank | placed.attributes, placed.compartments, episodes=said(placed))).values
    for name, value in row.items():
        if name in KEPT and (name, value) != ("cas_Status", "Active"):
            assert out[name] == ([value] if fields()[name].is_many else value)


def test_what_is_withheld_is_marked_and_not_empty() -> None:
    attributes = {"gender": Known.NOT_ASKED, "citizenships": [Known.NOT_ASKED], "languages": [Known.NOT_ASKED]}
    others = ("sex", "age_band", "age_disputed", "migration_status", "documents_held", "disability")
    told = Told("C-1", attributes | dict.fromkeys(others, Known.NOT_ASKED), {}, {Compartment.IDENTITY: "by role"})
    row = row_of(told)
    VALID.validate(row.values)
    hidden = {name for name, place in DIRECT.items() if place.compartment == Compartment.IDENTITY}
    assert set(row.values[WITHHELD_LIST]) == hidden
    assert {row.values[name] for name in hidden} == {WITHHELD}
    assert "prs_Email" not in row.values
    back = there_and_back(row, Format.CSV)
    assert back.compartments == {}
    assert {line.field for line in back.lines if line.where == "withheld by the sender"} == hidden


def test_the_templates_shifted_labels_are_left_out_and_names_decide() -> None:
    names = "nrm_row_id,prs_First_Name,prs_MailingCity,prs_MailingStreet,vic_RelationshipToTrafficker"
    labels = ",First Name,Mailing Street,Mailing Zip/Postal Code,Relationship to Trafficker"
    rows = read(f"\ufeff{names}\r\n{labels}\r\n7,Аяна,Ош,Lenin 1,Unacquainted\r\n".encode(), Format.CSV)
    assert len(rows) == 1
    sealed = place_row(rows[0], READER).compartments
    assert sealed[Compartment.LOCATION] == {"place": "Ош", "address": "Lenin 1"}
    assert sealed[Compartment.IDENTITY] == {"given_name": "Аяна"}
    assert place_row(rows[0], READER).exploitation == {"recruiter_relations": ("Unaquainted",)}


def test_a_role_seals_only_what_it_could_open_and_a_person_is_never_made_a_perpetrator() -> None:
    reader = Reader(PROFILE, PROFILE.opens(Role.SHELTER_STAFF, "owner").ever(), TODAY)
    row = {ROW_ID: "1", "prs_FirstName": "A", "hte_Description": "b", "per_RoleInProcess": "Exploiter"}
    back = place_row(row, reader)
    assert back.compartments == {Compartment.IDENTITY: {"given_name": "A"}}
    fates = {line.field: line.fate for line in back.lines}
    assert (fates["hte_Description"], fates["per_RoleInProcess"]) == (Fate.NOT_PLACED, Fate.DROPPED)


@pytest.mark.parametrize(("born", "keeps"), [("1990-05-01", False), ("2015-05-01", True), ("", False)])
def test_without_consent_nothing_but_a_childs_is_sealed(born: str, keeps: bool) -> None:  # noqa: FBT001
    row = {
        ROW_ID: "1",
        "prs_FirstName": "Аяна",
        "prs_Birthdate": born,
        "prs_Gender": "Feminine",
        "con_Consent": "FALSE",
    }
    back = place_row(row, READER)
    assert bool(back.compartments) is keeps
    assert back.attributes["gender"] == Gender.FEMININE
    assert back.consent is False


def test_a_column_of_the_senders_own_is_named_by_its_number_alone() -> None:
    back = place_row({"Айгүл Асанова": "x", ROW_ID: "1", "prs_Gender": "Feminine"}, READER)
    assert "Айгүл" not in "".join(line.field + line.where for line in back.lines)
    assert {line.field for line in back.lines} == {"column 1", ROW_ID, "prs_Gender"}


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (b"", Format.CSV),
        (b"\xff", Format.CSV),
        (b"a,b\n1,2\n", Format.CSV),
        (b"prs_FirstName\nA\n", Format.CSV),
        (b"nrm_row_id,prs_FirstName\n,A\n", Format.CSV),
        (b"nrm_row_id,prs_FirstName\n1\n", Format.CSV),
        (b"nrm_row_id,nrm_row_id,prs_FirstName\n1,1,A\n", Format.CSV),
        (b'nrm_row_id,prs_FirstName\n1,"A\n', Format.CSV),
        (b"nrm_row_id,prs_FirstName\n1," + b"a" * 15_001 + b"\n", Format.CSV),
        (b"[]\n", Format.JSONL),
        (b"{\n", Format.JSONL),
        (b'{"nrm_row_id": "1", "prs_FirstName": {"a": 1}}\n', Format.JSONL),
        (b'{"nrm_row_id": "1", "prs_FirstName": "\\ud800"}\n', Format.JSONL),
        (b'{"nrm_row_id": "1", "nrm_row_id": "2", "prs_FirstName": "A"}\n', Format.JSONL),
        (b"[" * 100_000, Format.JSONL),
    ],
)
def test_what_holds_no_rows_is_refused(content: bytes, form: Format) -> None:
    with pytest.raises(RowsRefused) as refused:
        read(content, form)
    assert "\ud800" not in str(refused.value)


def test_a_file_of_a_country_with_decimal_commas_is_read() -> None:
    content = 'nrm_row_id;prs_FirstName;prs_Citizenship\n1;Аяна;"KG;UZ"\n'.encode()
    assert read(content, Format.CSV) == [{ROW_ID: "1", "prs_FirstName": "Аяна", "prs_Citizenship": "KG;UZ"}]


def test_files_of_text_keep_outer_spaces() -> None:
    row = {ROW_ID: "1", "prs_FirstName": " Аяна\u00a0"}
    assert read(written([row], Format.JSONL), Format.JSONL) == [row]
    assert read(written([row], Format.CSV), Format.CSV)[0]["prs_FirstName"] == row["prs_FirstName"]


def test_spreadsheets_compute_no_cell() -> None:
    row = {ROW_ID: "1", "prs_FirstName": '=HYPERLINK("x")', "prs_MobilePhone": "+996 555 000"}
    content = written([row], Format.CSV).decode()
    assert "'=HYPERLINK" in content
    assert ",+996 555 000," in content
    assert json.loads(written([row], Format.JSONL)) == row
