"""Where the audit lies: entries that only grow, and the head of each chain."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from domain.columns import Document, Instant


class AuditEntry(SQLModel, table=True):
    """One thing that somebody did or was refused. Holds ids and codes, no data of the person.

    Attributes:
        stream_id: The chain: a case, or an organisation for what concerns no case.
        hash: SHA-256 over the previous hash and this entry (`chain.py`).
    """

    __tablename__ = "audit_entries"
    __table_args__ = (Index("audit_entries_of_organisation", "organisation_id", "at"),)

    stream_id: UUID = Field(primary_key=True)
    sequence: int = Field(primary_key=True, sa_type=BigInteger)
    action: str = Field(max_length=40)
    actor_id: UUID | None = None
    organisation_id: UUID | None = None
    subject_id: UUID
    rule: str = Field(sa_type=Text)
    details: dict[str, Any] = Field(sa_type=Document)
    at: datetime = Field(sa_type=Instant)
    hash: bytes


class AuditHead(SQLModel, table=True):
    """The last link of a chain; locked while a transaction appends.

    `at` is the instant of the last entry: a transaction that began earlier and commits later does not turn time back.
    """

    __tablename__ = "audit_heads"

    stream_id: UUID = Field(primary_key=True)
    sequence: int = Field(sa_type=BigInteger)
    at: datetime = Field(sa_type=Instant)
    hash: bytes


class AuditLeaf(SQLModel, table=True):
    """One entry's place in the tree over all chains; never changed.

    Attributes:
        position: From 0, without gaps.
        hashes: 32 bytes for each subtree that this leaf completes, the leaf's own first (`merkle.py`).
    """

    __tablename__ = "audit_leaves"
    __table_args__ = (UniqueConstraint("stream_id", "sequence", name="audit_leaves_of_entry"),)

    position: int = Field(primary_key=True, sa_type=BigInteger)
    stream_id: UUID
    sequence: int = Field(sa_type=BigInteger)
    hashes: bytes


class AuditPlaced(SQLModel, table=True):
    """How far a chain is in the tree: its entries up to this one have their places."""

    __tablename__ = "audit_placed"

    stream_id: UUID = Field(primary_key=True)
    sequence: int = Field(sa_type=BigInteger)


class AuditCheckpoint(SQLModel, table=True):
    """A head of the tree, signed by the log; never changed.

    Attributes:
        size: How many leaves the tree had.
        note: The signed note, as it is exchanged.
    """

    __tablename__ = "audit_checkpoints"

    size: int = Field(primary_key=True, sa_type=BigInteger)
    note: str = Field(sa_type=Text)
    signed_at: datetime = Field(sa_type=Instant)


class AuditCosignature(SQLModel, table=True):
    """A witness's first signature on a checkpoint; never changed.

    Attributes:
        witness: The name of its key.
        cosigned_at: When, by the witness's own clock.
        line: The signature line.
    """

    __tablename__ = "audit_cosignatures"

    size: int = Field(primary_key=True, sa_type=BigInteger, foreign_key="audit_checkpoints.size")
    witness: str = Field(primary_key=True, max_length=120)
    cosigned_at: datetime = Field(sa_type=Instant)
    line: str = Field(sa_type=Text)
