"""Emergency access on the stage: the sender, who knows the references, breaks the glass."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tests.attacks.relations import Stage, Things

EMERGENCY: Final = {"compartment": "location", "reason": "missing_person", "account": "gone matrixwise"}


async def with_emergencies(stage: "Stage", things: "Mapping[str, Things]") -> "dict[str, Things]":
    """Let everybody ask for the sender's access to a case, and those behind a wall for the one to that very case."""
    broken = {
        case: (await stage.do("sender", "/break-glass", {**EMERGENCY, "case": case}))["id"]
        for case in {things[relation].case for relation in ("owner", "walled")}
    }
    mine = things["owner"].case
    return {relation: replace(one, glass=broken.get(one.case, broken[mine])) for relation, one in things.items()}
