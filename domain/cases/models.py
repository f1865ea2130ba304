"""What is stored of a case: its routing, who may open it, who must not, and which steps were reported done."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Date, Index, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from domain.codes import CaseWork, ClosureReason, EntryChannel, Known, VictimType, WallReason
from domain.columns import FOREVER, Codes, Document, Instant


class Relation(StrEnum):
    """How an organisation stands to a case."""

    OWNER = "owner"
    RECEIVER = "receiver"
    BREAK_GLASS = "break_glass"


class Case(SQLModel, table=True):
    """The file on one person who may be a victim. Holds no word about the person.

    The identification and support axes are derived from decisions, referrals and episodes (`rules.py`), never stored.

    Attributes:
        restricted_at: Since when the person wants nothing more passed on.
        erased_at: When everything that is sealed in it was destroyed; what stays is counted, and seen by nobody.
        merged_into_id: The case that goes on for the same person; this one is read, and changed and counted no more.
    """

    __tablename__ = "cases"
    __table_args__ = (
        Index("cases_in_order", text("opened_at DESC"), "id"),
        Index("cases_merged", "merged_into_id", postgresql_where=text("merged_into_id IS NOT NULL")),
    )

    id: UUID = Field(primary_key=True)
    reference: str = Field(unique=True, max_length=24)
    country: str = Field(max_length=2)
    owner_organisation_id: UUID = Field(foreign_key="organisations.id")
    entry_channel: EntryChannel = Field(sa_type=Text)
    victim_type: VictimType = Field(sa_type=Text)
    sop_versions: dict[str, str] = Field(sa_type=Document)
    case_work: CaseWork = Field(sa_type=Text)
    closure_reason: ClosureReason | None = Field(default=None, sa_type=Text)
    opened_at: datetime = Field(sa_type=Instant)
    closed_at: datetime | None = Field(default=None, sa_type=Instant)
    restricted_at: datetime | None = Field(default=None, sa_type=Instant)
    erased_at: datetime | None = Field(default=None, sa_type=Instant)
    version: int = 1
    merged_into_id: UUID | None = Field(default=None, foreign_key="cases.id")


class CaseAccess(SQLModel, table=True):
    """A grant: an organisation stands in a relation to a case and may open some compartments, from and until.

    `holder_id` says whose keys the compartments are sealed under: the case itself for its owner, the referral for the
    frozen package of a receiver. A grant of emergency access is for one member of staff alone. Row-level security reads
    this table.
    """

    __tablename__ = "case_access"
    __table_args__ = (
        Index("case_access_of_organisation", "organisation_id", "case_id"),
        Index("case_access_of_case", "case_id"),
        Index("case_access_of_holder", "holder_id"),
    )

    id: UUID = Field(primary_key=True)
    case_id: UUID = Field(foreign_key="cases.id")
    organisation_id: UUID = Field(foreign_key="organisations.id")
    relation: Relation = Field(sa_type=Text)
    holder_id: UUID
    referral_id: UUID | None = Field(default=None, foreign_key="referrals.id")
    staff_id: UUID | None = Field(default=None, foreign_key="staff_members.id")
    compartments: list[str] = Field(sa_type=Codes)
    valid_from: datetime = Field(sa_type=Instant)
    valid_until: datetime = Field(default=FOREVER, sa_type=Instant)


class CaseWall(SQLModel, table=True):
    """A conflict wall: this organisation, or this member of staff, must not learn that the case exists.

    It stands until who leads the case lifts it; on the day of its review they are reminded. Nothing opens by itself.
    """

    __tablename__ = "case_walls"
    __table_args__ = (
        Index("case_walls_of_case", "case_id"),
        UniqueConstraint("case_id", "organisation_id", "staff_id", postgresql_nulls_not_distinct=True),
    )

    id: UUID = Field(primary_key=True)
    case_id: UUID = Field(foreign_key="cases.id")
    organisation_id: UUID | None = Field(default=None, foreign_key="organisations.id")
    staff_id: UUID | None = Field(default=None, foreign_key="staff_members.id")
    raised_at: datetime = Field(sa_type=Instant)
    reason: WallReason = Field(default=WallReason.NOT_STATED, sa_type=Text)
    review_on: date | None = Field(default=None, sa_type=Date)


class StepCompletion(SQLModel, table=True):
    """Somebody reported that a step of the SOP was done which leaves no record of its own."""

    __tablename__ = "step_completions"
    __table_args__ = (UniqueConstraint("case_id", "step"),)

    id: UUID = Field(primary_key=True)
    case_id: UUID = Field(foreign_key="cases.id")
    step: str = Field(max_length=60)
    completed_at: datetime = Field(sa_type=Instant)
    staff_id: UUID = Field(foreign_key="staff_members.id")
    organisation_id: UUID = Field(foreign_key="organisations.id")


class Cooperation(SQLModel, table=True):
    """Whether the person wishes to co-operate with law enforcement. Nothing that decides on support reads this."""

    __tablename__ = "cooperations"
    __table_args__ = (Index("cooperations_of_case", "case_id", "recorded_at"),)

    id: UUID = Field(primary_key=True)
    case_id: UUID = Field(foreign_key="cases.id")
    willing: Known = Field(sa_type=Text)
    recorded_at: datetime = Field(sa_type=Instant)
    staff_id: UUID = Field(foreign_key="staff_members.id")
