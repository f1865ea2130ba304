"""Data keys, one per holder and compartment; stored only wrapped, under a key that never leaves its provider. Pure."""

from uuid import UUID

from domain.sealing.envelope import KEY_BYTES, SealBroken, length_prefixed
from domain.sealing.providers import KeyProvider, RandomBytes
from domain.sealing.ring import ID_BYTES


def new_data_key(
    provider: KeyProvider, *, holder_id: UUID, compartment: str, version: int, random: RandomBytes
) -> tuple[bytes, bytes]:
    """Make a data key.

    Args:
        provider: Holds the key-encryption key.
        holder_id: Whose key it is: a case, the package of a referral, or a contact.
        compartment: What the key seals; a key seals nothing else.
        version: Counts up with every new key for the holder and compartment; from 1.
        random: Returns so many unpredictable bytes.

    Returns:
        The key (32 bytes, for use now) and the wrapped key (to be stored). Losing the second shreds what was sealed.
    """
    key = random(KEY_BYTES)
    return key, provider.wrap(key, _place(holder_id, compartment, version))


def unwrap_data_key(provider: KeyProvider, wrapped: bytes, *, holder_id: UUID, compartment: str, version: int) -> bytes:
    """Return the data key.

    Raises:
        SealBroken: it was altered, or was wrapped for another holder, compartment, version or key-encryption key.
    """
    key = provider.unwrap(wrapped, _place(holder_id, compartment, version))
    if len(key) != KEY_BYTES:
        raise SealBroken
    return key


def rewrap_data_key(provider: KeyProvider, wrapped: bytes, *, holder_id: UUID, compartment: str, version: int) -> bytes:
    """Return the same data key wrapped under the provider's newest key-encryption key.

    Raises:
        SealBroken: as for `unwrap_data_key`.
    """
    return provider.rewrap(wrapped, _place(holder_id, compartment, version))


def key_id_of(wrapped: bytes) -> str:
    """Return the id of the key-encryption key that a wrapped key names; every provider writes it after the format."""
    return wrapped[1 : 1 + ID_BYTES].hex()


def _place(holder_id: UUID, compartment: str, version: int) -> bytes:
    """Return what the wrapping binds; the provider adds the id of its key-encryption key."""
    return length_prefixed(b"nrm data key", holder_id.bytes, compartment.encode(), version.to_bytes(4, "big"))
