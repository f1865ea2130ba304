"""Ten thousand cases in and out again: lossless for every field of the standard, and the report names every other."""

from collections.abc import Mapping
from typing import Any

from api.cli.acting import claims_for
from api.exchange.exploitation import CODED
from api.exchange.giving_out import give_out
from api.exchange.places import CONSENTS, DROPPED, NOT_TAKEN
from api.exchange.placing import NO_CONSENT
from api.exchange.rows import Format, read, written
from api.exchange.standard import OURS, ROW_ID, fields
from api.exchange.taking_rows_in import take_rows_in
from api.imports.report import Fate
from api.imports.taking_in import TakenIn
from tests.exchange.made_up import rows
from tests.world import STAFF, World

CASES = 10_000
SEED = 20261122
COMES_BACK = {Fate.PLACED, Fate.KEPT}
NEVER_TAKEN = set(DROPPED) | set(NOT_TAKEN)


def compared(name: str, value: str) -> Any:
    """Return a value as it is compared: lists of codes are sets."""
    return frozenset(value.split(";")) if name in CODED and fields()[name].is_many else value


def lost(sent: Mapping[str, str], taken: TakenIn, back: Mapping[str, str]) -> set[str]:
    """Return the fields that the report says were taken in, and that did not come back as they were."""
    fates = {line.field: line for line in taken.lines}
    assert set(fates) == set(sent), "every column has its line"
    return {
        name
        for name, value in sent.items()
        if name != ROW_ID
        and value
        and fates[name].fate in COMES_BACK
        and not (name == CONSENTS[1] and back["con_Consent"] == "true")
        and compared(name, value) != compared(name, back.get(name, ""))
    }


async def test_ten_thousand_cases_come_back_without_loss(world: World) -> None:
    sent = read(written(rows(CASES, SEED), Format.XLSX), Format.XLSX)
    claims = claims_for(*STAFF["alpha"], world.runtime)
    taken = await take_rows_in(sent, claims, world.runtime)
    given = await give_out(claims, world.runtime)
    back = {row[ROW_ID]: row for row in read(written([row.values for row in given], Format.CSV), Format.CSV)}
    assert len(taken) == len(back) == CASES
    reported = {row.values[ROW_ID]: {line.field for line in row.lines} for row in given}
    unplaced: dict[str, set[str]] = {}
    for row, one in zip(sent, taken, strict=True):
        assert isinstance(one, TakenIn), one
        assert lost(row, one, back[one.reference]) == set(), one.reference
        for line in one.lines:
            if line.fate not in COMES_BACK | {Fate.EMPTY}:
                unplaced.setdefault(line.field, set()).add(line.where)
        assert {"case.victim_type", "case.sop_versions", "case.opened_at"} <= reported[one.reference]
    allowed = NEVER_TAKEN | set(CONSENTS)
    others = {name: reasons for name, reasons in unplaced.items() if name not in allowed}
    assert set().union(*others.values()) == {NO_CONSENT}, "without consent nothing is sealed, and nothing else is lost"
    assert set(unplaced) >= NEVER_TAKEN
    assert {name for row in sent for name, value in row.items() if value} == {*fields(), OURS[0]}


async def test_every_code_of_the_standard_was_among_them() -> None:
    made = rows(2_000, SEED)
    for name, field in fields().items():
        if field.codes and name != "vic_MethodsOfControl":
            seen = {code for row in made for code in row.get(name, "").split(";")}
            assert set(field.codes.values()) <= seen, name
