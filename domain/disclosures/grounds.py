"""The one place that finds grounds: may this leave its owner now? Every disclosing command begins here.

Each holds the case until the transaction ends, and with it whatever could end the ground: see migration 0014.
"""

from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ARRAY, Text, Uuid, bindparam, text
from sqlmodel import col, select

from domain.break_glass.models import BreakGlass
from domain.cases.models import Case
from domain.cases.queries import procedure, record_of
from domain.cases.rules import CaseRecord, age, facts
from domain.codes import Compartment, LegalBasis, Purpose, Service, Standing
from domain.consents.models import Consent
from domain.consents.rules import consent_fact, covering, names, newest, stands
from domain.contacts.models import Contact, ContactCase
from domain.disclosures.models import Ground
from domain.errors import NotFound, NotPermitted, StateConflict
from domain.organisations.models import Organisation
from domain.permits import Permit
from domain.referrals.models import Referral
from domain.referrals.rules import AFTER_ACCEPTANCE
from domain.unit_of_work import UnitOfWork
from domain.workflow.engine import ConsentMissing, OpenStep, gate_of

PRESENT = text("SELECT nrm_present()")
HOLD = text("SELECT nrm_hold(:case)").bindparams(bindparam("case", type_=Uuid))
HOLD_EACH = text("""
    SELECT id, nrm_hold(id) AS present FROM (SELECT id FROM unnest(:cases) AS each_of (id) ORDER BY id) AS asked
""").bindparams(bindparam("cases", type_=ARRAY(Uuid)))
STANDS = text("SELECT * FROM nrm_stands(:referral, CAST(:opened AS text[]), :present)").bindparams(
    bindparam("referral", type_=Uuid), bindparam("opened", type_=ARRAY(Text))
)
GROUNDS = text("""
    SELECT asked.case_id, found.* FROM (
        SELECT * FROM unnest(:cases, :holders, :opened) AS each_of (case_id, holder_id, opened) ORDER BY case_id
    ) AS asked
    CROSS JOIN LATERAL nrm_ground(asked.case_id, asked.holder_id, string_to_array(asked.opened, ' ')) AS found
""").bindparams(
    bindparam("cases", type_=ARRAY(Uuid)),
    bindparam("holders", type_=ARRAY(Uuid)),
    bindparam("opened", type_=ARRAY(Text)),
)


async def hold(work: UnitOfWork, case_id: UUID | None) -> datetime:
    """Hold a case, and the caller's membership, until the transaction ends; returns the present instant.

    Raises:
        NotFound: the case does not concern the caller any more: a wall, a hand-over or a revocation came between.
    """
    present: datetime | None = (await work.session.execute(HOLD, {"case": case_id})).scalar_one()
    if present is None:
        raise NotFound
    return max(present, work.now)


async def hold_each(work: UnitOfWork, case_ids: Collection[UUID]) -> dict[UUID, datetime]:
    """Hold several cases, in the order of their ids; see `hold`. One that does not concern the caller is left out."""
    rows = await work.session.execute(HOLD_EACH, {"cases": [*case_ids]})
    return {row.id: max(row.present, work.now) for row in rows if row.present is not None}


async def to_open(work: UnitOfWork, permit: Permit, case_id: UUID) -> Ground:
    """Find the ground on which whoever leads a case opens what is sealed with it.

    Raises:
        NotFound: see `hold`.
        NotPermitted: the case was handed over meanwhile, or has come to a state in which the role opens less.
    """
    row = (await _grounds(work, {case_id: (case_id, permit)}))[case_id]
    return _ground(work, permit, row, "owner")


async def to_look_through(work: UnitOfWork, permit: Permit, case_id: UUID) -> Ground:
    """Find the ground on which an emergency access opens its one compartment, while its grant lasts.

    Raises:
        NotFound: see `hold`; also once a wall was raised.
        NotPermitted: the hour is over.
    """
    row = (await _grounds(work, {case_id: (case_id, permit)}))[case_id]
    if row.refused == "unseen":
        raise NotFound
    if row.refused is not None:
        raise NotPermitted(rule=f"{row.refused}-ended")
    return Ground(permit, LegalBasis.VITAL_INTERESTS)


