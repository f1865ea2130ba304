"""What is stored of a person in plain: coded attributes for rules and statistics. All else is sealed."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Text
from sqlmodel import Field, SQLModel

from domain.codes import Known
from domain.columns import Codes, Instant


class Person(SQLModel, table=True):
    """The human whom the case protects. Every attribute is a code or one of the four kinds of not knowing.

    Attributes:
        citizenships: ISO 3166-1 alpha-2 codes, or one kind of not knowing alone.
        languages: ISO 639 codes, or one kind of not knowing alone.
        age_changed_at: When age band or dispute last changed: anchors of deadlines.
    """

    __tablename__ = "persons"

    id: UUID = Field(primary_key=True)
    case_id: UUID = Field(foreign_key="cases.id", unique=True)
    sex: str = Field(default=Known.NOT_ASKED, sa_type=Text)
    gender: str = Field(default=Known.NOT_ASKED, sa_type=Text)
    age_band: str = Field(default=Known.NOT_ASKED, sa_type=Text)
    age_disputed: bool = False
    citizenships: list[str] = Field(sa_type=Codes)
    migration_status: str = Field(default=Known.NOT_ASKED, sa_type=Text)
    documents_held: Known = Field(default=Known.NOT_ASKED, sa_type=Text)
    languages: list[str] = Field(sa_type=Codes)
    disability: Known = Field(default=Known.NOT_ASKED, sa_type=Text)
    age_changed_at: datetime = Field(sa_type=Instant)
