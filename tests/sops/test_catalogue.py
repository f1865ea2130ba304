"""Finding procedures, labels and calendars; refusing packages that contradict themselves."""

import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from domain.codes import Language
from domain.errors import NotFound
from domain.workflow.calendar import Duration
from domain.workflow.catalogue import Catalogue
from domain.workflow.files import FileInvalid
from domain.workflow.sop import Sop

ROOT = Path(__file__).parents[2] / "sops"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT, tmp_path / "sops"))


def test_what_is_there_is_found(catalogue: Catalogue) -> None:
    for key, version in catalogue.current("KG").items():
        assert (catalogue.sop(key, version).sop, catalogue.sop(key, version).version) == (key, version)
    assert catalogue.labels("Role", "ngo_caseworker", Language.ENGLISH) == "NGO caseworker"
    assert catalogue.labels("Known", "yes", Language.KYRGYZ) == "Ооба"
    assert catalogue.calendar("KG").timezone == "Asia/Bishkek"


def test_what_is_not_there_is_not_found(catalogue: Catalogue) -> None:
    with pytest.raises(NotFound):
        catalogue.sop("kg-hotline-contact", "9.0.0")
    with pytest.raises(NotFound):
        catalogue.indicator_set("ilo-2009-labour", "9.0.0")
    with pytest.raises(NotFound):
        catalogue.profile("KZ")
    with pytest.raises(NotFound):
        catalogue.statistics("KZ")
    with pytest.raises(NotFound):
        catalogue.calendar("KZ")
    with pytest.raises(NotFound):
        catalogue.labels("Role", "minister", Language.ENGLISH)
    with pytest.raises(NotFound):
        catalogue.labels("Minister", "first", Language.ENGLISH)


def test_an_announced_feast_moves_deadlines_without_a_new_version(copy: Path) -> None:
    path = copy / "kg/country.yaml"
    text = path.read_text(encoding="utf-8")
    announced = "days_off: [{day: 2026-11-23, reason: announced}]"
    path.write_text(text.replace("days_off: []", announced).replace(
        "working_days: []", "working_days: [{day: 2026-11-21, reason: moved}]"), encoding="utf-8")  # fmt: skip
    calendar = Catalogue.load(copy).calendar("KG")
    assert not calendar.is_working_day(date(2026, 11, 23))
    friday = datetime(2026, 11, 20, 4, tzinfo=UTC)
    assert calendar.add(friday, Duration.parse("2 working days")) == datetime(2026, 11, 24, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("path", "old", "new", "why"),
    [
        ("kg/kg-hotline-contact/1.0.0.yaml", "version: 1.0.0", "version: 1.0.1", "not named after its key and version"),
        ("kg/kg-hotline-contact/1.0.0.yaml", "sop: kg-hotline", "sop: kg-hot", "not named after its key and version"),
        ("kg/kg-hotline-contact/1.0.0.yaml", "sop: kg-hotline-contact", "form: x", "the first key is none of"),
        ("kg/country.yaml", "kg-hotline-contact: 1.0.0", "kg-hotline-contact: 2.0.0", "names what does not exist"),
        ("kg/country.yaml", "key: kg-confidentiality", "key: kg-secrets", "names what does not exist"),
        ("kg/country.yaml", "key: ilo-2009-labour", "key: ilo-2010", "names what does not exist"),
        ("kg/country.yaml", "key: kg-statistics", "key: kg-figures", "names what does not exist"),
        ("kg/kg-statistics/1.0.0.yaml", "statistics: kg-statistics", "statistics: kg-x", "not named after its key"),
        ("kg/kg-hotline-contact/1.0.0.yaml", "key: call-back", "key: answer-message", "two steps have the same key"),
        ("kg/kg-hotline-contact/1.0.0.yaml", "1 working day", "1 working week", "a duration is written like"),
    ],
)
def test_a_package_that_contradicts_itself_is_refused(copy: Path, path: str, old: str, new: str, why: str) -> None:
    file = copy / path
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(FileInvalid, match=why):
        Catalogue.load(copy, verify_lock=False)


def test_a_list_instead_of_a_file_of_rules_is_refused(copy: Path) -> None:
    (copy / "kg/kg-hotline-contact/1.0.0.yaml").write_text("- sop\n", encoding="utf-8")
    with pytest.raises(FileInvalid, match="the first key is none of"):
        Catalogue.load(copy, verify_lock=False)


def test_a_procedure_never_changes(sop: Sop) -> None:
    with pytest.raises(ValueError, match="frozen"):
        sop.version = "2.0.0"
