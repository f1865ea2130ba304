"""A year that is played through a procedure: what it finds, and that it finds the same again."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from api.cli.sop import SOPS, rules
from api.cli.sop_simulated import arrivals_of
from api.year.attributes import Frequencies
from domain.codes import Language, Role
from domain.workflow.assumed import STAYS, Assumed
from domain.workflow.catalogue import Catalogue
from domain.workflow.files import parse, read
from domain.workflow.forecast import Forecast
from domain.workflow.prover import prove
from domain.workflow.simulated import Figures
from domain.workflow.simulation import Arrival, Simulation
from domain.workflow.sop import Sop
from domain.workflow.wording import Wording
from tests.sops.test_command import Run, copy, run  # noqa: F401 - fixtures

FIRST = datetime(2025, 1, 1, tzinfo=UTC)
UNTIL = FIRST + timedelta(days=365)
CASE = "kg-identification-and-referral"
FEW = 150

Change = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="session")
def assumed() -> Assumed:
    return read(SOPS / "simulation.yaml", Assumed)


@pytest.fixture(scope="session")
def arrivals() -> list[Arrival]:
    return arrivals_of(FEW, 1, FIRST, UNTIL, Frequencies.of())


def played(catalogue: Catalogue, sop: Sop, assumed: Assumed, arrivals: list[Arrival], seed: int = 1) -> Figures:
    return Simulation(sop, assumed, catalogue.calendar("KG"), seed).play(arrivals, UNTIL)


def draft(change: Change, sop: str = CASE) -> Sop:
    content = parse((SOPS / "kg" / sop / "1.0.0.yaml").read_text(encoding="utf-8"))
    content["version"] = "1.1.0"
    change(content)
    return Sop.model_validate(content)


def step_of(content: dict[str, Any], key: str) -> dict[str, Any]:
    found: dict[str, Any] = next(step for step in content["steps"] if step["key"] == key)
    return found


def test_a_time_limit_that_nobody_can_keep_is_found_where_every_proof_holds(
    catalogue: Catalogue, assumed: Assumed, arrivals: list[Arrival]
) -> None:
    def hasten(content: dict[str, Any]) -> None:
        step_of(content, "screen")["deadline"]["within"] = "2 hours"

    bad, published = draft(hasten), catalogue.sop(CASE, "1.0.0")
    assert all(result.holds for result in prove(bad, rules(catalogue, bad)))
    before, after = (played(catalogue, sop, assumed, arrivals) for sop in (published, bad))
    assert not any(step.key == "screen" for step in before.mostly_late)
    (late,) = [step for step in after.mostly_late if step.key == "screen"]
    assert late.late > FEW / 2
    assert late.escalations == late.late
    felt = list(Forecast(Wording(bad, catalogue, Language.ENGLISH), after).against(before))[1:]
    assert len(felt) == 1, felt  # the same people with the same luck: nothing but the limit differs
    assert felt[0].startswith("Screen against the identification criteria: late ")


def test_work_that_moves_to_one_role_is_told_with_how_busy_it_gets(
    catalogue: Catalogue, assumed: Assumed, arrivals: list[Arrival]
) -> None:
    def burden(content: dict[str, Any]) -> None:
        for step in content["steps"]:
            step["responsible"] = ["migration_officer"]

    bad, published = draft(burden), catalogue.sop(CASE, "1.0.0")
    before, after = (played(catalogue, sop, assumed, arrivals) for sop in (published, bad))
    assert {role.role for role in after.roles} == {Role.MIGRATION_OFFICER}
    felt = list(Forecast(Wording(bad, catalogue, Language.ENGLISH), after).against(before))
    assert any(line.startswith("Migration officer: busy ") for line in felt)


def test_too_few_people_make_others_wait(catalogue: Catalogue, assumed: Assumed, arrivals: list[Arrival]) -> None:
    sop = catalogue.sop("kg-social-rehabilitation", "1.0.0")
    alone = assumed.roles[Role.NGO_CASEWORKER].model_copy(update={"people": 1, "hours_per_step": 8.0})
    few = assumed.model_copy(update={"roles": {**assumed.roles, Role.NGO_CASEWORKER: alone}})
    enough, strained = (played(catalogue, sop, one, arrivals) for one in (assumed, few))
    waits = [
        next(role.queue for role in figures.roles if role.role == Role.NGO_CASEWORKER) for figures in (enough, strained)
    ]
    assert waits[1] > 2 * waits[0]
    assert strained.ended < enough.ended
    assert sum(step.late for step in strained.steps) > sum(step.late for step in enough.steps)


@pytest.mark.parametrize("key", sorted(path.parent.name for path in SOPS.glob("kg/kg-*/1.0.0.yaml")))
def test_every_procedure_can_be_played_and_every_opening_is_accounted_for(
    catalogue: Catalogue, assumed: Assumed, arrivals: list[Arrival], key: str
) -> None:
    if (key, "1.0.0") not in catalogue.sops:
        return
    figures = played(catalogue, catalogue.sop(key, "1.0.0"), assumed, arrivals)
    assert figures.begun == FEW
    assert 0 < figures.ended <= FEW
    for step in figures.steps:
        assert step.opened == step.done + step.left + step.still_open, step
        assert (step.median is None) == (step.done == 0)
        assert step.median is None or step.nine_in_ten is None or step.median <= step.nine_in_ten
        assert step.late <= step.opened


def test_the_same_seed_plays_the_same_and_another_seed_does_not(
    catalogue: Catalogue, assumed: Assumed, arrivals: list[Arrival]
) -> None:
    sop = catalogue.sop(CASE, "1.0.0")
    one, same, other = (played(catalogue, sop, assumed, arrivals, seed) for seed in (1, 1, 2))
    assert one == same
    assert one != other


def test_nothing_is_assumed_that_the_vocabulary_does_not_have(catalogue: Catalogue, assumed: Assumed) -> None:
    facts: dict[str, list[Any]] = {}
    for sop in catalogue.sops.values():
        for name, fact in sop.facts.items():
            facts.setdefault(name, []).append(fact)
    for listed in (assumed.starts, assumed.outcomes):
        for name, weights in listed.items():
            assert all(set(weights) <= set(fact.values) for fact in facts[name]), name
    for name, moves in assumed.moves.items():
        for value, move in moves.items():
            allowed = [set(fact.moves.get(value, ())) | {STAYS} for fact in facts[name]]
            assert all(set(move.to) <= one for one in allowed), (name, value)
    assert set(assumed.taken) <= {step.key for sop in catalogue.sops.values() for step in sop.steps}
    assert set(assumed.roles) == set(Role)


@pytest.mark.parametrize("language", list(Language))
def test_a_forecast_can_be_read_in_every_language(
    catalogue: Catalogue, assumed: Assumed, arrivals: list[Arrival], language: Language
) -> None:
    sop = catalogue.sop("kg-shelter-stay", "1.0.0")
    figures = played(catalogue, sop, assumed, arrivals)
    lines = list(Forecast(Wording(sop, catalogue, language), figures).lines())
    assert len(lines) > 2 * sum(step.opened > 0 for step in figures.steps)
    assert str(FEW) in lines[0]
    assert "sops/simulation.yaml" in lines[1]


def test_the_command_prints_text_or_json_and_compares(run: Run, tmp_path: Path) -> None:  # noqa: F811
    written = (SOPS / "kg" / CASE / "1.0.0.yaml").read_text(encoding="utf-8")
    path = tmp_path / "draft.yaml"
    path.write_text(written.replace("version: 1.0.0", "version: 9.0.0", 1), encoding="utf-8")
    code, out, err = run("simulate", str(path), "--against", CASE, "--cases", "40")
    assert (code, err) == (0, "")
    assert f"{CASE} 9.0.0: 40 began in the year" in out
    assert out.endswith("with the same arrivals and the same luck:\nNothing differs that would be felt.\n")
    code, out, _ = run("simulate", str(path), "--against", CASE, "--cases", "40", "--format", "json")
    told = json.loads(out)
    assert told["figures"]["steps"] == told["against"]["steps"]
    assert told["felt"] == ["Nothing differs that would be felt."]


@pytest.mark.parametrize(
    "words", [("no-such-procedure",), (CASE, "--against", "kg-shelter-stay"), (CASE, "--cases", "0"), ("no.yaml",)]
)
def test_what_cannot_be_simulated_is_refused(run: Run, words: tuple[str, ...]) -> None:  # noqa: F811
    code, out, err = run("simulate", *words)
    assert (code, out) == (2, "")
    assert err.startswith("cannot be simulated: ")
