"""Inbox and outbox: the lists that are asked for all day, with one statement as the driver takes it.

Putting the condition of visibility together, compiling it, and making a model of every row takes several times as long
as the database needs. So the statement is compiled once for each role, and its rows are written as JSON as they come.
The contract is held by tests that validate what is written against the schema.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json
from sqlalchemy import ColumnElement, DateTime, Integer, Uuid, bindparam, tuple_
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlmodel import col

from api.pagination import cursor_of, position
from auth.authorisation import ORGANISATION, filled_in, visible_to
from auth.roles import Permission
from domain.codes import ReferralStatus, Role
from domain.permits import Actor
from domain.referrals.models import Referral
from domain.referrals.queries import LISTED
from domain.referrals.waiting import positions
from domain.unit_of_work import UnitOfWork

RECEIVED = (col(Referral.receiving_organisation_id) == ORGANISATION) & (col(Referral.status) != ReferralStatus.DRAFT)
SENT = col(Referral.sending_organisation_id) == ORGANISATION
BEHIND = (bindparam("behind_at", type_=DateTime(timezone=True)), bindparam("behind_id", type_=Uuid))
MOST = bindparam("most", type_=Integer)
NOT_TOLD = 2
"""How many columns of LISTED come before those that are told by their own name."""

TOLD = tuple(column.name for column in LISTED.selected_columns)[NOT_TOLD:]


@dataclass(frozen=True)
class Statement:
    """A compiled statement.

    Attributes:
        text: As it is sent.
        names: The name of each parameter, in order.
        fixed: The values that are the same for everybody.
    """

    text: str
    names: tuple[str, ...]
    fixed: Mapping[str, Any]

    def values(self, given: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return the parameters in order."""
        known = {**self.fixed, **given}
        return tuple(known[name] for name in self.names)


@functools.cache
def statement(mine: ColumnElement[bool], role: Role, *, further: bool) -> Statement:
    """Return the statement of a list for a role, newest first: the first page, or one that lies further behind."""
    order = (col(Referral.created_at), col(Referral.id))
    asked = LISTED.where(mine, visible_to(Referral, Permission.REFERRAL_READ, role))
    if further:
        asked = asked.where(tuple_(*order) < tuple_(*BEHIND))
    asked = asked.order_by(*(one.desc() for one in order)).limit(MOST)
    dialect = PGDialect_asyncpg()  # type: ignore[no-untyped-call]
    compiled = asked.compile(dialect=dialect)
    return Statement(str(compiled), tuple(compiled.positiontup or ()), compiled.params)


def given(actor: Actor, cursor: str | None, limit: int) -> dict[str, Any]:
    """Return what the statement lacks; one row more than is shown tells whether there is another page."""
    at, identifier = position(cursor) if cursor is not None else (None, None)
    return {**filled_in(actor), "most": limit + 1, "behind_at": at, "behind_id": identifier}


async def listed(work: UnitOfWork, actor: Actor, mine: ColumnElement[bool], cursor: str | None, limit: int) -> bytes:
    """Return a page as JSON in the shape of `ReferralPage`."""
    asked = statement(mine, actor.role, further=cursor is not None)
    connection = await work.session.connection()
    rows = (await connection.exec_driver_sql(asked.text, asked.values(given(actor, cursor, limit)))).all()
    shown = rows[:limit]
    waiting = await positions(work, shown)
    items = [
        {
            **dict(zip(TOLD, row[NOT_TOLD:], strict=True)),
            "overdue": row.respond_by is not None and row.respond_by <= work.now,
            "waiting_position": waiting.get(row.id),
        }
        for row in shown
    ]
    following = cursor_of(shown[-1].created_at, shown[-1].id) if len(rows) > limit else None
    return to_json({"items": items, "next": following})
