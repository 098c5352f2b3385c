"""Words that only this host can make: the address a report about one member's copy goes to, and the link to leave.

A token names a member and carries a keyed digest (HMAC-SHA-256, cut to 64 bits) that is bound to its purpose, so that
nobody pauses or removes members by guessing. Hexadecimal, because a local part may come back in other capitals.
Whoever changes SECRET_KEY keeps the old one in SECRET_KEY_FALLBACKS.
"""

from __future__ import annotations

import hmac

from django.conf import settings
from django.utils.crypto import salted_hmac

BOUNCES, LEAVE = "bounces", "leave"
_DIGITS = 16


def make(purpose: str, member: int) -> str:
    return f"{member}.{_digest(purpose, member, settings.SECRET_KEY)}"


def read(purpose: str, token: str) -> int:
    """The member, or 0 where the token is not ours."""
    number, _dot, digest = token.lower().partition(".")
    if not (number.isascii() and number.isdecimal()) or len(number) > 18:
        return 0
    for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        if hmac.compare_digest(_digest(purpose, int(number), secret).encode(), digest.encode()):
            return int(number)
    return 0


def _digest(purpose: str, member: int, secret: str | bytes) -> str:
    salt = f"mailstead.list.{purpose}"
    return salted_hmac(salt, str(member), secret=secret, algorithm="sha256").hexdigest()[:_DIGITS]
