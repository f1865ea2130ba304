"""Somebody knows the public key and holds valid tokens of their own: it gains no token that says something else."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from auth.tokens import TokenIssuer, TokenRefused, TokenVerifier, generate_key_pair
from domain.codes import Role

Attack = Callable[..., None]

PRIVATE, PUBLIC = generate_key_pair()
THIEF_PRIVATE, THIEF_PUBLIC = generate_key_pair()
ISSUER = TokenIssuer(PRIVATE, "key-1", "nrm", "referrals")
VERIFIER = TokenVerifier({"key-1": PUBLIC}, "nrm", "referrals")
NOW = datetime(2026, 3, 21, 9, 30, tzinfo=UTC)
INSTANT = int(NOW.timestamp())
HEADER = {"alg": "ES256", "kid": "key-1", "typ": "at+jwt"}
CLAIMS = {
    "iss": "nrm",
    "aud": "referrals",
    "sub": "staff-7",
    "org": "ngo-osh",
    "role": "coordinator",
    "jti": "token-1",
    "iat": INSTANT,
    "nbf": INSTANT,
    "exp": INSTANT + 900,
}


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def spelled(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()


def es256(signing_input: bytes, private_pem: str = PRIVATE, hashed: hashes.HashAlgorithm | None = None) -> bytes:
    key = serialization.load_pem_private_key(private_pem.encode(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    r, s = decode_dss_signature(key.sign(signing_input, ec.ECDSA(hashed or hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def made(header: Any, claims: Any, sign: Callable[[bytes], bytes] = es256) -> str:
    signing_input = f"{encoded(spelled(header))}.{encoded(spelled(claims))}"
    return f"{signing_input}.{encoded(sign(signing_input.encode()))}"


def let_in(tokens: Iterable[str]) -> int:
    """Present each token; return how many were believed."""
    believed = 0
    for token in tokens:
        try:
            VERIFIER.verify(token, NOW)
        except TokenRefused:
            continue
        believed += 1
    return believed


def tried(attack: Attack, name: str, tokens: list[str]) -> None:
    assert let_in([made(HEADER, CLAIMS)]) == 1, "the way in which these tokens are made must be able to succeed"
    attack(name, tried=len(tokens), succeeded=let_in(tokens))


def public_key_as_secret() -> list[bytes]:
    """Every spelling of the public key that somebody may have used as the secret of an HMAC."""
    key = serialization.load_pem_public_key(PUBLIC.encode())
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    point = key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    pem = PUBLIC.encode()
    return [pem, pem.strip(), pem.replace(b"\n", b"\r\n"), der, base64.b64encode(der), point, point[1:], b"", b"secret"]


def test_an_hmac_with_the_public_key_is_no_signature(attack: Attack) -> None:
    tokens = [
        made({**HEADER, "alg": algorithm}, CLAIMS, lambda text, k=secret, h=digest: hmac.digest(k, text, h))
        for secret in public_key_as_secret()
        for algorithm, digest in (("HS256", "sha256"), ("HS384", "sha384"), ("HS512", "sha512"), ("ES256", "sha512"))
    ]

    tried(attack, "tokens forged with the public key as secret", tokens)


def test_no_other_algorithm_is_believed(attack: Attack) -> None:
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    rsa_made = made(
        {**HEADER, "alg": "RS256"}, CLAIMS, lambda text: rsa_key.sign(text, padding.PKCS1v15(), hashes.SHA256())
    )
    names = [
        "none",
        "None",
        "NONE",
        "nOnE",
        "",
        "es256",
        "ES256 ",
        "ES384",
        "ES512",
        "ES256K",
        "PS256",
        "EdDSA",
        "HS256",
    ]
    odd: list[Any] = [None, True, 0, ["ES256"], {"ES256": 1}]
    unsigned = [made({**HEADER, "alg": name}, CLAIMS, lambda _: b"") for name in [*names, *odd, "ES256"]]
    signed = [made({**HEADER, "alg": name}, CLAIMS) for name in [*names, *odd]]
    without = [made({"kid": "key-1", "typ": "at+jwt"}, CLAIMS)]

    tried(attack, "tokens of another algorithm", [rsa_made, *unsigned, *signed, *without])


def test_no_header_brings_a_key_along(attack: Attack) -> None:
    numbers = serialization.load_pem_public_key(THIEF_PUBLIC.encode())
    assert isinstance(numbers, ec.EllipticCurvePublicKey)
    x, y = numbers.public_numbers().x.to_bytes(32, "big"), numbers.public_numbers().y.to_bytes(32, "big")
    thief = {"kty": "EC", "crv": "P-256", "x": encoded(x), "y": encoded(y)}
    extras: list[dict[str, Any]] = [
        {"jwk": thief},
        {"jku": "http://127.0.0.1/keys"},
        {"x5u": "http://127.0.0.1/chain"},
        {"x5c": [base64.b64encode(x).decode()]},
        {"x5t": "thumbprint"},
        {"crit": ["exp"]},
        {"crit": ["exp"], "exp": INSTANT},
        {"crit": []},
        {"b64": False, "crit": ["b64"]},
        {"zip": "DEF"},
        {"enc": "A256GCM"},
        {"cty": "JWT"},
    ]
    stolen = [made({**HEADER, **extra}, CLAIMS, lambda text: es256(text, THIEF_PRIVATE)) for extra in extras]
    rightly_signed = [made({**HEADER, **extra}, CLAIMS) for extra in extras]

    tried(attack, "tokens with a header that brings a key or a rule along", stolen + rightly_signed)


def test_no_other_key_and_no_other_type_is_believed(attack: Attack) -> None:
    kids: list[Any] = [
        "key-2",
        "",
        "KEY-1",
        "key-1 ",
        "../key-1",
        "/dev/null",
        "' or 1=1",
        None,
        1,
        ["key-1"],
        {"key-1": 1},
    ]
    types: list[Any] = ["JWT", "jwt", "AT+JWT", "application/at+jwt", "id+jwt", "", None, ["at+jwt"]]
    headers = [{**HEADER, "kid": kid} for kid in kids] + [{**HEADER, "typ": kind} for kind in types]
    headers += [{key: value for key, value in HEADER.items() if key != missing} for missing in ("kid", "typ")]
    thief = [made(HEADER, CLAIMS, lambda text: es256(text, THIEF_PRIVATE))]

    tried(attack, "tokens of another key or type", [made(header, CLAIMS) for header in headers] + thief)


def test_every_claim_is_needed_and_of_its_type(attack: Attack) -> None:
    missing = [{key: value for key, value in CLAIMS.items() if key != name} for name in CLAIMS]
    odd: list[Any] = [None, True, False, [], {}, "", 0.5, -1, 10**30, "x\x00y", "x" * 300]
    wrong = [{**CLAIMS, name: value} for name in CLAIMS for value in odd]
    wrong += [{**CLAIMS, name: str(CLAIMS[name])} for name in ("iat", "nbf", "exp")]
    tokens = [made(HEADER, claims) for claims in missing + wrong]

    tried(attack, "tokens with a claim missing or of a wrong type", tokens)


def test_issuer_audience_and_role_are_compared_exactly(attack: Attack) -> None:
    changes: list[dict[str, Any]] = [
        {"aud": "other"},
        {"aud": ["referrals"]},
        {"aud": ["other", "referrals"]},
        {"aud": "REFERRALS"},
        {"aud": "referrals "},
        {"aud": {"referrals": 1}},
        {"iss": "other"},
        {"iss": "NRM"},
        {"iss": ["nrm"]},
        {"iss": "nrm/"},
        {"role": "administrator"},
        {"role": "Coordinator"},
        {"role": ["coordinator"]},
    ]

    tried(attack, "tokens for or by somebody else", [made(HEADER, {**CLAIMS, **change}) for change in changes])


def test_no_token_outlives_its_time_or_precedes_it(attack: Attack) -> None:
    changes = [
        {"exp": INSTANT},
        {"exp": INSTANT - 1},
        {"iat": INSTANT - 900, "nbf": INSTANT - 900, "exp": INSTANT - 31},
        {"nbf": INSTANT + 31},
        {"nbf": INSTANT + 3600},
        {"iat": INSTANT + 31},
        {"iat": INSTANT + 3600, "exp": INSTANT + 7200},
        {"exp": INSTANT + 12 * 3600 + 1},
        {"exp": INSTANT + 365 * 86400},
        {"iat": INSTANT - 12 * 3600},
        {"iat": 0, "nbf": 0},
        {"iat": INSTANT + 30, "exp": INSTANT + 30 + 12 * 3600 + 1},
    ]
    replayed = ISSUER.issue(
        subject="staff-7",
        organisation="ngo-osh",
        role=Role.COORDINATOR,
        lifetime=timedelta(hours=12),
        now=NOW - timedelta(hours=12),
        token_id="token-0",
    )

    tried(attack, "tokens out of their time", [made(HEADER, {**CLAIMS, **change}) for change in changes] + [replayed])


def test_a_signature_signs_nothing_else(attack: Attack) -> None:
    good, other = made(HEADER, CLAIMS), made(HEADER, {**CLAIMS, "sub": "staff-8", "role": "ngo_caseworker"})
    (header, payload, signature), (_, other_payload, other_signature) = good.split("."), other.split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    signatures = [
        other_signature,
        encoded(bytes(64)),
        encoded(b"\xff" * 64),
        encoded(raw[32:] + raw[:32]),
        encoded(raw[:32] + bytes(32)),
        encoded(bytes(32) + raw[32:]),
        encoded(raw + b"\x00"),
        encoded(raw[:-1]),
        encoded(es256(f"{header}.{payload}".encode(), hashed=hashes.SHA512())),
        encoded(es256(hashlib.sha256(f"{header}.{payload}".encode()).digest())),
        encoded(b""),
    ]
    swapped = [f"{header}.{other_payload}.{signature}", f"{header}.{payload}.{other_signature}"]

    tried(attack, "tokens with another's signature", [f"{header}.{payload}.{one}" for one in signatures] + swapped)


def test_every_changed_character_is_detected(attack: Attack) -> None:
    good = made(HEADER, CLAIMS)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    near = [
        good[:place] + letters[(letters.index(good[place]) + step) % 64] + good[place + 1 :]
        for place in range(len(good))
        if good[place] != "."
        for step in (1, 2, 32)
    ]
    cut = [good[:end] for end in range(len(good))]
    grown = [
        good[:place] + mark + good[place:] for place in range(len(good) + 1) for mark in ("A", "=", "\n", " ", ".")
    ]

    tried(attack, "tokens with one character changed", near + cut + grown)


def test_two_readers_of_one_token_read_the_same(attack: Attack) -> None:
    claims, header = spelled(CLAIMS), spelled(HEADER)
    doubled_claims = claims[:-1] + b',"role":"hotline_operator"}'
    doubled_header = header[:-1] + b',"alg":"none"}'
    good = made(HEADER, CLAIMS)
    padded = [f"{good}=", f"{good}==", good.replace(".", "=.", 1), good + "\n", f" {good}", f"Bearer {good}"]
    tokens = [made(HEADER, doubled_claims), made(doubled_header, CLAIMS), made(b"\xef\xbb\xbf" + header, CLAIMS)]

    tried(attack, "tokens that two readers could read differently", tokens + padded)


def test_garbage_is_refused_without_another_error(attack: Attack) -> None:
    texts: list[Any] = [
        b"",
        b"[]",
        b"null",
        b'"x"',
        b"1",
        b"{",
        b"\xff\xfe",
        b"[" * 3000,
        b'{"a":' * 500,
        b"NaN",
        b"9" * 3000,
    ]
    bodies = [made(HEADER, text) for text in texts] + [made(text, CLAIMS) for text in texts]
    strings = ["", ".", "..", "...", "a.b.c", "a.b.c.d", "\x00", "é.é.é", "٣.٣.٣", "x" * 5000, "." * 4096, "A" * 4097]
    oversize = [made(HEADER, {**CLAIMS, "pad": "x" * 4096})]

    tried(attack, "garbage for tokens", bodies + strings + oversize)
