"""How many requests a caller may make in a minute: with one access token, and from one address whatever the token.

This process alone keeps the count, and forgets it with the minute. A flood of made-up tokens fills no memory: each of
them counts for its address too. Behind several replicas a caller may make as many times more requests.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.language import language_of
from api.problems import answer

WINDOW_SECONDS = 60
POLICY, STATE, RETRY = "RateLimit-Policy", "RateLimit", "Retry-After"


class RateLimit:
    """Answers 429 to who asks too often, and tells everybody what is left, as the IETF's draft has it.

    The answer depends on the caller's own requests and on nothing else, so it tells nothing of what was asked for.
    """

    def __init__(
        self, app: ASGIApp, *, per_caller: int, per_address: int, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self.app, self.per_caller, self.per_address, self.seconds = app, per_caller, per_address, seconds
        self.window = -1
        self.counted: Counter[bytes] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count a request and pass it on, or refuse it; see the class."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        left, reset = self.count(scope)
        headers = {
            POLICY: f'"caller";q={self.per_caller};w={WINDOW_SECONDS}',
            STATE: f'"caller";r={max(left, 0)};t={reset}',
        }

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(headers)
            await send(message)

        if left >= 0:
            await self.app(scope, receive, send_counted)
            return
        headers[RETRY] = str(reset)
        await answer("too-many-requests", language_of(Request(scope)))(scope, receive, send_counted)

    def count(self, scope: Scope) -> tuple[int, int]:
        """Count one request.

        Returns:
            How many are left to its caller, negative if it is one too many, and the seconds to the next minute.
        """
        now = self.seconds()
        window = int(now // WINDOW_SECONDS)
        if window != self.window:
            self.window = window
            self.counted.clear()
        address = (scope.get("client") or ("",))[0].encode()
        token = Headers(scope=scope).get("authorization", "").encode()
        self.counted[address] += 1
        left = self.per_address - self.counted[address]
        if token and left >= 0:
            caller = hashlib.sha256(token).digest()
            self.counted[caller] += 1
            left = min(left, self.per_caller - self.counted[caller])
        return left, int((window + 1) * WINDOW_SECONDS - now) + 1
