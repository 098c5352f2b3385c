"""Private keys at rest: sealed with a key derived from SECRET_KEY, so that a copy of the database alone
signs nothing. Whoever changes SECRET_KEY keeps the old one in SECRET_KEY_FALLBACKS.
"""

from __future__ import annotations

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class Unsealable(Exception):
    """Sealed under another SECRET_KEY."""


@lru_cache(maxsize=8)
def _fernet(secrets: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(base64.urlsafe_b64encode(_derive(secret))) for secret in secrets])


def _derive(secret: str) -> bytes:
    hkdf = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"mailstead: keys at rest, v1")
    return hkdf.derive(secret.encode())


def _current() -> MultiFernet:
    return _fernet((settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))


def seal(plain: bytes) -> bytes:
    return _current().encrypt(plain)


def unseal(sealed: bytes | memoryview) -> bytes:
    try:
        return _current().decrypt(bytes(sealed))
    except InvalidToken:
        raise Unsealable("a key was sealed under another SECRET_KEY; put that one in place again") from None
