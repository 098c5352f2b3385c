"""A FETCH read from the store and printed in batches. `read` blocks: it runs in the bridge's threads.

A batch is about BATCH_BYTES, so that a client that reads slowly costs three of them (one being sent, two read
ahead) and no thread is busy for long; a larger message is a batch by itself, and nothing is read beside it.
Whole messages are read by their size; of columns the number of rows follows what the last ones came to. Never
touches the session.
"""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mta.mailstore import service as mailstore
from mta.mailstore.errors import NoSuchMessage
from mta.serve.imap import shelf
from mta.values import FlagTable
from mta.wire.imap import fetch as wire
from mta.wire.imap.uids import Uids

BATCH_BYTES = 512 * 1024
MOST_BYTES = 2 * BATCH_BYTES  # being read at the same time
BATCH_SECONDS = 0.05
FIRST_ROWS, MOST_ROWS = 200, 5000
BATCH_MESSAGES = 200
JOINED = 64 * 1024  # pieces above this are sent as they are, not copied together

Cuts = Sequence[wire.Cut]


@dataclass(slots=True)
class Batch:
    """A part of the answer; `keywords` are the lists of them that it mentions."""

    pieces: list[bytes]
    keywords: frozenset[str] = frozenset()
    missing: int = 0  # messages that are not there any more
    unknown_encoding: bool = False


@dataclass(slots=True)
class _Rows:
    """Messages whose columns have been read and whose sections have not; `weight` in octets."""

    columns: dict[str, Sequence[Any]]
    numbers: list[int]
    weight: int = 0

    def __len__(self) -> int:
        return len(self.numbers)

    def part(self, first: int, last: int, weight: int) -> _Rows:
        columns = {name: values[first:last] for name, values in self.columns.items()}
        return _Rows(columns, self.numbers[first:last], weight)

    def at(self, places: Sequence[int]) -> _Rows:
        columns: dict[str, Sequence[Any]] = {
            name: [values[at] for at in places] for name, values in self.columns.items()
        }
        return _Rows(columns, [self.numbers[at] for at in places])


Work = Uids | _Rows


