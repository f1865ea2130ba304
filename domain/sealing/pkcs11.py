"""The provider `pkcs11`: key-encryption keys that were made in a hardware security module and cannot leave it.

The module wraps and unwraps with AES-256-GCM; derived secrets are its HMAC-SHA-256. Any module will do that has both.

Sources: OASIS PKCS #11 3.0, mechanisms CKM_AES_GCM and CKM_SHA256_HMAC; NIST SP 800-38D, 8.2.2 (random nonces).
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Final, TypeVar

import PyKCS11
from PyKCS11 import PyKCS11Error

from domain.sealing.envelope import KEY_BYTES, NONCE_BYTES, TAG_BYTES, SealBroken
from domain.sealing.providers import RandomBytes
from domain.sealing.ring import ID_BYTES, KeyNotHeld, Sealed, bound, put_together, taken_apart

FORMAT: Final = 2
"""Of keys that a module wrapped."""

LABEL: Final = "nrm key-encryption key "
"""Of the keys; a number of six digits follows, and the highest wraps."""

DERIVATION: Final = "nrm derivation"
LOOKED_AFTER: Final = 1.0
"""Seconds after which the module is asked anew which keys it has, before something is wrapped."""

TAG_BITS: Final = TAG_BYTES * 8

Answer = TypeVar("Answer")

_SECRET: Final = (
    (PyKCS11.CKA_CLASS, PyKCS11.CKO_SECRET_KEY),
    (PyKCS11.CKA_TOKEN, True),
    (PyKCS11.CKA_PRIVATE, True),
)
_CLOSED: Final = (
    *_SECRET,
    (PyKCS11.CKA_VALUE_LEN, KEY_BYTES),
    (PyKCS11.CKA_SENSITIVE, True),
    (PyKCS11.CKA_EXTRACTABLE, False),
    (PyKCS11.CKA_MODIFIABLE, False),
    (PyKCS11.CKA_COPYABLE, False),
    (PyKCS11.CKA_WRAP, False),
    (PyKCS11.CKA_UNWRAP, False),
    (PyKCS11.CKA_DERIVE, False),
)
"""What every key of ours is: nobody reads, copies, wraps or changes it."""

_FOR_WRAPPING: Final = (
    *_CLOSED,
    (PyKCS11.CKA_KEY_TYPE, PyKCS11.CKK_AES),
    (PyKCS11.CKA_ENCRYPT, True),
    (PyKCS11.CKA_DECRYPT, True),
    (PyKCS11.CKA_SIGN, False),
    (PyKCS11.CKA_VERIFY, False),
)
_FOR_DERIVING: Final = (
    *_CLOSED,
    (PyKCS11.CKA_KEY_TYPE, PyKCS11.CKK_GENERIC_SECRET),
    (PyKCS11.CKA_ENCRYPT, False),
    (PyKCS11.CKA_DECRYPT, False),
    (PyKCS11.CKA_SIGN, True),
    (PyKCS11.CKA_VERIFY, False),
    (PyKCS11.CKA_LABEL, DERIVATION),
)


class TokenRefused(Exception):
    """The module or its token is not there, does not take the PIN, or has no keys of ours. Holds no PIN."""


@dataclass(frozen=True, slots=True)
class TokenPlace:
    """Where the keys are.

    Attributes:
        module: The library of the module.
        label: Of the token.
        pin: Returns the PIN; asked at each login, so that it is not kept.
    """

    module: Path
    label: str
    pin: Callable[[], str]


class Token:
    """A session with a token. One caller at a time: a session has one operation under way."""

    def __init__(self, place: TokenPlace) -> None:
        self._place = place
        self._library = PyKCS11.PyKCS11Lib()
        try:
            self._library.load(str(place.module))
            self._session = self._logged_in()
        except PyKCS11Error as error:
            raise TokenRefused(f"token {place.label!r}: {error}") from None

    def _logged_in(self) -> Any:
        slots = self._library.getSlotList(tokenPresent=True)
        found = [slot for slot in slots if self._library.getTokenInfo(slot).label.strip() == self._place.label]
        if len(found) != 1:
            raise TokenRefused(f"there are {len(found)} tokens {self._place.label!r} and not one")
        session = self._library.openSession(found[0], PyKCS11.CKF_SERIAL_SESSION | PyKCS11.CKF_RW_SESSION)
        try:
            session.login(self._place.pin())
        except PyKCS11Error as error:
            if error.value != PyKCS11.CKR_USER_ALREADY_LOGGED_IN:
                raise
        return session

    def again(self) -> None:
        """Begin another session in place of one that the module has ended."""
        try:
            self._session = self._logged_in()
        except (PyKCS11Error, TokenRefused):
            raise Sealed from None

    def keys(self) -> dict[str, Any]:
        """Return the handles of the key-encryption keys by id, oldest first."""
        found = []
        for handle in self._session.findObjects([*_SECRET, (PyKCS11.CKA_KEY_TYPE, PyKCS11.CKK_AES)]):
            label, raw_id = self._session.getAttributeValue(handle, [PyKCS11.CKA_LABEL, PyKCS11.CKA_ID])
            if str(label).startswith(LABEL):
                found.append((str(label), bytes(raw_id).hex(), handle))
        return {key_id: handle for _, key_id, handle in sorted(found, key=lambda one: one[:2])}

    def add(self, random: RandomBytes) -> str:
        """Make a key-encryption key inside the token, and return its id."""
        raw_id = random(ID_BYTES)
        label = f"{LABEL}{self._highest() + 1:06}"
        named = [(PyKCS11.CKA_LABEL, label), (PyKCS11.CKA_ID, raw_id)]
        self._session.generateKey([*_FOR_WRAPPING, *named])
        return raw_id.hex()

    def _highest(self) -> int:
        labels = [self._session.getAttributeValue(one, [PyKCS11.CKA_LABEL])[0] for one in self.keys().values()]
        return max((int(str(label).removeprefix(LABEL)) for label in labels), default=0)

    def drop(self, key_id: str) -> None:
        """Destroy a key: what is still wrapped under it can never be opened again.

        Raises:
            TokenRefused: the token has no such key, or wraps with it.
        """
        held = self.keys()
        if key_id not in held or key_id == list(held)[-1]:
            raise TokenRefused(f"{key_id} is not an older key of this token")
        self._session.destroyObject(held[key_id])

    def derivation(self) -> Any:
        """Return the handle of the key that secrets are derived from.

        Raises:
            TokenRefused: there is none; `nrm keys init` makes it.
        """
        found = self._session.findObjects([*_SECRET, (PyKCS11.CKA_LABEL, DERIVATION)])
        if not found:
            raise TokenRefused(f"the token {self._place.label!r} has no keys of ours")
        return found[0]

    def ensure_derivation(self) -> None:
        """Make the key that secrets are derived from, unless a beginning that was cut off has made it."""
        if self._session.findObjects([*_SECRET, (PyKCS11.CKA_LABEL, DERIVATION)]):
            return
        self._session.generateKey([*_FOR_DERIVING], PyKCS11.Mechanism(PyKCS11.CKM_GENERIC_SECRET_KEY_GEN))

    def encrypt(self, handle: Any, plaintext: bytes, nonce: bytes, aad: bytes) -> bytes:
        """Return ciphertext and tag."""
        return bytes(self._session.encrypt(handle, plaintext, PyKCS11.AES_GCM_Mechanism(nonce, aad, TAG_BITS)))

    def decrypt(self, handle: Any, ciphertext: bytes, nonce: bytes, aad: bytes) -> bytes:
        """Return the plaintext."""
        return bytes(self._session.decrypt(handle, ciphertext, PyKCS11.AES_GCM_Mechanism(nonce, aad, TAG_BITS)))

    def sign(self, handle: Any, data: bytes) -> bytes:
        """Return the HMAC-SHA-256."""
        return bytes(self._session.sign(handle, data, PyKCS11.Mechanism(PyKCS11.CKM_SHA256_HMAC)))

    def close(self) -> None:
        """Log out and end the session."""
        try:
            self._session.logout()
            self._session.closeSession()
        except PyKCS11Error:
            return  # The module has ended it already.


class TokenProvider:
    """Wraps and unwraps inside a token. The process has a login, never a key.

    Args:
        token: Open, with keys that `create` has made.
        random: Returns so many unpredictable bytes, for nonces: 2^32 of them are safe under one key.

    Raises:
        TokenRefused: the token has no keys of ours.
    """

    is_for_development = False

    def __init__(self, token: Token, random: RandomBytes) -> None:
        self._token, self._random = token, random
        self._turn = threading.Lock()
        self._derived: dict[str, bytes] = {}
        self._forgotten = False
        self._keys: dict[str, Any] = {}
        self._look()
        if not self._keys:
            raise TokenRefused("the token has no keys of ours")

    @property
    def key_id(self) -> str:
        """The key that wraps now."""
        return self.key_ids[-1]

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The keys that unwrap, oldest first."""
        return tuple(self._keys)

    def wrap(self, key: bytes, aad: bytes) -> bytes:
        """Return format, key id, nonce, ciphertext and tag: 37 bytes more than the key.

        Raises:
            Sealed: the module is out of reach.
        """
        with self._turn:
            return self._tried(lambda: self._wrap(key, aad))

    def unwrap(self, wrapped: bytes, aad: bytes) -> bytes:
        """Return the key.

        Raises:
            KeyNotHeld: it is wrapped under a key that the token does not have.
            SealBroken: it was altered, or is bound to something else.
            Sealed: the module is out of reach.
        """
        key_id, nonce, ciphertext = taken_apart(wrapped, FORMAT)
        with self._turn:
            if key_id not in self._keys:
                self._tried(self._look)
            if key_id not in self._keys:
                raise KeyNotHeld
            try:
                return self._token.decrypt(self._keys[key_id], ciphertext, nonce, bound(key_id, aad))
            except PyKCS11Error:
                # Modules call a wrong tag by different names, some by that of any failure: ask whether the key works.
                self._tried(lambda: self._prove(key_id))
            try:
                return self._token.decrypt(self._keys[key_id], ciphertext, nonce, bound(key_id, aad))
            except (PyKCS11Error, KeyError):
                raise SealBroken from None

    def rewrap(self, wrapped: bytes, aad: bytes) -> bytes:
        """Return the same key wrapped under the newest key.

        Raises:
            SealBroken, Sealed: as for `unwrap`.
        """
        return self.wrap(self.unwrap(wrapped, aad), aad)

    def derive(self, label: str) -> bytes:
        """Return 32 secret bytes for one purpose: the module's HMAC-SHA-256 of its name.

        Raises:
            Sealed: the module is out of reach.
        """
        with self._turn:
            if label not in self._derived:
                data = b"nrm derived secret: " + label.encode()
                self._derived[label] = self._tried(lambda: self._token.sign(self._token.derivation(), data))
            return self._derived[label]

    def forget(self) -> None:
        """Log out: the module does nothing more for this process."""
        with self._turn:
            self._forgotten = True
            self._derived.clear()
            self._keys = {}
            self._token.close()

    def _wrap(self, key: bytes, aad: bytes) -> bytes:
        if monotonic() - self._looked > LOOKED_AFTER:
            self._look()
        key_id, nonce = self.key_id, self._random(NONCE_BYTES)
        return put_together(
            FORMAT, key_id, nonce, self._token.encrypt(self._keys[key_id], key, nonce, bound(key_id, aad))
        )

    def _look(self) -> None:
        self._keys, self._looked = self._token.keys(), monotonic()

    def _prove(self, key_id: str) -> None:
        nonce = self._random(NONCE_BYTES)
        ciphertext = self._token.encrypt(self._keys[key_id], b"proof", nonce, b"")
        self._token.decrypt(self._keys[key_id], ciphertext, nonce, b"")

    def _tried(self, ask: Callable[[], Answer]) -> Answer:
        """Ask the module; if its session is lost, begin another and ask once more."""
        if self._forgotten:
            raise Sealed
        try:
            return ask()
        except (PyKCS11Error, TokenRefused):
            self._token.again()
        try:
            self._look()
            return ask()
        except (PyKCS11Error, TokenRefused, IndexError, KeyError):
            raise Sealed from None


@dataclass(frozen=True, slots=True)
class TokenSource:
    """A token, and how it is opened: with its PIN."""

    place: TokenPlace
    random: RandomBytes

    kind = "pkcs11"
    is_for_development = False
    quorum = 0

    def check(self, mnemonic: str) -> str:
        """Refuse: a token is opened by its PIN.

        Raises:
            TokenRefused: always.
        """
        del mnemonic
        raise TokenRefused("a token takes no mnemonics")

    def open(self, offered: object = ()) -> TokenProvider:
        """Log in.

        Raises:
            TokenRefused: the token is not there, does not take the PIN, or has no keys of ours.
        """
        del offered
        return TokenProvider(Token(self.place), self.random)


def create(place: TokenPlace, random: RandomBytes) -> TokenProvider:
    """Make the keys of an installation inside a token.

    Raises:
        TokenRefused: the token is not there, does not take the PIN, or has keys of ours already.
    """
    token = Token(place)
    if token.keys():
        token.close()
        raise TokenRefused(f"the token {place.label!r} has keys of ours already")
    try:
        token.ensure_derivation()
        token.add(random)
    except PyKCS11Error as error:
        raise TokenRefused(f"token {place.label!r}: {error}") from None
    return TokenProvider(token, random)
