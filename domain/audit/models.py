"""Where the audit lies: entries that only grow, and the head of each chain."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, Text
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
