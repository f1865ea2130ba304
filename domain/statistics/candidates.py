"""What two sign before a release is made, and the release that is made of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from domain.audit.actions import AuditAction
from domain.errors import InvalidInput, NotFound, NotPermitted, StateConflict
from domain.permits import Permit
from domain.statistics.document import address
from domain.statistics.examining import Report
from domain.statistics.models import CandidateApproval, Release, ReleaseCandidate, ReleaseFile
from domain.statistics.reading import content_of, foreign
from domain.unit_of_work import UnitOfWork

RULE: Final = "two-approvers-of-release"
"""What the audit calls the rule that neither the author nor their organisation approves."""

NEEDED: Final = 2
"""Approvals, of as many organisations."""


class CandidateStatus(StrEnum):
    """How a candidate stands; found from what is stored, stored nowhere."""

    WAITING = "waiting"  # for approvals
    APPROVED = "approved"  # two have signed it
    BLOCKED = "blocked"  # the gate refused it
    PUBLISHED = "published"
    SUPERSEDED = "superseded"  # another release took its number


@dataclass(frozen=True)
class File:
    """A release in one format, as it is served."""

    media_type: str
    content: bytes


async def newest_release(session: AsyncSession, country: str) -> Release | None:
    """Return the last release of a country, or None before the first."""
    rows = await session.execute(
        select(Release).where(col(Release.country) == country).order_by(col(Release.number).desc()).limit(1)
    )
    return rows.scalar_one_or_none()


async def find_candidate(session: AsyncSession, content_address: str) -> ReleaseCandidate:
    """Return a candidate by its address, or raise NotFound."""
    rows = await session.execute(select(ReleaseCandidate).where(col(ReleaseCandidate.address) == content_address))
    found = rows.scalar_one_or_none()
    if found is None:
        raise NotFound
    return found


async def approvals_of(session: AsyncSession, candidate_id: UUID) -> list[CandidateApproval]:
    """Return who signed a candidate, in order."""
    rows = await session.execute(
        select(CandidateApproval)
        .where(col(CandidateApproval.candidate_id) == candidate_id)
        .order_by(col(CandidateApproval.approved_at), col(CandidateApproval.approver_organisation_id))
    )
    return list(rows.scalars())


async def status(session: AsyncSession, candidate: ReleaseCandidate) -> CandidateStatus:
    """Return how a candidate stands."""
    if await session.get(Release, candidate.address) is not None:
        return CandidateStatus.PUBLISHED
    newest = await newest_release(session, candidate.country)
    if (newest.number if newest else 0, newest.id if newest else "") != (candidate.number - 1, candidate.previous):
        return CandidateStatus.SUPERSEDED
    if content_of(candidate.report.encode())["passed"] is not True:
        return CandidateStatus.BLOCKED
    return (
        CandidateStatus.APPROVED
        if len(await approvals_of(session, candidate.id)) >= NEEDED
        else CandidateStatus.WAITING
    )


async def keep_candidate(raw: bytes, report: Report, permit: Permit, work: UnitOfWork) -> ReleaseCandidate:
    """Keep a document and its report for approval; the same document again is the same candidate."""
    rows = await work.session.execute(select(ReleaseCandidate).where(col(ReleaseCandidate.address) == address(raw)))
    found = rows.scalar_one_or_none()
    if found is None:
        content = content_of(raw)
        found = ReleaseCandidate(
            id=work.ids.uuid(),
            address=address(raw),
            country=content["country"],
            number=content["number"],
            previous=content["previous"],
            document=raw,
            report=report.text,
            report_digest=report.digest,
            author_id=permit.actor.staff_id,
            author_organisation_id=permit.actor.organisation_id,
            prepared_at=work.now,
        )
        work.add(found)
        await work.flush()
    work.audit(
        AuditAction.RELEASE_PREPARED,
        permit,
        stream_id=permit.actor.organisation_id,
        subject_id=found.id,
        address=found.address,
        report=found.report_digest,
    )
    return found


async def approve(report: str, permit: Permit, work: UnitOfWork) -> ReleaseCandidate:
    """Sign the gate's report on a candidate.

    Args:
        report: The digest of the report that was read.
        permit: To approve this candidate.
        work: The transaction.

    Raises:
        NotPermitted: by its author, or by somebody of the author's organisation.
        InvalidInput: that is not its report.
        StateConflict: it does not wait, somebody of this organisation has signed it, or a word of it is not declared.
    """
    actor = permit.actor
    candidate = await work.get(ReleaseCandidate, permit.subject_id)
    if candidate.author_id == actor.staff_id or candidate.author_organisation_id == actor.organisation_id:
        raise NotPermitted(rule=RULE)
    if report != candidate.report_digest:
        raise InvalidInput(field="report", reason="not the report of this candidate")
    signed = await approvals_of(work.session, candidate.id)
    standing = await status(work.session, candidate)
    if standing not in {CandidateStatus.WAITING, CandidateStatus.APPROVED}:
        raise StateConflict(current=str(standing))
    if any(
        actor.organisation_id == one.approver_organisation_id or actor.staff_id == one.approver_id for one in signed
    ):
        raise StateConflict(current=str(CandidateStatus.APPROVED))
    if foreign(candidate.document, work.catalogue.statistics(candidate.country)):
        raise StateConflict(current=str(CandidateStatus.BLOCKED))
    work.add(
        CandidateApproval(
            candidate_id=candidate.id,
            approver_organisation_id=actor.organisation_id,
            approver_id=actor.staff_id,
            author_id=candidate.author_id,
            author_organisation_id=candidate.author_organisation_id,
            report_digest=candidate.report_digest,
            approved_at=work.now,
        )
    )
    await work.flush()
    work.audit(
        AuditAction.RELEASE_APPROVED,
        permit,
        stream_id=actor.organisation_id,
        address=candidate.address,
        report=candidate.report_digest,
    )
    return candidate


async def publish(
    candidate: ReleaseCandidate, signature: bytes, files: Mapping[str, File], work: UnitOfWork
) -> Release:
    """Publish a candidate that two have signed and that the gate has just let through once more.

    Raises:
        StateConflict: it is not the next one, or nobody or one alone has signed it.
    """
    standing = await status(work.session, candidate)
    if standing != CandidateStatus.APPROVED:
        raise StateConflict(current=str(standing))
    release = Release(
        id=candidate.address,
        country=candidate.country,
        number=candidate.number,
        previous=candidate.previous,
        document=candidate.document,
        signature=signature,
        published_at=work.now,
    )
    work.add(release)
    await work.flush()
    work.add(
        *(
            ReleaseFile(
                release_id=release.id,
                name=name,
                media_type=file.media_type,
                content=file.content,
                address=address(file.content),
            )
            for name, file in files.items()
        )
    )
    work.audit_clock(
        AuditAction.RELEASE_PUBLISHED,
        stream_id=candidate.author_organisation_id,
        subject_id=candidate.id,
        rule=RULE,
        address=release.id,
        number=release.number,
    )
    return release
