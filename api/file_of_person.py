"""The person's own file, for whoever asked for it: what is given, and what is kept back and why."""

from api.schemas.records import ConsentOut, DecisionOut
from api.schemas.requests import FileKeptBack, FileOut, FilePerson, FileShared
from domain.audit.actions import AuditAction
from domain.cases.commands import KIND
from domain.cases.models import Case
from domain.cases.queries import record_of
from domain.codes import Compartment, Language, Redaction, ReferralStatus, SubjectRequestKind, SubjectRequestStatus
from domain.disclosures.grounds import to_open
from domain.errors import StateConflict
from domain.permits import Permit
from domain.referrals.queries import codes_of
from domain.requests.models import SubjectRequest
from domain.requests.rules import redacted
from domain.unit_of_work import UnitOfWork

MOST = 200


async def file_of(work: UnitOfWork, case: Case, permit: Permit, request: SubjectRequest, reader: Language) -> FileOut:
    """Open the file.

    Raises:
        StateConflict: the request was not for access, or is not granted.
        NotPermitted: the permit opens nothing of it.
    """
    if request.kind != SubjectRequestKind.ACCESS or request.status != SubjectRequestStatus.GRANTED:
        raise StateConflict(current=str(request.status))
    record = await record_of(work.session, case)
    opened = await work.reveal(
        await to_open(work, permit, case.id),
        action=AuditAction.FILE_READ,
        stream_id=case.id,
        record_id=record.person.id,
        kind=KIND,
    )
    given, kept_back = redacted(work.catalogue.retention(case.country), opened, request.made_by)
    held = await work.vault.present(holder_id=case.id, record_id=record.person.id, kind=KIND)
    kept_back |= dict.fromkeys((str(one) for one in held - permit.compartments), Redaction.ROLE)
    codes = await codes_of(work, [one.receiving_organisation_id for one in record.referrals])
    sent = [one for one in record.referrals if one.status != ReferralStatus.DRAFT]
    return FileOut(
        reference=case.reference,
        opened_at=case.opened_at,
        person=FilePerson.taken(record.person),
        compartments=given,
        kept_back=[
            FileKeptBack(what=what, because=why, reason=work.catalogue.labels("Redaction", why, reader))
            for what, why in sorted(kept_back.items())
        ],
        shared=[
            FileShared(
                organisation=codes[one.receiving_organisation_id],
                service=one.service,
                compartments=[Compartment(code) for code in one.compartments],
                basis=one.basis,
                status=ReferralStatus(one.status),
                at=one.created_at,
            )
            for one in sent[:MOST]
        ],
        consents=[ConsentOut.of(one) for one in record.consents[:MOST]],
        decisions=[DecisionOut.of(one) for one in record.decisions[:MOST]],
    )
