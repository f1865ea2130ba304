"""A referral that arrives on another country's form: of the same shape as the real one, and invented."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from api.cli.acting import claims_for
from api.demo.play import CASEWORKER, Json, Play, Unexpected, spoken
from api.imports.report import Fate, counted
from api.imports.taking_in import TakenIn, take_in
from api.imports.uk_form import Form, read
from api.runtime import Runtime
from domain.errors import DomainError

TITLE = "Two referrals on the form of the United Kingdom"
FORMS = Path(__file__).parents[2] / "fictional"
FILES = {"uk-form.json": "a woman who agreed", "uk-form-refused.json": "a man who did not agree"}


def play(play: Play, make_runtime: Callable[[], Runtime]) -> None:
    """Take in one form with consent and one without, as `nrm import uk-form` does."""
    for name, about in FILES.items():
        taken = asyncio.run(_taken_in(read((FORMS / name).read_bytes()), make_runtime()))
        left = [line.field for line in taken.lines if line.fate == Fate.NOT_PLACED]
        shown: Json = play.get(CASEWORKER, f"/cases/{taken.reference}")
        play.did(
            CASEWORKER,
            f"takes in the form of {about} (`nrm import uk-form`) → {taken.reference}: "
            f"identification “{spoken(shown['identification'])}”, case work “{spoken(shown['case_work'])}”",
            ("told", counted(taken.lines)),
            ("left", f"no place was found for: {', '.join(left) or 'nothing'}"),
        )
        play.expect("a refusal becomes an anonymous notification", _is_anonymous(shown), "refused" in name)


def _is_anonymous(shown: Json) -> bool:
    return bool(shown["identification"] == "anonymous_notification")


async def _taken_in(form: Form, runtime: Runtime) -> TakenIn:
    claims = claims_for(CASEWORKER.subject, CASEWORKER.organisation, CASEWORKER.role, runtime)
    try:
        return await take_in(form, claims, runtime)
    except DomainError as refused:
        raise Unexpected(f"a form: expected to be taken in, got {refused.code}") from refused
    finally:
        await runtime.database.close()
