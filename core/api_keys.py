"""API key secrets: their generation, their digests for storage, and their extraction from headers.

A secret is `mg_`, 160 random bits in base 32, and a CRC-32 of both. The checksum lets secret
scanners distinguish a key from a similar string. The server never relies on it, so an operator can
choose any string as the first key.
"""

import base64
import hashlib
import hmac
import secrets
import zlib

PREFIX_LENGTH = 8


def make_secret(prefix: str = "mg_") -> str:
    """Return a random secret of 39 characters behind a prefix."""
    body = prefix + _base32(secrets.token_bytes(20))
    return body + _base32(zlib.crc32(body.encode()).to_bytes(4, "big"))


def digest_of(secret: str, pepper: bytes) -> str:
    """Return the HMAC-SHA256 of a secret, in hex."""
    return hmac.new(pepper, secret.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def prefix_of(secret: str) -> str:
    """Return the first characters of a secret, by which users recognise it."""
    return secret[:PREFIX_LENGTH]


def _base32(raw: bytes) -> str:
    return base64.b32encode(raw).decode().rstrip("=").lower()


def tokens_in(authorization: str) -> list[str]:
    """Return the candidates for an API key in the value of an Authorization header.

    The schemes Bearer and Token give one; HTTP Basic gives the user name and the password.
    """
    scheme, _, credentials = authorization.strip().partition(" ")
    credentials = credentials.strip()
    if scheme.lower() in ("bearer", "token") and credentials:
        return [credentials]
    if scheme.lower() != "basic":
        return []
    try:
        decoded = base64.b64decode(credentials, validate=True).decode()
    except ValueError:
        # For a character beyond ASCII, `b64decode` raises a plain `ValueError`.
        return []
    return [part for part in decoded.split(":", 1) if part]