async def to_review(work: UnitOfWork, permit: Permit, glass_id: UUID) -> Ground:
    """Find the ground on which an independent body reads why the glass was broken; raises as `hold` does."""
    await hold(work, None)
    await work.lock(BreakGlass, glass_id)
    return Ground(permit, Standing.REVIEW)


async def to_open_each(work: UnitOfWork, permits: Mapping[UUID, Permit]) -> dict[UUID, Ground]:
    """Find the grounds of several cases as `to_open` does, with one statement; cases without one are left out.

    Cases are held in the order of their ids.
    """
    found: dict[UUID, Ground] = {}
    for case_id, row in (await _grounds(work, {one: (one, permit) for one, permit in permits.items()})).items():
        with suppress(NotFound, NotPermitted):
            found[case_id] = _ground(work, permits[case_id], row, "owner")
    return found


async def to_open_package(work: UnitOfWork, permit: Permit, referral: Referral) -> Ground:
    """Find the ground on which the receiver opens the package of a referral, now and at every later opening.

    Raises:
        StateConflict: the referral is over, or not accepted yet; says where it stands.
        NotFound: see `hold`.
        NotPermitted: the grant or the consent has ended, or no longer goes so far.
    """
    row = (await _grounds(work, {referral.case_id: (referral.id, permit)}))[referral.case_id]
    standing = await _read_afresh(work, referral)
    if standing.status not in AFTER_ACCEPTANCE:
        raise StateConflict(current=str(standing.status))
    return _ground(work, permit, row, "receiver")


async def to_open_held(work: UnitOfWork, permit: Permit, case_id: UUID, holder_id: UUID) -> Ground:
    """Find the ground on which something is opened that is held with a case, or with a package as a copy.

    Raises as `to_open` and `to_open_package` do.
    """
    if holder_id == case_id:
        return await to_open(work, permit, case_id)
    return await to_open_package(work, permit, await work.get(Referral, holder_id))


async def to_read(work: UnitOfWork, permit: Permit, referral: Referral) -> Ground:
    """Find the ground on which the receiver of a referral sees the codes of its case; raises as `to_open` does."""
    row = (await _grounds(work, {referral.case_id: (referral.id, permit)}))[referral.case_id]
    return _ground(work, permit, row, "receiver")


async def _grounds(work: UnitOfWork, wanted: Mapping[UUID, tuple[UUID, Permit]]) -> dict[UUID, Any]:
    rows = await work.session.execute(
        GROUNDS,
        {
            "cases": [*wanted],
            "holders": [holder for holder, _ in wanted.values()],
            "opened": [" ".join(sorted(permit.compartments)) for _, permit in wanted.values()],
        },
    )
    return {row.case_id: row for row in rows}


async def _read_afresh(work: UnitOfWork, referral: Referral) -> Referral:
    rows = await work.session.execute(
        select(Referral).where(col(Referral.id) == referral.id).execution_options(populate_existing=True)
    )
    found = rows.scalar_one_or_none()
    if found is None:
        raise NotFound
    return found


def _ground(work: UnitOfWork, permit: Permit, row: Any, relation: Literal["owner", "receiver"]) -> Ground:
    """Turn the database's answer into a ground; the role may open no more than the state lets it, as it is now."""
    if row.refused == "unseen":
        raise NotFound
    if row.refused is not None:
        raise NotPermitted(rule=f"{row.refused}-ended")
    opening = work.catalogue.confidentiality(permit.actor.country).opens(permit.actor.role, relation)
    if not permit.compartments <= opening.at(row.state):
        raise NotPermitted(rule="state", current=row.state)
    basis = Standing.LEAD if row.basis == Standing.LEAD else LegalBasis(row.basis)
    return Ground(permit, basis, row.consent_id, row.consent_version)


