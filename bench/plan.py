"""Every case with its bars: the table of the issue that asks for them, as data."""

from __future__ import annotations

import os
from dataclasses import replace

from bench import cases, corpus, delivery, growth, holding, inbound, loads, pop3, sets
from bench.cases import Bar, Case

_K10, _K100 = sets.LARGE[10_000], sets.LARGE[100_000]
_ALL = "(ENVELOPE BODYSTRUCTURE INTERNALDATE)"
_FIELDS = "BODY.PEEK[HEADER.FIELDS (FROM SUBJECT DATE)]"


def _large(user: str, count: int, label: str) -> list[Case]:
    """What is asked of a mailbox of one size."""
    return [
        Case(
            f"select-{label}",
            f"SELECT, {label}",
            "people",
            cases.select(user, count),
            (Bar("p50_ms", limit=10, faster=False),),
        ),
        Case(
            f"envelope-{label}",
            f"FETCH 1:* {_ALL}, {label}",
            "people",
            cases.fetch(user, count, _ALL),
            (Bar("per_s", ratio=1.2),),
        ),
        Case(
            f"flags-{label}",
            f"FETCH 1:* (FLAGS UID), {label}",
            "people",
            cases.fetch(user, count, "(FLAGS UID)", repeat=3),
            (Bar("per_s", ratio=0.5),),
        ),
        Case(
            f"wait-flags-{label}",
            f"what others wait during FETCH 1:* (FLAGS UID), {label}",
            "people",
            cases.beside(user, count, "(FLAGS UID)"),
            (Bar("worst_wait_ms", limit=20, faster=False),),
        ),
        Case(
            f"wait-envelope-{label}",
            f"what others wait during FETCH 1:* {_ALL}, {label}",
            "people",
            cases.beside(user, count, _ALL),
        ),
        Case(
            f"fields-{label}",
            f"FETCH 1:* {_FIELDS}, {label}",
            "people",
            cases.fetch(user, count, _FIELDS),
            (Bar("per_s", ratio=0.6),),
        ),
        Case(
            f"subject-{label}",
            f"SEARCH SUBJECT, {label}",
            "people",
            cases.search(user, count, f"SUBJECT {corpus.SUBJECT_WORD}", corpus.has_subject_word),
            (Bar("ms", ratio=15, faster=False),),
        ),
        Case(
            f"rare-{label}",
            f"SEARCH BODY, a rare word, {label}",
            "people",
            cases.search(user, count, f"BODY {corpus.RARE}", corpus.has_rare),
            (Bar("ms", ratio=50, faster=False),),
        ),
        Case(
            f"common-{label}",
            f"SEARCH TEXT, a common word, {label}",
            "people",
            cases.search(user, count, f"TEXT {corpus.COMMON}", corpus.has_common),
            (Bar("ms", ratio=10, faster=False),),
        ),
        Case(
            f"store-{label}",
            f"STORE 1,000, {label}",
            "people",
            cases.store(user),
            (Bar("ms", ratio=1, faster=False),),
        ),
        Case(
            f"copy-{label}",
            f"COPY 1,000, {label}",
            "people",
            cases.copy(user),
            (Bar("ms", ratio=1, faster=False),),
        ),
    ]


CASES: list[Case] = [
    *_large(_K100, 100_000, "100k"),
    *(replace(case, bars=()) for case in _large(_K10, 10_000, "10k")),  # the bars are those of 100k
    Case(
        "body-10k",
        "FETCH 1:* BODY.PEEK[], 10k",
        "people",
        cases.bodies(_K10, 10_000),
        (Bar("mb_s", ratio=1),),
    ),
    Case("append", "APPEND, one connection", "people", cases.append, (Bar("per_s", ratio=1),)),
    Case(
        "idle",
        "IDLE: SMTP's 250 → * EXISTS",
        "people",
        delivery.idle(100),
        (Bar("p50_ms", limit=15, faster=False), Bar("p99_ms", limit=60, faster=False)),
    ),
    Case("pop3-1", "POP3, 1 connection × 1,000", "people", pop3.drain(1), (Bar("per_s", ratio=0.7),)),
    Case("pop3-10", "POP3, 10 connections × 1,000", "people", pop3.drain(10), (Bar("per_s", ratio=0.7),)),
    Case(
        "pop3-10-processes",
        "POP3, 10 connections × 1,000, as many processes as cores",
        "people",
        pop3.drain(10),
        (Bar("per_s", ratio=0.7),),
        processes=os.cpu_count() or 1,
    ),
    Case("deliver", "SMTP, 20 connections, 2 KB, durable", "people", delivery.deliver(2_000, 20)),
    Case(
        "mixed",
        "mixed load, 20 clients, as many processes as cores",
        "people",
        loads.mixed(8),
        (Bar("per_s", ratio=0.6),),
        processes=os.cpu_count() or 1,
    ),
    Case("mixed-one", "mixed load, 20 clients, one process", "people", loads.mixed(8)),
    Case(
        "memory-2k",
        "memory of an idle connection, 2,000",
        "people",
        holding.idle_memory(2_000, [*sets.MIXED, *sets.DRAINED]),
        (Bar("kib", limit=40, faster=False),),
        once=True,
    ),
    Case(
        "memory-crowd-2k",
        "memory of an idle connection, 2,000, Inboxes of 10k",
        "crowd",
        holding.idle_memory(2_000, sets.CROWD),
        (Bar("kib", limit=40, faster=False),),
        once=True,
    ),
    Case(
        "memory-crowd-10k",
        "memory of an idle connection, 10,000, Inboxes of 10k",
        "crowd",
        holding.idle_memory(10_000, sets.CROWD),
        (Bar("kib", limit=40, faster=False),),
        once=True,
    ),
    Case(
        "prefix",
        "prefix search of one among 100 accounts × 10k",
        "crowd",
        cases.search(sets.CROWD[41], sets.CROWD_MESSAGES, f"TEXT {corpus.MARK}", corpus.has_mark, repeat=9),
        (Bar("ms", limit=20, faster=False),),
    ),
    Case(
        "prefix-common",
        "prefix search with 5,000 hits, one among 100 accounts × 10k",
        "crowd",
        cases.search(
            sets.CROWD[41],
            sets.CROWD_MESSAGES,
            f"TEXT {corpus.COMMON[:4]}",
            corpus.has_common,
            repeat=9,
        ),
        (Bar("ms", limit=20, faster=False),),
    ),
]


def cases_for(sizes: list[int]) -> list[Case]:
    """All cases, growth included, for mailboxes of these sizes."""
    grown = [
        Case(f"growth-{name}", title, "growth", growth.grown(probe, sizes), peers=False)
        for name, title, probe in growth.PROBES
    ]
    million = Case(
        "select-1m",
        "SELECT, 1M",
        "growth",
        cases.select(sets.GROWTH[1_000_000], 1_000_000),
        (Bar("p50_ms", limit=15, faster=False),),
        peers=False,
    )
    return [*CASES, *inbound.CASES, *([million] if 1_000_000 in sizes else []), *grown]
