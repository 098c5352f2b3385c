"""What must cost the same however large the mailbox is: small things done in it, many times, the median of each."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from bench import cases, corpus
from bench.cases import Figures, median
from bench.imap import Imap, Refused, opened
from bench.servers import Server

TIMES = 15
Measure = Callable[[Server], Figures]
_ITEMS = "(UID FLAGS RFC822.SIZE INTERNALDATE ENVELOPE BODYSTRUCTURE)"
_MODSEQ = re.compile(rb"HIGHESTMODSEQ (\d+)")


def _timed(work: Callable[[], float]) -> Figures:
    work()
    return {"ms": median([work() for _ in range(TIMES)]) * 1000}


def select(user: str, count: int) -> Measure:
    def measure(server: Server) -> Figures:
        found = cases.select(user, count)(server)
        return {"ms": found["p50_ms"], "new_connection_ms": found["new_connection_ms"]}

    return measure


def newest(user: str, count: int) -> Measure:
    def measure(server: Server) -> Figures:
        with opened(server, user) as client:
            return _timed(lambda: client.fetch(f"FETCH {count - 49}:* {_ITEMS}", expect=50)[1])

    return measure


def flags(user: str, count: int) -> Measure:
    def measure(server: Server) -> Figures:
        with opened(server, user) as client:
            return _timed(lambda: client.fetch(f"FETCH {count // 2}:{count // 2 + 49} (FLAGS)", expect=50)[1])

    return measure


def body(user: str, count: int) -> Measure:
    def measure(server: Server) -> Figures:
        with opened(server, user) as client:
            return _timed(lambda: client.fetch_whole(f"FETCH {count // 2} BODY.PEEK[]", expect=1)[1])

    return measure


def store(user: str, count: int) -> Measure:
    def measure(server: Server) -> Figures:
        with opened(server, user, how="SELECT") as client:

            def once() -> float:
                return (
                    sum(
                        client.fetch(f"STORE {count // 2} {sign}FLAGS ($Bench)", expect=1)[1] for sign in "+-"
                    )
                    / 2
                )

            return _timed(once)

    return measure


def append(user: str, count: int) -> Measure:
    """Into the large mailbox itself, taken away again afterwards."""
    message = corpus.message(17, corpus.SMALL)

    def measure(server: Server) -> Figures:
        with Imap(server, user) as client:
            figures = _timed(lambda: client.append("INBOX", [message]))
            client.select()
            client.ok(f"STORE {count + 1}:* +FLAGS.SILENT (\\Deleted)")
            client.ok("EXPUNGE")
            if (left := client.messages("INBOX")) != count:
                raise Refused(f"{left} messages after EXPUNGE, not {count}")
        return figures

    return measure


def copy(user: str, count: int) -> Measure:
    def measure(server: Server) -> Figures:
        with opened(server, user, how="SELECT") as client:
            times = []
            for number in range(TIMES):
                box = f"Copied{number}"
                client.make(box)
                times.append(client.ok(f"COPY {count // 2}:{count // 2 + 9} {box}")[1])
                if client.messages(box) != 10:
                    raise Refused("COPY copied something else")
                client.drop(box)
        return {"ms": median(times) * 1000}

    return measure


def search(user: str, key: str, hits: int) -> Measure:
    def measure(server: Server) -> Figures:
        with opened(server, user) as client:
            return _timed(lambda: client.search(key, expect=hits))

    return measure


def status(user: str, count: int) -> Measure:
    def measure(server: Server) -> Figures:
        with Imap(server, user) as client:

            def once() -> float:
                raw, seconds = client.ok("STATUS INBOX (MESSAGES UNSEEN UIDNEXT UIDVALIDITY)")
                if b"MESSAGES %d" % count not in raw:
                    raise Refused(raw.decode(errors="replace"))
                return seconds

            return _timed(once)

    return measure


def since(user: str, count: int) -> Measure:
    """What a program that comes back asks (RFC 7162): one message has changed since."""

    def measure(server: Server) -> Figures:
        with Imap(server, user) as client:
            client.ok("ENABLE CONDSTORE")
            raw, _ = client.ok("SELECT INBOX")
            found = _MODSEQ.search(raw)
            if found is None:
                raise Refused("SELECT without HIGHESTMODSEQ")
            before = int(found[1])
            client.ok(f"STORE {count // 2} +FLAGS.SILENT ($Bench)")
            figures = _timed(lambda: client.fetch(f"FETCH 1:* (FLAGS) (CHANGEDSINCE {before})", expect=1)[1])
            client.ok(f"STORE {count // 2} -FLAGS.SILENT ($Bench)")
        return figures

    return measure


__all__ = [
    "TIMES",
    "append",
    "body",
    "copy",
    "flags",
    "newest",
    "search",
    "select",
    "since",
    "status",
    "store",
    "time",
]
