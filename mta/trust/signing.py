"""What leaves this host in the name of one of its domains is signed with each active key of that domain (RFC 6376).

Asks the directory for the keys. Called for mail that people send and for what the host writes in their name.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from mta import directory
from mta.message import dkim


def sign(raw: bytes, author: str, *, at: int) -> bytes:
    """The message with a DKIM-Signature of the author's domain for each of its active keys."""
    return signature(raw, author, at=at) + raw


def signature(raw: bytes, author: str, *, at: int) -> bytes:
    """Those fields alone, which go before the first line of the message; empty where there is no key."""
    domain = author.rpartition("@")[2]
    lines = b""
    for signing in directory.current().signing_keys(domain):
        key = load_pem_private_key(signing.private_key, password=None)
        if not isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
            continue
        lines += dkim.sign(
            raw, domain=signing.domain, selector=signing.selector, key=key, when=at // 1_000_000
        )
    return lines
