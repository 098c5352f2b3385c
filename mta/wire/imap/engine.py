"""The IMAP connection as bytes in, events out; knows lines and literals, never a socket or a mailbox.

    engine.feed(data)                  what arrived
    while event := engine.next(): …    one event at a time; None means "more bytes, please"

Events are pulled, not pushed, because what the next bytes mean may depend on how the last command ended
(a sign-in raises limits, IDLE waits for a plain line, STARTTLS throws the rest away). Any split of the
stream gives the same events. Nothing here grows without a bound a stranger cannot move:

    what                               before sign-in    signed in
    the text of a command              8 KiB             64 KiB
    a literal / all of a command's     4 KiB / 8 KiB     64 KiB / 128 KiB
    a message to be stored             -                 MAX_MESSAGE_SIZE, spooled
    the messages of one command        -                 MAX_MESSAGES, 4 × MAX_MESSAGE_SIZE in one spool
    refused bytes read to stay in step 128 KiB           2 × MAX_MESSAGE_SIZE
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from mta.wire.buffer import Buffer, LineTooLong
from mta.wire.imap import grammar
from mta.wire.imap.commands import Command
from mta.wire.imap.scanner import BadSyntax, Spooled
from mta.wire.imap.search import CHARSETS, BadCharset

MAX_LITERALS = 200
MAX_MESSAGES = 2000  # of one APPEND (RFC 3502)
MESSAGE_WORDS = 256  # octets of text for each message more: flags, date, the literal's mark
SPOOLS = 4  # times MAX_MESSAGE_SIZE, all messages of one command together


@dataclass(frozen=True, slots=True)
class Issued:
    """A command that can be read."""

    tag: str
    command: Command


@dataclass(frozen=True, slots=True)
class Malformed:
    """A command that cannot be read: answer BAD. `tag` is "*" when not even that can be read."""

    tag: str
    text: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A command that can be read but not taken: answer NO with this response code."""

    tag: str
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Continue:
    """The client waits for leave to send a literal (RFC 3501 §7.5): answer "+"."""


@dataclass(frozen=True, slots=True)
class Line:
    """The plain line asked for with `expect_line`; None if it was longer than allowed."""

    line: bytes | None


@dataclass(frozen=True, slots=True)
class Flood:
    """The client sends more than anyone should read: answer BYE and close."""

    text: str


Event = Issued | Malformed | Refused | Continue | Line | Flood

# RFC 3501 §9 `literal`, RFC 7888 §8 {n+}, RFC 3516 §4.4 ~{n}
_LITERAL = re.compile(rb"~?\{(\d{1,20})(\+?)\}\Z")
_TAG = re.compile(rb"([^\x00-\x20\x7f-\xff(){%*\"\\+]{1,64})(?: |\Z)")
# Commands whose literals are messages, but for a mailbox name that comes as one.
_STORING = re.compile(rb"[^ ]+ +(?:append|(?:uid +)?replace) +", re.IGNORECASE)
_BEFORE_MAILBOX = re.compile(rb"[^ ]+ +(?:append|(?:uid +)?replace +[^ ]+) +\Z", re.IGNORECASE)
_MAX_LINE = 16 * 1024


