"""Keyset pages with opaque cursors: a page is as fast at the end of a list as at its start, and none is skipped."""

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel

from api.problems import InvalidRequest

Row = TypeVar("Row", bound=SQLModel)


def cursor_of(instant: datetime, identifier: UUID) -> str:
    """Return the cursor behind a row."""
    return base64.urlsafe_b64encode(f"{instant.isoformat()}|{identifier}".encode()).decode().rstrip("=")


def position(cursor: str) -> tuple[datetime, UUID]:
    """Return the row that a cursor stands behind.

    Raises:
        InvalidRequest: it is no cursor of ours.
    """
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        instant, _, identifier = text.partition("|")
        at = datetime.fromisoformat(instant)
        found = at.astimezone(UTC), UUID(identifier)
    except (ValueError, OverflowError, binascii.Error):
        raise InvalidRequest(faults=[{"at": "query/cursor", "fault": "cursor"}]) from None
    if at.tzinfo is None:
        raise InvalidRequest(faults=[{"at": "query/cursor", "fault": "cursor"}])
    return found


async def page(
    session: AsyncSession,
    statement: Select[Row],
    order: tuple[Any, Any],
    cursor: str | None,
    limit: int,
    place: Callable[[Row], tuple[datetime, UUID]],
) -> tuple[Sequence[Row], str | None]:
    """Return one page, newest first, and the cursor of the next, or None at the end.

    Args:
        session: The transaction.
        statement: What is listed.
        order: Columns of the instant and the id.
        cursor: As the client sent it.
        limit: How many rows at most.
        place: Instant and id of a row.
    """
    rows = (await session.execute(_page(statement, order, cursor, limit))).scalars().all()
    shown = rows[:limit]
    return shown, cursor_of(*place(shown[-1])) if len(rows) > limit else None


def _page(statement: Any, order: tuple[Any, Any], cursor: str | None, limit: int) -> Any:
    if cursor is not None:
        statement = statement.where(tuple_(*order) < tuple_(*position(cursor)))
    return statement.order_by(order[0].desc(), order[1].desc()).limit(limit + 1)
