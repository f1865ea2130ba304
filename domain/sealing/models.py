"""Where sealed bytes and wrapped keys lie: every sealed byte of the database stands in one of these tables."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from domain.columns import Instant


class SealedValue(SQLModel, table=True):
    """One compartment of one record, sealed (`envelope.py`).

    Attributes:
        holder_id: Whose key seals it: a case, the package of a referral, or a contact.
        record_id: The record that the value belongs to; the person for a case's own compartments.
        kind: What the value is, such as `compartment`, `reasons`, `package`.
        version: Counts up; bound into the seal, so that an old blob put back does not open.
    """

    __tablename__ = "sealed_values"
    __table_args__ = (Index("sealed_values_of_holder", "holder_id", "compartment"),)

    record_id: UUID = Field(primary_key=True)
    kind: str = Field(primary_key=True, max_length=20)
    compartment: str = Field(primary_key=True, max_length=20)
    holder_id: UUID
    key_version: int
    version: int
    sealed: bytes
    changed_at: datetime = Field(sa_type=Instant)


class SealingKey(SQLModel, table=True):
    """A wrapped data key: one per holder and compartment. Narrow, so that rotation is quick; deleting a row shreds."""

    __tablename__ = "sealing_keys"

    holder_id: UUID = Field(primary_key=True)
    compartment: str = Field(primary_key=True, max_length=20)
    version: int = Field(primary_key=True)
    key_id: str = Field(max_length=40)
    wrapped: bytes


class RetiredKey(SQLModel, table=True):
    """A key-encryption key that wraps nothing any more, and never will again: the database refuses it. Grows only."""

    __tablename__ = "retired_keys"

    key_id: str = Field(primary_key=True, max_length=40)
    retired_at: datetime = Field(sa_type=Instant, sa_column_kwargs={"server_default": text("now()")})


class SealedChunk(SQLModel, table=True):
    """One chunk of a sealed stream (`stream.py`): of what is too long for one sealed value.

    Attributes:
        record_id: The record that the stream belongs to.
        number: The place of the chunk, from 0.
        holder_id: Whose key seals it: a case, or the package of a referral.
    """

    __tablename__ = "sealed_chunks"
    __table_args__ = (Index("sealed_chunks_of_holder", "holder_id"),)

    record_id: UUID = Field(primary_key=True)
    number: int = Field(primary_key=True)
    holder_id: UUID
    compartment: str = Field(max_length=20)
    key_version: int
    sealed: bytes