class Engine:
    """One connection. `signed_in` and `utf8` are set by whoever carries the commands out."""

    _skipping: bool  # past the end of an over-long line
    _dropped: int  # bytes read for a command that is refused already

    def __init__(self, *, max_message: int, spool: Callable[[], BinaryIO] = io.BytesIO) -> None:
        self.signed_in = False
        self.utf8 = False  # mailbox names come in UTF-8 (RFC 9051 §5.1, RFC 6855 §3)
        self._max_message = max_message
        self._spool = spool
        self._buffer = Buffer()
        self._expects_line = False
        self._messages: BinaryIO | None = None  # the spool of a command that brings messages
        self._start()

    # --- for the owner

    def feed(self, data: bytes) -> None:
        self._buffer.feed(data)

    def expect_line(self) -> None:
        """The next event is a Line: a SASL answer, or the DONE of IDLE."""
        self._expects_line = True

    def discard(self) -> int:
        """Forget what has arrived (RFC 3501 §6.2.1: nothing from before TLS may count after it)."""
        count = len(self._buffer)
        self._buffer.clear()
        self.close()
        self._start()
        return count

    @property
    def has_more(self) -> bool:
        """Whether the client has already sent what comes next: it has not seen our last answers yet."""
        return len(self._buffer) > 0

    def unread(self) -> bytes:
        """What has arrived and not been looked at, handed over (RFC 4978 §3: it is compressed)."""
        return self._buffer.take(len(self._buffer))

    def close(self) -> None:
        """Let go of half-received messages."""
        if self._messages is not None:
            self._messages.close()
            self._messages = None

    def next(self) -> Event | None:
        if self._expects_line:
            return self._next_line()
        while True:
            if self._sink_open and not self._fill_literal():
                return None
            event, more = self._next_text()
            if event is not None or not more:
                return event

    # --- plain lines

    def _next_line(self) -> Event | None:
        line: bytes | None = None
        try:
            if not self._skipping:
                line = self._buffer.line(_MAX_LINE)
        except LineTooLong:
            self._skipping = True
        if self._skipping:
            dropped, tail = self._buffer.skip_line()
            self._dropped += dropped
            if self._dropped > self._drop_limit():
                return Flood("Line too long")
            if tail is None:
                return None
            self._start()
            self._expects_line = False
            return Line(None)
        if line is None:
            return None
        self._expects_line = False
        return Line(line)

    # --- commands

    def _start(self) -> None:
        """Ready for the first byte of a command (and the rest of `__init__`)."""
        self._texts: list[bytes] = []
        self._literals: list[bytes | Spooled] = []
        self._size = 0  # of the texts
        self._literal_size = 0
        self._sink_open = False
        self._remaining = 0
        self._piece = bytearray()
        self._messages = None
        self._spooled = 0  # octets of messages
        self._message_count = 0
        self._message: Spooled | None = None  # the one that is coming in now
        self._refusal: Malformed | Refused | None = None
        self._skipping = False
        self._dropped = 0

    def _drop_limit(self) -> int:
        return 2 * self._max_message if self.signed_in else 128 * 1024

    def _next_text(self) -> tuple[Event | None, bool]:
        """Read one line of a command. The second value: whether to go round again."""
        limit = (64 if self.signed_in else 8) * 1024 + MESSAGE_WORDS * self._message_count
        line: bytes | None = None
        if not self._skipping:
            try:
                line = self._buffer.line(max(0, limit - self._size))
            except LineTooLong:
                self._skipping = True
                self._refuse(Malformed(self._tag(self._buffer.peek(128)), "The command line is too long"))
        if self._skipping:
            dropped, line = self._buffer.skip_line()
            self._dropped += dropped
            if self._dropped > self._drop_limit():
                return Flood("The command is too long"), False
            if line is not None:
                self._skipping = False
        if line is None:
            return None, False
        self._size += len(line)
        self._texts.append(line)
        literal = _LITERAL.search(line)
        if literal:
            return self._open_literal(int(literal.group(1)), literal, waits=not literal.group(2))
        return self._finish(), False

    def _open_literal(self, size: int, mark: re.Match[bytes], *, waits: bool) -> tuple[Event | None, bool]:
        text = self._texts[-1][: mark.start()]
        self._texts[-1] = text
        is_message = self._is_message(text)
        if self._refusal is None:
            self._check_literal(size, is_message=is_message)
        if self._refusal is not None:
            # RFC 7888 §4: a client that does not wait sends the literal whatever we say.
            if waits:
                return self._finish(), False
            self._dropped += size
            if self._dropped > self._drop_limit():
                return Flood("The literal is too large"), False
        elif is_message:
            self._message = Spooled(self._spooled, size, mark.group().startswith(b"~"))
            if self._messages is None:
                self._messages = self._spool()
            self._message_count += 1
            self._spooled += size
        else:
            self._literal_size += size
        self._remaining = size
        self._sink_open = True
        return (Continue() if waits else None), True

    def _is_message(self, text: bytes) -> bool:
        """Whether the literal that follows is a message to be stored, not a mailbox's name."""
        if not self.signed_in or not _STORING.match(self._texts[0]):
            return False
        return len(self._texts) > 1 or not _BEFORE_MAILBOX.fullmatch(text)

    def _check_literal(self, size: int, *, is_message: bool) -> None:
        tag = self._tag(self._texts[0])
        if is_message:
            if size > self._max_message:
                self._refuse(_too_big(tag, self._max_message))
            elif self._message_count >= MAX_MESSAGES:
                self._refuse(Refused(tag, "LIMIT", f"At most {MAX_MESSAGES} messages in one command"))
            elif self._spooled + size > SPOOLS * self._max_message:
                self._refuse(_too_big(tag, SPOOLS * self._max_message))
            return
        one = (64 if self.signed_in else 4) * 1024
        if size > one:
            self._refuse(_too_big(tag, one))
        elif self._literal_size + size > 2 * one or len(self._literals) - self._message_count >= MAX_LITERALS:
            self._refuse(Malformed(tag, "Too many or too large literals in one command"))

    def _refuse(self, refusal: Malformed | Refused) -> None:
        """Answer this at the end of the command; keep nothing of it but the place in the stream."""
        if self._refusal is None:
            self._refusal = refusal
        self.close()
        self._texts = self._texts[:1]
        self._literals = []

    def _fill_literal(self) -> bool:
        """Move bytes into the open literal; true when it is complete."""
        piece = self._buffer.take(self._remaining)
        self._remaining -= len(piece)
        if self._refusal is not None:
            pass
        elif self._message is not None and self._messages is not None:
            self._messages.write(piece)
        else:
            self._piece += piece
        if self._remaining:
            return False
        self._sink_open = False
        if self._refusal is None:
            self._literals.append(self._message or bytes(self._piece))
            self._message = None
            self._piece.clear()
        return True

    def _finish(self) -> Event:
        texts, literals, messages, refusal = self._texts, self._literals, self._messages, self._refusal
        self._messages = None
        self._start()
        if refusal is not None:
            return refusal
        event = self._understand(texts, literals, messages)
        if messages is not None and not isinstance(event, Issued):
            messages.close()
        return event

    def _understand(
        self, texts: list[bytes], literals: list[bytes | Spooled], messages: BinaryIO | None
    ) -> Event:
        found = _TAG.match(texts[0])
        if not found:
            return Malformed("*", "A command begins with a tag")
        tag = found.group(1).decode("ascii")
        texts[0] = texts[0][found.end() :]
        try:
            return Issued(tag, grammar.parse(texts, literals, messages, utf8=self.utf8))
        except BadCharset as error:
            return Refused(tag, f"BADCHARSET ({' '.join(CHARSETS)})", str(error))
        except BadSyntax as error:
            return Malformed(tag, str(error))

    @staticmethod
    def _tag(text: bytes) -> str:
        found = _TAG.match(text)
        return found.group(1).decode("ascii") if found else "*"


def _too_big(tag: str, limit: int) -> Refused:
    """RFC 7889 §4"""
    return Refused(tag, "TOOBIG", f"At most {limit} octets are taken here")
