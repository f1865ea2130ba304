"""Takes rows of the standard in as a member of staff would over HTTP: the same commands, permits and audit."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from sqlalchemy import select

from api.dependencies import opens
from api.exchange.placing import Placed, Reader, place_row
from api.exchange.standard import ROW_ID
from api.imports.once import Once
from api.imports.report import Line
from api.imports.taking_in import ENTRY_CHANNELS, TakenIn
from api.refusals import record_refusal
from api.runtime import Runtime
from auth.authentication import enter
from auth.authorisation import Authorisation
from auth.roles import Permission
from auth.tokens import Claims, TokenRefused
from domain.cases.commands import Attributes, OpenCase, open_cases
from domain.cases.rules import CaseRecord
from domain.codes import (
    CaseWork,
    ConsentDecision,
    ConsentGiver,
    ConsentObtained,
    EntryChannel,
    OrganisationType,
    Purpose,
)
from domain.consents.commands import RecordConsent, record_first_consents
from domain.errors import DomainError, NotPermitted
from domain.exploitation.commands import Coded, record_first_exploitations
from domain.organisations.models import Organisation
from domain.permits import Actor
from domain.unit_of_work import UnitOfWork

AT_ONCE: Final = 100
"""Rows in one transaction."""

Values = Mapping[str, str]


def _unseen(_: int) -> None:
    """Tell nobody how far it is."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that was not taken in, and the code of the reason."""

    code: str


async def take_rows_in(
    rows: Sequence[Values],
    claims: Claims,
    runtime: Runtime,
    id_column: str = ROW_ID,
    told: Callable[[int], object] = _unseen,
) -> list[TakenIn | Refused]:
    """Turn each row into a case: all of it or nothing, and one that is refused keeps no other back.

    Args:
        rows: See `rows.read`.
        claims: In whose name.
        runtime: The process.
        id_column: What identifies a row at its sender.
        told: Is called with how many rows more have been dealt with.

    Raises:
        TokenRefused: the person of staff is no member of the organisation in this role.
        NotPermitted: the role opens no cases; the refusal is in the audit.
    """
    taker = _Taker(claims, runtime, id_column)
    found: list[TakenIn | Refused] = []
    try:
        for part in parts(rows, id_column):
            found += await taker.each(part)
            told(len(part))
    except NotPermitted as refusal:
        await record_refusal(runtime, claims, refusal, command="import htcds")
        raise
    return found


def parts(rows: Sequence[Values], id_column: str) -> Iterator[Sequence[Values]]:
    """Cut rows into transactions; a row with the id of an earlier one begins the next, and finds the first done."""
    start, seen = 0, set[str]()
    for number, row in enumerate(rows):
        if number - start == AT_ONCE or row[id_column] in seen:
            yield rows[start:number]
            start, seen = number, set()
        seen.add(row[id_column])
    if rows:
        yield rows[start:]


