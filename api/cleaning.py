"""Documents are cleaned in a process of their own, of which nothing is left: a few at once, and none for long.

The process is given the bytes and gives back bytes, through pipes. Before it looks at them it gives up what it does not
need: it can open no file and no connection, write to no file, start nothing, and take neither more memory nor more time
than it was given. It never held a key. See `domain/attachments/cleaning.py`.
"""

import asyncio
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from domain.attachments.cleaning import REFUSED, format_of
from domain.attachments.commands import Document
from domain.errors import InvalidInput

ROOT: Final = Path(__file__).parent.parent
PROGRAM: Final = (
    f"import sys; sys.path.insert(0, {str(ROOT)!r}); from domain.attachments.cleaning import main; sys.exit(main())"
)
PATIENCE: Final = 45.0
"""Seconds that a document may take to be cleaned."""

AT_ONCE: Final = 2
"""Documents that one process of the API has cleaned at the same time; the others wait."""

LONGEST: Final = 16 * 1024 * 1024
"""Bytes of a cleaned document: encoded anew, a picture may be longer than it came."""

REASONS: Final = frozenset({"kind", "broken", "encrypted", "too-large", "unsupported"})


class Cleaner:
    """Has documents cleaned."""

    def __init__(self, *, patience: float = PATIENCE) -> None:
        self._free = asyncio.Semaphore(AT_ONCE)
        self._patience = patience

    async def clean(self, content: bytes) -> Document:
        """Return a document with nothing left in it but what it shows.

        Raises:
            InvalidInput: it is neither JPEG, PNG nor PDF; or broken, encrypted, too large or of a kind that cannot be
                cleaned, as `reason` says.
        """
        kind = format_of(content)
        if kind is None:
            raise InvalidInput(field="content", reason="kind")
        async with self._free:
            code, output = await self._run(content)
        if code == 0 and 0 < len(output) <= LONGEST and format_of(output) == kind:
            return Document(kind, output)
        if code == 0:
            raise InvalidInput(field="content", reason="too-large")
        reason = output[:20].decode("ascii", "replace") if code == REFUSED else "broken"
        raise InvalidInput(field="content", reason=reason if reason in REASONS else "broken")

    async def _run(self, content: bytes) -> tuple[int, bytes]:
        """Return how the process ended, and what it wrote. A fault of the document ends it as any other refusal."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-c",
            PROGRAM,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={},
            cwd="/",
        )
        try:
            async with asyncio.timeout(self._patience):
                output, _ = await process.communicate(content)
        except TimeoutError:
            return REFUSED, b"too-large"
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        return process.returncode or 0, output