async def to_put_plan(work: UnitOfWork, permit: Permit, case_id: UUID) -> Ground:
    """Find the ground on which a plan is put to a commission, in codes; whether it may be, its step says after this.

    Raises:
        NotFound: see `hold`.
    """
    present = await hold(work, case_id)
    rows = await work.session.execute(select(Consent).where(col(Consent.case_id) == case_id))
    for one in newest(rows.scalars().all()):
        if stands(one, present) and Purpose.SUPPORT in one.purposes:
            return Ground(permit, LegalBasis.CONSENT, one.consent_id, one.version)
    return Ground(permit, Standing.WITHOUT_NAME)


async def to_read_reasons(work: UnitOfWork, permit: Permit, case_id: UUID) -> Ground:
    """Find the ground on which whoever leads a case reads what a commission said of it; raises as `to_open` does.

    The reasons are sealed under the commission's request, not under the case: what is held and looked at is the lead.
    """
    rows = await work.session.execute(GROUNDS, {"cases": [case_id], "holders": [case_id], "opened": [""]})
    row = rows.one()
    if row.refused == "unseen":
        raise NotFound
    if row.refused is not None:
        raise NotPermitted(rule=f"{row.refused}-ended")
    return Ground(permit, Standing.LEAD)


async def to_tell_sides(work: UnitOfWork, permit: Permit, referral: Referral) -> Ground:
    """Find the ground on which the two sides of a referral write to each other, and read it.

    Raises:
        NotFound: see `hold`.
        ConsentMissing: what the referral rests on has ended.
    """
    present = await hold(work, referral.case_id)
    return await _of_referral(work, permit, referral, present)


async def to_accept(work: UnitOfWork, permit: Permit, referral: Referral) -> Ground:
    """Find the ground on which an acceptance opens the package, or the case itself; raises as `to_tell_sides` does."""
    present = await hold(work, referral.case_id)
    return await _of_referral(work, permit, referral, present)


async def _of_referral(work: UnitOfWork, permit: Permit, referral: Referral, present: datetime) -> Ground:
    rows = await work.session.execute(
        STANDS, {"referral": referral.id, "opened": [*referral.compartments], "present": present}
    )
    row = rows.first()
    if row is None:
        raise ConsentMissing(step=referral.step, compartments=[*referral.compartments])
    return Ground(permit, LegalBasis(row.basis), row.consent_id, row.consent_version)


async def to_open_contact(work: UnitOfWork, permit: Permit, contact: Contact) -> Ground:
    """Find the ground on which an organisation opens what it wrote down of a contact.

    Raises:
        NotFound: the contact went to another organisation, or a wall came before a case that it opened.
    """
    standing = await work.lock(Contact, contact.id)
    if standing.organisation_id != permit.actor.organisation_id:
        raise NotFound
    rows = await work.session.execute(
        select(col(ContactCase.case_id)).where(col(ContactCase.contact_id) == contact.id).order_by("case_id")
    )
    await hold(work, None)
    for case_id in rows.scalars().all():
        await hold(work, case_id)
    return Ground(permit, Standing.OWN_WORDS)


async def to_refer(
    work: UnitOfWork,
    permit: Permit,
    record: CaseRecord,
    step: OpenStep,
    recipient: Organisation,
    compartments: Collection[Compartment],
) -> tuple[Ground, Consent | None]:
    """Find the ground on which a step shares compartments with a recipient; returns the consent, if it is one.

    The caller has loaded the record with the case locked.

    Raises:
        NotFound: see `hold`.
        ConsentMissing: the person has not agreed that this recipient has these compartments for this purpose.
    """
    present = await hold(work, record.case.id)
    basis = step.basis or LegalBasis.CONSENT
    if step.step.consent is None or basis != LegalBasis.CONSENT:
        return Ground(permit, basis), None
    purpose = step.step.consent.purpose
    found = covering(record.consents, purpose, recipient, compartments, present)
    if found is None:
        raise ConsentMissing(
            step=step.step.key, purposes=[str(purpose)], compartments=[str(one) for one in sorted(compartments)]
        )
    return Ground(permit, basis, found.consent_id, found.version), found


