"""Where releases lie, and what two approve before one is made. The statistics role reads what is published, no more."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, LargeBinary, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from domain.columns import Instant

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

    The author stands in it too, tied to the candidate by a foreign key, so that a check of the row alone keeps them apart.
    """

    __tablename__ = "candidate_approvals"
    __table_args__ = (UniqueConstraint("candidate_id", "approver_id"),)

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
