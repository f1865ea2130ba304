"""Who saw what of a person, when and why: read from the audit of the case, and from nothing else.

It is for the person. It names organisations and roles, never members of staff, and an authority that was not named in a
consent of the person by its kind alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from domain.audit.actions import AuditAction as A
from domain.audit.models import AuditEntry
from domain.cases.models import Case
from domain.codes import Compartment, DisclosureKind, LegalBasis, OrganisationType, Role, Standing
from domain.disclosures.grounds import to_open
from domain.organisations.models import Organisation
from domain.permits import Permit
from domain.referrals.commands import GROUND
from domain.referrals.models import Referral
from domain.unit_of_work import UnitOfWork

KINDS: Mapping[str, DisclosureKind] = {
    A.COMPARTMENT_REVEALED: DisclosureKind.OPENED,
    A.PACKAGE_REVEALED: DisclosureKind.OPENED,
    A.NOTES_REVEALED: DisclosureKind.OPENED,
    A.CASE_READ: DisclosureKind.LOOKED_AT,
    A.REFERRAL_SENT: DisclosureKind.SENT,
    A.REFERRAL_REROUTED: DisclosureKind.SENT,
    A.REFERRAL_ACCEPTED: DisclosureKind.ACCEPTED,
    A.CASE_HANDED_OVER: DisclosureKind.HANDED_OVER,
    A.CAPACITY_ASKED: DisclosureKind.ASKED_WITHOUT_NAME,
    A.PACKAGE_PURGED: DisclosureKind.ENDED,
}
TO_RECEIVER = frozenset({A.REFERRAL_SENT, A.REFERRAL_REROUTED, A.PACKAGE_PURGED})
"""Entries that tell of whom something went to, or was taken back from, and not of who did it."""

NAMED_BY_KIND = frozenset({OrganisationType.LAW_ENFORCEMENT, OrganisationType.PROSECUTION})
"""Organisations that may be investigating: named only where the person chose them, or where they lead the case."""


@dataclass(frozen=True, slots=True)
class Disclosed:
    """One line of the log.

    Attributes:
        position: In the chain of the case; lines are read in this order.
        organisation: Who saw or got it; none if only its kind may be told, or if it is not known any more.
        kind_of_organisation: Its type.
        role: In which role it was opened.
        basis: Why: consent, another legal basis, or the standing of who opened it; none where the audit is older.
        consent_version: Which version of the consent.
        referral: The reference of the referral, if by one.
        reason: What was written down where there was no consent; none if the reader may not open it.
    """

    position: int
    at: datetime
    kind: DisclosureKind
    compartments: tuple[Compartment, ...]
    organisation: Organisation | None
    kind_of_organisation: str | None
    role: Role | None
    basis: LegalBasis | Standing | None
    consent_version: int | None
    referral: str | None
    reason: str | None


async def disclosures(
    work: UnitOfWork, permit: Permit, case: Case, after: int, most: int
) -> tuple[list[Disclosed], int | None]:
    """Return lines of the log of a case, oldest first, and where the next ones begin; reading it is recorded.

    Raises:
        NotFound, NotPermitted: see `to_open`.
    """
    ground = await to_open(work, permit, case.id)
    entries = await _entries(work, case, after, most + 1)
    page = entries[:most]
    referrals = await _referrals(work, case)
    reasons = await _reasons(work, permit, case, [one for one in page if one.subject_id in referrals], referrals)
    listed = {one.id: one for one in (await work.session.execute(select(Organisation))).scalars()}
    work.audit(A.DISCLOSURES_READ, permit, stream_id=case.id, subject_id=case.id, **ground.told())
    lines = [_line(entry, referrals.get(entry.subject_id), listed, reasons) for entry in page]
    return lines, page[-1].sequence if len(entries) > most else None


async def _entries(work: UnitOfWork, case: Case, after: int, most: int) -> Sequence[AuditEntry]:
    rows = await work.session.execute(
        select(AuditEntry)
        .where(
            col(AuditEntry.stream_id) == case.id,
            col(AuditEntry.sequence) > after,
            col(AuditEntry.action).in_(sorted(KINDS)),
        )
        .order_by(col(AuditEntry.sequence))
        .limit(most)
    )
    return rows.scalars().all()


async def _referrals(work: UnitOfWork, case: Case) -> dict[UUID, Referral]:
    rows = await work.session.execute(select(Referral).where(col(Referral.case_id) == case.id))
    return {one.id: one for one in rows.scalars()}


async def _reasons(
    work: UnitOfWork, permit: Permit, case: Case, entries: Sequence[AuditEntry], referrals: Mapping[UUID, Referral]
) -> dict[UUID, str]:
    """Open why something was shared without consent, as far as the reader may open what is said about the person."""
    without = {one.subject_id for one in entries if referrals[one.subject_id].basis != LegalBasis.CONSENT}
    if not without or not permit.compartments:
        return {}
    ground = await to_open(work, permit, case.id)
    opened = await work.reveal_each(
        dict.fromkeys(sorted(without), (ground, case.id)), action=A.DISCLOSURES_READ, kind=GROUND
    )
    return {one: said["reason"] for one, found in opened.items() for said in found.values()}


def _line(
    entry: AuditEntry, referral: Referral | None, listed: Mapping[UUID, Organisation], reasons: Mapping[UUID, str]
) -> Disclosed:
    details: Mapping[str, Any] = entry.details
    told = entry.organisation_id
    if referral is not None and entry.action in TO_RECEIVER:
        told = referral.receiving_organisation_id
    organisation = listed.get(told) if told is not None else None
    if entry.action == A.CASE_HANDED_OVER:
        organisation = next((one for one in listed.values() if one.code == details.get("to")), None)
    basis = _basis(details.get("basis") or (referral.basis if referral is not None else None))
    chosen = basis in {LegalBasis.CONSENT, Standing.LEAD}
    shown = organisation if chosen or organisation is None or organisation.type not in NAMED_BY_KIND else None
    return Disclosed(
        position=entry.sequence,
        at=entry.at,
        kind=KINDS[entry.action],
        compartments=_compartments(details, referral),
        organisation=shown,
        kind_of_organisation=organisation.type if organisation is not None else None,
        role=Role(details["role"]) if "role" in details and entry.action not in TO_RECEIVER else None,
        basis=basis,
        consent_version=details.get("consent_version"),
        referral=referral.reference if referral is not None else None,
        reason=reasons.get(entry.subject_id),
    )


def _basis(code: str | None) -> LegalBasis | Standing | None:
    if code is None:
        return None
    return Standing(code) if code in set(Standing) else LegalBasis(code)


def _compartments(details: Mapping[str, Any], referral: Referral | None) -> tuple[Compartment, ...]:
    said = details.get("compartments")
    if said is None and referral is not None:
        said = referral.compartments
    return tuple(Compartment(code) for code in said or ())
