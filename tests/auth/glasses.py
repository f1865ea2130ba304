"""Generated emergency accesses, running and over; acts of two, candidates and webhooks: what belongs to no case."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import strategies as st

from domain.approvals.models import Approval
from domain.break_glass.models import BreakGlass
from domain.codes import BreakGlassReason, Compartment, Role
from domain.statistics.models import ReleaseCandidate
from domain.webhooks.models import Webhook, WebhookStatus

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def glass(
    one: UUID, draw: st.DrawFn, cases: Sequence[UUID], organisations: Sequence[UUID], staff: Sequence[UUID]
) -> BreakGlass:
    """Draw one."""
    return BreakGlass(
        id=one,
        reference="C-0",
        about_case_id=draw(st.sampled_from([None, *cases])),
        country=draw(st.sampled_from(["KG", "KG", "KZ"])),
        organisation_id=draw(st.sampled_from(organisations)),
        staff_id=draw(st.sampled_from(staff)),
        role=Role.POLICE_OFFICER,
        compartment=Compartment.IDENTITY,
        reason=BreakGlassReason.MISSING_PERSON,
        broken_at=NOW,
        valid_until=NOW + draw(st.sampled_from([timedelta(hours=1), timedelta(0), timedelta(hours=-1)])),
        review_due_at=NOW,
    )


def approval(one: UUID, draw: st.DrawFn, organisations: Sequence[UUID], staff: Sequence[UUID]) -> Approval:
    """Draw an act of two."""
    return Approval(
        id=one,
        country=draw(st.sampled_from(["KG", "KZ"])),
        action="{}",
        digest=hashlib.sha256(b"{}").hexdigest(),
        requester_id=draw(st.sampled_from(staff)),
        requester_organisation_id=draw(st.sampled_from(organisations)),
        requested_at=NOW,
        expires_at=NOW,
    )


def candidate(one: UUID, draw: st.DrawFn, organisations: Sequence[UUID], staff: Sequence[UUID]) -> ReleaseCandidate:
    """Draw what would be published; each has another document."""
    report = hashlib.sha256(b"{}").hexdigest()
    return ReleaseCandidate(
        id=one,
        address=hashlib.sha256(one.bytes).hexdigest(),
        country=draw(st.sampled_from(["KG", "KZ"])),
        number=1,
        previous="",
        document=one.bytes,
        report="{}",
        report_digest=report,
        author_id=draw(st.sampled_from(staff)),
        author_organisation_id=draw(st.sampled_from(organisations)),
        prepared_at=NOW,
    )


def webhook(one: UUID, organisation: UUID, staff: UUID) -> Webhook:
    """Return a webhook of an organisation."""
    return Webhook(
        id=one,
        organisation_id=organisation,
        url="https://receiver.example/",
        kinds=[],
        status=WebhookStatus.ACTIVE,
        secret_version=1,
        previous_secret_until=NOW,
        created_at=NOW,
        staff_id=staff,
        version=1,
    )