async def to_ask_without_name(work: UnitOfWork, permit: Permit, case: Case) -> Ground:
    """Find the ground on which providers are asked for room in coded attributes, before anybody is named.

    Raises:
        NotFound: see `hold`.
        ConsentMissing: the person, an adult, said no to support.
    """
    present = await hold(work, case.id)
    record = await record_of(work.session, case)
    if age(record.person) == "adult" and consent_fact(record.consents, Purpose.SUPPORT, present) == "refused":
        raise ConsentMissing(purposes=[str(Purpose.SUPPORT)])
    return Ground(permit, Standing.WITHOUT_NAME)


def to_report(
    permit: Permit, consents: Collection[Consent], recipients: Collection[str], present: datetime
) -> Ground | None:
    """Return the ground on which a case may be told of in codes to whoever keeps such data, or None.

    The caller has loaded the consents with the case held.

    Args:
        permit: What authorisation allowed.
        consents: Every consent of the case.
        recipients: The names under which a consent can mean whoever keeps the data.
        present: The instant at which the case was held.
    """
    for one in newest(consents):
        if stands(one, present) and Purpose.REPORTING in one.purposes and set(recipients) & set(one.recipients):
            return Ground(permit, LegalBasis.CONSENT, one.consent_id, one.version)
    return None


async def to_reroute(
    work: UnitOfWork, case: Case, referral: Referral, receiver: Organisation
) -> tuple[Ground, Consent | None] | None:
    """Return the ground on which the clock lets another organisation have a package, and the consent, or None.

    The worker holds the referral and the case.
    """
    present = await _present(work)
    if referral.shared_until <= present:
        return None
    if referral.basis != LegalBasis.CONSENT or referral.consent_version_id is None:
        return Ground(None, LegalBasis(referral.basis)), None
    rows = await work.session.execute(select(Consent).where(col(Consent.case_id) == case.id))
    compartments = [Compartment(code) for code in referral.compartments]
    found = covering(rows.scalars().all(), Purpose(referral.purpose), receiver, compartments, present)
    return None if found is None else (Ground(None, LegalBasis.CONSENT, found.consent_id, found.version), found)


async def to_hand_over(
    work: UnitOfWork, record: CaseRecord, successor: Organisation
) -> tuple[Ground, set[Compartment]]:
    """Return what a new leader may open, and on which ground: what the person agreed that it may have for support.

    Where the procedure lets a case be handed over without consent (a child; imminent danger), what it hands over then.
    Nothing of a case of which the person wants nothing passed on. The worker holds the case.
    """
    if record.case.restricted_at is not None:
        return Ground(None, Standing.WITHOUT_NAME), set()
    present = await _present(work)
    agreed = [
        one
        for one in newest(record.consents)
        if stands(one, present)
        and Purpose.SUPPORT in one.purposes
        and any(names(recipient, successor) for recipient in one.recipients)
    ]
    found = {Compartment(code) for one in agreed for code in one.compartments}
    ground = Ground(None, LegalBasis.CONSENT, agreed[0].consent_id, agreed[0].version) if agreed else None
    known = facts(record, present).values
    for step in procedure(work, record.case).steps:
        gate = gate_of(step.consent, known) if step.consent is not None else None
        if Service.CASE_MANAGEMENT not in step.services or gate is None or step.consent is None:
            continue
        if gate.basis not in {None, LegalBasis.CONSENT}:
            found |= set(step.consent.compartments)
            ground = ground or Ground(None, LegalBasis(gate.basis))
    return ground or Ground(None, Standing.WITHOUT_NAME), found


async def _present(work: UnitOfWork) -> datetime:
    found: datetime = (await work.session.execute(PRESENT)).scalar_one()
    return max(found, work.now)
