import argparse
import json
import sys
from io import BufferedReader, BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from api.cli import keys
from tests.softhsm import Tokens


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


def test_keys_inside_a_module_are_made_added_and_listed(
    tokens: Tokens, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pin = tokens.new("command")
    for name, value in (
        ("KEY_PROVIDER", "pkcs11"),
        ("PKCS11_MODULE", str(tokens.found.module)),
        ("PKCS11_TOKEN", "command"),
        ("PKCS11_PIN_FILE", str(pin)),
    ):
        monkeypatch.setenv(f"NRM_{name}", value)
    assert run("init") == 0
    assert run("add") == 0
    assert capsys.readouterr().out.count("unwraps") == 3
    assert run("init") == 1
    shown = capsys.readouterr()
    assert "has keys of ours already" in shown.err
    assert pin.read_text().strip() not in shown.out + shown.err


def test_custodians_change_and_add_keys_by_lines_of_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, into = tmp_path / "keys.sealed", tmp_path / "custodians"
    sealed = ("--file", str(path))
    assert run("init", *sealed, "--custodians", "3", "--quorum", "2", "--into", str(into)) == 0
    first = [one.read_text() for one in sorted(into.iterdir())]
    given(monkeypatch, first[2], "not words\n", first[2], first[0])
    assert run("add", *sealed) == 0
    given(monkeypatch, first[1])
    assert run("add", *sealed) == 1
    assert "1 of 2 mnemonics: nothing opens" in capsys.readouterr().err
    given(monkeypatch, *first)
    assert run("reshare", *sealed, "--custodians", "2", "--quorum", "2", "--into", str(tmp_path / "others")) == 0
    given(monkeypatch, *first)
    assert run("add", *sealed) == 1
    second = [one.read_text() for one in sorted((tmp_path / "others").iterdir())]
    given(monkeypatch, *second)
    assert run("add", *sealed) == 0
    capsys.readouterr()
    assert run("status", *sealed) == 0
    shown = capsys.readouterr().out
    assert "opened by 2 of 2 custodians" in shown
    assert shown.count("unwraps") == 3
    assert not any(one.strip() in shown for one in (*first, *second))


def given(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BufferedReader(BytesIO("".join(lines).encode()))))
