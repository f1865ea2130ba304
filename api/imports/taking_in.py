"""Takes a form in as a member of staff would over HTTP: the same commands, permits, transaction and audit."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.imports.once import Once
from api.imports.report import Fate, Line
from api.imports.uk_form import REFUSED, Form, Placement, place, rest
from api.refusals import record_refusal
from api.runtime import Runtime
from auth.authentication import enter
from auth.authorisation import Authorisation
from auth.roles import Permission
from auth.tokens import Claims
from domain.cases.commands import Attributes, OpenCase, complete_step, open_case, record_cooperation, set_case_work
from domain.cases.models import Case
from domain.cases.rules import ANONYMOUS_STEP
from domain.codes import (
    CaseWork,
    ClosureReason,
    ConsentDecision,
    ConsentGiver,
    ConsentObtained,
    EntryChannel,
    Known,
    OrganisationType,
    Purpose,
)
from domain.consents.commands import RecordConsent, record_consent
from domain.errors import NotPermitted
from domain.exploitation.commands import Coded, RecordExploitation, record_exploitation
from domain.organisations.models import Organisation
from domain.permits import Actor
from domain.unit_of_work import UnitOfWork
from domain.workflow.engine import ConsentMissing, StepNotOpen

ENTRY_CHANNELS = {
    OrganisationType.NGO: EntryChannel.NGO,
    OrganisationType.LAW_ENFORCEMENT: EntryChannel.POLICE,
    OrganisationType.IMMIGRATION_SERVICE: EntryChannel.MIGRATION_SERVICE,
    OrganisationType.HEALTH_SERVICE: EntryChannel.HEALTH_SERVICE,
    OrganisationType.LOCAL_GOVERNMENT: EntryChannel.LOCAL_GOVERNMENT,
    OrganisationType.HOTLINE: EntryChannel.HOTLINE,
    OrganisationType.CONSULAR_POST: EntryChannel.CONSULATE,
}
"""The way in of a referral whose first responder is in our directory."""


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What a form became.

    Attributes:
        reference: Of the case.
        is_new: False if the form had been imported before; then nothing was done.
        lines: What became of each field; none if nothing was done.
    """

    reference: str
    is_new: bool
    lines: tuple[Line, ...] = ()


async def take_in(form: Form, claims: Claims, runtime: Runtime) -> TakenIn:
    """Turn a form into a case, or into an anonymous notification where an adult refused. All of it or nothing.

    Raises:
        TokenRefused: the person of staff is no member of the organisation in this role.
        NotPermitted: the role opens no cases.
        InvalidInput: the texts of one compartment are together longer than it may be.
        IdempotencyKeyReused: the same `ExternalId` was imported before with another content.
    """
    try:
        return await _take_in(form, claims, runtime)
    except NotPermitted as refusal:
        await record_refusal(runtime, claims, refusal, command="import uk-form")
        raise


async def _take_in(form: Form, claims: Claims, runtime: Runtime) -> TakenIn:
    async with runtime.database.sessions()() as session:
        actor = await enter(session, claims, runtime.clock)
        work = runtime.work(session, actor.now)
        may = Authorisation(session, actor)
        opening = may.own(Permission.CASE_OPEN)
        once = Once(work, actor, "uk-form", {form.external_id: form.values})
        if form.external_id in (earlier := await once.earlier()):
            return TakenIn(earlier[form.external_id], is_new=False)
        placement = place(form, work.catalogue.confidentiality(actor.country), actor.role, work.today(actor.country))
        channel, responder = await _entry(form, session)
        command = OpenCase(channel, attributes=Attributes(placement.attributes), compartments=placement.compartments)
        case = await open_case(command, opening, work)
        await work.flush()
        await _exploitation(case, placement, may, work)
        decided = await (_notify if form.is_refused else _consent)(form, case, placement, may, work)
        lines = (*rest(form), *placement.lines, *responder, *decided, *_decisions(form))
        once.remember(form.external_id, case.reference)
        await work.commit()
    return TakenIn(case.reference, is_new=True, lines=lines)


async def _entry(form: Form, session: AsyncSession) -> tuple[EntryChannel, list[Line]]:
    """Return the way in, by the first responder's organisation if our directory has it under this very name."""
    name = form.values.get("Agent.Organisation")
    if name is None:
        return EntryChannel.FOREIGN_PARTNER, []
    named = select(Organisation).where(col(Organisation.name)["en"].astext == name).limit(1)
    found = (await session.execute(named)).scalar_one_or_none()
    if found is None:
        why = "no organisation of the directory has this name"
        return EntryChannel.FOREIGN_PARTNER, [Line("Agent.Organisation", Fate.NOT_PLACED, why)]
    channel = ENTRY_CHANNELS.get(OrganisationType(found.type), EntryChannel.OTHER)
    return channel, [Line("Agent.Organisation", Fate.PLACED, f"case.entry_channel, by {found.code} of the directory")]


