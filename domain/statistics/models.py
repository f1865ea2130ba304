"""Where releases lie: frozen, protected statistics. The statistics role may read this table and no other."""

from datetime import datetime
from typing import Any

from sqlalchemy import Text
from sqlmodel import Field, SQLModel

from domain.columns import Document, Instant


class Release(SQLModel, table=True):
    """One immutable release.

    Attributes:
        id: Content address: SHA-256 of the tables, in hexadecimal.
        tables: Name → cells, units and notes, as published.
    """

    __tablename__ = "releases"

    id: str = Field(primary_key=True, sa_type=Text)
    period: str = Field(max_length=20)
    published_at: datetime = Field(sa_type=Instant)
    tables: dict[str, Any] = Field(sa_type=Document)
