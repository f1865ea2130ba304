"""Conflict walls: who must not learn that a case exists, why, and when that is looked at again."""

from datetime import date
from uuid import UUID

from pydantic import Field

from api.schemas.base import Code, In, Instant, Line, Out
from domain.cases.walls import RaiseWall
from domain.codes import WallReason


class WallIn(In):
    """Who must never learn that the case exists: one organisation or one member of staff."""

    organisation: Code | None = None
    staff: Line | None = None
    reason: WallReason = WallReason.NOT_STATED
    review_on: date | None = Field(default=None, description="When to ask whether it is needed; it stays until lifted.")

    def to_command(self) -> RaiseWall:
        """Return the command."""
        return RaiseWall(self.organisation, self.staff, self.reason, self.review_on)


class WallOut(Out):
    """A wall of a case, as who leads the case sees it."""

    id: UUID
    organisation: str | None = Field(max_length=60)
    staff: str | None = Field(max_length=200)
    reason: WallReason
    review_on: date | None
    raised_at: Instant
