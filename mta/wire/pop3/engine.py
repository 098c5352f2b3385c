"""POP3 as a machine: feed bytes with `receive`, ask `next` for what to do.

That is: send something, or fetch an answer from the store and hand it back through the method that the event
names. While an answer is awaited, nothing further is read, so pipelined commands stay in order (RFC 2449 §6.6).
Lines are bounded; no bytes make it raise. Long replies come in pieces, one event each.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator

from mta.wire import sasl
from mta.wire.buffer import Buffer, LineTooLong
from mta.wire.pop3.events import Close, Event, Retrieve, Send, SignIn, StartTls, Update
from mta.wire.pop3.maildrop import Maildrop
from mta.wire.pop3.text import multiline, multiline_pieces, top

LONGEST_LINE = 512  # RFC 2449 §4 asks for 255
MOST_ERRORS = 20
MOST_SIGN_INS = 4

# RFC 6856 §3.2: what we speak. i-default (RFC 2277 §4.5) is what a session begins with, and is English.
LANGUAGES = {"en": "English", "i-default": "Default language"}


_RETR = re.compile(rb"(?:RETR|retr) (\d{1,9})\r?\n")


class _Wrong(Exception):
    """The command is refused with this text, and perhaps a response code."""

    def __init__(self, text: str, code: str = "") -> None:
        super().__init__(text)
        self.code = code


class Pop3:
    """One session. `plaintext_ok`: passwords may travel as the connection is now."""

    def __init__(self, *, hostname: str, offers_tls: bool, plaintext_ok: bool) -> None:
        self._hostname = hostname
        self._offers_tls = offers_tls
        self._plaintext_ok = plaintext_ok
        self._buffer = Buffer()
        self._events: deque[Event] = deque()
        self._pieces: Iterator[bytes] | None = None  # the rest of a long reply
        self._awaiting: str | None = None  # the answer that must come before the next command
        self._lines: int | None = None  # of the body, that a TOP under way asks for
        self._skipping = False
        self._sasl = False
        self._errors = 0
        self._sign_ins = 0
        self._closed = False
        self._username: str | None = None
        self._drop: Maildrop | None = None

    # --- bytes in, events out

    def greeting(self) -> bytes:
        return _ok(f"{self._hostname} Mailstead ready")

    def receive(self, data: bytes) -> None:
        if not self._closed:
            self._buffer.feed(data)

    def next(self) -> Event | None:
        """The next thing to do; None: feed more bytes, or answer first."""
        while True:
            if self._events:
                return self._events.popleft()
            if self._pieces is not None:
                for piece in self._pieces:
                    return Send(piece)
                self._pieces = None
            if self._closed or self._awaiting is not None:
                return None
            line = self._line()
            if line is None:
                return None
            self._handle(line)

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
            self._refuse(str(wrong), wrong.code)

    def _command(self, line: bytes) -> None:
        try:
            text = line.decode()
        except UnicodeDecodeError:
            raise _Wrong("This line cannot be understood") from None
        if not text.isprintable():
            raise _Wrong("This line cannot be understood")
        name, _, argument = text.partition(" ")
        table = self._BEFORE if self._drop is None else self._AFTER
        command = table.get(name.upper())
        if command is None:
            elsewhere = name.upper() in self._BEFORE | self._AFTER
            raise _Wrong("Sign in first" if elsewhere and self._drop is None else "Unknown command here")
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

    def opened(self, drop: Maildrop) -> None:
        """The password was right and the maildrop is ours."""
        self._awaiting = None
        self._errors = 0
        self._drop = drop
        self._send(_ok(f"{drop.count} messages"))

    def refused(self, text: str, code: str = "") -> None:
        """What was asked for cannot be had. A wrong password has the code AUTH (RFC 3206)."""
        asked, self._awaiting = self._awaiting, None
        self._refuse(text, code)
        if asked == "sign in" and code == "AUTH":
            self._sign_ins += 1
        if (self._sign_ins >= MOST_SIGN_INS or asked == "update") and not self._closed:
            self._close()

    def _utf8(self, argument: str) -> None:
        """RFC 6856 §2.1. Messages go out as they came in both modes, so there is nothing to switch."""
        if argument:
            raise _Wrong("UTF8 takes no argument")
        self._send(_ok("UTF-8 it is"))

    # --- TRANSACTION

    @property
    def _maildrop(self) -> Maildrop:
        assert self._drop is not None  # noqa: S101 - these commands are in no other table
        return self._drop

    def _stat(self, _argument: str) -> None:
        self._send(b"+OK %d %d\r\n" % (self._maildrop.count, self._maildrop.octets))

    def _list(self, argument: str) -> None:
        drop = self._maildrop
        if argument.strip():
            number = self._number(argument)
            self._send(b"+OK %d %d\r\n" % (number, drop.size(number)))
        else:
            self._listing(drop.sizes_listed())

    def _uidl(self, argument: str) -> None:
        drop = self._maildrop
        if argument.strip():
            number = self._number(argument)
            self._send(_ok(f"{number} {drop.unique_id(number)}"))
        else:
            self._listing(drop.ids_listed())

    def _listing(self, lines: Iterator[bytes]) -> None:
        self._send(_ok(f"{self._maildrop.count} messages"))
        self._pieces = _ended(lines)

    def _retr(self, argument: str) -> None:
        self._lines = None
        self._ask(Retrieve(self._number(argument), whole=True), "retrieve")

    def _top(self, argument: str) -> None:
        first, _, lines = argument.strip().partition(" ")
        number = self._number(first)
        self._lines = _natural(lines.strip())
        self._ask(Retrieve(number, whole=False, header=self._lines == 0), "retrieve")

    def retrieved(self, raw: bytes) -> None:
        """The whole message that the last Retrieve asked for."""
        self._awaiting = None
        self._errors = 0
        lines, self._lines = self._lines, None
        self._send(b"+OK %d octets\r\n" % len(raw) if lines is None else b"+OK Top of message follows\r\n")
        self._pieces = multiline_pieces(raw if lines is None else top(raw, lines))

    def single_retr(self, data: bytes) -> int:
        """The number, if these bytes are one whole RETR and nothing else is under way; else 0.

        Changes nothing: `reply` answers it, or `receive` takes the bytes as any others.
        """
        if self._drop is None or self._awaiting is not None or self._pieces is not None or self._events:
            return 0
        if self._closed or self._skipping or len(self._buffer):
            return 0
        found = _RETR.fullmatch(data)
        number = int(found[1]) if found else 0
        return number if number in self._drop else 0

    def reply(self, raw: bytes) -> bytes:
        """What the last `single_retr` is answered with."""
        self._errors = 0
        return b"+OK %d octets\r\n%b" % (len(raw), multiline(raw))

    def _dele(self, argument: str) -> None:
        self._maildrop.delete(self._number(argument))
        self._send(_ok("Marked for deletion"))

    def _rset(self, _argument: str) -> None:
        self._maildrop.restore()
        self._send(_ok("Nothing is marked for deletion"))

    def _noop(self, _argument: str) -> None:
        self._send(_ok("Here"))

    def _quit(self, _argument: str) -> None:
        if self._drop is None:
            self._send(_ok("Goodbye"))
            self._close()
        else:
            self._ask(Update(self._drop.deleted_uids()), "update")

    def updated(self) -> None:
        """What was marked is deleted, and the maildrop is free."""
        self._awaiting = None
        self._send(_ok("Goodbye"))
        self._close()

    def _number(self, argument: str) -> int:
        number = _natural(argument.strip())
        if number not in self._maildrop:
            raise _Wrong("No such message")
        return number

    # --- in both states

    def _capa(self, _argument: str) -> None:
        """RFC 2449 §5; what depends on encryption is only named where it works."""
        names = ["TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "EXPIRE NEVER", "LANG"]
        # RFC 6856 §2.2: USER and PASS may be in UTF-8 at any time.
        names += ["UTF8 USER", "USER", "SASL PLAIN"] if self._plaintext_ok else ["UTF8"]
        if self._offers_tls and self._drop is None:
            names.append("STLS")
        names.append("IMPLEMENTATION Mailstead")
        self._send(_ok("Capabilities follow") + "".join(f"{name}\r\n" for name in names).encode() + b".\r\n")

    def _lang(self, argument: str) -> None:
        """RFC 6856 §3.2: which language texts are in; without an argument, which there are."""
        wanted = argument.strip()
        if not wanted:
            lines = "".join(f"{tag} {name}\r\n" for tag, name in LANGUAGES.items())
            self._send(_ok("Languages follow") + lines.encode() + b".\r\n")
            return
        chosen = _language(wanted)
        if chosen is None:
            raise _Wrong("That language is not spoken here")
        self._send(_ok(f"{chosen} English it is"))

    _BEFORE: dict[str, Callable[[Pop3, str], None]] = {
        "USER": _user,
        "PASS": _pass,
        "AUTH": _auth,
        "STLS": _stls,
        "UTF8": _utf8,
        "LANG": _lang,
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
        "LANG": _lang,
        "NOOP": _noop,
        "CAPA": _capa,
        "QUIT": _quit,
    }


def _ok(text: str) -> bytes:
    return f"+OK {text}\r\n".encode()


def _err(text: str, code: str = "") -> bytes:
    return f"-ERR {f'[{code}] ' if code else ''}{text}\r\n".encode()


def _ended(lines: Iterator[bytes]) -> Iterator[bytes]:
    yield from lines
    yield b".\r\n"


def _natural(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise _Wrong("A number is missing")
    return int(text)


def _language(wanted: str) -> str | None:
    """RFC 4647 §3.4 lookup: the range, then ever less of it; `*` is what the administrator prefers."""
    if wanted == "*":
        return "en"
    words = wanted.lower().split("-")
    while words:
        if "-".join(words) in LANGUAGES:
            return "-".join(words)
        words.pop()
    return None
