"""The secret mark of a honey case: a case about nobody, which no real work touches."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field, SQLModel

from domain.columns import Instant


class HoneyCase(SQLModel, table=True):
    """That a case is about nobody. The application cannot read this; a trigger of the audit acts on it.

    Whoever opens the case, asks for it or breaks its glass leaves an audit entry, as always; the same statement tells
    coordinators and independent bodies of other organisations. So nothing in the program knows which cases these are.
    """

    __tablename__ = "honey_cases"

    case_id: UUID = Field(primary_key=True, foreign_key="cases.id")
    planted_at: datetime = Field(sa_type=Instant)
