"""Gives the directory out in the shape of HSDS, and takes entries in: out as a member of staff, in as the operator."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from api.directory import command_of
from api.exchange.hsds import page_of
from api.exchange.hsds_in import Entry
from api.refusals import record_refusal
from api.runtime import Runtime
from auth.authentication import enter, enter_as_clock
from auth.authorisation import Authorisation
from auth.roles import Permission
from auth.tokens import Claims
from domain.errors import NotPermitted
from domain.organisations.commands import record_organisation
from domain.organisations.models import Organisation


async def give_directory_out(claims: Claims, runtime: Runtime) -> dict[str, Any]:
    """Return the directory of the actor's country as a page of HSDS.

    Raises:
        TokenRefused: the person of staff is no member of the organisation in this role.
        NotPermitted: the role reads no directory; the refusal is in the audit.
    """
    try:
        async with runtime.database.sessions()() as session:
            actor = await enter(session, claims, runtime.clock)
            Authorisation(session, actor).own(Permission.DIRECTORY_READ)
            rows = await session.execute(select(Organisation).where(col(Organisation.country) == actor.country))
            return page_of(rows.scalars())
    except NotPermitted as refusal:
        await record_refusal(runtime, claims, refusal, command="export hsds")
        raise


async def take_directory_in(entries: Sequence[Entry], session: AsyncSession, runtime: Runtime) -> int:
    """Record every entry that can be; returns how many. The session is the owner's.

    A file that says nothing of where an organisation is leaves what is known: a shelter's place is in no file.
    """
    now = await enter_as_clock(session, runtime.clock.shift)
    work = runtime.work(session, now)
    found = [one.organisation for one in entries if one.organisation is not None]
    for entry in found:
        known = await work.one(Organisation, code=entry.code)
        command = command_of(entry)
        if command.region is None and known is not None:
            command = replace(command, region=known.region)
        await record_organisation(command, work)
    await work.commit()
    return len(found)
