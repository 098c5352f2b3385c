"""POP3 (RFC 1939, RFC 2449, RFC 2595 STLS, RFC 5034 AUTH, RFC 3206) as a machine without sockets.

Feed bytes with `receive`, ask `next` for what to do: send something, or fetch an answer from the store and
hand it back through the method that the event names. While an answer is awaited, nothing further is read, so
pipelined commands stay in order (RFC 2449 §6.6). Lines are bounded; no bytes make it raise. It never learns
a mailspace or reads a message: it knows numbers, ids and sizes. Used by `serve.pop3`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mta.message.headers import split_message
from mta.wire import sasl
from mta.wire.buffer import Buffer, LineTooLong

LONGEST_LINE = 512  # RFC 2449 §4 asks for 255
MOST_ERRORS = 20
MOST_SIGN_INS = 4


@dataclass(frozen=True, slots=True)
class Send:
    """Write these bytes."""

    data: bytes


@dataclass(frozen=True, slots=True)
class SignIn:
    """Check a name and a password; answer with `opened` or `refused`."""

    credentials: sasl.Plain


@dataclass(frozen=True, slots=True)
class StartTls:
    """The go-ahead is to be sent with `data`; then shake hands, and call `secured`."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Retrieve:
    """Read a message; answer with `retrieved` or `refused`. `lines` of its body, or all (None)."""

    message: int
    lines: int | None


@dataclass(frozen=True, slots=True)
class Update:
    """RFC 1939 §6: QUIT makes the deletions real. Answer with `updated` or `refused`; then comes Close."""

    uids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Close:
    """The session is over."""


Event = Send | SignIn | StartTls | Retrieve | Update | Close


@dataclass(frozen=True, slots=True)
class Item:
    """A message of the maildrop. `message` is its unique id (UIDL); `size` in bytes as stored."""

    uid: int
    message: int
    size: int


class _Wrong(Exception):
    """The command is refused with this text."""


