"""A FETCH read from the store and printed, a batch per call of `next`. Blocks: runs in the bridge's threads.

One batch is what one session may hold of its answer: about BATCH_BYTES, so that a client that reads slowly costs
two of them (one being sent, one read ahead) and no thread is busy for long. Whole messages are read by their
size; of columns the number of rows follows what the last ones came to. Never touches the session.
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
from mta.wire.imap.commands import Section
from mta.wire.imap.uids import Uids

BATCH_BYTES = 1024 * 1024
BATCH_SECONDS = 0.02
FIRST_ROWS, MOST_ROWS = 200, 5000
BATCH_MESSAGES = 200
JOINED = 64 * 1024  # pieces above this are sent as they are, not copied together

Cuts = Sequence[wire.Cut]


@dataclass(slots=True)
class Batch:
    """A part of the answer; `keywords` are the lists of them that it mentions."""

    pieces: list[bytes]
    keywords: frozenset[str] = frozenset()
    is_last: bool = False


@dataclass(slots=True)
class _Rows:
    """Messages whose columns have been read and whose sections have not."""

    columns: dict[str, Sequence[Any]]
    numbers: list[int]

    def __len__(self) -> int:
        return len(self.numbers)

    def part(self, first: int, last: int) -> _Rows:
        columns = {name: values[first:last] for name, values in self.columns.items()}
        return _Rows(columns, self.numbers[first:last])

    def at(self, places: Sequence[int]) -> _Rows:
        columns: dict[str, Sequence[Any]] = {
            name: [values[at] for at in places] for name, values in self.columns.items()
        }
        return _Rows(columns, [self.numbers[at] for at in places])


@dataclass(slots=True)
class Batches:
    """The answer to one FETCH of `wanted` out of the `told` UIDs. One thread at a time may ask for the `next`."""

    mailspace: int
    mailbox: int
    told: Uids
    wanted: Uids
    plan: wire.Plan
    printer: wire.Printer
    table: FlagTable | None = None  # where the flags come from, if not from the store
    missing: int = 0  # messages that are not there any more
    unknown_encoding: bool = False
    _at: int = 0
    _step: int = FIRST_ROWS
    _waiting: deque[_Rows] = field(default_factory=deque)  # each of about BATCH_BYTES of messages

    def next(self) -> Batch:
        keywords: frozenset[str] = frozenset()
        if not self._waiting:
            began = time.monotonic()
            rows, keywords = self._read(self.wanted[self._at : self._at + self._step])
            self._at += self._step
            if self.plan.source in (wire.Source.NONE, wire.Source.HEAD):
                batch = Batch([self._lines(rows)], keywords)
                self._pace(len(batch.pieces[0]), time.monotonic() - began)
                return self._counted(batch)
            self._step = min(self._step * 4, MOST_ROWS)
            self._waiting.extend(self._by_size(rows))
        pieces: list[bytes] = []
        if self._waiting:
            rows = self._waiting.popleft()
            pieces = list(_joined(self._pieces(rows)))
        return self._counted(Batch(pieces, keywords))

    def _counted(self, batch: Batch) -> Batch:
        batch.is_last = not self._waiting and self._at >= len(self.wanted)
        return batch

    def _pace(self, size: int, seconds: float) -> None:
        """Towards BATCH_BYTES and BATCH_SECONDS a batch, by at most four times at once."""
        grown = 4 * self._step
        by_size = self._step * BATCH_BYTES // max(size, 1)
        by_time = int(self._step * BATCH_SECONDS / max(seconds, 0.0001))
        self._step = max(50, min(grown, by_size, by_time, MOST_ROWS))

    # --- columns

    def _read(self, chunk: Uids) -> tuple[_Rows, frozenset[str]]:
        columns = _from_table(self.table, chunk) if self.table is not None else None
        if columns is None:
            columns = self._from_store(chunk)
        uids = columns["uid"]
        missing = len(chunk) - len(uids)
        self.missing += missing
        numbers = list(self.told.numbers(chunk))
        if missing:
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
                yield rows.part(first, at)
                first, size = at, 0
            size += weight
        if first < len(rows):
            yield rows.part(first, len(rows))

    def _pieces(self, rows: _Rows) -> Iterable[bytes]:
        messages = rows.columns["message"]
        cuts = self._cuts(messages)
        there = [at for at, message in enumerate(messages) if message in cuts]
        if len(there) < len(messages):
            self.missing += len(messages) - len(there)
            rows = rows.at(there)
        return self.printer.pieces(rows.numbers, rows.columns, [cuts[id_] for id_ in rows.columns["message"]])

    def _cuts(self, messages: Sequence[int]) -> Mapping[int, Cuts]:
        """The sections' bytes by message. Messages that went meanwhile are left out."""
        if len(messages) == 1 and self.plan.source is wire.Source.MESSAGE:
            try:
                opened = shelf.opened(self.mailspace, messages[0])
            except NoSuchMessage:
                return {}
            return {messages[0]: self._cut(opened)}
        read = mailstore.raws if self.plan.source is wire.Source.MESSAGE else mailstore.headers
        return {message: self._cut(wire.Opened(raw)) for message, raw in read(self.mailspace, messages)}

    def _cut(self, opened: wire.Opened) -> Cuts:
        return [self._section(opened, section) for section in self.plan.sections]

    def _section(self, opened: wire.Opened, section: Section) -> wire.Cut:
        try:
            return opened.section(section)
        except wire.UnknownEncoding:
            self.unknown_encoding = True
            return None


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
