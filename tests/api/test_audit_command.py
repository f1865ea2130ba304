import argparse
from pathlib import Path

import pytest

from api.cli import audit
from tests.domain.audit.exports import a_stream, an_export


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    audit.register(parser.add_subparsers(required=True))
    arguments = parser.parse_args(["audit", *words])
    return int(arguments.run(arguments))


@pytest.fixture
def export(tmp_path: Path) -> Path:
    path = tmp_path / "export.jsonl"
    path.write_bytes(b"".join(an_export(a_stream(1, 3), a_stream(2, 2))))
    return path


def test_an_intact_export_is_0_and_tells_the_digest_of_its_heads(
    export: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("verify", "--export", str(export)) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"{export}: intact, 5 entries in 2 streams"
    assert second.removeprefix("heads ") in export.read_text()


def test_a_broken_export_is_1_and_names_the_first_bad_position(
    export: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export.write_bytes(export.read_bytes().replace(b"case:read", b"case:edit", 1))

    assert run("verify", "--export", str(export)) == 1
    assert "edited at line 1 (stream 00000000-0000-0000-0000-000000000001, position 1)" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"\x00", b"not an export\n"])
def test_what_is_no_export_is_2(export: Path, content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    export.write_bytes(content)

    assert run("verify", "--export", str(export)) == 2
    assert "at line 1;" in capsys.readouterr().err


def test_an_absent_file_is_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("verify", "--export", str(tmp_path / "absent.jsonl")) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_an_earlier_export_shows_that_the_database_was_set_back(
    export: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    later = tmp_path / "later.jsonl"
    later.write_bytes(b"".join(an_export(a_stream(1, 2), a_stream(2, 2))))

    assert run("verify", "--export", str(later)) == 0
    assert run("verify", "--export", str(later), "--kept", str(export)) == 1
    assert "cut_off" in capsys.readouterr().err


def test_an_earlier_export_that_is_broken_proves_nothing(
    export: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    earlier = tmp_path / "earlier.jsonl"
    earlier.write_bytes(export.read_bytes()[:-2])

    assert run("verify", "--export", str(export), "--kept", str(earlier)) == 2
    assert str(earlier) in capsys.readouterr().err


def test_an_export_never_replaces_a_file(export: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = export.read_bytes()

    assert run("export", "--output", str(export)) == 2
    assert "cannot be made" in capsys.readouterr().err
    assert export.read_bytes() == before
