"""The package is complete, published as it stands, and readable in every language of the country."""

import csv
import enum
import inspect
import json
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from domain import codes
from domain.codes import Compartment, Language, Role
from domain.workflow.catalogue import Catalogue
from domain.workflow.files import FileInvalid, parse
from domain.workflow.schema import sop_schema
from domain.workflow.sop import Translation
from domain.workflow.subjects import SUBJECTS

ROOT = Path(__file__).parents[2] / "sops"
SHARED = Path(__file__).parents[3] / "shared"


def lists() -> dict[str, set[str]]:
    classes = (one for _, one in inspect.getmembers(codes, inspect.isclass) if issubclass(one, enum.StrEnum))
    return {one.__name__: {member.value for member in one} for one in classes if one is not enum.StrEnum}


def test_every_code_has_a_label_in_every_language(catalogue: Catalogue) -> None:
    assert {name: set(labels) for name, labels in catalogue.codes.lists.items()} == lists()
    for name, values in lists().items():
        for value in values:
            for language in Language:
                assert catalogue.labels(name, value, language).strip(), (name, value, language)


def test_every_fact_and_value_has_a_name_in_every_language(catalogue: Catalogue) -> None:
    facts = {fact.name: fact for subject in SUBJECTS.values() for fact in subject.facts}
    assert set(catalogue.messages.facts) == set(facts)
    for name, fact in facts.items():
        assert set(catalogue.messages.facts[name].values) == set(fact.values)
        for language in Language:
            assert catalogue.messages.fact(name, language).strip()
            assert all(catalogue.messages.value(name, value, language).strip() for value in fact.values)


def test_every_sentence_is_there_in_every_language_with_the_same_gaps(catalogue: Catalogue) -> None:
    for key, labels in catalogue.messages.sentences.items():
        assert set(labels) == set(Language), key
        gaps = {
            language: sorted(part.split("}")[0] for part in text.split("{")[1:]) for language, text in labels.items()
        }
        assert len({tuple(found) for found in gaps.values()}) == 1, key


def test_no_translation_passes_for_reviewed(catalogue: Catalogue) -> None:
    marked: list[Any] = [
        catalogue.codes, catalogue.messages, *catalogue.profiles.values(), *catalogue.sops.values(),
        *catalogue.confidentialities.values(), *catalogue.indicator_sets.values(),
        *catalogue.retentions.values(), *catalogue.declarations.values(),
    ]  # fmt: skip
    for one in marked:
        assert one.translations[Language.RUSSIAN] is Translation.UNREVIEWED
        assert one.translations[Language.KYRGYZ] is Translation.UNREVIEWED


def test_the_schema_on_disk_is_the_one_of_the_code() -> None:
    assert (ROOT / "sop.schema.json").read_text(encoding="utf-8") == sop_schema()


@pytest.mark.parametrize(
    "path",
    sorted(
        set(ROOT.glob("kg/kg-*/*.yaml"))
        - set(ROOT.glob("kg/kg-confidentiality/*"))
        - set(ROOT.glob("kg/kg-retention/*"))
        - set(ROOT.glob("kg/kg-statistics/*"))
        - set(ROOT.glob("kg/kg-results/*"))
    ),
    ids=lambda path: path.parent.name,
)
def test_every_procedure_fits_the_schema(path: Path) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(sop_schema()))
    content = parse(path.read_text(encoding="utf-8"))
    assert list(validator.iter_errors(content)) == []
    assert list(validator.iter_errors({**content, "invariants": []})) != []


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT, tmp_path / "sops"))


def test_a_published_file_that_was_changed_is_refused(copy: Path) -> None:
    path = copy / "kg/kg-hotline-contact/1.0.0.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "# a remark\n", encoding="utf-8")
    with pytest.raises(FileInvalid, match=r"changed since it was published: kg/kg-hotline-contact/1\.0\.0\.yaml"):
        Catalogue.load(copy)
    assert Catalogue.load(copy, verify_lock=False).current("KG")["kg-hotline-contact"] == "1.0.0"


def test_a_file_that_was_never_published_is_refused(copy: Path) -> None:
    path = copy / "kg/kg-hotline-contact/1.0.0.yaml"
    draft = path.read_text(encoding="utf-8").replace("version: 1.0.0", "version: 1.1.0", 1)
    path.with_name("1.1.0.yaml").write_text(draft, encoding="utf-8")
    with pytest.raises(FileInvalid, match=r"never published: kg/kg-hotline-contact/1\.1\.0\.yaml"):
        Catalogue.load(copy)
    assert Catalogue.load(copy, verify_lock=False).sop("kg-hotline-contact", "1.1.0").version == "1.1.0"


def test_a_published_file_that_is_gone_is_refused(copy: Path) -> None:
    (copy / "kg/kg-confidentiality/1.1.0.yaml").unlink()
    with pytest.raises(FileInvalid, match="published but absent"):
        Catalogue.load(copy)
    with pytest.raises(FileInvalid, match="names what does not exist"):
        Catalogue.load(copy, verify_lock=False)


def test_oversight_roles_open_no_compartment(catalogue: Catalogue) -> None:
    roles = catalogue.confidentiality("KG").roles
    for role in (Role.COORDINATOR, Role.FOCAL_POINT, Role.MONITORING_STAFF):
        assert roles[role].opening("owner").ever() == roles[role].opening("receiver").ever() == frozenset()
    police = roles[Role.POLICE_OFFICER]
    assert Compartment.HEALTH not in police.opening("owner").ever() | police.opening("receiver").ever()


def test_the_indicators_are_those_of_the_published_set(catalogue: Catalogue) -> None:
    table = SHARED / "data" / "ilo_operational_indicators.csv"
    if not table.exists():
        pytest.skip("../shared is absent")
    with table.open(encoding="utf-8") as file:
        expected = {
            (row["dimension"], row["indicator"], row["adult_labour"], row["child_labour"])
            for row in csv.DictReader(file)
        }
    named = catalogue.profile("KG").indicator_set
    indicators = catalogue.indicator_set(named.key, named.version)
    found = {
        (name, one.label[Language.ENGLISH], str(one.strength.adult or ""), str(one.strength.child or ""))
        for name, one in indicators.by_key.values()
    }
    assert found == expected
    assert len(found) == 67
