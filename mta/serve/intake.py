"""How a message's bytes come in: DATA and BDAT, read in blocks, spooled, judged by their bytes, handed over once.

Between `serve.dialogue`, which brings lines and replies, and `serve.smtp`, which brings the other commands and says
what happens to a message. Wherever the client says how many bytes follow (BDAT, RFC 3030), so many are read before
it is answered, whatever the answer: what a client sends as a message is never taken for commands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from mta import metrics
from mta.serve import statuses
from mta.serve.dialogue import Dialogue, Goodbye
from mta.serve.envelope import Refusal, Transaction
from mta.serve.spool import Spool
from mta.serve.statuses import Reply
from mta.wire import smtp_words
from mta.wire.smtp_data import ChunkReceiver, DataReceiver, Keeper

BLOCK = 256 * 1024


@dataclass(slots=True)
class Chunks:
    """A message that comes by BDAT, so far. `broken`: a chunk was refused, and only RSET helps (RFC 3030 §2)."""

    spool: Spool
    receiver: ChunkReceiver
    until: float  # the loop's time
    broken: bool = False


class Intake(Dialogue):
    """DATA and BDAT. `_greeted` and `_hand_over` are the server's."""

    submission = False
    _chunks: Chunks | None = None

    def _greeted(self) -> None:
        """Raises Refusal where this client may not send mail, or not yet."""
        raise NotImplementedError

    async def _hand_over(self, transaction: Transaction, spool: Spool) -> Sequence[Reply]:
        """What became of the message: one reply, or with LMTP one for each recipient."""
        raise NotImplementedError

    def _answers(self, transaction: Transaction, reply: Reply) -> Sequence[Reply]:
        """The same reply for the whole message; LMTP says it for each recipient."""
        return (reply,)

    def _set_rset_state(self) -> None:
        super()._set_rset_state()
        chunks, self._chunks = self._chunks, None
        if chunks is not None:
            chunks.spool.close()

    def _ready(self) -> Transaction:
        """The transaction that a message may follow now; raises Refusal."""
        self._greeted()
        transaction = self.transaction
        if transaction is None:
            raise Refusal(statuses.SENDER_FIRST)
        if not transaction.recipients:
            raise Refusal(statuses.NO_RECIPIENTS if transaction.refused else statuses.RECIPIENT_FIRST)
        return transaction

    # --- DATA

    async def smtp_DATA(self, arg: str) -> None:
        transaction = self._ready()
        if arg:
            raise Refusal(statuses.BAD_ARGUMENTS)
        if self._chunks is not None:  # RFC 3030 §2: not both in one transaction
            raise Refusal(statuses.NOT_AFTER_BDAT)
        self.say(statuses.GO_AHEAD_DATA)
        await self._flush()
        with Spool() as spool:
            receiver = DataReceiver(spool, limit=self.context.max_message_size, repair=self.submission)
            await self._receive(receiver)
            await self._finish(transaction, spool, receiver)

    async def _receive(self, receiver: DataReceiver) -> None:
        """Read blocks until the message has ended; what follows it goes back to be read as commands."""
        start = self.loop.time()
        until = start + self.visit.policy.data_seconds
        while True:
            block = await self._block(BLOCK, until)
            try:
                rest = receiver.feed(block)
            except OSError as error:
                # The rest of the message must not be taken for commands: the session ends here.
                raise Goodbye(statuses.DISK_FULL) from error
            if rest is not None:
                self._reader._buffer[:0] = rest  # type: ignore[attr-defined]
                return
            if receiver.received > self._most():
                raise Goodbye(statuses.TOO_BIG)
            if self.visit.is_too_slow(receiver.received, self.loop.time() - start):
                raise Goodbye(statuses.TOO_SLOW)

    # --- BDAT

    async def smtp_BDAT(self, arg: str) -> None:
        """RFC 3030 §2. A size that cannot be read ends the session: nobody could say where the commands go on."""
        try:
            size, last = smtp_words.read_chunk(arg)
        except smtp_words.BadWord as error:
            raise Goodbye(statuses.BAD_ARGUMENTS.with_text(str(error))) from error
        if size > self._most():
            raise Goodbye(statuses.TOO_BIG)
        try:
            transaction, chunks = self._ready(), self._chunked()
        except Refusal:
            await self._read(size, lambda _block: None, self.loop.time() + self.visit.policy.data_seconds)
            raise
        await self._read(size, chunks.receiver.feed, chunks.until)
        if not last:
            self._say_chunk(chunks, size)
            return
        self._chunks = None  # ours to close
        with chunks.spool as spool:
            try:
                chunks.receiver.finish()
            except OSError as error:
                raise Goodbye(statuses.DISK_FULL) from error
            await self._finish(transaction, spool, chunks.receiver)

    def _chunked(self) -> Chunks:
        if self._chunks is None:
            spool = Spool()
            receiver = ChunkReceiver(spool, limit=self.context.max_message_size, repair=self.submission)
            self._chunks = Chunks(spool, receiver, self.loop.time() + self.visit.policy.data_seconds)
        if self._chunks.broken:
            raise Refusal(statuses.RESET_FIRST)
        return self._chunks

    def _say_chunk(self, chunks: Chunks, size: int) -> None:
        fault = _fault(chunks.receiver)
        if fault is not None:
            chunks.broken = True
            chunks.spool.close()
        self.say(fault or statuses.DONE.with_text(f"{size} bytes received"))

    async def _read(self, size: int, take: Callable[[bytes], None], until: float) -> None:
        """Exactly so many bytes."""
        start, received = self.loop.time(), 0
        while size:
            block = await self._block(min(BLOCK, size), until)
            size -= len(block)
            received += len(block)
            if size and self.visit.is_too_slow(received, self.loop.time() - start):
                raise Goodbye(statuses.TOO_SLOW)
            try:
                take(block)
            except OSError as error:
                raise Goodbye(statuses.DISK_FULL) from error

    # --- both

    async def _block(self, most: int, until: float) -> bytes:
        """Some bytes of a message, before the time is over; the client hears first what it waits for."""
        if not self._reader._buffer:  # type: ignore[attr-defined]
            await self._flush()
        self._patience.wait(min(self.visit.policy.block_seconds, max(0.0, until - self.loop.time())))
        block = await self._reader.read(most)
        self._patience.rest()
        if not block:
            raise asyncio.IncompleteReadError(b"", None)
        return block

    def _most(self) -> int:
        """Bytes that are read of one message, the most of them only to be thrown away."""
        return 4 * self.context.max_message_size + 1_000_000

    async def _finish(self, transaction: Transaction, spool: Spool, receiver: Keeper) -> None:
        self._set_rset_state()
        begun = self.loop.time()
        fault = _fault(receiver)
        if fault is not None:
            replies = self._answers(transaction, fault)
        else:
            replies = await self._hand_over(transaction, spool)
        metrics.STORED_IN.labels(self.context.protocol).observe(self.loop.time() - begun)
        for reply in replies:
            self.say(reply)
            outcome = "refused" if reply.is_error else "accepted"
            metrics.MESSAGES.labels(self.context.protocol, outcome, reply.enhanced).inc()
        if not all(reply.is_error for reply in replies):
            metrics.MESSAGE_BYTES.labels(self.context.protocol).inc(spool.size)
            self.visit.accepted(len(transaction.recipients))

    def _end(self) -> None:
        """The session is over, however it ended."""
        with suppress(OSError):
            self._set_rset_state()


def _fault(receiver: Keeper) -> Reply | None:
    """What makes a message refusable by its bytes alone."""
    if receiver.too_big:
        return statuses.TOO_BIG
    if receiver.nul:
        return statuses.HAS_NUL
    if receiver.bare_line_end:
        return statuses.BARE_LINE_END
    return None
