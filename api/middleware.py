"""What holds for every answer: a request id, a limit on bodies, security headers, nothing cached."""

import re
import time
from typing import Any

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.language import language_of
from api.metrics import Metrics
from api.problems import answer, on_failure
from domain.identifiers import Identifiers

SECURITY = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
}
DOCUMENTATION_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'"
)
PUBLISHED = "/v1/statistics/releases"
OWN = frozenset({"Cache-Control", "Content-Security-Policy"})
"""What is published says itself whether it may be kept, and its pages need their style."""

REQUEST_ID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
"""A caller may choose a UUID as request id; anything else could carry words into the logs."""

UPLOADS = re.compile(r"^/v1/cases/[^/]+/attachments$")
"""Where a body is a document, and may be longer than elsewhere."""

log = structlog.get_logger()


class BodyTooLarge(Exception):
    """More bytes came than the limit allows."""


class Guard:
    """The outermost layer: nothing leaves without its headers, and no failure leaves as a stack trace."""

    def __init__(self, app: ASGIApp, *, body_limit: int, upload_limit: int, ids: Identifiers, metrics: Metrics) -> None:
        self.app, self.ids, self.metrics = app, ids, metrics
        self.body_limit, self.upload_limit = body_limit, upload_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; see the class."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if REQUEST_ID.match(given) else str(self.ids.uuid())
        begun, status, started = time.perf_counter(), 500, False

        async def send_guarded(message: Message) -> None:
            nonlocal status, started
            if message["type"] == "http.response.start":
                status, started = message["status"], True
                self._add_headers(MutableHeaders(scope=message), scope["path"], request_id)
            await send(message)

        request = Request(scope)
        limit = self.upload_limit if scope["method"] == "POST" and UPLOADS.match(scope["path"]) else self.body_limit
        try:
            announced = headers.get("content-length", "0")
            if not announced.isascii() or not announced.isdigit() or int(announced) > limit:
                await answer("body-too-large", language_of(request))(scope, receive, send_guarded)
            else:
                await self.app(scope, _limited(receive, limit), send_guarded)
        except BodyTooLarge:
            await answer("body-too-large", language_of(request))(scope, receive, send_guarded)
        except Exception as error:  # noqa: BLE001 - the last line: whatever it is, no detail of it leaves
            if not started:
                response = await on_failure(request, error)
                await response(scope, receive, send_guarded)
        finally:
            seconds, route = time.perf_counter() - begun, getattr(scope.get("route"), "path", None)
            self.metrics.request(route, scope["method"], status, seconds)
            log.info(
                "request",
                id=request_id,
                method=scope["method"],
                route=route,
                status=status,
                milliseconds=round(seconds * 1000, 1),
            )

    @staticmethod
    def _add_headers(headers: MutableHeaders, path: str, request_id: str) -> None:
        for name, value in SECURITY.items():
            if name not in OWN or not path.startswith(PUBLISHED) or name not in headers:
                headers[name] = value
        if path.startswith("/documentation"):
            headers["Content-Security-Policy"] = DOCUMENTATION_POLICY
        headers["X-Request-ID"] = request_id


def _limited(receive: Receive, limit: int) -> Receive:
    """Count what comes, since a chunked body announces no length."""
    total = 0

    async def counted() -> Any:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > limit:
            raise BodyTooLarge
        return message

    return counted
