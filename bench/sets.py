"""Which accounts a benchmark needs, and what lies in their Inbox: set → user → (messages, corpus)."""

from __future__ import annotations

from bench.corpus import REAL, SMALL, WEB, WEB_SMALL

Accounts = dict[str, tuple[int, str]]

MIXED = [f"mixed{n}" for n in range(20)]  # one for each client of the mixed load
MIXED_MESSAGES = 1_000
DRAINED = [f"pop{n}" for n in range(10)]
DRAINED_MESSAGES = 1_000
WRITER = "writer"  # APPEND, and the target of what is sent while somebody idles
IDLER = "idler"
SINKS = [f"sink{n}" for n in range(20)]  # who gets what the delivery case sends
LARGE = {10_000: "k10", 100_000: "k100"}
GROWTH = {10_000: "g10k", 100_000: "g100k", 1_000_000: "g1m"}
CROWD = [f"crowd{n}" for n in range(100)]
CROWD_MESSAGES = 10_000

# Whom a browser signs in as; the mailboxes of ten thousand are what the larger ones are multiples of.
BROWSED = {100: "web100", 50_000: "web50k", 1_000_000: "web1m"}

SETS: dict[str, Accounts] = {
    "people": {
        **dict.fromkeys(MIXED, (MIXED_MESSAGES, REAL)),
        **dict.fromkeys(DRAINED, (DRAINED_MESSAGES, REAL)),
        WRITER: (0, REAL),
        IDLER: (0, REAL),
        **dict.fromkeys(SINKS, (0, REAL)),
        **{user: (count, REAL) for count, user in LARGE.items()},
    },
    # Mail that comes in: empty mailboxes, so that filling takes no time.
    "inbound": dict.fromkeys(SINKS, (0, REAL)),
    "growth": {user: (count, SMALL) for count, user in GROWTH.items()},
    "crowd": dict.fromkeys(CROWD, (CROWD_MESSAGES, SMALL)),
    "web": {
        BROWSED[100]: (100, WEB),
        "web10k": (10_000, WEB),
        BROWSED[50_000]: (50_000, WEB),
        "web10ks": (10_000, WEB_SMALL),
        BROWSED[1_000_000]: (1_000_000, WEB_SMALL),
    },
    # A small one of each kind of cloning, for tests: `doctor --store` must find nothing.
    "tiny": {"one": (60, REAL), "two": (60, REAL)},
}
