"""Every request under `/v1` is one unit of work: authenticate, enter, decide, write, commit, and only then answer.

The commit happens before the response leaves. In a dependency with `yield` it would happen after, and a failed commit
would still answer 201. The answer to an unsafe request is stored in the same transaction, for a replay.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, ClassVar, Final

import structlog
from fastapi import Request, Response
from fastapi.routing import APIRoute
from sqlalchemy.exc import DBAPIError

from api.database import was_ended_for_others
from api.idempotency import Replay
from api.problems import UnsupportedMediaType
from api.refusals import NOT_RECORDED, record_refusal
from api.runtime import Runtime
from auth.authentication import enter
from auth.authorisation import Authorisation
from auth.tokens import Claims, TokenRefused
from domain.errors import DomainError

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
SCHEME = "Bearer "
JSON = "application/json"
TRIES: Final = 3
"""How often a request is tried whose transaction waits in a circle with others, and is ended to let them go on."""

log = structlog.get_logger()


def claims_of(request: Request, runtime: Runtime) -> Claims:
    """Return what the request's access token says.

    Raises:
        TokenRefused: there is none, or it is not valid.
    """
    header = request.headers.get("authorization", "")
    if not header.startswith(SCHEME):
        raise TokenRefused("absent")
    return runtime.verifier.verify(header.removeprefix(SCHEME), runtime.clock.present())


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


class UnitOfWorkRoute(APIRoute):
    """A route whose endpoint runs inside one unit of work.

    Attributes:
        understood: The media types of a body.
    """

    understood: ClassVar[frozenset[str]] = frozenset({JSON})

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        """Wrap the framework's handler."""
        endpoint = super().get_route_handler()

        async def handle(request: Request) -> Response:
            runtime: Runtime = request.app.state.runtime
            claims = claims_of(request, runtime)
            try:
                async with self.received(request, runtime, claims) as body:
                    return await self._tried(endpoint, request, runtime, claims, body)
            except DomainError as refusal:
                if refusal.code in NOT_RECORDED:
                    raise
                exceeded = await record_refusal(runtime, claims, refusal, method=request.method, route=self.path_format)
                if exceeded is not None and exceeded is not refusal:
                    raise exceeded from refusal
                raise

        return handle

    @asynccontextmanager
    async def received(
        self,
        request: Request,
        runtime: Runtime,  # noqa: ARG002 - a route with another kind of body asks it
        claims: Claims,  # noqa: ARG002 - the same
    ) -> AsyncIterator[bytes]:
        """Yield the body, or what stands for it in the fingerprint of the request, before the transaction begins.

        Raises:
            UnsupportedMediaType: it is of a media type that the route does not understand.
        """
        body = await request.body()
        if body:
            self.check_media_type(request)
        yield body

    def check_media_type(self, request: Request) -> None:
        """Raise `UnsupportedMediaType` unless the route understands what the body says it is."""
        if _media_type(request) not in self.understood:
            raise UnsupportedMediaType

    async def _tried(
        self, endpoint: Callable[[Request], Any], request: Request, runtime: Runtime, claims: Claims, body: bytes
    ) -> Response:
        """Answer; begin again, as if it came only now, when the database undid everything to let others go on."""
        for _ in range(TRIES - 1):
            try:
                return await self._answer(endpoint, request, runtime, claims, body)
            except DBAPIError as error:
                if not was_ended_for_others(error):
                    raise
                log.warning("begun_again", method=request.method, route=self.path_format)
        return await self._answer(endpoint, request, runtime, claims, body)

    async def _answer(
        self, endpoint: Callable[[Request], Any], request: Request, runtime: Runtime, claims: Claims, body: bytes
    ) -> Response:
        async with runtime.database.sessions()() as session:
            actor = await enter(session, claims, runtime.clock)
            work = runtime.work(session, actor.now)
            request.state.actor, request.state.work = actor, work
            request.state.authorisation = Authorisation(session, actor)
            if request.method in SAFE:
                response: Response = await endpoint(request)
                await work.commit()
                return response
            replay = Replay(work, actor, request, body)
            earlier = await replay.earlier_answer()
            if earlier is not None:
                return earlier
            response = await endpoint(request)
            replay.remember(response, getattr(request.state, "remembered", None))
            await work.commit()
            return response
