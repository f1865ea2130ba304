"""How a running process is told to seal its keys, or given mnemonics to open them: a private socket for each process.

The socket lies in a folder of mode 0700 and is of mode 0600; the system tells who connects, and only the process's own
user and root are answered. It is served by a thread of its own, so that sealing waits for no request.
"""

import json
import os
import secrets
import socket
import stat
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingMixIn, UnixStreamServer
from typing import Any, Final, Literal

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.settings import UnsafeSettings
from domain.sealing.keeper import Keeper
from domain.sealing.key_files import KeyFileRefused
from domain.sealing.pkcs11 import TokenRefused
from domain.sealing.ring import Sealed
from domain.sealing.shares import ShareRefused

PATIENCE: Final = 4.0
"""Seconds that either side waits for the other."""

LONGEST: Final = 4096
"""Bytes of a line."""

SUFFIX: Final = ".sock"
Answer = Mapping[str, Any]

log = structlog.get_logger()


class Order(BaseModel):
    """What a process is told."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    order: Literal["status", "seal", "unseal"]
    mnemonic: str | None = Field(default=None, max_length=1000, repr=False)


@contextmanager
def controlled(keeper: Keeper, folder: Path, name: str) -> Iterator[Path]:
    """Let this process be told what to do with its keys, until the block ends; yields its socket.

    Args:
        keeper: Of this process.
        folder: Where the sockets are; made if it is absent.
        name: What the process does, such as `serve`.

    Raises:
        UnsafeSettings: others may use the folder.
    """
    descriptor = _private(folder)
    path = folder / f"{name}-{os.getpid()}-{secrets.token_hex(4)}{SUFFIX}"
    try:
        server = _Server(f"/proc/self/fd/{descriptor}/{path.name}", _Handler)
    except BaseException:
        os.close(descriptor)
        raise
    server.keeper = keeper
    path.chmod(0o600)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True, name="control")
    thread.start()
    try:
        yield path
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        path.unlink(missing_ok=True)
        os.close(descriptor)


def ask_all(folder: Path, order: Order) -> dict[str, Answer | None]:
    """Tell every process the same; returns what each answered by its name, None for one that did not.

    The socket of a process that is gone is removed.
    """
    answers: dict[str, Answer | None] = {}
    try:
        descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return answers
    try:
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            try:
                answers[path.stem.rpartition("-")[0]] = _ask(f"/proc/self/fd/{descriptor}/{path.name}", order)
            except ConnectionRefusedError:
                path.unlink(missing_ok=True)
            except (OSError, ValueError):
                answers[path.stem.rpartition("-")[0]] = None
    finally:
        os.close(descriptor)
    return answers


def _ask(address: str, order: Order) -> Answer:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        client.connect(address)
        client.sendall(order.model_dump_json().encode() + b"\n")
        with client.makefile("rb") as answer:
            found: Answer = json.loads(answer.readline(LONGEST))
            return found


def _private(folder: Path) -> int:
    """Return a descriptor of the folder, which stands for its name: an address has room for 107 bytes."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise UnsafeSettings(f"control_dir {folder}: {error.strerror}") from None
    status = os.fstat(descriptor)
    if stat.S_IMODE(status.st_mode) & 0o077 or status.st_uid not in {os.geteuid(), 0}:
        os.close(descriptor)
        raise UnsafeSettings(f"control_dir {folder} must be of mode 0700 and our own")
    return descriptor


class _Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True
    keeper: Keeper

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that left or wrote nonsense: a traceback could hold a mnemonic."""


class _Handler(StreamRequestHandler):
    timeout = PATIENCE

    def handle(self) -> None:
        """Do one order and answer in one line."""
        if _peer(self.connection) not in {os.geteuid(), 0}:
            return
        try:
            order = Order.model_validate_json(self.rfile.readline(LONGEST))
        except ValidationError:
            return
        assert isinstance(self.server, _Server)  # noqa: S101 - for the types: no other server has this handler
        with suppress(OSError):
            self.wfile.write(json.dumps(obeyed(self.server.keeper, order)).encode() + b"\n")


def obeyed(keeper: Keeper, order: Order) -> Answer:
    """Do what a keeper is told, and return how it stands; a mnemonic that does not fit is refused without a reason."""
    was_sealed, refused = keeper.standing().sealed, False
    try:
        if order.order == "seal":
            keeper.seal()
        elif order.order == "unseal" and order.mnemonic is not None:
            keeper.offer(order.mnemonic)
        elif order.order == "unseal":
            keeper.unseal()
    except (ShareRefused, KeyFileRefused, TokenRefused, Sealed):
        refused = True
    standing = keeper.standing()
    if standing.sealed != was_sealed:
        log.warning("keys_sealed" if standing.sealed else "keys_opened", kind=standing.provider)
    return asdict(standing) | {"refused": refused}


def _peer(connection: socket.socket) -> int:
    """Return the user id of whoever connected, as the system tells it."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[1])
