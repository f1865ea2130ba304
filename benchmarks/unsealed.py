"""The service with its cryptography taken out: what `sealing.py` compares with. No setting turns it on.

The same commands make the same statements with values and keys of the same length in the same tables. Only what is
sealed and wrapped lies open, and no key is asked for.
"""

from collections.abc import Callable
from typing import Any

from api.cli import main
from domain.sealing import envelope, vault
from domain.sealing.envelope import KEY_BYTES, NONCE_BYTES, OVERHEAD, TAG_BYTES, Context

WRAPPING = 37
"""Bytes that wrapping adds to a key."""

HEADER = OVERHEAD - NONCE_BYTES - TAG_BYTES
"""Format and version of the key."""


def _laid_open(plaintext: bytes, *, key: bytes, nonce: bytes, context: Context) -> bytes:  # noqa: ARG001
    head = bytes([envelope.FORMAT]) + context.key_version.to_bytes(HEADER - 1, "big")
    return head + nonce + envelope._padded(plaintext) + bytes(TAG_BYTES)  # noqa: SLF001 - padded as what is sealed


def _read(blob: bytes, *, key: bytes, context: Context) -> bytes:  # noqa: ARG001
    return envelope._unpadded(blob[HEADER + NONCE_BYTES : -TAG_BYTES])  # noqa: SLF001


def _no_key(*_: Any, **__: Any) -> bytes:
    return bytes(KEY_BYTES)


def _no_new_key(*_: Any, **__: Any) -> tuple[bytes, bytes]:
    return bytes(KEY_BYTES), bytes(KEY_BYTES + WRAPPING)


INSTEAD: dict[str, Callable[..., Any]] = {
    "seal": _laid_open,
    "open_sealed": _read,
    "new_data_key": _no_new_key,
    "unwrap_data_key": _no_key,
}


def serve() -> None:
    """Run `nrm` without its cryptography."""
    for name, function in INSTEAD.items():
        if not hasattr(vault, name):
            raise RuntimeError(f"the vault seals in another way now: it has no {name}")
        setattr(vault, name, function)
    main()
