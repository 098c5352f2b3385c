"""The mixed load: twenty mail programs at once, each in its own mailbox."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from bench import corpus, sets
from bench.cases import Figures, median, percentile
from bench.imap import Imap
from bench.servers import Server
from bench.together import in_processes, in_threads

MIX = (
    ("list", 35),
    ("read", 25),
    ("flag", 15),
    ("status", 10),
    ("noop", 5),
    ("append", 5),
    ("search", 3),
    ("select", 2),
)


def mixed(seconds: float) -> Callable[[Server], Figures]:
    """Twenty mail programs at once, each in its own mailbox: lists, reads, flags, appends, searches."""

    def measure(server: Server) -> Figures:
        users = sets.MIXED
        halves = [users[::2], users[1::2]]
        found, _ = in_processes(
            halves, lambda half: in_threads(len(half), lambda n: _program(server, half[n], seconds))
        )
        times: dict[str, list[float]] = {kind: [] for kind, _ in MIX}
        for one in (program for half in found for program in half):
            for kind, waits in one.items():
                times[kind] += waits
        every = [wait for waits in times.values() for wait in waits]
        return {
            "per_s": len(every) / seconds,
            "p50_ms": median(every) * 1000,
            "p95_ms": percentile(every, 0.95) * 1000,
            "p99_ms": percentile(every, 0.99) * 1000,
            **{f"{kind}_p50_ms": median(waits) * 1000 for kind, waits in times.items() if waits},
        }

    return measure


def _program(server: Server, user: str, seconds: float) -> dict[str, list[float]]:
    """What one mail program does for some seconds: kind → waits."""
    chance = random.Random(user)  # noqa: S311 - the same load for every server
    count, kinds, weights = sets.MIXED_MESSAGES, [kind for kind, _ in MIX], [weight for _, weight in MIX]
    waits: dict[str, list[float]] = {kind: [] for kind in kinds}
    with Imap(server, user) as client:
        client.make("Outbox")
        client.select()
        until = time.perf_counter() + seconds
        while (start := time.perf_counter()) < until:
            kind, place = chance.choices(kinds, weights)[0], chance.randint(1, count)
            _do(client, kind, place, chance)
            waits[kind].append(time.perf_counter() - start)
        client.drop("Outbox")
    return waits


def _do(client: Imap, kind: str, place: int, chance: random.Random) -> None:
    if kind == "list":
        low = min(place, sets.MIXED_MESSAGES - 29)
        client.fetch(
            f"FETCH {low}:{low + 29} (UID FLAGS RFC822.SIZE INTERNALDATE ENVELOPE BODYSTRUCTURE)", expect=30
        )
    elif kind == "read":
        client.fetch_whole(f"FETCH {place} (UID BODY.PEEK[])", expect=1)
    elif kind == "flag":
        client.ok(f"STORE {place} {chance.choice('+-')}FLAGS (\\Seen)")
    elif kind == "status":
        client.ok("STATUS INBOX (MESSAGES UNSEEN UIDNEXT)")
    elif kind == "noop":
        client.ok("NOOP")
    elif kind == "append":
        client.append("Outbox", [corpus.message(place)])
    elif kind == "search":
        client.ok(f"SEARCH UNSEEN SUBJECT {corpus.SUBJECT_WORD}")
    else:
        client.select("Outbox")
        client.select()
