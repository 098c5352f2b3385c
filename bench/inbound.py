"""The cases of mail that comes in, with their bars: how much is taken a second, and how soon a sending is done."""

from __future__ import annotations

import os

from bench import delivery
from bench.cases import Bar, Case

_CORES = os.cpu_count() or 1
_KB, _MB = 1_000, 1_000_000


def _visible(ratio: float) -> tuple[Bar, ...]:
    return (Bar("visible_per_s", ratio=ratio),)


CASES = [
    Case(
        "in-20",
        "SMTP, 20 connections, 2 KB, one process",
        "inbound",
        delivery.deliver(3_000, 20),
        _visible(1.2),
    ),
    Case(
        "in-20-cores",
        "SMTP, 20 connections, 2 KB, as many processes as cores",
        "inbound",
        delivery.deliver(6_000, 20),
        _visible(3),
        processes=_CORES,
    ),
    Case(
        "in-20-checks",
        "the same with SPF, DKIM, DMARC and the spam filter",
        "inbound",
        delivery.deliver(3_000, 20, signed=True),
        _visible(1.5),
        processes=_CORES,
        checks=True,
    ),
    Case(
        "in-each",
        "SMTP, 20 at once, a connection per message, as many processes as cores",
        "inbound",
        delivery.deliver(3_000, 20, each=True),
        _visible(2),
        processes=_CORES,
    ),
    Case(
        "in-50k",
        "SMTP, 20 connections, 50 KB, as many processes as cores",
        "inbound",
        delivery.deliver(2_000, 20, size=50 * _KB),
        _visible(3),
        processes=_CORES,
    ),
    Case(
        "in-5m",
        "SMTP, 4 connections, 5 MB × 50, as many processes as cores",
        "inbound",
        delivery.deliver(48, 4, size=5 * _MB),
        _visible(1),
        processes=_CORES,
    ),
    Case("in-1", "SMTP, 1 connection, 2 KB", "inbound", delivery.deliver(500, 1), _visible(1.2)),
    Case(
        "submit",
        "submission: connect, sign in, send, QUIT",
        "inbound",
        delivery.submit(200, tls=False),
        (Bar("p50_ms", ratio=1 / 1.2, faster=False),),
    ),
    Case(
        "submit-tls",
        "submission: connect, STARTTLS, sign in, send, QUIT",
        "inbound",
        delivery.submit(200, tls=True),
        (Bar("p50_ms", ratio=1 / 0.4, faster=False),),
    ),
]
