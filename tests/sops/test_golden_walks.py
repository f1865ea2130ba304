"""Golden walks: after each scene, exactly these steps are open, and these are due then, on the clocks of Bishkek.

A date is a duty's limit, `possible` a step that may be taken, `needs …` one that lacks the person's agreement.
"""

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.workflow.calendar import Calendar
from domain.workflow.catalogue import Catalogue
from domain.workflow.engine import OpenStep, open_steps
from domain.workflow.files import parse
from tests.sops.walking import Walk

FOLDER = Path(__file__).parent / "walks"
BISHKEK = ZoneInfo("Asia/Bishkek")


def golden() -> dict[str, tuple[str, list[dict[str, Any]]]]:
    files = [parse(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.yaml"))]
    return {one["walk"]: (file["procedure"], one["scenes"]) for file in files for one in file["walks"]}


def told(step: OpenStep) -> str:
    if step.missing:
        return f"needs {', '.join(step.missing)}"
    if step.due_at is None:
        assert not step.duty, step.step.key
        return "possible"
    return f"{step.due_at.astimezone(BISHKEK):%Y-%m-%d %H:%M}"


def played(walk: Walk, scene: dict[str, Any]) -> dict[str, str]:
    if "take" in scene:
        walk.take(scene["take"], **scene.get("outcome", {}))
    walk.happens(**scene.get("given", {}))
    return {one.step.key: told(one) for one in open_steps(walk.sop, walk.snapshot, walk.calendar)}


@pytest.mark.parametrize("name", golden())
def test_after_each_scene_exactly_these_steps_are_open(name: str, catalogue: Catalogue, calendar: Calendar) -> None:
    procedure, scenes = golden()[name]
    walk = Walk(catalogue.sop(procedure, "1.0.0"), calendar)
    for number, scene in enumerate(scenes, start=1):
        assert played(walk, scene) == scene["open"], f"scene {number}"


def test_every_step_of_the_three_procedures_is_open_in_some_walk(catalogue: Catalogue) -> None:
    for procedure in {procedure for procedure, _ in golden().values()}:
        scenes = [scene for named, scenes in golden().values() if named == procedure for scene in scenes]
        seen = {key for scene in scenes for key in scene["open"]}
        assert seen == set(catalogue.sop(procedure, "1.0.0").by_key)
        assert sum(named == procedure for named, _ in golden().values()) >= 3