class Pop3:
    """One session. `plaintext_ok`: passwords may travel as the connection is now."""

    def __init__(self, *, hostname: str, offers_tls: bool, plaintext_ok: bool) -> None:
        self._hostname = hostname
        self._offers_tls = offers_tls
        self._plaintext_ok = plaintext_ok
        self._buffer = Buffer()
        self._events: list[Event] = []
        self._awaiting: str | None = None  # the answer that must come before the next command
        self._skipping = False
        self._sasl = False
        self._errors = 0
        self._sign_ins = 0
        self._closed = False
        self._closing = False
        self._username: str | None = None
        self._items: Sequence[Item] | None = None
        self._deleted: set[int] = set()  # numbers

    # --- bytes in, events out

    def greeting(self) -> bytes:
        return _ok(f"{self._hostname} Mailstead ready")

    def receive(self, data: bytes) -> None:
        if not self._closed:
            self._buffer.feed(data)

    def next(self) -> Event | None:
        """The next thing to do; None: feed more bytes, or answer first."""
        while not self._events:
            if self._closed or self._awaiting is not None:
                return None
            line = self._line()
            if line is None:
                return None
            self._handle(line)
        return self._events.pop(0)

    def _line(self) -> bytes | None:
        if self._skipping:
            self._skipping = self._buffer.skip_line()[1] is None
            if self._skipping:
                return None
            self._refuse("Line too long")
            return b""
        try:
            return self._buffer.line(sasl.MAX_RESPONSE if self._sasl else LONGEST_LINE)
        except LineTooLong:
            self._skipping, self._sasl = True, False
            return self._line()

    def _handle(self, line: bytes) -> None:
        if self._events:
            return  # an over-long line, answered already
        try:
            if self._sasl:
                self._sasl = False
                self._plain(line)
            else:
                self._command(line)
        except _Wrong as wrong:
            self._refuse(str(wrong))

    def _command(self, line: bytes) -> None:
        try:
            text = line.decode()
        except UnicodeDecodeError:
            raise _Wrong("This line cannot be understood") from None
        if not text.isprintable():
            raise _Wrong("This line cannot be understood")
        name, _, argument = text.partition(" ")
        table = self._BEFORE if self._items is None else self._AFTER
        command = table.get(name.upper())
        if command is None:
            elsewhere = name.upper() in self._BEFORE | self._AFTER
            raise _Wrong("Sign in first" if elsewhere and self._items is None else "Unknown command here")
        command(self, argument)

    def _refuse(self, text: str, code: str = "") -> None:
        self._errors += 1
        self._send(_err(text, code))
        if self._errors >= MOST_ERRORS:
            self._close()

    def _send(self, data: bytes) -> None:
        self._events.append(Send(data))

    def _ask(self, event: Event, answer: str) -> None:
        self._events.append(event)
        self._awaiting = answer

    def _close(self) -> None:
        self._closed = True
        self._buffer.clear()
        self._events.append(Close())

    # --- AUTHORIZATION

    def _user(self, argument: str) -> None:
        self._need_privacy()
        if not argument:
            raise _Wrong("USER takes a name")
        self._username = argument
        self._send(_ok("Now the password"))

    def _pass(self, argument: str) -> None:
        self._need_privacy()
        if self._username is None:
            raise _Wrong("USER comes first")
        username, self._username = self._username, None
        # RFC 1939 §7: everything after the one blank is the password, blanks too.
        self._ask(SignIn(sasl.Plain(username, argument)), "sign in")

    def _auth(self, argument: str) -> None:
        mechanism, _, initial = argument.partition(" ")
        if not mechanism:  # RFC 5034 §4 has CAPA for this; older clients ask so
            self._send(_ok("Mechanisms follow") + (b"PLAIN\r\n" if self._plaintext_ok else b"") + b".\r\n")
            return
        self._need_privacy()
        if mechanism.upper() != "PLAIN":
            raise _Wrong("Only PLAIN is supported")
        if initial:
            self._plain(initial.encode())
        else:
            self._sasl = True
            self._send(b"+ \r\n")

    def _plain(self, line: bytes) -> None:
        if line == b"*":  # RFC 5034 §4
            raise _Wrong("Sign-in given up")
        try:
            credentials = sasl.plain(line)
        except sasl.BadResponse as error:
            raise _Wrong(str(error)) from None
        self._ask(SignIn(credentials), "sign in")

    def _need_privacy(self) -> None:
        if not self._plaintext_ok:
            raise _Wrong("Passwords are only taken over an encrypted connection: use STLS")

    def _stls(self, argument: str) -> None:
        if argument or not self._offers_tls:
            raise _Wrong("TLS cannot be started now")
        # RFC 2595 §4: nothing said in clear counts any more, and nothing sent after it is kept.
        self._buffer.clear()
        self._username = None
        self._ask(StartTls(_ok("Begin TLS")), "tls")

    def secured(self) -> None:
        """TLS is up."""
        self._buffer.clear()
        self._offers_tls, self._plaintext_ok, self._awaiting = False, True, None

    def opened(self, items: Sequence[Item]) -> None:
        """The password was right and the maildrop is ours."""
        self._awaiting = None
        self._errors = 0
        self._items = items
        self._send(_ok(f"{len(items)} messages"))

    def refused(self, text: str, code: str = "") -> None:
        """What was asked for cannot be had. A wrong password has the code AUTH (RFC 3206)."""
        asked, self._awaiting = self._awaiting, None
        self._refuse(text, code)
        if asked == "sign in" and code == "AUTH":
            self._sign_ins += 1
        if self._sign_ins >= MOST_SIGN_INS or asked == "update":
            self._close()

    # --- TRANSACTION

    def _stat(self, _argument: str) -> None:
        present = self._present()
        self._send(_ok(f"{len(present)} {sum(item.size for _, item in present)}"))

    def _list(self, argument: str) -> None:
        self._listing(argument, lambda item: item.size)

    def _uidl(self, argument: str) -> None:
        self._listing(argument, lambda item: item.message)

    def _listing(self, argument: str, column: Callable[[Item], int]) -> None:
        if argument.strip():
            number, item = self._numbered(argument)
            self._send(_ok(f"{number} {column(item)}"))
            return
        lines = [f"{number} {column(item)}\r\n" for number, item in self._present()]
        self._send(_ok(f"{len(lines)} messages") + "".join(lines).encode() + b".\r\n")

    def _retr(self, argument: str) -> None:
        _number, item = self._numbered(argument)
        self._ask(Retrieve(item.message, None), "retrieve")

    def _top(self, argument: str) -> None:
        number, _, lines = argument.strip().partition(" ")
        _number, item = self._numbered(number)
        self._ask(Retrieve(item.message, _natural(lines)), "retrieve")

    def retrieved(self, raw: bytes, lines: int | None) -> None:
        self._awaiting = None
        self._errors = 0
        self._send(_ok("Message follows") + (multiline(raw) if lines is None else multiline(top(raw, lines))))

    def _dele(self, argument: str) -> None:
        number, _item = self._numbered(argument)
        self._deleted.add(number)
        self._send(_ok("Marked for deletion"))

    def _rset(self, _argument: str) -> None:
        self._deleted.clear()
        self._send(_ok("Nothing is marked for deletion"))

    def _noop(self, _argument: str) -> None:
        self._send(_ok("Here"))

    def _quit(self, _argument: str) -> None:
        if self._items is None or not self._deleted:
            self._send(_ok("Goodbye"))
            self._close()
            return
        uids = tuple(self._items[number - 1].uid for number in sorted(self._deleted))
        self._ask(Update(uids), "update")

    def updated(self) -> None:
        self._awaiting = None
        self._send(_ok("Goodbye"))
        self._close()

    def _capa(self, _argument: str) -> None:
        """RFC 2449 §5; what depends on encryption is only named where it works."""
        names = ["TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "EXPIRE NEVER"]
        if self._plaintext_ok:
            names += ["USER", "SASL PLAIN"]
        if self._offers_tls and self._items is None:
            names.append("STLS")
        names.append("IMPLEMENTATION Mailstead")
        self._send(_ok("Capabilities follow") + "".join(f"{name}\r\n" for name in names).encode() + b".\r\n")

    def _present(self) -> list[tuple[int, Item]]:
        items = self._items or ()
        return [(number, item) for number, item in enumerate(items, 1) if number not in self._deleted]

    def _numbered(self, argument: str) -> tuple[int, Item]:
        number = _natural(argument.strip())
        items = self._items or ()
        if not 1 <= number <= len(items) or number in self._deleted:
            raise _Wrong("No such message")
        return number, items[number - 1]

    _BEFORE: dict[str, Callable[[Pop3, str], None]] = {
        "USER": _user,
        "PASS": _pass,
        "AUTH": _auth,
        "STLS": _stls,
        "CAPA": _capa,
        "NOOP": _noop,  # not of RFC 1939 here, but asked by many and harmless
        "QUIT": _quit,
    }
    _AFTER: dict[str, Callable[[Pop3, str], None]] = {
        "STAT": _stat,
        "LIST": _list,
        "UIDL": _uidl,
        "RETR": _retr,
        "TOP": _top,
        "DELE": _dele,
        "RSET": _rset,
        "NOOP": _noop,
        "CAPA": _capa,
        "QUIT": _quit,
    }


def _ok(text: str) -> bytes:
    return f"+OK {text}\r\n".encode()


def _err(text: str, code: str = "") -> bytes:
    return f"-ERR {f'[{code}] ' if code else ''}{text}\r\n".encode()


def _natural(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise _Wrong("A number is missing")
    return int(text)


# RFC 1939 §3: a line that begins with the termination octet gets one more. Many clients also take a bare LF for
# a line's end; after one, a dot that such a client would take for the end, or take off, is doubled too: the
# client that reads only CR LF sees one dot more there, the other would lose the rest of the message.
_DOT = re.compile(rb"(?:\A|(?<=\r\n))\.|(?<=\n)\.(?=[\r\n.]|\Z)")


def multiline(data: bytes) -> bytes:
    """The body of a multi-line reply with its end; a missing last CR LF is added."""
    stuffed = _DOT.sub(b"..", data) if data.startswith(b".") or b"\n." in data else data
    return stuffed + (b".\r\n" if stuffed.endswith(b"\r\n") or not stuffed else b"\r\n.\r\n")


def top(raw: bytes, lines: int) -> bytes:
    """RFC 1939 §7 TOP: the header, the blank line, and so many lines of the body."""
    _header_end, position = split_message(raw)
    for _ in range(lines):
        end = raw.find(b"\n", position)
        if end < 0:
            return raw
        position = end + 1
    return raw[:position]
