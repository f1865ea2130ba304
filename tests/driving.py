"""A browser that is used: links are found as a screen reader finds them, and clicked where they are seen.

Spoken to by Chromium's own protocol over two pipes: no port is opened, and no script of ours runs in a page.
"""

import json
import os
import select
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.browser import Browser

LONGEST: Final = 60.0
"""Seconds for anything at all."""

PIPES: Final = (3, 4)
"""Where Chromium reads commands, and where it answers."""

NEAR: Final = "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
"""It finds this machine, and nobody else."""

Event = dict[str, Any]


@dataclass
class Visitor:
    """Somebody before a browser, who opens an address and clicks on links.

    Attributes:
        clicks: How often they have clicked.
        refused: What the browser says that it did not do, for a policy's sake or another's.
    """

    commands: int
    answers: int
    downloads: Path
    clicks: int = 0
    refused: list[str] = field(default_factory=list)
    _asked: int = 0
    _session: str | None = None
    _rest: bytes = b""
    _events: list[Event] = field(default_factory=list)

    def begin(self) -> None:
        """Open an empty window; what is downloaded goes to the folder, named as its server names it."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        allowed = {"behavior": "allow", "downloadPath": str(self.downloads), "eventsEnabled": True}
        self.ask("Browser.setDownloadBehavior", **allowed)
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "DOM", "Accessibility", "Log"):
            self.ask(f"{domain}.enable")

    def open(self, address: str) -> None:
        """Go to an address, and wait until the page is there."""
        self._events.clear()
        self.ask("Page.navigate", url=address)
        self._until(lambda event: event["method"] == "Page.loadEventFired")

    @property
    def address(self) -> str:
        """Where they are."""
        history = self.ask("Page.getNavigationHistory")
        return str(history["entries"][history["currentIndex"]]["url"])

    def links(self, name: str) -> list[int]:
        """Return the links of a name, in the order of the page, as they are told to who does not see it."""
        root = self.ask("DOM.getDocument")["root"]["nodeId"]
        found = self.ask("Accessibility.queryAXTree", nodeId=root, accessibleName=name, role="link")["nodes"]
        return [one["backendDOMNodeId"] for one in found if not one["ignored"]]

    def follow(self, name: str) -> None:
        """Click on the first link of a name, and wait until its page is there."""
        self._click(name)
        self._until(lambda event: event["method"] == "Page.loadEventFired")

    def download(self, name: str) -> Path:
        """Click on the first link of a name, and return the file that came."""
        self._click(name)
        begun = self._until(lambda event: event["method"] == "Browser.downloadWillBegin")
        self._until(
            lambda event: event["method"] == "Browser.downloadProgress" and event["params"]["state"] == "completed"
        )
        return self.downloads / str(begun["suggestedFilename"])

    def _click(self, name: str) -> None:
        place = {"backendNodeId": self.links(name)[0]}
        self.ask("DOM.scrollIntoViewIfNeeded", **place)
        left, top, *_, right, bottom, _, _ = self.ask("DOM.getContentQuads", **place)["quads"][0]
        x, y = (left + right) / 2, (top + bottom) / 2
        self._events.clear()
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
        self.clicks += 1

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one command and return its result.

        Raises:
            AssertionError: the browser refuses it.
        """
        self._asked += 1
        command: dict[str, Any] = {"id": self._asked, "method": method, "params": parameters}
        if self._session is not None and not method.startswith(("Browser.", "Target.")):
            command["sessionId"] = self._session
        os.write(self.commands, json.dumps(command).encode() + b"\0")
        while True:
            message = self._next()
            if message.get("id") == self._asked:
                assert "error" not in message, (method, message)
                result: dict[str, Any] = message["result"]
                return result

    def _until(self, wanted: Callable[[Event], bool]) -> dict[str, Any]:
        """Return what an event says, the first of its kind since the last click."""
        while True:
            for event in self._events:
                if wanted(event):
                    found: dict[str, Any] = event["params"]
                    return found
            self._next()

    def _next(self) -> Event:
        until = time.monotonic() + LONGEST
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self.answers], [], [], max(0.0, until - time.monotonic()))
            more = os.read(self.answers, 1 << 20) if ready else b""
            assert more, "the browser ended, or says nothing"
            self._rest += more
        raw, _, self._rest = self._rest.partition(b"\0")
        message: Event = json.loads(raw)
        if "method" in message:
            self._events.append(message)
        if message.get("method") == "Log.entryAdded":
            self.refused.append(message["params"]["entry"]["text"])
        return message


@contextmanager
def visitor(browser: Browser, downloads: Path) -> Iterator[Visitor]:
    """Yield somebody before a browser of their own, which ends with them."""
    theirs, commands = os.pipe()
    answers, back = os.pipe()
    with tempfile.TemporaryDirectory(prefix="nrm-browser-", ignore_cleanup_errors=True) as profile:
        command, environment = browser.command(
            profile, "--remote-debugging-pipe", f"--host-resolver-rules={NEAR}", "about:blank"
        )
        placed = [(os.POSIX_SPAWN_DUP2, one, place) for one, place in zip((theirs, back), PIPES, strict=True)]
        log = os.open(Path(profile) / "log", os.O_CREAT | os.O_WRONLY)
        placed += [(os.POSIX_SPAWN_DUP2, log, place) for place in (1, 2)]
        program = os.posix_spawn(command[0], command, environment, file_actions=placed, setpgroup=0)
        for one in (theirs, back, log):
            os.close(one)
        try:
            somebody = Visitor(commands, answers, downloads)
            somebody.begin()
            yield somebody
        finally:
            os.killpg(program, signal.SIGKILL)
            os.waitpid(program, 0)
            for one in (commands, answers):
                os.close(one)
