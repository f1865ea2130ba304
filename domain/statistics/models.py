"""Where counted cases lie, what two approve before a release is made of them, and releases: these alone are public."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from domain.codes import Population
from domain.columns import Codes, Ids, Instant


class ReleaseCandidate(SQLModel, table=True):
    """A document that would be published, with the gate's report on it; nothing of it ever changes.

    It has no status: it was published if a release has its address, and is open if its number is the next one.

    Attributes:
        address: SHA-256 of the document, hexadecimal.
        previous: The address of the release before; empty for the first.
        report: The gate's report as canonical JSON; what approvers sign.
        report_digest: Its SHA-256, hexadecimal.
    """

    __tablename__ = "release_candidates"
    __table_args__ = (
        UniqueConstraint("id", "author_id", "author_organisation_id", "report_digest"),
        Index("release_candidates_of_country", "country", "number"),
    )

    id: UUID = Field(primary_key=True)
    address: str = Field(unique=True, max_length=64)
    country: str = Field(max_length=2)
    number: int
    previous: str = Field(max_length=64)
    document: bytes = Field(sa_type=LargeBinary)
    report: str = Field(sa_type=Text)
    report_digest: str = Field(max_length=64)
    author_id: UUID = Field(foreign_key="staff_members.id")
    author_organisation_id: UUID = Field(foreign_key="organisations.id")
    prepared_at: datetime = Field(sa_type=Instant)


class CandidateApproval(SQLModel, table=True):
    """One person's signature under a report: not the author's, nor of the author's organisation, one an organisation.

    The author stands in it too, tied to the candidate by a foreign key, so that a check of the row keeps them apart.
    """

    __tablename__ = "candidate_approvals"
    __table_args__ = (
        UniqueConstraint("candidate_id", "approver_id"),
        ForeignKeyConstraint(
            ["candidate_id", "author_id", "author_organisation_id", "report_digest"],
            [f"release_candidates.{name}" for name in ("id", "author_id", "author_organisation_id", "report_digest")],
            name="candidate_approvals_of_this_very_report",
        ),
    )

    candidate_id: UUID = Field(primary_key=True)
    approver_organisation_id: UUID = Field(primary_key=True, foreign_key="organisations.id")
    approver_id: UUID = Field(foreign_key="staff_members.id")
    author_id: UUID
    author_organisation_id: UUID
    report_digest: str = Field(max_length=64)
    approved_at: datetime = Field(sa_type=Instant)


class Release(SQLModel, table=True):
    """One immutable release.

    Attributes:
        id: Content address: SHA-256 of the document, hexadecimal.
        number: Counts releases of the country, from 1.
        previous: The address of the release before; empty for the first.
        document: The bytes that are served.
        signature: Ed25519 over the document, 64 bytes.
    """

    __tablename__ = "releases"
    __table_args__ = (UniqueConstraint("country", "number"), UniqueConstraint("country", "previous"))

    id: str = Field(primary_key=True, max_length=64)
    country: str = Field(max_length=2)
    number: int
    previous: str = Field(max_length=64)
    document: bytes = Field(sa_type=LargeBinary)
    signature: bytes = Field(sa_type=LargeBinary)
    published_at: datetime = Field(sa_type=Instant)


class ReleaseFile(SQLModel, table=True):
    """A release in one format, or one table of it: made once, from the document alone, and served as it was made.

    Attributes:
        address: SHA-256 of the content, hexadecimal.
    """

    __tablename__ = "release_files"

    release_id: str = Field(primary_key=True, foreign_key="releases.id", max_length=64)
    name: str = Field(primary_key=True, max_length=80)
    media_type: str = Field(max_length=80)
    content: bytes = Field(sa_type=LargeBinary)
    address: str = Field(max_length=64)


class CountedCase(SQLModel, table=True):
    """One person, counted in the period in which they were registered, as they were then known. Never changes.

    The database writes it (`nrm_count_cases`), and cuts the link to the case when the case is erased: from then on the
    row is a count and points to nobody.

    Attributes:
        case_id: None once the case was erased. No role can read it; it keeps a person from being counted twice.
        population: Whether as a victim of trafficking or as a vulnerable migrant; nobody is both.
        period: Such as `2026-H1`.
        sex, age, exploitation, entry_channel, citizenship, stage: A value of `catalogue.MEASURED`, or a kind of not
            knowing.
        services: The support that was begun.
        organisations: Ids of those who know of the case: who led it, worked in it, decided, was asked, or was called.
    """

    __tablename__ = "counted_cases"

    id: UUID = Field(primary_key=True)
    case_id: UUID | None = Field(default=None, foreign_key="cases.id", unique=True)
    country: str = Field(max_length=2)
    population: Population = Field(sa_type=Text)
    period: str = Field(max_length=7)
    sex: str = Field(sa_type=Text)
    age: str = Field(sa_type=Text)
    exploitation: str = Field(sa_type=Text)
    entry_channel: str = Field(sa_type=Text)
    citizenship: str = Field(sa_type=Text)
    stage: str = Field(sa_type=Text)
    services: list[str] = Field(sa_type=Codes)
    organisations: list[UUID] = Field(sa_type=Ids)


class ClosedPeriod(SQLModel, table=True):
    """A period whose cases were counted; it is never counted again, also if there was nobody to count.

    Attributes:
        ended_at: The first instant that is no longer of the period.
        closed_at: When its cases were counted: its end, and the lag.
        declaration: Key and version of the declaration under which.
    """

    __tablename__ = "closed_periods"

    country: str = Field(primary_key=True, max_length=2)
    period: str = Field(primary_key=True, max_length=7)
    ended_at: datetime = Field(sa_type=Instant)
    closed_at: datetime = Field(sa_type=Instant)
    declaration: str = Field(max_length=80)
