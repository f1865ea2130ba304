"""Access tokens: JWTs signed with ES256. The only module that may import `jose`.

The library accepts more than it should: unknown `crit` headers, tokens without `exp` or `aud`, and, when the algorithm
is not pinned, an HMAC keyed with the public key. It also reads its own clock. So it is asked for one thing, whether the
signature over exactly these bytes is right, and everything else is checked here.

Source: RFC 7519 (JWT), RFC 8725 (JWT best current practices), RFC 9068 (`at+jwt`).
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jose import jws
from jose.exceptions import JOSEError

from domain.codes import Role
from domain.errors import DomainError

TYPE: Final = "at+jwt"
LONGEST_LIFETIME: Final = timedelta(hours=12)
LARGEST_TOKEN: Final = 4096
"""Characters of a token."""

REMEMBERED: Final = 4096
"""Tokens whose signature need not be checked again, by their SHA-256; a right signature stays right."""

SKEW: Final = timedelta(seconds=30)
"""How far ahead the issuer's clock may be. It never lengthens a token's life."""

_LONGEST_TEXT: Final = 200
_COMPACT: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{86})")
_LAST_SECOND: Final = 253_402_300_799


class TokenRefused(DomainError):
    """The access token is not one to act on.

    The caller learns no more than that: an answer that tells a wrong key from a wrong claim helps only a forger.

    Args:
        reason: For the log; a code, never a part of the token.
    """

    code = "token-refused"

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says. Whether the membership behind it still holds is looked up on every request.

    Attributes:
        subject: The person of staff.
        organisation: The code of the organisation that they act for.
        role: The role that they act in.
        token_id: Names the token, for revocation.
    """

    subject: str
    organisation: str
    role: Role
    token_id: str
    issued_at: datetime
    expires_at: datetime


def generate_key_pair() -> tuple[str, str]:
    """Return a new private and public key, both PEM, on the curve P-256."""
    private_key = ec.generate_private_key(ec.SECP256R1())
    private_pem = private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public_pem = private_key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private_pem.decode("ascii"), public_pem.decode("ascii")


class TokenIssuer:
    """Issues access tokens for deployments without an identity provider of their own.

    Args:
        private_pem: A P-256 private key.
        key_id: Which key it is; the verifier knows the public half under the same id.
        issuer: Who issues.
        audience: For whom: this service.

    Raises:
        ValueError: the key is not a private P-256 key in PEM.
    """

    def __init__(self, private_pem: str, key_id: str, issuer: str, audience: str) -> None:
        key = serialization.load_pem_private_key(private_pem.encode("ascii"), password=None)
        if not _is_p256(key, ec.EllipticCurvePrivateKey):
            raise ValueError("tokens are signed with a P-256 key")
        self._private_pem = private_pem
        self._key_id = key_id
        self._issuer = issuer
        self._audience = audience

    def issue(
        self, *, subject: str, organisation: str, role: Role, lifetime: timedelta, now: datetime, token_id: str
    ) -> str:
        """Return a signed token that is valid from now on.

        Raises:
            ValueError: the lifetime is not between one second and twelve hours, or `now` has no time zone.
        """
        if not timedelta(seconds=1) <= lifetime <= LONGEST_LIFETIME:
            raise ValueError("a token lives between one second and twelve hours")
        if now.utcoffset() is None:
            raise ValueError("an instant has a time zone")
        issued = int(now.timestamp())
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": subject,
            "org": organisation,
            "role": role.value,
            "jti": token_id,
            "iat": issued,
            "nbf": issued,
            "exp": issued + int(lifetime.total_seconds()),
        }
        return jws.sign(claims, self._private_pem, headers={"typ": TYPE, "kid": self._key_id}, algorithm="ES256")


