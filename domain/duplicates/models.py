"""What is stored of the search for duplicates: sealed, of one length, and alike whether something was found or not."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from domain.columns import FOREVER, Codes, Instant

FINDINGS_KEPT: Final = timedelta(days=180)
"""How long a finding is kept. Assumed: no source says."""


class MatchEntry(SQLModel, table=True):
    """The vector of a case that no page holds yet, or that is newer than what a page holds.

    Attributes:
        version: Counts up while no page takes it; bound into the seal.
    """

    __tablename__ = "match_entries"
    __table_args__ = (Index("match_entries_in_order", "changed_at", "case_id"),)

    case_id: UUID = Field(primary_key=True, foreign_key="cases.id")
    version: int
    sealed: bytes
    changed_at: datetime = Field(sa_type=Instant)


class MatchSearch(SQLModel, table=True):
    """A search that is still to be made: the same row for everybody whose case has a name to search by."""

    __tablename__ = "match_searches"
    __table_args__ = (Index("match_searches_in_order", "asked_at", "case_id"),)

    case_id: UUID = Field(primary_key=True, foreign_key="cases.id")
    asked_at: datetime = Field(sa_type=Instant)


class MatchPage(SQLModel, table=True):
    """Many vectors in one sealed value, and the pads without which each of them is noise (`pages.py`).

    Attributes:
        pads: One for each slot; zeros where the case was erased or its vector moved.
        blanked: Counts slots that were blanked, so that a process sees that its copy is old.
        filled: How many slots were taken when the page was written.
    """

    __tablename__ = "match_pages"

    id: UUID = Field(primary_key=True)
    version: int = 1
    sealed: bytes
    pads: bytes
    filled: int
    blanked: int = 0
    written_at: datetime = Field(sa_type=Instant)


class MatchPlace(SQLModel, table=True):
    """In which slot of which page the vector of a case stands: what must be blanked when the case is erased."""

    __tablename__ = "match_places"
    __table_args__ = (Index("match_places_of_page", "page_id"),)

    case_id: UUID = Field(primary_key=True, foreign_key="cases.id")
    page_id: UUID = Field(foreign_key="match_pages.id")
    slot: int


class MatchFinding(SQLModel, table=True):
    """What one search found: nothing or something, and which, is sealed."""

    __tablename__ = "match_findings"
    __table_args__ = (Index("match_findings_in_order", "found_at"),)

    id: UUID = Field(primary_key=True)
    sealed: bytes
    found_at: datetime = Field(sa_type=Instant)


class MatchStatement(SQLModel, table=True):
    """What an organisation said of two cases that are alike; of which, and what, is sealed."""

    __tablename__ = "match_statements"
    __table_args__ = (Index("match_statements_in_order", "stated_at"),)

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisations.id")
    sealed: bytes
    stated_at: datetime = Field(sa_type=Instant)


class CaseMerge(SQLModel, table=True):
    """Two cases were found to be about one person; the database carries it out when the row is written.

    Attributes:
        survivor_id: The case that goes on.
        merged_id: The case that is read through the survivor's leader, changed no more, and counted no more.
        former_organisation_id: Who led the merged case.
        compartments: What the survivor's leader may open of the merged case: what the person agreed to.
        grant_id: The grant that the merge wrote.
    """

    __tablename__ = "case_merges"
    __table_args__ = (
        Index("case_merges_of_merged", "merged_id", "merged_at"),
        Index("case_merges_of_survivor", "survivor_id"),
    )

    id: UUID = Field(primary_key=True)
    survivor_id: UUID = Field(foreign_key="cases.id")
    merged_id: UUID = Field(foreign_key="cases.id")
    former_organisation_id: UUID = Field(foreign_key="organisations.id")
    compartments: list[str] = Field(sa_type=Codes)
    grant_id: UUID
    merged_at: datetime = Field(sa_type=Instant)
    staff_id: UUID = Field(foreign_key="staff_members.id")


class CaseSeparation(SQLModel, table=True):
    """A merge was a mistake and is undone: both cases are again what they were."""

    __tablename__ = "case_separations"

    merge_id: UUID = Field(primary_key=True, foreign_key="case_merges.id")
    separated_at: datetime = Field(sa_type=Instant)
    staff_id: UUID = Field(foreign_key="staff_members.id")


class MergedWall(SQLModel, table=True):
    """A conflict wall that a merge copied from one of its cases to the other, and that separating takes away again."""

    __tablename__ = "merged_walls"

    wall_id: UUID = Field(primary_key=True)
    merge_id: UUID = Field(foreign_key="case_merges.id", index=True)


class EndedGrant(SQLModel, table=True):
    """A grant that a merge ended, and until when it ran: separating gives it back."""

    __tablename__ = "ended_grants"

    grant_id: UUID = Field(primary_key=True)
    merge_id: UUID = Field(primary_key=True, foreign_key="case_merges.id")
    valid_until: datetime = Field(default=FOREVER, sa_type=Instant)
