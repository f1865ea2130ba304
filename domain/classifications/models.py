"""What is stored of classifications. They only grow; reasons are sealed."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Text
from sqlmodel import Field, SQLModel

from domain.codes import ClassificationKind, ClassifyingBody
from domain.columns import Instant


class Classification(SQLModel, table=True):
    """Somebody called what happened something. The newest of a kind speaks; none overwrites another.

    Attributes:
        code: Of the list that belongs to the kind; see `domain/classifications/rules.py`.
        said_on: ISO 8601 to the day, month or year, or one of the four kinds of not knowing.
        corrects_id: An earlier entry of the same kind and case that was a mistake of recording.
    """

    __tablename__ = "classifications"
    __table_args__ = (Index("classifications_of_case", "case_id", "recorded_at"),)

    id: UUID = Field(primary_key=True)
    case_id: UUID = Field(foreign_key="cases.id")
    kind: ClassificationKind = Field(sa_type=Text)
    code: str = Field(sa_type=Text)
    body: ClassifyingBody = Field(sa_type=Text)
    said_on: str = Field(sa_type=Text)
    corrects_id: UUID | None = Field(default=None, foreign_key="classifications.id")
    recorded_at: datetime = Field(sa_type=Instant)
    staff_id: UUID = Field(foreign_key="staff_members.id")
    organisation_id: UUID = Field(foreign_key="organisations.id")
