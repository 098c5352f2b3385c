"""Messages that were taken in while a scanner did not answer, until it has: rows, noted with the delivery.

Called by `flow.filing` in its transaction, and by `flow.scanning`, which asks again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from mta.trust.models import Unscanned as Row
from mta.trust.scanners import Envelope
from mta.values import now_us

MINUTE = 60 * 1_000_000
WAITS = tuple(each * MINUTE for each in (1, 2, 5, 10, 30, 60, 120))
GIVES_UP = 3 * 24 * 60 * MINUTE
LEASE = 5 * MINUTE  # a second process leaves alone what a first one is asking about


@dataclass(frozen=True, slots=True)
class Unscanned:
    """One message to be asked about again."""

    id: int
    mailspace: int
    message: int
    scanners: tuple[str, ...]
    envelope: Envelope
    tries: int


def note(mailspace: int, message: int, scanners: Iterable[str], envelope: Envelope) -> None:
    """To be asked about again; in the transaction of the delivery."""
    at = now_us()
    Row.objects.create(
        mailspace_id=mailspace,
        message_id=message,
        scanners=",".join(scanners)[:100],
        envelope=asdict(envelope),
        at=at,
        next_at=at + WAITS[0],
    )


def due(*, limit: int, at: int | None = None) -> list[Unscanned]:
    """Those whose time has come, taken on for a while."""
    at = now_us() if at is None else at
    Row.objects.filter(at__lt=at - GIVES_UP).delete()
    taken = []
    for row in Row.objects.filter(next_at__lte=at).order_by("next_at", "id")[:limit]:
        mine = Row.objects.filter(pk=row.pk, next_at=row.next_at).update(next_at=at + LEASE)
        if mine:
            taken.append(_value(row))
    return taken


def _value(row: Row) -> Unscanned:
    kept = row.envelope if isinstance(row.envelope, dict) else {}
    envelope = Envelope(
        str(kept.get("ip", "")),
        str(kept.get("helo", "")),
        str(kept.get("sender", "")),
        tuple(str(each) for each in kept.get("recipients", ())),
    )
    scanners = tuple(row.scanners.split(","))
    return Unscanned(row.pk, row.mailspace_id, row.message_id, scanners, envelope, row.tries)


def later(found: Unscanned, *, scanners: Iterable[str], at: int | None = None) -> None:
    """It still does not answer."""
    at = now_us() if at is None else at
    wait = WAITS[min(found.tries + 1, len(WAITS) - 1)]
    Row.objects.filter(pk=found.id).update(
        tries=found.tries + 1, next_at=at + wait, scanners=",".join(scanners)[:100]
    )


def done(found: Unscanned) -> None:
    """It was scanned, or is gone."""
    Row.objects.filter(pk=found.id).delete()
