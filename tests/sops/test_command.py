"""`nrm sop`: what it prints, and with which code it ends."""

import argparse
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from api.cli import sop

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(sop.SOPS, tmp_path / "sops"))


@pytest.fixture
def run(copy: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*words: str) -> tuple[int, str, str]:
        parser = argparse.ArgumentParser()
        sop.register(parser.add_subparsers(required=True))
        arguments = parser.parse_args(["sop", "--root", str(copy), *words])
        code = arguments.run(arguments)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return command


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_check_prints_what_was_examined_and_how_much_is_assumed(run: Run) -> None:
    code, out, err = run("check")
    assert (code, err) == (0, "")
    assert "  support-independent-of-cooperation … 384 situations … holds\n" in out
    assert "  child-never-blocked-by-consent … 2,799,360,000,000 situations … holds\n" in out
    assert "  least-disclosure … 27 rules … holds\n" in out
    assert "  27 of 27 rules are assumed (100 %); 1 of its sources were read\n" in out


def test_check_shows_the_walk_into_a_violation(run: Run, copy: Path) -> None:
    path = copy / "kg/kg-identification-and-referral/1.0.0.yaml"
    change(path, "when: {not: {fact: support, in: [requested, receiving]}}", "when: {fact: cooperation, is: yes}")
    code, out, _ = run("check")
    assert code == 1
    assert (
        "  support-independent-of-cooperation … 2,799,360,000,000 situations … VIOLATED\n"
        "    close-case: whether it is open depends on cooperation\n"
    ) in out
    assert "always-closable … 2,799,360,000,000 situations … VIOLATED\n" in out
    assert "      1. " in out


def test_check_says_which_file_cannot_be_read(run: Run, copy: Path) -> None:
    change(copy / "kg/country.yaml", "country: KG", "country: Kyrgyzstan")
    code, out, err = run("check")
    assert (code, out) == (2, "")
    assert "kg/country.yaml" in err


def test_lock_publishes_a_new_version_and_never_a_changed_one(run: Run, copy: Path) -> None:
    assert run("lock")[:2][1].endswith("nothing new to publish\n")
    old = copy / "kg/kg-hotline-contact/1.0.0.yaml"
    new = old.with_name("1.1.0.yaml")
    new.write_text(old.read_text(encoding="utf-8").replace("version: 1.0.0", "version: 1.1.0"), encoding="utf-8")
    code, out, _ = run("lock")
    assert code == 0
    assert out.endswith("published: kg/kg-hotline-contact/1.1.0.yaml\n")
    change(new, "Call back", "Ring back")
    code, _, err = run("lock")
    assert code == 1
    assert "published files never change" in err


def test_lock_refuses_what_is_not_proved(run: Run, copy: Path) -> None:
    before = (copy / "sops.lock").read_bytes()
    old = copy / "kg/kg-hotline-contact/1.0.0.yaml"
    draft = old.read_text(encoding="utf-8").replace("version: 1.0.0", "version: 1.1.0")
    old.with_name("1.1.0.yaml").write_text(draft.replace(
        "on_breach: [{escalate: coordinator}]", "on_breach: []", 1), encoding="utf-8")  # fmt: skip
    code, out, err = run("lock")
    assert code == 1
    assert "answer-message: nobody else is told when the time limit passes" in out
    assert "not published" in err
    assert (copy / "sops.lock").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), "Who: Hotline operator, NGO caseworker, Police officer, Migration officer\n"),
        (
            (),
            "When: Screening: points to trafficking; and (Age: not adult; or Consent to identification: not refused)\n",
        ),
        ((), "Within: 5 working d; then told: Coordinator\n"),
        ((), "This rule is an assumption; the text of the source was not available. It is not law.\n"),
        ((), "Emergency: answer within 24 h; then told: Coordinator; over after: 3 d\n"),
        ((), "27 of 27 rules are assumed (100 %)"),
        (("--version", "1.0.0", "--language", "ru"), "translation: unreviewed\n"),
        (("--language", "ru"), "Когда: Опасность: непосредственная или высокая\n"),
        (("--language", "ky"), "Бул эреже — божомол; булактын тексти жеткиликтүү болгон эмес. Бул мыйзам эмес.\n"),
    ],
)
def test_show_prints_a_procedure_in_words(run: Run, words: tuple[str, ...], expected: str) -> None:
    code, out, _ = run("show", "kg-identification-and-referral", *words)
    assert code == 0
    assert expected in out


def test_show_brackets_a_list_inside_a_list(run: Run) -> None:
    _, out, _ = run("show", "kg-hotline-contact")
    assert "(Channel: not voicemail or text message or e-mail); or Callback: done or not reached" in out
    assert "or done: Offer to open a case" in out


def test_show_tells_what_it_does_not_find(run: Run) -> None:
    for words in (("kg-shelter",), ("kg-hotline-contact", "--version", "9.9.9")):
        code, out, err = run("show", *words)
        assert (code, out) == (2, "")
        assert err.startswith("cannot be shown")


def test_schema_prints_the_schema(run: Run, copy: Path) -> None:
    code, out, _ = run("schema")
    assert code == 0
    assert json.loads(out)["title"] == "Sop"
    assert out == (copy / "sop.schema.json").read_text(encoding="utf-8")


def test_show_takes_the_latest_version_of_what_is_not_current(run: Run) -> None:
    code, out, _ = run("show", "kg-shelter-stay")
    assert code == 0
    assert out.startswith("Stay in a shelter (kg-shelter-stay 1.0.0)")


def test_draw_prints_a_picture_for_a_role(run: Run) -> None:
    code, out, _ = run("draw", "kg-shelter-stay", "--role", "ngo_caseworker", "--format", "mermaid")
    assert code == 0
    assert out.startswith("flowchart TD\n")
    assert "Ask another shelter" in out
    assert "Report the use of the grant" not in out
    assert run("draw", "kg-shelter-stay", "--language", "ky")[1].startswith("<svg ")
    code, out, err = run("draw", "kg-shelter")
    assert (code, out) == (2, "")
    assert err.startswith("cannot be drawn")


def test_diff_compares_a_draft_with_a_published_version(run: Run, copy: Path, tmp_path: Path) -> None:
    draft = tmp_path / "draft.yaml"
    draft.write_bytes((copy / "kg/kg-hotline-contact/1.0.0.yaml").read_bytes())
    assert run("diff", "kg-hotline-contact@1.0.0", str(draft))[:2][1].endswith("Nothing changes.\n")
    change(draft, "within: 1 working day, from: callback", "within: 2 working days, from: callback")
    code, out, _ = run("diff", "kg-hotline-contact", str(draft))
    assert code == 0
    assert out.endswith("\n\nCall back [call-back]\n  Time limit: before: 1 working d; now: 2 working d\n")
    change(draft, "fact: topic, is: possible_trafficking", "fact: topic, is: possible")
    for words in (("kg-hotline-contact", str(draft)), ("kg-hotline-contact", "kg-shelter-stay"), ("a", "b")):
        code, out, err = run("diff", *words)
        assert (code, out) == (2, "")
        assert err.startswith("cannot be compared")
