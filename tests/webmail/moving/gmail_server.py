"""A server that speaks IMAP as Gmail does: X-GM-EXT-1, All Mail with everything, labels in modified UTF-7.

One message has one id, its labels, and a place in All Mail, Spam or Trash; other folders are views of labels. `tricks`
make it misbehave. Loopback, in the clear; a thread for each connection.
"""

from __future__ import annotations

import base64
import re
import socketserver
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from mta.wire.imap import names

PASSWORD = "abcdefghijklmnop"
GREETING = b"* OK Gimap ready for requests\r\n"


@dataclass
class Message:
    raw: bytes
    labels: tuple[str, ...] = ()
    flags: str = ""
    date: str = "14-Nov-2023 22:13:20 +0000"
    id: int = 0
    home: str = "all"  # all, junk or trash


@dataclass
class Gmail:
    """What lies there. `all_mail` False: its owner hid All Mail from IMAP."""

    messages: list[Message] = field(default_factory=list)
    all_mail: bool = True
    greeting: bytes = GREETING
    tricks: dict[str, Callable[[bytes], bytes]] = field(
        default_factory=dict
    )  # command → what is answered instead
    log: list[str] = field(default_factory=list)

    def add(self, raw: bytes, *labels: str, **more: str) -> Message:
        made = Message(raw, labels, id=1278455344230334865 + len(self.messages), **more)  # type: ignore[arg-type]
        self.messages.append(made)
        return made

    def folders(self) -> dict[str, tuple[str, Callable[[Message], bool]]]:
        """name → (use, which messages)."""
        found: dict[str, tuple[str, Callable[[Message], bool]]] = {
            "INBOX": ("", lambda each: each.home == "all" and "\\Inbox" in each.labels),
            "[Gmail]": ("\\Noselect", lambda _each: False),
        }
        if self.all_mail:
            found["[Gmail]/All Mail"] = ("\\All", lambda each: each.home == "all")
        found |= {
            "[Gmail]/Sent Mail": ("\\Sent", lambda each: "\\Sent" in each.labels),
            "[Gmail]/Starred": ("\\Flagged", lambda each: "\\Starred" in each.labels),
            "[Gmail]/Important": ("\\Important", lambda each: "\\Important" in each.labels),
            "[Gmail]/Spam": ("\\Junk", lambda each: each.home == "junk"),
            "[Gmail]/Trash": ("\\Trash", lambda each: each.home == "trash"),
        }
        own = sorted({label for each in self.messages for label in each.labels if not label.startswith("\\")})
        return found | {label: ("", lambda each, label=label: label in each.labels) for label in own}  # type: ignore[misc]


class Server:
    """`with Server(gmail) as server:` listens at `server.port`."""

    def __init__(self, gmail: Gmail) -> None:
        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                _Talk(gmail, self.rfile, self.wfile).run()

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]

    def __enter__(self) -> Server:
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Talk:
    def __init__(self, gmail: Gmail, rfile: object, wfile: object) -> None:
        self._gmail, self._in, self._out = gmail, rfile, wfile
        self._here: list[tuple[int, Message]] = []

    def run(self) -> None:
        try:
            self._send(self._gmail.greeting)
            while line := self._in.readline():  # type: ignore[attr-defined]
                tag, _blank, rest = line.rstrip(b"\r\n").partition(b" ")
                self._gmail.log.append(rest.decode("latin-1"))
                word = rest.split(b" ")[0].decode().upper()
                if word == "UID":
                    word = rest.split(b" ")[1].decode().upper()
                if word in self._gmail.tricks:
                    self._send(self._gmail.tricks[word](tag))
                    continue
                if getattr(self, f"_{word.lower()}")(tag, rest):
                    return
        except (ConnectionError, ValueError):
            return

    def _send(self, data: bytes) -> None:
        self._out.write(data)  # type: ignore[attr-defined]
        self._out.flush()  # type: ignore[attr-defined]

    def _ok(self, tag: bytes, text: bytes = b"Success") -> None:
        self._send(tag + b" OK " + text + b"\r\n")

    def _capability(self, tag: bytes, _rest: bytes) -> None:
        self._send(b"* CAPABILITY IMAP4rev1 SPECIAL-USE X-GM-EXT-1 AUTH=PLAIN UIDPLUS STARTTLS\r\n")
        self._ok(tag)

    def _authenticate(self, tag: bytes, _rest: bytes) -> None:
        self._send(b"+ \r\n")
        said = base64.b64decode(self._in.readline()).split(b"\0")  # type: ignore[attr-defined]
        if said[-1].decode() == PASSWORD:
            self._ok(tag, b"authenticated")
        else:
            self._send(tag + b" NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)\r\n")

    def _list(self, tag: bytes, _rest: bytes) -> None:
        for name, (use, _which) in self._gmail.folders().items():
            flags = f"\\HasNoChildren {use}".strip().encode()
            self._send(b"* LIST (" + flags + b') "/" "' + names.encode(name) + b'"\r\n')
        self._ok(tag)

    def _examine(self, tag: bytes, rest: bytes) -> None:
        name = names.decode(rest.partition(b" ")[2].strip(b'"'))
        which = self._gmail.folders()[name][1]
        self._here = [(uid, each) for uid, each in enumerate(self._gmail.messages, 1) if which(each)]
        self._send(
            b"* FLAGS (\\Seen)\r\n* %d EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY 7] UIDs valid.\r\n"
            b"* OK [UIDNEXT %d] Predicted next UID.\r\n" % (len(self._here), len(self._gmail.messages) + 1)
        )
        self._ok(tag, b"[READ-ONLY] selected")

    def _search(self, tag: bytes, rest: bytes) -> None:
        match = re.search(rb"UID (\d+):(\d+)", rest.partition(b"SEARCH ")[2])
        assert match
        low, high = int(match[1]), int(match[2])
        found = " ".join(str(uid) for uid, _each in self._here if low <= uid <= high)
        self._send(f"* SEARCH {found}".rstrip().encode() + b"\r\n")
        self._ok(tag)

    def _fetch(self, tag: bytes, rest: bytes) -> None:
        wanted = rest.split(b" ")[2].decode()
        uids = set()
        for part in wanted.split(","):
            low, _colon, high = part.partition(":")
            uids |= set(range(int(low), int(high or low) + 1))
        for number, (uid, each) in enumerate(self._here, 1):
            if uid not in uids:
                continue
            self._send(b"* %d FETCH (UID %d " % (number, uid))
            if b"BODY.PEEK[]" in rest:
                self._send(b"BODY[] {%d}\r\n" % len(each.raw) + each.raw + b")\r\n")
                continue
            labels = " ".join(_as_string(label) for label in each.labels)
            self._send(
                f"X-GM-MSGID {each.id} X-GM-LABELS ({labels}) RFC822.SIZE {len(each.raw)} "
                f'INTERNALDATE "{each.date}" FLAGS ({each.flags}))\r\n'.encode()
            )
        self._ok(tag)

    def _logout(self, tag: bytes, _rest: bytes) -> bool:
        self._send(b"* BYE LOGOUT Requested\r\n")
        self._ok(tag)
        return True


def _as_string(label: str) -> str:
    wire = names.encode(label).decode()
    quoted = wire.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}"' if label.startswith("\\") or re.search(r'[ "()\\&]', wire) else wire
