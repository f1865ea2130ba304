"""YAML as lawyers write it."""

from pathlib import Path

import pytest

from domain.workflow.files import FileInvalid, parse, read
from domain.workflow.messages import CodeLabels


def test_yes_and_no_are_words_and_versions_and_dates_are_text() -> None:
    text = "{a: yes, b: no, c: on, d: 1.0.0, e: 2026-11-20, f: true, g: 24, h: null, i: 1.5, j: 010}"
    assert parse(text) == {
        "a": "yes",
        "b": "no",
        "c": "on",
        "d": "1.0.0",
        "e": "2026-11-20",
        "f": True,
        "g": 24,
        "h": None,
        "i": "1.5",
        "j": "010",
    }


def test_a_key_may_not_stand_twice() -> None:
    with pytest.raises(FileInvalid, match="the key 'a' stands twice, at line 2"):
        parse("a: 1\na: 2\n")


@pytest.mark.parametrize("text", ["a: [", "!!python/object/apply:os.system ['true']", "a: 1\n---\nb: 2\n"])
def test_what_is_not_one_plain_document_is_refused(text: str) -> None:
    with pytest.raises(FileInvalid, match="not YAML"):
        parse(text)


def test_a_file_that_does_not_fit_is_named(tmp_path: Path) -> None:
    path = tmp_path / "codes.yaml"
    with pytest.raises(FileInvalid, match=r"codes\.yaml"):
        read(path, CodeLabels)
    path.write_text("lists: {}\n", encoding="utf-8")
    with pytest.raises(FileInvalid, match="translations"):
        read(path, CodeLabels)
