"""DKIM keys of a domain: two of them, because Ed25519 is small and strong and RSA is what everybody reads.

Making RSA keys takes tenths of a second, so callers do it before they open a transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from hosting.models import Domain, DomainKey
from hosting.sealing import seal
from mta.message import dkim

RSA_BITS = 2048  # RFC 8301 §3.2: signers SHOULD use at least 2048


@dataclass(frozen=True, slots=True)
class NewKey:
    """A fresh key pair, private half sealed already."""

    selector: str
    algorithm: str
    sealed: bytes
    record: str


def make_pair(*, now: datetime | None = None) -> tuple[NewKey, NewKey]:
    """One RSA and one Ed25519 key. Selectors carry the month, so that a rotation finds free names."""
    month = (now or datetime.now(UTC)).strftime("%Y%m")
    return (
        _new(f"r{month}", DomainKey.RSA, rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)),
        _new(f"e{month}", DomainKey.ED25519, ed25519.Ed25519PrivateKey.generate()),
    )


def _new(selector: str, algorithm: str, key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> NewKey:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return NewKey(selector, algorithm, seal(pem), dkim.public_record(key))


def save(domain: Domain, made: tuple[NewKey, ...]) -> None:
    DomainKey.objects.bulk_create(
        DomainKey(
            domain=domain,
            selector=key.selector,
            algorithm=key.algorithm,
            sealed_private_key=key.sealed,
            record=key.record,
        )
        for key in made
    )
