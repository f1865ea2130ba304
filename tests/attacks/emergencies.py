"""Emergency access and acts of two on the stage: the sender breaks the glass, and asks for an act."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from domain.codes import Role

if TYPE_CHECKING:
    from tests.attacks.relations import Stage, Things

EMERGENCY: Final = {"compartment": "identity", "reason": "missing_person", "account": "gone matrixwise"}


async def with_emergencies(stage: "Stage", things: "Mapping[str, Things]") -> "dict[str, Things]":
    """Let everybody ask for the sender's access to a case, and those behind a wall for the one to that very case."""
    broken = {
        case: (await stage.do("sender", "/break-glass", {**EMERGENCY, "case": case}))["id"]
        for case in {things[relation].case for relation in ("owner", "walled")}
    }
    mine, act = things["owner"].case, {"verb": "directory.close", "parameters": {"code": "NGO-BETA"}}
    approval = (await stage.do("sender", "/approvals", act, role=Role.COORDINATOR))["id"]
    return {
        relation: replace(one, glass=broken.get(one.case, broken[mine]), approval=approval)
        for relation, one in things.items()
    }
