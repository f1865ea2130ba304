"""Takes rows of the standard in as a member of staff would over HTTP: the same commands, permits and audit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.dependencies import opens
from api.exchange.placing import Placed, Reader, place_row
from api.exchange.standard import ROW_ID
from api.imports.report import Line
from api.imports.taking_in import ENTRY_CHANNELS, Once, TakenIn
from api.runtime import Runtime
from auth.authentication import enter
from auth.authorisation import Authorisation
from auth.roles import Permission
from auth.tokens import Claims, TokenRefused
from domain.cases.commands import Attributes, OpenCase, open_case
from domain.cases.models import Case
from domain.codes import ConsentDecision, ConsentGiver, ConsentObtained, EntryChannel, OrganisationType, Purpose
from domain.consents.commands import RecordConsent, record_consent
from domain.errors import DomainError, NotPermitted
from domain.organisations.models import Organisation
from domain.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that was not taken in, and the code of the reason."""

    code: str


async def take_rows_in(
    rows: Sequence[Mapping[str, str]], claims: Claims, runtime: Runtime, id_column: str = ROW_ID
) -> list[TakenIn | Refused]:
    """Turn each row into a case, in a transaction of its own: one that is refused keeps no other back.

    Raises:
        TokenRefused: the person of staff is no member of the organisation in this role.
        NotPermitted: the role opens no cases.
    """
    found: list[TakenIn | Refused] = []
    for row in rows:
        try:
            found.append(await take_row_in(row, claims, runtime, id_column))
        except (NotPermitted, TokenRefused):
            raise
        except DomainError as refused:
            found.append(Refused(refused.code))
    return found


async def take_row_in(row: Mapping[str, str], claims: Claims, runtime: Runtime, id_column: str = ROW_ID) -> TakenIn:
    """Turn one row into a case. All of it or nothing.

    Raises:
        TokenRefused, NotPermitted: see `take_rows_in`.
        InvalidInput: the texts of one compartment are together longer than it may be.
        IdempotencyKeyReused: the same row was imported before with another content.
    """
    async with runtime.database.sessions()() as session:
        actor = await enter(session, claims, runtime.clock)
        work = runtime.work(session, actor.now)
        may = Authorisation(session, actor)
        opening = may.own(Permission.CASE_OPEN)
        once = Once(work, actor, "htcds", row[id_column], row)
        if (earlier := await once.earlier()) is not None:
            return TakenIn(earlier, is_new=False)
        reader = Reader(work.catalogue.confidentiality(actor.country), opens(work, actor, "owner"), work.now.date())
        placed = place_row(row, reader, id_column)
        channel = placed.entry_channel or await _entry(row, session)
        command = OpenCase(channel, attributes=Attributes(placed.attributes), compartments=placed.compartments)
        case = await open_case(command, opening, work)
        await work.flush()
        if placed.consent and placed.is_adult:
            await _consent(case, placed, may, work)
        once.remember(case.reference)
        await work.commit()
    return TakenIn(case.reference, is_new=True, lines=tuple(placed.lines))


async def _entry(row: Mapping[str, str], session: AsyncSession) -> EntryChannel:
    """Return the way in, by the referring organisation if our directory has it under this code or name."""
    said = row.get("cas_ReferringOrganisation", "")
    named = (Organisation.code == said) | (col(Organisation.name)["en"].astext == said)
    found = (await session.execute(select(Organisation).where(named).limit(1))).scalar_one_or_none() if said else None
    return EntryChannel.OTHER if found is None else ENTRY_CHANNELS.get(OrganisationType(found.type), EntryChannel.OTHER)


async def _consent(case: Case, placed: Placed, may: Authorisation, work: UnitOfWork) -> None:
    """Record the checkbox for the organisation that imports and no other: it says neither who may see nor what for."""
    _, permit = await may.case(case.reference, Permission.CONSENT_RECORD)
    command = RecordConsent(
        ConsentDecision.GIVEN,
        ConsentGiver.SELF,
        (Purpose.IDENTIFICATION,),
        (f"organisation:{may.actor.organisation_code}",),
        tuple(sorted(placed.compartments)),
        ConsentObtained.ORAL,
        "en",
    )
    await record_consent(command, permit, work)


def all_lines(taken: Sequence[TakenIn | Refused]) -> dict[Line, int]:
    """Return what became of each field, with in how many rows."""
    counts: dict[Line, int] = {}
    for one in taken:
        for line in one.lines if isinstance(one, TakenIn) else ():
            counts[line] = counts.get(line, 0) + 1
    return counts
