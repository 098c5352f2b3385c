"""The cases: each does one thing to one server, checks the answer, and returns figures.

A figure is a number with a name that says its unit: `_ms`, `_s`, `_per_s`, `_mb_s`, `_kib`. A wrong answer, however
fast, raises `imap.Refused`.
"""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection

from bench import corpus, sets
from bench.imap import Imap, Refused, opened
from bench.servers import Server

Figures = dict[str, float]
BYSTANDER_PAUSE = 0.001
WARMING_UP = 40


@dataclass(frozen=True)
class Bar:
    """What a figure must reach. `ratio`: ours over theirs, as a speed; `limit`: ours, at most."""

    figure: str
    ratio: float | None = None
    limit: float | None = None
    faster: bool = True  # the figure is a rate; else a time, and the ratio is theirs over ours


@dataclass(frozen=True)
class Case:
    name: str
    title: str
    set: str
    measure: Callable[[Server], Figures]
    bars: tuple[Bar, ...] = ()
    peers: bool = True
    processes: int = 1
    checks: bool = False  # ours looks at what comes in: SPF, DKIM, DMARC, ARC, the spam filter
    once: bool = False  # one round is enough: it hardly varies, and takes long


def median(times: list[float]) -> float:
    return statistics.median(times)


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    at = (len(ordered) - 1) * share
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)


def count_of(holds: Callable[[int], bool], count: int) -> int:
    return sum(map(holds, range(count)))


# --- reading


def select(user: str, count: int) -> Callable[[Server], Figures]:
    def measure(server: Server) -> Figures:
        times = []
        with Imap(server, user) as client:
            client.select()
            for _ in range(21):
                client.ok("UNSELECT")
                exists, seconds = client.select()
                times.append(seconds)
                if exists != count:
                    raise Refused(f"EXISTS {exists}, not {count}")
        with Imap(server, user) as cold:
            _, first = cold.select()
        return {"p50_ms": median(times) * 1000, "new_connection_ms": first * 1000}

    return measure


class Bystander:
    """Somebody else who does small things meanwhile, in a process of their own; the waits are in `waits`."""

    def __init__(self, server: Server) -> None:
        context = multiprocessing.get_context("fork")
        self._stop = context.Event()
        self._begun = context.Event()
        self._pipe, theirs = context.Pipe(duplex=False)
        self.waits: list[float] = []
        self._process = context.Process(target=self._work, args=(server, theirs), daemon=True)

    def _work(self, server: Server, pipe: Connection) -> None:
        waits = []
        with opened(server, sets.MIXED[0]) as client:
            for number in range(1_000_000):
                if number % 2:
                    _, seconds = client.ok("NOOP")
                else:
                    _, seconds = client.fetch(f"FETCH {number % 900 + 1} (FLAGS UID)", expect=1)
                if number < WARMING_UP:
                    continue
                self._begun.set()
                waits.append(seconds)
                if self._stop.is_set():
                    break
                time.sleep(BYSTANDER_PAUSE)
        pipe.send(waits)

    def __enter__(self) -> Bystander:
        self._process.start()
        self._begun.wait(60)
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        if self._pipe.poll(60):
            self.waits = self._pipe.recv()
        self._process.join()


def fetch(user: str, count: int, items: str, *, repeat: int = 2) -> Callable[[Server], Figures]:
    def measure(server: Server) -> Figures:
        times, size = [], 0
        with opened(server, user) as client:
            for _ in range(repeat):
                raw, seconds = client.fetch(f"FETCH 1:* {items}", expect=count)
                times.append(seconds)
                size = len(raw)
        return {
            "per_s": count / min(times),
            "first_per_s": count / times[0],
            "mb_s": size / min(times) / 1e6,
            "seconds_s": min(times),
        }

    return measure


def beside(user: str, count: int, items: str) -> Callable[[Server], Figures]:
    """What somebody else waits while one client fetches everything."""

    def measure(server: Server) -> Figures:
        with opened(server, user) as client, Bystander(server) as other:
            client.fetch(f"FETCH 1:* {items}", expect=count)
        if not other.waits:
            raise Refused("nobody else was served at all")
        return {"worst_wait_ms": max(other.waits) * 1000, "p95_wait_ms": percentile(other.waits, 0.95) * 1000}

    return measure


def bodies(user: str, count: int) -> Callable[[Server], Figures]:
    """Whole messages: all at once."""

    def measure(server: Server) -> Figures:
        times, size = [], 0
        expected = sum(len(corpus.message(i)) for i in range(count))
        with opened(server, user) as client:
            for _ in range(2):
                raw, seconds = client.fetch_whole("FETCH 1:* BODY.PEEK[]", expect=count)
                times.append(seconds)
                size = raw
        if size < expected:
            raise Refused(f"{size} bytes, less than the {expected} of the messages")
        return {
            "mb_s": size / min(times) / 1e6,
            "per_s": count / min(times),
            "first_mb_s": size / times[0] / 1e6,
        }

    return measure


def search(
    user: str, count: int, key: str, holds: Callable[[int], bool], *, repeat: int = 2
) -> Callable[[Server], Figures]:
    def measure(server: Server) -> Figures:
        expected = count_of(holds, count)
        with opened(server, user) as client:
            times = [client.search(key, expect=expected) for _ in range(repeat)]
        return {"ms": min(times) * 1000, "first_ms": times[0] * 1000}

    return measure


# --- writing


def store(user: str, count: int = 1000) -> Callable[[Server], Figures]:
    def measure(server: Server) -> Figures:
        times = []
        with opened(server, user, how="SELECT") as client:
            for sign in "+-+-":
                _, seconds = client.fetch(f"STORE 1:{count} {sign}FLAGS (\\Flagged $Bench)", expect=count)
                times.append(seconds)
        return {"ms": median(times) * 1000}

    return measure


def copy(user: str, count: int = 1000) -> Callable[[Server], Figures]:
    def measure(server: Server) -> Figures:
        times = []
        with opened(server, user, how="SELECT") as client:
            for number in range(3):
                box = f"Copied{number}"
                client.make(box)
                times.append(client.ok(f"COPY 1:{count} {box}")[1])
                if (found := client.messages(box)) != count:
                    raise Refused(f"COPY: {found} messages, not {count}")
            for number in range(3):
                client.drop(f"Copied{number}")
        return {"ms": median(times) * 1000}

    return measure


def append(server: Server) -> Figures:
    texts = list(corpus.messages(300))
    with Imap(server, sets.WRITER) as client:
        client.make("Appended")
        seconds = client.append("Appended", texts)
        if (found := client.messages("Appended")) != len(texts):
            raise Refused(f"APPEND: {found} messages, not {len(texts)}")
        client.drop("Appended")
    return {"per_s": len(texts) / seconds}
