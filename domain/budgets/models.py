"""What is stored of budgets: who used what of a kind, and since when it counts."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Text
from sqlmodel import Field, SQLModel

from domain.columns import Instant


class BudgetUse(SQLModel, table=True):
    """That a member of staff opened, asked for or tried something: one row however often it is the same thing.

    There is no counter, so nobody waits for a row that everybody changes: what counts is counted. Written by
    `nrm_spend` (see the migration) alone, forgotten by the worker.

    Attributes:
        kind: Of the budget; `told:` and a kind for a warning that was sent.
        subject_id: Whose keys were opened (a case, a package, a contact), or a random id for what is counted each time.
        used_at: When it was last used; what one keeps working on is not counted again.
        counted_at: When it was last counted.
    """

    __tablename__ = "budget_uses"
    __table_args__ = (
        Index("budget_uses_of_staff", "staff_id", "kind", "counted_at"),
        Index("budget_uses_of_organisation", "organisation_id", "kind", "counted_at"),
        Index("budget_uses_used", "used_at"),
    )

    staff_id: UUID = Field(primary_key=True, foreign_key="staff_members.id")
    organisation_id: UUID = Field(primary_key=True, foreign_key="organisations.id")
    kind: str = Field(primary_key=True, sa_type=Text)
    subject_id: UUID = Field(primary_key=True)
    used_at: datetime = Field(sa_type=Instant)
    counted_at: datetime = Field(sa_type=Instant)
