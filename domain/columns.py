"""How values are stored: one way for instants, code lists and documents."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator

FOREVER = datetime(9999, 12, 31, tzinfo=UTC)
"""The end of what has no end: never NULL, so that `<` and `>` mean the same in Python and in SQL."""


class Instant(TypeDecorator[datetime]):
    """An aware instant, always handed out in UTC whatever the connection's time zone is."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:  # noqa: ARG002
        """Return the instant in UTC."""
        return value.astimezone(UTC) if value is not None else None


class Codes(TypeDecorator[list[str]]):
    """A list of codes from a closed list."""

    impl = ARRAY(Text)
    cache_ok = True


class Ids(TypeDecorator[list[UUID]]):
    """A list of ids."""

    impl = ARRAY(Uuid)
    cache_ok = True


class Document(TypeDecorator[Any]):
    """A small structured value without personal data."""

    impl = JSONB
    cache_ok = True