class TokenVerifier:
    """Verifies access tokens.

    Args:
        keys: The public keys by key id; P-256, PEM. Two while one replaces the other.
        issuer: The only issuer that is believed.
        audience: The only audience that is meant.

    Raises:
        ValueError: there is no key, or one is not a public P-256 key in PEM.
    """

    def __init__(self, keys: Mapping[str, str], issuer: str, audience: str) -> None:
        if not keys:
            raise ValueError("there is no key to verify tokens with")
        for public_pem in keys.values():
            key = serialization.load_pem_public_key(public_pem.encode("ascii"))
            if not _is_p256(key, ec.EllipticCurvePublicKey):
                raise ValueError("tokens are verified with P-256 keys")
        self._keys = dict(keys)
        self._signed: set[bytes] = set()
        self._issuer = issuer
        self._audience = audience

    def verify(self, token: str, now: datetime) -> Claims:
        """Return what the token says.

        Args:
            token: As it came after `Bearer `.
            now: The present; aware.

        Raises:
            TokenRefused: whatever is wrong with it.
        """
        header, payload = _segments(token)
        public_pem = self._key_for(_object(header))
        self._check_signature(token, public_pem)
        claims = _object(payload)
        if _text(claims, "iss") != self._issuer:
            raise TokenRefused("iss")
        if _text(claims, "aud") != self._audience:
            raise TokenRefused("aud")
        issued_at, expires_at = _lifetime(claims, now)
        return Claims(
            subject=_text(claims, "sub"),
            organisation=_text(claims, "org"),
            role=_role(claims),
            token_id=_text(claims, "jti"),
            issued_at=issued_at,
            expires_at=expires_at,
        )

    def _check_signature(self, token: str, public_pem: str) -> None:
        """Check the signature, or remember that exactly this token had a right one; all else is judged every time."""
        digest = hashlib.sha256(token.encode("ascii")).digest()
        if digest in self._signed:
            return
        try:
            jws.verify(token, public_pem, algorithms=["ES256"])
        except JOSEError:
            raise TokenRefused("signature") from None
        if len(self._signed) >= REMEMBERED:
            self._signed.clear()
        self._signed.add(digest)

    def _key_for(self, header: Mapping[str, Any]) -> str:
        """Judge the header before any key is touched; it is closed: no `crit`, `jku`, `jwk`, `x5u`, `x5c` or others."""
        if header.keys() != {"alg", "typ", "kid"}:
            raise TokenRefused("header")
        if header["alg"] != "ES256":
            raise TokenRefused("alg")
        if header["typ"] != TYPE:
            raise TokenRefused("typ")
        key_id = header["kid"]
        if not isinstance(key_id, str) or key_id not in self._keys:
            raise TokenRefused("kid")
        return self._keys[key_id]


def _is_p256(key: object, kind: type[ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey]) -> bool:
    return isinstance(key, kind) and isinstance(key.curve, ec.SECP256R1)


def _segments(token: str) -> tuple[bytes, bytes]:
    """Return header and payload; every segment has only its one spelling, so no token has two."""
    if len(token) > LARGEST_TOKEN:
        raise TokenRefused("size")
    match = _COMPACT.fullmatch(token)
    if not match:
        raise TokenRefused("form")
    header, payload, _ = (_decoded(segment) for segment in match.groups())
    return header, payload


def _decoded(segment: str) -> bytes:
    try:
        decoded = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except ValueError:
        raise TokenRefused("encoding") from None
    if base64.urlsafe_b64encode(decoded).rstrip(b"=") != segment.encode("ascii"):
        raise TokenRefused("encoding")
    return decoded


def _object(text: bytes) -> dict[str, Any]:
    """Return a JSON object in which no name stands twice: two readers might take two different values for it."""
    try:
        value = json.loads(text.decode("utf-8"), object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError):
        raise TokenRefused("json") from None
    if not isinstance(value, dict):
        raise TokenRefused("json")
    return value


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a name stands twice")
    return values


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_TEXT or not value.isprintable():
        raise TokenRefused(name)
    return value


def _role(claims: Mapping[str, Any]) -> Role:
    try:
        return Role(_text(claims, "role"))
    except ValueError:
        raise TokenRefused("role") from None


def _lifetime(claims: Mapping[str, Any], now: datetime) -> tuple[datetime, datetime]:
    issued_at, begins_at, expires_at = (_instant(claims, name) for name in ("iat", "nbf", "exp"))
    if issued_at > now + SKEW:
        raise TokenRefused("iat")
    if begins_at > now + SKEW:
        raise TokenRefused("nbf")
    if expires_at <= now:
        raise TokenRefused("exp")
    if expires_at - issued_at > LONGEST_LIFETIME:
        raise TokenRefused("lifetime")
    return issued_at, expires_at


def _instant(claims: Mapping[str, Any], name: str) -> datetime:
    value = claims.get(name)
    if type(value) is not int or not 0 <= value <= _LAST_SECOND:
        raise TokenRefused(name)
    return datetime.fromtimestamp(value, UTC)