@dataclass(slots=True)
class Batches:
    """The answer to one FETCH of `wanted` out of the `told` UIDs.

    `claim` gives the next piece of work, in the event loop and in the order of the answer; `read` does it, in
    any thread, beside others.
    """

    mailspace: int
    mailbox: int
    told: Uids
    wanted: Uids
    plan: wire.Plan
    printer: wire.Printer
    table: FlagTable | None = None  # where the flags come from, if not from the store
    _at: int = 0
    _step: int = FIRST_ROWS
    _looking: bool = False  # the sizes of the next messages are being read
    _waiting: deque[_Rows] = field(default_factory=deque)  # each of about BATCH_BYTES of messages

    def claim(self, beside: int = 0) -> Work | None:
        """What to read next, while pieces of `beside` octets are being read; None: nothing, or not now."""
        if self._waiting:
            if beside and beside + self._waiting[0].weight > MOST_BYTES:
                return None
            return self._waiting.popleft()
        if self._looking or self._at >= len(self.wanted):
            return None
        self._looking = self._reads_messages
        chunk = self.wanted[self._at : self._at + self._step]
        self._at += len(chunk)
        return chunk

    @property
    def _reads_messages(self) -> bool:
        return self.plan.source in (wire.Source.HEADER, wire.Source.MESSAGE)

    def read(self, work: Work) -> Batch:
        if isinstance(work, _Rows):
            return self._messages(work)
        began = time.monotonic()
        rows, keywords = self._rows(work)
        missing = len(work) - len(rows)
        if not self._reads_messages:
            batch = Batch([self._lines(rows)], keywords, missing)
            self._pace(len(batch.pieces[0]), time.monotonic() - began)
            return batch
        first, *others = self._by_size(rows) if rows else [rows]
        self._step = min(self._step * 4, MOST_ROWS)
        self._waiting.extend(others)
        self._looking = False
        batch = self._messages(first)
        batch.keywords = keywords
        batch.missing += missing
        return batch

    def _pace(self, size: int, seconds: float) -> None:
        """Towards BATCH_BYTES and BATCH_SECONDS a batch, by at most four times at once."""
        grown = 4 * self._step
        by_size = self._step * BATCH_BYTES // max(size, 1)
        by_time = int(self._step * BATCH_SECONDS / max(seconds, 0.0001))
        self._step = max(50, min(grown, by_size, by_time, MOST_ROWS))

    # --- columns

    def _rows(self, chunk: Uids) -> tuple[_Rows, frozenset[str]]:
        columns = _from_table(self.table, chunk) if self.table is not None else None
        if columns is None:
            columns = self._from_store(chunk)
        uids = columns["uid"]
        numbers = list(self.told.numbers(chunk))
        if len(uids) < len(chunk):
            numbers = [self.told.index(uid) + 1 for uid in uids]
        words = {word for line in set(columns.get("keywords", ())) for word in line.split()}
        return _Rows(columns, numbers), frozenset(words)

    def _from_store(self, chunk: Uids) -> dict[str, Sequence[Any]]:
        names = self.plan.columns
        rows = mailstore.fetch(self.mailspace, self.mailbox, list(chunk), names)
        if not rows:
            return dict.fromkeys(names, ())
        return dict(zip(names, zip(*rows, strict=True), strict=True))

    def _lines(self, rows: _Rows) -> bytes:
        if self.plan.source is wire.Source.HEAD:
            self._complete(rows)
        return self.printer.lines(rows.numbers, rows.columns)

    def _complete(self, rows: _Rows) -> None:
        """Heads too large to be kept, or kept by an older parser, are read from the messages."""
        heads = list(rows.columns["head"])
        partly = [at for at, head in enumerate(heads) if head is None]
        if not partly:
            return
        uids = [rows.columns["uid"][at] for at in partly]
        messages = dict(mailstore.fetch(self.mailspace, self.mailbox, uids, ("uid", "message")))
        found = dict(mailstore.headers(self.mailspace, messages.values()))
        for at, uid in zip(partly, uids, strict=True):
            heads[at] = wire.head_lines(found.get(messages.get(uid, 0), b""))
        rows.columns["head"] = heads

    # --- sections

    def _by_size(self, rows: _Rows) -> Iterator[_Rows]:
        """Rows in pieces of about BATCH_BYTES of mail."""
        of_header = self.plan.source is wire.Source.HEADER
        first = size = 0
        for at, octets in enumerate(rows.columns["size"]):
            weight = min(octets, 4096) if of_header else octets
            if at > first and (size + weight > BATCH_BYTES or at - first >= BATCH_MESSAGES):
                yield rows.part(first, at, size)
                first, size = at, 0
            size += weight
        yield rows.part(first, len(rows), size)

    def _messages(self, rows: _Rows) -> Batch:
        batch = Batch([])
        messages = rows.columns["message"]
        cuts = self._cuts(messages, batch)
        there = [at for at, message in enumerate(messages) if message in cuts]
        if len(there) < len(messages):
            batch.missing = len(messages) - len(there)
            rows = rows.at(there)
        found = [cuts[message] for message in rows.columns["message"]]
        batch.pieces = list(_joined(self.printer.pieces(rows.numbers, rows.columns, found)))
        return batch

    def _cuts(self, messages: Sequence[int], batch: Batch) -> Mapping[int, Cuts]:
        """The sections' bytes by message. Messages that went meanwhile are left out."""
        if len(messages) == 1 and self.plan.source is wire.Source.MESSAGE:
            try:
                opened = shelf.opened(self.mailspace, messages[0])
            except NoSuchMessage:
                return {}
            return {messages[0]: self._cut(opened, batch)}
        read = mailstore.raws if self.plan.source is wire.Source.MESSAGE else mailstore.headers
        found = read(self.mailspace, messages, at_once=len(messages))
        return {message: self._cut(wire.Opened(raw), batch) for message, raw in found}

    def _cut(self, opened: wire.Opened, batch: Batch) -> Cuts:
        found: list[wire.Cut] = []
        for section in self.plan.sections:
            try:
                found.append(opened.section(section))
            except wire.UnknownEncoding:
                batch.unknown_encoding = True
                found.append(None)
        return found


def weight_of(work: Work) -> int:
    """The octets of messages that a piece of work reads; a guess while it is not known which they are."""
    return work.weight if isinstance(work, _Rows) else BATCH_BYTES


def _from_table(table: FlagTable, chunk: Uids) -> dict[str, Sequence[Any]] | None:
    """The columns behind FLAGS of these messages out of a table; None when it does not have them all."""
    there = _places(table, chunk)
    if there is None:
        return None
    flags = b"".join([table.flags[first:last] for first, last in there])
    keywords: Sequence[str] = [""] * len(flags)
    if table.keywords:
        keywords = [" ".join(table.keywords.get(uid, ())) for uid in chunk]
    return {"uid": list(chunk), "flags": flags, "deleted": bytes(len(flags)), "keywords": keywords}


def _places(table: FlagTable, chunk: Uids) -> list[tuple[int, int]] | None:
    """Where the runs of some UIDs are in a table; None if one of them is not there."""
    found = []
    for low, high in chunk.ranges:
        first, last = bisect_left(table.uids, low), bisect_right(table.uids, high)
        if last - first != high - low + 1:
            return None
        found.append((first, last))
    return found


def _joined(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Small pieces together, large ones as they are."""
    small: list[bytes] = []
    size = 0
    for piece in pieces:
        if len(piece) <= JOINED:
            small.append(piece)
            size += len(piece)
            if size < BATCH_BYTES:
                continue
        if small:
            yield b"".join(small)
            small, size = [], 0
        if len(piece) > JOINED:
            yield piece
    if small:
        yield b"".join(small)
