"""Erase: destroy keys and sealed values, forget coded attributes, end every grant, and leave the line in the ledger.

All of it in one transaction of the worker, which opens nothing: either the case is gone and the ledger says so, or
nothing happened and the deadline is still due.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlmodel import col

from domain.audit.actions import AuditAction
from domain.cases.models import Case, CaseAccess
from domain.codes import Compartment, ErasureReason
from domain.contacts.models import Contact, ContactCase
from domain.deadlines.models import Deadline
from domain.notifications.models import NotificationKind
from domain.referrals.models import Referral
from domain.rehabilitation.models import CommissionRecord
from domain.retention.models import Erasure
from domain.unit_of_work import UnitOfWork
from domain.workflow.retention import CONTACT, WHOLE

SAY_WHY = text("SELECT set_config('nrm.erasure_id', :erasure, true), set_config('nrm.erasure_why', :why, true)")


async def erase_case(work: UnitOfWork, case: Case, why: ErasureReason) -> Erasure:
    """Erase all of a case: its sealed values and keys, those of its packages, requests and contacts, and its codes.

    Args:
        work: The worker's.
        case: Locked, and not erased yet.
        why: A request of the person takes contacts along that are about others too.
    """
    erasure = _erasure(work, case.id, case.id, case.reference, case.owner_organisation_id, why)
    erasure.compartments = sorted(Compartment)
    await _begin(work, erasure)
    contacts = await _contacts(work, case, why)
    for holder in [case.id, *await _holders(work, case.id), *contacts]:
        await work.vault.shred(holder)
    await _forget(work, case.id, case.country, WHOLE)
    await _end_grants(work, case.id)
    case.erased_at = work.now
    case.version += 1
    await work.session.execute(
        update(Deadline)
        .where(col(Deadline.case_id) == case.id, col(Deadline.fired_at).is_(None), col(Deadline.settled_at).is_(None))
        .values(settled_at=work.now)
    )
    _tell(work, erasure, stream_id=case.id, contacts=len(contacts))
    return erasure


async def erase_part(work: UnitOfWork, case: Case, compartments: Sequence[Compartment], why: ErasureReason) -> None:
    """Erase some compartments of a case; the rest is kept longer."""
    erasure = _erasure(work, case.id, case.id, case.reference, case.owner_organisation_id, why)
    erasure.compartments, erasure.whole = sorted(compartments), False
    await _begin(work, erasure)
    await work.vault.shred(case.id, compartments)
    _tell(work, erasure, stream_id=case.id)


async def erase_contact(work: UnitOfWork, contact: Contact, country: str, *, whole: bool) -> None:
    """Erase what was said in a contact, and if it is the whole contact its codes too."""
    erasure = _erasure(work, None, contact.id, str(contact.id), contact.organisation_id, ErasureReason.RETENTION)
    erasure.compartments, erasure.whole = sorted({Compartment.CONTACT, Compartment.NARRATIVE}), whole
    await _begin(work, erasure)
    await work.vault.shred(contact.id)
    if whole:
        await _forget(work, contact.id, country, CONTACT)
    _tell(work, erasure, stream_id=contact.organisation_id)


def _erasure(
    work: UnitOfWork, case_id: UUID | None, subject_id: UUID, reference: str, organisation_id: UUID, why: ErasureReason
) -> Erasure:
    return Erasure(
        id=work.ids.uuid(),
        case_id=case_id,
        subject_id=subject_id,
        reference=reference,
        organisation_id=organisation_id,
        why=why,
        compartments=[],
        whole=True,
        erased_at=work.now,
    )


async def _begin(work: UnitOfWork, erasure: Erasure) -> None:
    """Write what is erased, and say it to the triggers that write the ledger when the transaction commits."""
    work.add(erasure)
    await work.flush()
    await work.session.execute(SAY_WHY, {"erasure": str(erasure.id), "why": erasure.why})


async def _holders(work: UnitOfWork, case_id: UUID) -> list[UUID]:
    """Return whoever else holds keys for the case: packages of referrals, requests to a commission."""
    packages = await work.session.execute(select(col(Referral.id)).where(col(Referral.case_id) == case_id))
    requests = await work.session.execute(
        select(col(CommissionRecord.request_id)).where(col(CommissionRecord.case_id) == case_id).distinct()
    )
    return [*packages.scalars(), *requests.scalars()]


async def _contacts(work: UnitOfWork, case: Case, why: ErasureReason) -> list[UUID]:
    """Return the contacts whose words go with the case: all on request; else those that are about no other case."""
    rows = await work.session.execute(
        select(col(ContactCase.contact_id))
        .where(col(ContactCase.case_id) == case.id)
        .order_by(col(ContactCase.contact_id))
    )
    found = list(rows.scalars())
    if why == ErasureReason.REQUEST or not found:
        return found
    others = await work.session.execute(
        select(col(ContactCase.contact_id))
        .join(Case, col(Case.id) == col(ContactCase.case_id))
        .where(
            col(ContactCase.contact_id).in_(found), col(ContactCase.case_id) != case.id, col(Case.erased_at).is_(None)
        )
    )
    kept = set(others.scalars())
    return [one for one in found if one not in kept]


async def _forget(work: UnitOfWork, subject_id: UUID, country: str, kept: str) -> None:
    forgotten = work.catalogue.retention(country).forgotten.get(kept, ())
    await work.flush()
    await work.session.execute(select(func.nrm_forget(subject_id, list(forgotten))))


async def _end_grants(work: UnitOfWork, case_id: UUID) -> None:
    await work.session.execute(
        update(CaseAccess)
        .where(col(CaseAccess.case_id) == case_id, col(CaseAccess.valid_until) > work.now)
        .values(valid_until=work.now)
    )


def _tell(work: UnitOfWork, erasure: Erasure, *, stream_id: UUID, contacts: int = 0) -> None:
    work.audit_clock(
        AuditAction.ERASED,
        stream_id=stream_id,
        subject_id=erasure.id,
        rule="clock",
        why=erasure.why,
        whole=erasure.whole,
        compartments=[*erasure.compartments],
        contacts=contacts,
    )
    if erasure.case_id is not None and erasure.whole:
        work.notify(erasure.organisation_id, NotificationKind.CASE_ERASED, erasure.reference)