async def _exploitation(case: Case, placement: Placement, may: Authorisation, work: UnitOfWork) -> None:
    """Record one exploitation episode if the form says anything of it in codes; its words are in the narrative."""
    if placement.exploitation:
        _, permit = await may.case(case.reference, Permission.EXPLOITATION_RECORD)
        await record_exploitation(RecordExploitation(Coded(**placement.exploitation)), permit, work)


async def _consent(form: Form, case: Case, placement: Placement, may: Authorisation, work: UnitOfWork) -> list[Line]:
    """Record what an adult agreed to: for the organisation that imports and for no other, which has to ask anew."""
    lines = []
    if form.consents_to:
        _, permit = await may.case(case.reference, Permission.CONSENT_RECORD)
        command = _answer(ConsentDecision.GIVEN, form.consents_to, placement, may.actor)
        await record_consent(command, permit, work)
    if "NRMOrDuty" in form.values:
        where = "consent, for your organisation alone" if form.consents_to else "a child, or perhaps one, needs none"
        lines.append(Line("NRMOrDuty", Fate.PLACED if form.consents_to else Fate.NOT_PLACED, where))
    if "WillingToCooperate" in form.values:
        lines.append(await _cooperation(form, case, may, work))
    return lines


def _answer(
    decision: ConsentDecision, purposes: tuple[Purpose, ...], placement: Placement, actor: Actor
) -> RecordConsent:
    """Return an answer; the form does not say how it was obtained or what was explained, so the least is recorded."""
    given = decision == ConsentDecision.GIVEN
    return RecordConsent(
        decision,
        ConsentGiver.SELF,
        purposes,
        (f"organisation:{actor.organisation_code}",) if given else (),
        tuple(sorted(placement.compartments)),
        ConsentObtained.ORAL,
        "en",
    )


async def _cooperation(form: Form, case: Case, may: Authorisation, work: UnitOfWork) -> Line:
    """Record the answer about co-operation if the procedure lets anybody ask by now; else it is not forced in."""
    willing = {"Yes": Known.YES, "No": Known.NO}.get(form.values["WillingToCooperate"], Known.UNKNOWN)
    _, permit = await may.case(case.reference, Permission.COOPERATION_RECORD)
    try:
        await record_cooperation(willing, permit, work)
    except (StepNotOpen, ConsentMissing):
        return Line("WillingToCooperate", Fate.NOT_PLACED, "asked too early: the procedure asks after identification")
    except NotPermitted:
        return Line("WillingToCooperate", Fate.NOT_PLACED, "another role asks about co-operation")
    return Line("WillingToCooperate", Fate.PLACED, "co-operation")


async def _notify(form: Form, case: Case, placement: Placement, may: Authorisation, work: UnitOfWork) -> list[Line]:
    """Record the refusal, notify anonymously and close: nobody can work on a case without a person."""
    _, permit = await may.case(case.reference, Permission.CONSENT_RECORD)
    refusal = _answer(ConsentDecision.REFUSED, (Purpose.IDENTIFICATION,), placement, may.actor)
    await record_consent(refusal, permit, work)
    _, permit = await may.case(case.reference, Permission.CASE_WORK)
    await complete_step(ANONYMOUS_STEP, permit, work)
    _, permit = await may.case(case.reference, Permission.CASE_CLOSE)
    await set_case_work(CaseWork.CLOSED, ClosureReason.ANONYMOUS_NOTIFICATION, case.version, permit, work)
    lines = [Line("NRMOrDuty", Fate.PLACED, "refusal of identification, anonymous notification")]
    if "WillingToCooperate" in form.values:
        lines.append(Line("WillingToCooperate", Fate.DROPPED, REFUSED))
    return lines


def _decisions(form: Form) -> list[Line]:
    lines = [
        Line("AdultOrChild", Fate.PLACED, "person.age_band"),
        Line("ExternalId", Fate.KEPT, "as a keyed fingerprint, so that a second import does nothing"),
    ]
    if "Type" in form.values:
        lines.append(Line("Type", Fate.NOT_PLACED, "says what NRMOrDuty says"))
    return lines
