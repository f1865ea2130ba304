"""Generated emergency accesses, of cases that exist and of none, running and over; and acts of two."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import strategies as st

from domain.approvals.models import Approval
from domain.break_glass.models import BreakGlass
from domain.codes import BreakGlassReason, Compartment, Role

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
