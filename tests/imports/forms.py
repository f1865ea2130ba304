"""Forms to import: our own fictional ones, and the published example where it lies beside the repository."""

import json
from pathlib import Path
from typing import Any

from api.cli.acting import claims_for
from api.imports.taking_in import TakenIn, take_in
from api.imports.uk_form import Form, read
from tests.world import STAFF, World

ROOT = Path(__file__).parents[2]
FICTIONAL = ROOT / "api" / "fictional"
PUBLISHED = ROOT.parent / "shared" / "data" / "uk_nrm_referral_example.json"
CONSENTED = "uk-form.json"
REFUSED = "uk-form-refused.json"


def fields_of(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def fictional(name: str = CONSENTED, **changed: Any) -> dict[str, Any]:
    """Return one of our forms; a change names its field with two underscores for a point."""
    return fields_of(FICTIONAL / name) | {key.replace("__", "."): value for key, value in changed.items()}


def form_of(fields: dict[str, Any]) -> Form:
    return read(json.dumps(fields).encode())


async def imported(world: World, fields: dict[str, Any], who: str = "alpha") -> TakenIn:
    """Take a form in as one of STAFF."""
    subject, organisation, role = STAFF[who]
    return await take_in(form_of(fields), claims_for(subject, organisation, role, world.runtime), world.runtime)