@dataclass(frozen=True, slots=True)
class _Taker:
    claims: Claims
    runtime: Runtime
    id_column: str

    async def each(self, rows: Sequence[Values]) -> list[TakenIn | Refused]:
        """Take rows in together; if one is refused, halves of them apart, until it stands alone."""
        try:
            return list(await self.together(rows))
        except (NotPermitted, TokenRefused):
            raise
        except DomainError as refused:
            if len(rows) == 1:
                return [Refused(refused.code)]
        middle = len(rows) // 2
        return [*await self.each(rows[:middle]), *await self.each(rows[middle:])]

    async def together(self, rows: Sequence[Values]) -> Sequence[TakenIn]:
        """Turn rows into cases in one transaction, all or none.

        Raises:
            InvalidInput: the texts of one compartment are together longer than it may be.
            IdempotencyKeyReused: a row was imported before with another content.
        """
        async with self.runtime.database.sessions()() as session:
            actor = await enter(session, self.claims, self.runtime.clock)
            work = self.runtime.work(session, actor.now)
            may = Authorisation(session, actor)
            opening = may.own(Permission.CASE_OPEN)
            once = Once(work, actor, "htcds", {row[self.id_column]: row for row in rows})
            earlier = await once.earlier()
            new = [row for row in rows if row[self.id_column] not in earlier]
            may_open = opens(work, actor, "owner").at(CaseWork.OPEN)
            reader = Reader(work.catalogue.confidentiality(actor.country), may_open, work.today(actor.country))
            placed = [place_row(row, reader, self.id_column) for row in new]
            channels = await _entries(new, work)
            commands = [
                OpenCase(
                    one.entry_channel or channel, attributes=Attributes(one.attributes), compartments=one.compartments
                )
                for one, channel in zip(placed, channels, strict=True)
            ]
            records = await open_cases(commands, opening, work) if commands else []
            await _exploitation(records, placed, may, work)
            await _consents(records, placed, may, work)
            taken = {}
            for row, one, record in zip(new, placed, records, strict=True):
                reference = record.case.reference
                once.remember(row[self.id_column], reference)
                taken[row[self.id_column]] = TakenIn(reference, is_new=True, lines=tuple(one.lines))
            await work.commit()
        known = {external_id: TakenIn(reference, is_new=False) for external_id, reference in earlier.items()}
        return [(taken | known)[row[self.id_column]] for row in rows]


async def _entries(rows: Sequence[Values], work: UnitOfWork) -> list[EntryChannel]:
    """Return the ways in, by the referring organisation where our directory has it under this code or name."""
    if not any(row.get("cas_ReferringOrganisation") for row in rows):
        return [EntryChannel.OTHER] * len(rows)
    listed = (await work.session.execute(select(Organisation))).scalars().all()
    types = {one.name.get("en"): one.type for one in listed} | {one.code: one.type for one in listed}
    found = (types.get(row.get("cas_ReferringOrganisation", "")) for row in rows)
    return [
        EntryChannel.OTHER if one is None else ENTRY_CHANNELS.get(OrganisationType(one), EntryChannel.OTHER)
        for one in found
    ]


async def _exploitation(
    records: Sequence[CaseRecord], placed: Sequence[Placed], may: Authorisation, work: UnitOfWork
) -> None:
    """Record an exploitation episode for each row that says anything of one in codes."""
    coded = {
        record.case.id: Coded(**one.exploitation)
        for record, one in zip(records, placed, strict=True)
        if one.exploitation
    }
    if coded:
        permits = await may.cases(coded.keys(), Permission.EXPLOITATION_RECORD)
        await record_first_exploitations([(coded[case.id], permit) for case, permit in permits], work)


async def _consents(
    records: Sequence[CaseRecord], placed: Sequence[Placed], may: Authorisation, work: UnitOfWork
) -> None:
    """Record the checkboxes that adults ticked."""
    agreed = {
        record.case.id: (record, one)
        for record, one in zip(records, placed, strict=True)
        if one.consent and one.is_adult
    }
    if agreed:
        permits = await may.cases(agreed.keys(), Permission.CONSENT_RECORD)
        answers = [(_consent(agreed[case.id][1], may.actor), agreed[case.id][0], permit) for case, permit in permits]
        await record_first_consents(answers, work)


def _consent(placed: Placed, actor: Actor) -> RecordConsent:
    """Return the checkbox as a consent for the organisation that imports and no other: it says no more than yes."""
    return RecordConsent(
        ConsentDecision.GIVEN,
        ConsentGiver.SELF,
        (Purpose.IDENTIFICATION,),
        (f"organisation:{actor.organisation_code}",),
        tuple(sorted(placed.compartments)),
        ConsentObtained.ORAL,
        "en",
    )


def all_lines(taken: Sequence[TakenIn | Refused]) -> dict[Line, int]:
    """Return what became of each field, with in how many rows."""
    counts: dict[Line, int] = {}
    for line in chain.from_iterable(one.lines for one in taken if isinstance(one, TakenIn)):
        counts[line] = counts.get(line, 0) + 1
    return counts
