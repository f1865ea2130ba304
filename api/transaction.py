"""Every request under `/v1` is one unit of work: authenticate, enter, decide, write, commit, and only then answer.

The commit happens before the response leaves. In a dependency with `yield` it would happen after, and a failed commit
would still answer 201. The answer to an unsafe request is stored in the same transaction, for a replay.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from api.idempotency import Replay
from api.problems import UnsupportedMediaType
from api.runtime import Runtime
from auth.authentication import enter
from auth.authorisation import Authorisation
from auth.tokens import Claims, TokenRefused
from domain.audit.actions import AuditAction
from domain.audit.log import Happening
from domain.errors import DomainError, NotFound, NotPermitted
from domain.permits import Actor

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
SCHEME = "Bearer "


def claims_of(request: Request, runtime: Runtime) -> Claims:
    """Return what the request's access token says.

    Raises:
        TokenRefused: there is none, or it is not valid.
    """
    header = request.headers.get("authorization", "")
    if not header.startswith(SCHEME):
        raise TokenRefused("absent")
    return runtime.verifier.verify(header.removeprefix(SCHEME), runtime.clock.present())


def _is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"


class UnitOfWorkRoute(APIRoute):
    """A route whose endpoint runs inside one unit of work."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        """Wrap the framework's handler."""
        endpoint = super().get_route_handler()

        async def handle(request: Request) -> Response:
            runtime: Runtime = request.app.state.runtime
            claims = claims_of(request, runtime)
            body = await request.body()
            if body and not _is_json(request):
                raise UnsupportedMediaType
            try:
                return await self._answer(endpoint, request, runtime, claims, body)
            except (NotFound, NotPermitted) as refusal:
                await self._record_refusal(request, runtime, claims, refusal)
                raise

        return handle

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

    async def _record_refusal(self, request: Request, runtime: Runtime, claims: Claims, refusal: DomainError) -> None:
        """Record a refusal in the actor's own stream: the same entry for what is foreign and for what is absent."""
        async with runtime.database.sessions()() as session:
            actor: Actor = await enter(session, claims, runtime.clock)
            work = runtime.work(session, actor.now)
            work.audit_happening(
                Happening(
                    AuditAction.ACCESS_DENIED,
                    actor.organisation_id,
                    actor.organisation_id,
                    refusal.code,
                    actor.staff_id,
                    actor.organisation_id,
                    {"method": request.method, "route": self.path_format},
                )
            )
            await work.commit()
