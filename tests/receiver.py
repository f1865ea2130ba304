"""A receiver of webhooks on this machine: remembers what came, and answers as it is told."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "docs" / "webhooks.md"


@dataclass(frozen=True)
class Call:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """What came, in order, and how to answer the next: status and headers."""

    port: int
    calls: list[Call] = field(default_factory=list)
    answers: Callable[[int], tuple[int, dict[str, str]]] = lambda _: (204, {})

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def ids(self) -> list[str]:
        """The ids of the events, in the order in which they came."""
        return [call.headers["webhook-id"] for call in self.calls]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Yield a receiver that listens on a port of its own."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            with lock:
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.calls.append(Call("POST", self.path, headers, body))
                status, more = receiver.answers(len(receiver.calls))
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name, value)
            self.end_headers()

        def do_GET(self) -> None:
            with lock:
                receiver.calls.append(Call("GET", self.path, {}, b""))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, *_: Any) -> None:
            """A sender that was killed is part of the test."""

    server = Quiet(("127.0.0.1", 0), Handler)
    receiver = Receiver(server.server_port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def verified(*arguments: Any) -> str:
    """Verify a call exactly as the page for receivers shows it."""
    found = re.search(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None
    names: dict[str, Any] = {}
    exec(found[1], names)  # noqa: S102 - the example is ours
    event: str = names["verified"](*arguments)
    return event
