"""What is stored of erasing: that it was done, in a ledger that outlives the database; what stops it; restorations."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Index, Text, text
from sqlmodel import Field, SQLModel

from domain.codes import ErasureReason, HoldGround
from domain.columns import Codes, Instant

EVERYTHING = "all"
"""In the ledger, in place of a compartment: with this line all of a case or contact is gone."""


class ShredEntry(SQLModel, table=True):
    """One line of the shred ledger: the keys of a holder's compartment were destroyed. Written by triggers alone.

    Attributes:
        sequence: Counts up without a gap.
        compartment: What the keys sealed, or `all` for the line that ends an erasure.
        erasure_id: The erasure that this belongs to; none for the package of a referral.
        hash: Binds the line to all before it, see `ledger.py`.
    """

    __tablename__ = "shred_ledger"
    __table_args__ = (
        Index("shred_ledger_of_erasure", "erasure_id"),
        Index("shred_ledger_of_holder", "holder_id"),
    )

    sequence: int = Field(primary_key=True, sa_type=BigInteger)
    holder_id: UUID
    compartment: str = Field(max_length=20)
    erasure_id: UUID | None = None
    why: str = Field(max_length=20)
    at: datetime = Field(sa_type=Instant)
    hash: bytes


class Erasure(SQLModel, table=True):
    """Something of a case or contact was erased: what the certificate is made from.

    Attributes:
        case_id: The case; none for a contact.
        subject_id: The case or the contact.
        reference: Of the case; of a contact, its id.
        organisation_id: Who led the case, or took the contact.
        compartments: What was destroyed of it, by name.
        whole: Whether all of it has gone; otherwise the rest is kept longer.
    """

    __tablename__ = "erasures"
    __table_args__ = (Index("erasures_of_organisation", "organisation_id", text("erased_at DESC"), "id"),)

    id: UUID = Field(primary_key=True)
    case_id: UUID | None = Field(default=None, foreign_key="cases.id")
    subject_id: UUID
    reference: str = Field(max_length=40)
    organisation_id: UUID = Field(foreign_key="organisations.id")
    why: ErasureReason = Field(sa_type=Text)
    compartments: list[str] = Field(sa_type=Codes)
    whole: bool
    erased_at: datetime = Field(sa_type=Instant)


class RetentionHold(SQLModel, table=True):
    """A case is kept beyond its period, for something that the person needs it for, until a day at the latest."""

    __tablename__ = "retention_holds"
    __table_args__ = (Index("retention_holds_of_case", "case_id"),)

    id: UUID = Field(primary_key=True)
    case_id: UUID = Field(foreign_key="cases.id")
    ground: HoldGround = Field(sa_type=Text)
    placed_at: datetime = Field(sa_type=Instant)
    holds_until: datetime = Field(sa_type=Instant)
    lifted_at: datetime | None = Field(default=None, sa_type=Instant)
    staff_id: UUID = Field(foreign_key="staff_members.id")
    organisation_id: UUID = Field(foreign_key="organisations.id")


class Restoration(SQLModel, table=True):
    """This database was restored from a backup. It serves nobody before the ledger was replayed.

    Attributes:
        taken_at: The instant of the backup.
        entries: How far the ledger went in the backup.
        replayed_entries: How far it goes since it was replayed.
    """

    __tablename__ = "restorations"

    id: UUID = Field(primary_key=True)
    taken_at: datetime = Field(sa_type=Instant)
    restored_at: datetime = Field(sa_type=Instant)
    entries: int = Field(sa_type=BigInteger)
    replayed_at: datetime | None = Field(default=None, sa_type=Instant)
    replayed_entries: int | None = Field(default=None, sa_type=BigInteger)
