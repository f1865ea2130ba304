"""The documents say what is true: links lead somewhere, files that they name exist, numbers are those of the code."""

import inspect
import re
import unicodedata
from enum import StrEnum
from pathlib import Path

import pytest

import domain.codes
from domain.workflow.catalogue import Catalogue
from tests.architecture import tree

DOCUMENTS = [path for path in tree.files() if path.suffix == ".md"]
OURS = [path for path in DOCUMENTS if path.parts[0] == "docs" or path.name == "README.md"]
RECORDS = sorted(path for path in DOCUMENTS if path.parts[:2] == ("docs", "decisions") and path.name != "README.md")
HEADINGS = ["Context", "Decision", "Consequences", "Alternatives considered", "References"]

FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
NAMED = re.compile(r"`((?:api|auth|domain|docs|migrations|openapi|sops|tests|\.ci)/[\w./-]*[\w/])`")
GUARANTEES = re.compile(r"^## What is guaranteed$(.*?)^## ", re.MULTILINE | re.DOTALL)


def prose(path: Path) -> str:
    """Return a document without its blocks of code."""
    return FENCE.sub("", tree.text(path))


def anchors(path: Path) -> set[str]:
    """Return the anchors of a document's headings, made as the common renderers make them."""
    found = set()
    for heading in re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE):
        text = unicodedata.normalize("NFC", heading).lower().replace("`", "")
        found.add(re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", text)))
    return found


def exists(name: str) -> bool:
    """Tell whether a path of the tree exists; a migration may be called by its number alone."""
    return (tree.ROOT / name).exists()


def fault(path: Path, target: str) -> str | None:
    """Return what is wrong with a link of a document, or None."""
    if re.match(r"[a-z]+:", target):
        return None
    name, _, anchor = target.partition("#")
    leads_to = (tree.ROOT / path.parent / name).resolve() if name else tree.ROOT / path
    if not leads_to.exists():
        return f"{path}: {target} leads nowhere"
    if anchor and anchor not in anchors(leads_to.relative_to(tree.ROOT)):
        return f"{path}: {target} has no such heading"
    return None


def test_links_between_documents_lead_somewhere() -> None:
    links = [(path, target) for path in DOCUMENTS for target in LINK.findall(prose(path))]
    assert len(links) > 20
    assert [found for path, target in links if (found := fault(path, target))] == []


def test_files_that_the_documents_name_exist() -> None:
    named = [(path, name) for path in OURS for name in NAMED.findall(prose(path))]
    assert len(named) > 100
    assert [f"{path}: {name}" for path, name in named if not exists(name)] == []


def test_every_guarantee_names_a_test_that_exists() -> None:
    table = GUARANTEES.search(tree.text(Path("README.md")))
    assert table is not None
    rows = [row for row in table[1].splitlines() if row.startswith("|")][2:]
    assert len(rows) > 12
    without = [row for row in rows if not any(name.startswith("tests/") for name in NAMED.findall(row))]
    assert without == []
    missing = [name for row in rows for name in NAMED.findall(row) if not (tree.ROOT / name).is_file()]
    assert missing == []


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_decision_record_has_its_five_parts_and_says_something_in_each(path: Path) -> None:
    parts = re.split(r"^## (.+)$", tree.text(path), flags=re.MULTILINE)
    assert re.fullmatch(r"# \d+\. [^\n]+\n\s*Status: (kept|changed|added)[^\n]*\n\s*", parts[0])
    assert parts[1::2] == HEADINGS
    assert [heading for heading, text in zip(parts[1::2], parts[2::2], strict=True) if not text.strip()] == []


def test_decision_records_are_numbered_without_gaps_and_listed() -> None:
    assert len(RECORDS) > 20
    assert [path.name[:5] for path in RECORDS] == [f"{number:04}-" for number in range(1, len(RECORDS) + 1)]
    assert [path.stem for path in RECORDS if f"# {int(path.name[:4])}. " not in tree.text(path)] == []
    listed = LINK.findall(tree.text(Path("docs/decisions/README.md")))
    assert sorted(set(listed)) == [path.name for path in RECORDS]


def test_the_glossary_has_every_closed_list() -> None:
    lists = {
        name
        for name, kind in inspect.getmembers(domain.codes, inspect.isclass)
        if issubclass(kind, StrEnum) and kind is not StrEnum
    }
    described = set(re.findall(r"^\| `(\w+)` \|", tree.text(Path("docs/glossary.md")), re.MULTILINE))
    assert described == lists


def test_the_readme_tells_how_many_rules_are_only_assumed() -> None:
    catalogue = Catalogue.load(tree.ROOT / "sops")
    shares = [catalogue.sop(key, version).assumed for key, version in catalogue.current("KG").items()]
    assumed, rules = (sum(column) for column in zip(*shares, strict=True))
    assert f"{assumed} of {rules} rules" in tree.text(Path("README.md"))


def test_commands_that_the_documents_name_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", tree.text(Path("Makefile")), re.MULTILINE))
    named = {(path, name) for path in OURS for name in re.findall(r"`make ([a-z]+)`", tree.text(path))}
    assert named
    assert {f"{path}: make {name}" for path, name in named if name not in targets} == set()
