"""An attachment on its way out: audited and committed first, then opened a few chunks at a time.

Only the first chunks are opened in the transaction that records the reading. Those that follow are each asked for anew,
in a transaction of their own that looks at token, membership, grant and state again: what is withdrawn while a long
document is being sent stops in the middle, and the receiver sees from its announced length that it is cut short.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from fastapi import Request
from fastapi.responses import StreamingResponse

from api.runtime import Runtime
from api.transaction import claims_of
from api.uploads import MEDIA_TYPE
from auth.authentication import enter
from auth.authorisation import Authorisation
from domain.attachments.commands import Disclosed, part_of
from domain.permits import Permit
from domain.sealing.stream import CHUNK
from domain.sealing.streams import PART
from domain.unit_of_work import UnitOfWork

Permitted = Callable[[Authorisation, UnitOfWork], Awaitable[Permit]]
"""Asks again whether the attachment may be shown."""

SUFFIXES: Final = {"jpeg": "jpg", "png": "png", "pdf": "pdf"}


async def sent(
    disclosed: Disclosed, permit: Permit, work: UnitOfWork, again: Permitted, request: Request
) -> StreamingResponse:
    """Return the answer with an attachment, under a name that tells nothing."""
    first = await part_of(disclosed, 0, permit, work)
    attachment = disclosed.attachment
    name = f"{attachment.reference}.{SUFFIXES[attachment.format]}"
    return StreamingResponse(
        _chunks(first, disclosed, again, request),
        media_type=MEDIA_TYPE,
        headers={
            "Accept-Ranges": "none",
            "Content-Disposition": f'attachment; filename="{name}"',
            "Content-Length": str(disclosed.size),
        },
    )


async def _chunks(first: list[bytes], disclosed: Disclosed, again: Permitted, request: Request) -> AsyncIterator[bytes]:
    for chunk in first:
        yield chunk
    runtime: Runtime = request.app.state.runtime
    for number in range(PART, -(-disclosed.size // CHUNK), PART):
        async with runtime.database.sessions()() as session:
            actor = await enter(session, claims_of(request, runtime), runtime.clock)
            work = runtime.work(session, actor.now)
            part = await part_of(disclosed, number, await again(Authorisation(session, actor), work), work)
        for chunk in part:
            yield chunk
