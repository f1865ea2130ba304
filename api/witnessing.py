"""A witness's own side: its state, which is one small file, and its talk with the service that it watches.

The state is safe on the disk before any signature leaves, so that a witness that dies never forgets what it signed. It
asks for proofs over HTTP, or takes them from a file that was carried by hand.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from domain.audit.checkpoints import Offer, hash_read, read_signed
from domain.audit.notes import NoteRefused, PublicKey, Signature, SigningKey
from domain.audit.witness import Cosigned, Refused, consider

PATIENCE: Final = 20.0
LONGEST_ANSWER: Final = 1 << 20


class NothingKept(RuntimeError):
    """There is no state yet: the first time must be said, or a witness that lost its state would believe anything."""


class NotReached(RuntimeError):
    """The service gave no answer that a witness can use."""


@dataclass(frozen=True)
class Witness:
    """A witness of one log.

    Attributes:
        log: The log's public key.
        key: The witness's own private key.
        state: The file with the checkpoint that was cosigned last.
    """

    log: PublicKey
    key: SigningKey
    state: Path

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes of the same witness waiting: what was seen must not change in between."""
        descriptor = os.open(self.state.with_name(f"{self.state.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def seen(self, *, first: bool = False) -> tuple[str | None, int]:
        """Return the checkpoint that was cosigned last, and its size.

        Raises:
            NothingKept: there is none, and nobody said that this is the first time.
            NoteRefused: the file is not what this witness wrote.
        """
        try:
            kept = self.state.read_text("utf-8")
        except FileNotFoundError:
            if first:
                return None, 0
            raise NothingKept(f"{self.state} is missing: say --first if there was never one") from None
        checkpoint, note = read_signed(kept, self.log)
        if not note.made_by(self.key.public):
            raise NoteRefused(f"{self.state} is not signed by this witness")
        return kept, checkpoint.size

    def consider(self, offer: Offer, when: int, *, first: bool = False) -> Cosigned | Refused:
        """Cosign an offer and remember it, or refuse it and keep both checkpoints as evidence."""
        seen, _ = self.seen(first=first)
        found = consider(seen, offer, self.log, self.key, when)
        if isinstance(found, Cosigned):
            _replace(self.state, found.note.written())
        else:
            _replace(self.evidence(when), found.written())
        return found

    def evidence(self, when: int) -> Path:
        """Return where the evidence of a refusal at an instant lies."""
        return self.state.with_name(f"{self.state.name}.evidence-{when}")


def _replace(path: Path, content: str) -> None:
    """Write a file that is either the old one or the new one, whatever happens meanwhile."""
    unfinished = path.with_name(f"{path.name}.new")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


async def fetched(client: httpx.AsyncClient, old: int) -> Offer:
    """Ask the service for its newest checkpoint, with the proof from a size.

    Raises:
        NotReached: it gave none.
        NoteRefused: it gave something else.
    """
    answer = await _asked(client, "GET", "audit/checkpoint", params={"old": old})
    if answer.get("note") is None:
        raise NotReached("nothing was signed there yet")
    try:
        return Offer(int(answer["old"]), tuple(map(hash_read, answer["proof"])), str(answer["note"]))
    except (KeyError, TypeError, ValueError) as error:
        raise NotReached("the answer is not a checkpoint") from error


async def posted(client: httpx.AsyncClient, size: int, signature: Signature) -> None:
    """Give the service the signature.

    Raises:
        NotReached: it did not take it. It can be given again.
    """
    when = int.from_bytes(signature.raw[:8], "big")
    headers = {"Idempotency-Key": f"cosignature-{size}-{when}"}
    path = f"audit/checkpoints/{size}/cosignatures"
    await _asked(client, "POST", path, json={"cosignature": signature.line}, headers=headers)


async def _asked(client: httpx.AsyncClient, method: str, path: str, **more: Any) -> dict[str, Any]:
    try:
        async with client.stream(method, path, **more) as response:
            content = b""
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > LONGEST_ANSWER:
                    raise NotReached("the answer is too long")
            if not response.is_success:
                raise NotReached(f"the service answered {response.status_code}")
            found = httpx.Response(200, content=content).json()
    except (httpx.HTTPError, ValueError) as error:
        raise NotReached(f"no answer from the service ({type(error).__name__})") from None
    if not isinstance(found, dict):
        raise NotReached("the answer is not a checkpoint")
    return found


async def look(witness: Witness, client: httpx.AsyncClient, when: int, *, first: bool = False) -> Cosigned | Refused:
    """Look once: fetch, verify, remember, and give the signature back.

    Raises:
        NotReached: the service gave nothing that can be used, or did not take the signature; try again.
        NothingKept, NoteRefused, ProofMissing: see `Witness.consider`.
    """
    with witness.alone():
        _, size = witness.seen(first=first)
        found = witness.consider(await fetched(client, size), when, first=first)
    if isinstance(found, Cosigned):
        checkpoint, _ = read_signed(found.note.written(), witness.log)
        await posted(client, checkpoint.size, found.signature)
    return found
