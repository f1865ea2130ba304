import argparse
import json
from pathlib import Path

import pytest

from api.cli import keys


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    keys.register(parser.add_subparsers(required=True))
    arguments = parser.parse_args(["keys", *words])
    return int(arguments.run(arguments))


def test_keys_are_made_added_and_listed_without_being_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "keys.json"

    assert [run(action, "--file", str(path)) for action in ("init", "add", "status")] == [0, 0, 0]
    held = json.loads(path.read_text())
    shown = capsys.readouterr().out
    first, second = (key["id"] for key in held["keys"])
    assert shown.endswith(f"{path}: for development only\n  {first}  unwraps\n  {second}  wraps and unwraps\n")
    assert not any(secret in shown for secret in (held["derivation"], *(key["secret"] for key in held["keys"])))


def test_a_refused_file_is_an_error_and_stays_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "keys.json"
    run("init", "--file", str(path))
    before = path.read_bytes()

    assert run("init", "--file", str(path)) == 1
    assert "cannot be made" in capsys.readouterr().err
    assert path.read_bytes() == before
    path.chmod(0o644)
    assert run("status", "--file", str(path)) == 1
    assert "mode 0600" in capsys.readouterr().err


def test_without_a_file_the_one_of_the_settings_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NRM_KEY_FILE", str(tmp_path / "settings.json"))

    assert run("init") == 0
    assert (tmp_path / "settings.json").exists()
