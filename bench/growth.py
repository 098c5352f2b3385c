"""What must cost the same however large the mailbox is: small things, done in mailboxes of every size in turn.

A *probe* opens a connection and yields the seconds of one more go, for as long as it is asked. Sizes take turns,
so that whatever else the machine does meets all of them alike.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Sequence
from contextlib import closing

from bench import corpus, sets
from bench.cases import Figures, median
from bench.imap import Imap, Refused, opened
from bench.servers import Server

TIMES = 31
Goes = Generator[float, None, None]
Probe = Callable[[Server, str, int], Goes]
_ITEMS = "(UID FLAGS RFC822.SIZE INTERNALDATE ENVELOPE BODYSTRUCTURE)"
_MODSEQ = re.compile(rb"HIGHESTMODSEQ (\d+)")


def grown(probe: Probe, sizes: Sequence[int]) -> Callable[[Server], Figures]:
    """The median of a probe at each size: `{"10000_ms": …, …}`."""

    def measure(server: Server) -> Figures:
        times: dict[int, list[float]] = {size: [] for size in sizes}
        goes = {size: probe(server, sets.GROWTH[size], size) for size in sizes}
        try:
            for number in range(TIMES + 2):
                for size in sizes:
                    seconds = next(goes[size])
                    if number >= 2:  # the first ones warm up
                        times[size].append(seconds)
        finally:
            for one in goes.values():
                one.close()
        return {f"{size}_ms": median(found) * 1000 for size, found in times.items()}

    return measure


def select(server: Server, user: str, count: int) -> Goes:
    with closing(Imap(server, user)) as client:
        while True:
            exists, seconds = client.select()
            if exists != count:
                raise Refused(f"EXISTS {exists}, not {count}")
            yield seconds
            client.ok("UNSELECT")


def sign_in_and_select(server: Server, user: str, count: int) -> Goes:
    """SELECT on a new connection, as programs that come and go do it."""
    while True:
        with closing(Imap(server, user)) as client:
            exists, seconds = client.select()
        if exists != count:
            raise Refused(f"EXISTS {exists}, not {count}")
        yield seconds


def newest(server: Server, user: str, count: int) -> Goes:
    with closing(opened(server, user)) as client:
        while True:
            yield client.fetch(f"FETCH {count - 49}:* {_ITEMS}", expect=50)[1]


def flags(server: Server, user: str, count: int) -> Goes:
    with closing(opened(server, user)) as client:
        while True:
            yield client.fetch(f"FETCH {count // 2}:{count // 2 + 49} (FLAGS)", expect=50)[1]


def body(server: Server, user: str, count: int) -> Goes:
    with closing(opened(server, user)) as client:
        while True:
            yield client.fetch_whole(f"FETCH {count // 2} BODY.PEEK[]", expect=1)[1]


def store(server: Server, user: str, count: int) -> Goes:
    with closing(opened(server, user, how="SELECT")) as client:
        try:
            while True:
                for sign in "+-":
                    yield client.fetch(f"STORE {count // 2} {sign}FLAGS ($Bench)", expect=1)[1]
        finally:
            client.ok(f"STORE {count // 2} -FLAGS.SILENT ($Bench)")


def append(server: Server, user: str, count: int) -> Goes:
    """Into the large mailbox itself; taken away again afterwards."""
    message = corpus.message(17, corpus.SMALL)
    with closing(Imap(server, user)) as client:
        try:
            while True:
                yield client.append("INBOX", [message])
        finally:
            client.select()
            client.ok(f"STORE {count + 1}:* +FLAGS.SILENT (\\Deleted)")
            client.ok("EXPUNGE")
            if (left := client.messages("INBOX")) != count:
                raise Refused(f"{left} messages after EXPUNGE, not {count}")


def copy(server: Server, user: str, count: int) -> Goes:
    box = "Copied"
    with closing(opened(server, user, how="SELECT")) as client:
        while True:
            client.make(box)
            seconds = client.ok(f"COPY {count // 2}:{count // 2 + 9} {box}")[1]
            if client.messages(box) != 10:
                raise Refused("COPY copied something else")
            client.drop(box)
            yield seconds


def searches(key: str, hits: int) -> Probe:
    def probe(server: Server, user: str, count: int) -> Goes:
        with closing(opened(server, user)) as client:
            while True:
                yield client.search(key, expect=hits)

    return probe


def status(server: Server, user: str, count: int) -> Goes:
    with closing(Imap(server, user)) as client:
        while True:
            raw, seconds = client.ok("STATUS INBOX (MESSAGES UNSEEN UIDNEXT UIDVALIDITY)")
            if b"MESSAGES %d" % count not in raw:
                raise Refused(raw.decode(errors="replace"))
            yield seconds


def since(server: Server, user: str, count: int) -> Goes:
    """What a program that comes back asks (RFC 7162): one message has changed since."""
    with closing(Imap(server, user)) as client:
        client.ok("ENABLE CONDSTORE")
        client.select()
        client.ok(f"STORE {count // 2} -FLAGS.SILENT ($Bench)")
        raw, _ = client.ok("SELECT INBOX")
        found = _MODSEQ.search(raw)
        if found is None:
            raise Refused("SELECT without HIGHESTMODSEQ")
        client.ok(f"STORE {count // 2} +FLAGS.SILENT ($Bench)")
        try:
            while True:
                before = int(found[1])
                yield client.fetch(f"FETCH 1:* (FLAGS) (CHANGEDSINCE {before})", expect=1)[1]
        finally:
            client.ok(f"STORE {count // 2} -FLAGS.SILENT ($Bench)")


PROBES: tuple[tuple[str, str, Probe], ...] = (
    ("select", "SELECT", select),
    ("new-select", "SELECT on a new connection", sign_in_and_select),
    ("list", "FETCH of the newest 50, as lists do", newest),
    ("flags", "FETCH 50 (FLAGS) from the middle", flags),
    ("body", "FETCH one whole message", body),
    ("store", "STORE a keyword of one message", store),
    ("append", "APPEND one message", append),
    ("copy", "COPY 10 messages", copy),
    (
        "search-body",
        "SEARCH BODY, ten hits",
        searches(f"BODY {corpus.MARK}{corpus.block_token(0)}", 10),
    ),
    (
        "search-subject",
        "SEARCH SUBJECT, ten hits",
        searches(f"SUBJECT {corpus.SUBJECT_MARK}{corpus.block_token(0)}", 10),
    ),
    ("search-unseen", "SEARCH UNSEEN among 100 UIDs", searches("UNSEEN UID 101:200", 10)),
    ("status", "STATUS", status),
    ("since", "FETCH 1:* (CHANGEDSINCE), one change", since),
)
