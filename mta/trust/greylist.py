"""Greylisting (RFC 6647): doubtful mail of strangers is asked to come again, which most senders of spam never do.

Decided after DATA, for messages whose points lie in a band below Junk; never for somebody known, never for networks of
`LIMITS_EXEMPT` (the caller asks). What came again in time passes for weeks. Called by `flow.receive`.
"""

from __future__ import annotations

import ipaddress
from hashlib import sha256

from django.db import transaction

from mta.trust.models import Greylisted
from mta.trust.verdict import Verdict
from mta.values import now_us

SECOND = 1_000_000
LEAST = 120 * SECOND  # RFC 6647 §5: long enough that who only tries once more at once does not pass
WINDOW = 2 * 86_400 * SECOND  # within which it must come again: slow senders wait for hours
PASSES = 36 * 86_400 * SECOND
BAND = 2.0  # points below Junk in which a message is doubtful
MOST_ROWS = 200_000
REPLY = (
    451,
    "4.7.1",
    "This message is unusual for us. Please try again in a few minutes; it will then be taken.",
)


def doubtful(verdict: Verdict, *, junk_at: float) -> bool:
    """Whether a message is neither good nor surely spam. What goes to Junk anyway is not asked to come again."""
    known = verdict.of("known")
    if known is not None and known.result == "pass":
        return False
    return junk_at - BAND <= verdict.score < junk_at


def wait(ip: str, sender: str, recipient: str, at: int) -> bool:
    """Whether they must come again. `at` in µs."""
    key = _key(ip, sender, recipient)
    with transaction.atomic():
        row = Greylisted.objects.select_for_update().filter(key=key).first()
        if row is None or row.until < at:
            if row is None and Greylisted.objects.count() >= MOST_ROWS:
                return False  # somebody floods the table: better taken than refused for ever
            Greylisted.objects.update_or_create(
                key=key, defaults={"first_at": at, "until": at + WINDOW, "passed": False}
            )
            return True
        if not row.passed and at - row.first_at < LEAST:
            return True
        row.passed, row.until = True, at + PASSES
        row.save(update_fields=["passed", "until"])
    return False


def forget(*, at: int | None = None) -> int:
    """Drop what never came again and what has not come for long; how many rows."""
    found = Greylisted.objects.filter(until__lt=now_us() if at is None else at)
    return found.delete()[0]


def _key(ip: str, sender: str, recipient: str) -> str:
    """RFC 6647 §4.1: hosts of one farm take turns, so that the network counts, not the address."""
    text = f"{_network(ip)}\n{sender.lower()}\n{recipient.lower()}"
    return sha256(text.encode("utf-8", "replace")).hexdigest()


def _network(ip: str) -> str:
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ip
    bits = 24 if address.version == 4 else 64
    return str(ipaddress.ip_network((address, bits), strict=False))
