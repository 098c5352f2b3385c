"""What leaves this host in the name of one of its domains is signed with each active key of that domain (RFC 6376).

Asks the directory for the keys. Called for mail that people send and for what the host writes in their name.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from mta import directory
from mta.directory import SigningKey
from mta.message import dkim


def sign(raw: bytes, author: str, *, at: int, keys: Sequence[SigningKey] | None = None) -> bytes:
    """The message with a DKIM-Signature of the author's domain for each of its active keys (or of `keys`, for who
    has asked for them already)."""
    return signature(raw, author, at=at, keys=keys) + raw


def signature(raw: bytes, author: str, *, at: int, keys: Sequence[SigningKey] | None = None) -> bytes:
    """Those fields alone, which go before the first line of the message; empty where there is no key."""
    if keys is None:
        keys = directory.current().signing_keys(author.rpartition("@")[2])
    lines = b""
    for signing in keys:
        key = loaded(signing.private_key)
        if key is None:
            continue
        lines += dkim.sign(
            raw, domain=signing.domain, selector=signing.selector, key=key, when=at // 1_000_000
        )
    return lines


@lru_cache(maxsize=512)
def loaded(pem: bytes) -> RSAPrivateKey | Ed25519PrivateKey | None:
    """A key ready for use. Reading an RSA key proves its primes, which takes fifty times as long as signing."""
    key = load_pem_private_key(pem, password=None)
    return key if isinstance(key, RSAPrivateKey | Ed25519PrivateKey) else None
