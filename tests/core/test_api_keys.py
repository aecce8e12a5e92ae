"""The secrets of API keys: their form, their checksum, and what is kept of them."""

import base64
import re
import zlib

import pytest

from core.api_keys import PREFIX_LENGTH, digest_of, make_secret, prefix_of, tokens_in


def test_a_secret_has_160_random_bits_and_a_checksum() -> None:
    secret = make_secret()
    assert re.fullmatch(r"mg_[a-z2-7]{39}", secret)
    body, checksum = secret[:-7], secret[-7:].upper()
    assert len(base64.b32decode(body.removeprefix("mg_").upper())) == 20
    assert base64.b32decode(checksum + "=").hex() == f"{zlib.crc32(body.encode()):08x}"


def test_no_two_secrets_are_alike() -> None:
    assert len({make_secret() for _ in range(1_000)}) == 1_000


def test_the_digest_depends_on_the_pepper() -> None:
    secret = make_secret()
    assert digest_of(secret, b"one") == digest_of(secret, b"one")
    assert digest_of(secret, b"one") != digest_of(secret, b"two")
    assert secret not in digest_of(secret, b"one")


def test_the_prefix_gives_little_away() -> None:
    secret = make_secret()
    assert prefix_of(secret) == secret[:PREFIX_LENGTH] == secret[:8]


@pytest.mark.parametrize("credentials", ["", "!", "ÿ", "\x01", "8J+Y", "/w==", "Og=="])
def test_basic_credentials_that_cannot_be_read_hold_no_key(credentials: str) -> None:
    assert tokens_in(f"Basic {credentials}") == []
