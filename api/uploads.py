"""A document that comes in as the body itself: asked about before it is read, and never in a file.

Who may not add it is refused before a byte of it is taken. Then it is read into memory, within its limit and its time,
cleaned, and only then does the unit of work begin: no connection to the database waits for a slow line.
"""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, ClassVar, Final

from fastapi import Depends, Request

from api.cleaning import Cleaner
from api.dependencies import Reference
from api.problems import InvalidRequest, Unavailable
from api.runtime import Runtime
from api.transaction import UnitOfWorkRoute
from auth.authentication import enter
from auth.authorisation import Authorisation
from auth.roles import Permission
from auth.tokens import Claims
from domain.attachments.commands import Document
from domain.identifiers import REFERENCE_PATTERN

MEDIA_TYPE: Final = "application/octet-stream"
"""Of every document, in both directions: its content says what it is, and no browser shows it of itself."""

IN_MEMORY: Final = 6
"""Documents that one process of the API holds in memory at the same time."""

WAIT: Final = 10.0
"""Seconds to wait for room in memory before answering 503."""

READING: Final = 120.0
"""Seconds that the body may take to arrive."""


class Uploads:
    """How many documents are in memory now, and who cleans them."""

    def __init__(self, *, reading: float = READING, wait: float = WAIT) -> None:
        self.cleaner = Cleaner()
        self.reading, self.wait = reading, wait
        self._room = asyncio.Semaphore(IN_MEMORY)

    @asynccontextmanager
    async def room(self) -> AsyncIterator[None]:
        """Take a place in memory for the time of one request.

        Raises:
            Unavailable: all are taken for longer than one waits.
        """
        try:
            async with asyncio.timeout(self.wait):
                await self._room.acquire()
        except TimeoutError:
            raise Unavailable from None
        try:
            yield
        finally:
            self._room.release()


class UploadRoute(UnitOfWorkRoute):
    """A route whose body is a document."""

    understood: ClassVar[frozenset[str]] = frozenset({MEDIA_TYPE})

    @asynccontextmanager
    async def received(self, request: Request, runtime: Runtime, claims: Claims) -> AsyncIterator[bytes]:
        """Yield a digest of the document for the fingerprint of the request; the endpoint gets the clean document."""
        uploads: Uploads = request.app.state.uploads
        reference = str(request.path_params.get("reference", ""))
        if not re.fullmatch(REFERENCE_PATTERN, reference):
            yield b""  # the endpoint refuses it without a look at the body
            return
        self.check_media_type(request)
        await _ask_first(reference, runtime, claims)
        async with uploads.room():
            content = await _read(request, uploads.reading)
            request.state.document = await uploads.cleaner.clean(content)
            yield hashlib.sha256(content).digest()


async def _ask_first(reference: str, runtime: Runtime, claims: Claims) -> None:
    """Refuse who may not add documents to the case, in a transaction that ends before the body is read."""
    async with runtime.database.sessions()() as session:
        actor = await enter(session, claims, runtime.clock)
        await Authorisation(session, actor).case(reference, Permission.COMPARTMENT_SEAL)


async def _read(request: Request, seconds: float) -> bytes:
    """Return the body, whose length the guard of the application limits, as it announces it and as it comes."""
    try:
        async with asyncio.timeout(seconds):
            return b"".join([part async for part in request.stream()])
    except TimeoutError:
        raise InvalidRequest(faults=[{"at": "body", "fault": "too_slow"}]) from None


async def _document(request: Request, reference: Reference) -> Document:  # noqa: ARG001 - a document came only with one
    document: Document = request.state.document
    return document


Received = Annotated[Document, Depends(_document)]
"""The document of an upload, clean."""
