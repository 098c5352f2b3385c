"""Another host's IMAP server, asked for what a move needs, and for nothing that would change anything there.

imapclient does the talking, over our own bounded connection (`wire`). Mailboxes are opened with EXAMINE and bodies
read with PEEK, so that unread mail stays unread over there. RFC 3501; RFC 6154 for the use of folders; Google's
X-GM-EXT-1 for labels and the ids of messages. Whatever a server does wrong is a `Trouble` with a sentence.
"""

from __future__ import annotations

import imaplib
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import imapclient
from django.utils.translation import gettext as _
from imapclient.exceptions import IMAPClientError, LoginError

from mta.values import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN
from mta.wire.imap import names

from .errors import BadPassword, Declined, Refused, Trouble
from .wire import STARTTLS, Channel, Server, connect

MOST_FOLDERS = 2_000
MOST_MESSAGES = 2_000_000  # of one folder
SLACK = 4 << 20  # bytes of an answer beside the messages in it
FLAGS = {
    b"\\seen": SEEN,
    b"\\answered": ANSWERED,
    b"\\flagged": FLAGGED,
    b"\\draft": DRAFT,
    b"\\deleted": DELETED,
}
MOST_KEYWORDS = 30

# imapclient shows every command to its logger; a password has no place there, whatever level is set.
logging.getLogger("imapclient").setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder there. `wire` is its name as the server writes it; `use` is of RFC 6154: "all", "sent" …, or ""."""

    wire: bytes
    name: str  # with "/" between levels
    use: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """A folder as it stands now."""

    uidvalidity: int
    uidnext: int
    messages: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What is asked before a message is fetched."""

    uid: int
    size: int
    flags: int = 0
    keywords: tuple[str, ...] = ()
    internal_date: int | None = None  # µs since the epoch
    labels: tuple[str, ...] = ()
    gmail_id: str = ""


class _Imap4(imaplib.IMAP4):
    """imaplib over a bounded channel."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        super().__init__(channel.server.host, channel.server.port)

    def open(self, host: str = "", port: int = 143, timeout: float | None = None) -> None:
        self.host, self.port = host, port
        self.sock: Any = self._channel
        self._reader = self._channel.makefile()

    def read(self, size: int) -> bytes:
        return self._reader.read(size)

    def readline(self) -> bytes:
        return self._reader.readline()

    def send(self, data: Any) -> None:
        self._channel.sendall(bytes(data))

    def shutdown(self) -> None:
        self._channel.close()

    def begin_tls(self) -> None:
        """RFC 3501 §6.2.1: what was known before counts no more."""
        kind, _data = self._simple_command("STARTTLS")
        if kind != "OK":
            raise Refused(_("%s offers no encryption at this port.") % self.host)
        self._reader = self._channel.start_tls()
        self.untagged_responses = {}
        self._get_capabilities()


class _Client(imapclient.IMAPClient):
    """imapclient over a bounded channel."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        super().__init__(channel.server.host, port=channel.server.port, ssl=False)
        self._imap.debug = 0
        self.normalise_times = False
        self.folder_encode = False

    def _create_IMAP4(self) -> _Imap4:
        return _Imap4(self._channel)

    def _set_read_timeout(self) -> None:
        """Each command has a deadline of its own."""


class Imap:
    """A session with another host. A context manager."""

    def __init__(self, server: Server, username: str, password: str) -> None:
        self._server = server
        self._channel = connect(server)
        try:
            with self._asking(64 * 1024, 30):
                self._client = _Client(self._channel)
                self._begin(username, password)
        except BaseException:
            self._channel.close()
            raise

    def _begin(self, username: str, password: str) -> None:
        if self._client._imap.state != "NONAUTH":
            # PREAUTH before TLS: anybody on the way may have said so (RFC 9051 §11.3).
            raise Refused(
                _("%s does not ask who we are; that is not how a mailbox is opened.") % self._server.host
            )
        if self._server.tls == STARTTLS:
            self._client._imap.begin_tls()
        self._channel.allow(256 * 1024, 60)
        able = {each.upper() for each in self._client.capabilities()}
        try:
            if b"AUTH=PLAIN" in able or not password.isascii():
                self._client.plain_login(username, password)
            else:
                self._client.login(username, password)
        except LoginError as refused:
            text = str(refused)
            if any(
                word in text.upper()
                for word in ("UNAVAILABLE", "INUSE", "LIMIT", "TOO MANY", "TRY AGAIN", "BYE")
            ):
                raise Trouble(_("%s lets nobody in just now.") % self._server.host) from None
            raise BadPassword(_("%s does not take this name and password.") % self._server.host) from None
        self._channel.allow(256 * 1024, 60)
        self._client._cached_capabilities = None
        self.is_gmail = b"X-GM-EXT-1" in {each.upper() for each in self._client._do_capabilites()}

    def __enter__(self) -> Imap:
        return self

    def __exit__(self, *_error: object) -> None:
        with suppress(Exception):
            self._channel.allow(64 * 1024, 3)
            self._client.logout()
        with suppress(Exception):
            self._channel.close()

    @contextmanager
    def _asking(self, size: int, seconds: float) -> Iterator[None]:
        """One command, with what it may cost; whatever goes wrong is Trouble."""
        self._channel.allow(size, seconds)
        try:
            yield
        except (IMAPClientError, imaplib.IMAP4.error) as refused:
            if isinstance(refused, imaplib.IMAP4.abort):
                raise Trouble(_("%s ended the connection.") % self._server.host) from refused
            raise Declined(_("%s did not do what was asked.") % self._server.host) from refused
        except (OSError, EOFError) as trouble:
            raise Trouble(_("The connection to %s broke.") % self._server.host) from trouble
        except (
            ValueError,
            TypeError,
            KeyError,
            IndexError,
            AttributeError,
            AssertionError,
            RecursionError,
        ) as wrong:
            raise Declined(_("%s says things that cannot be read.") % self._server.host) from wrong
        except StopIteration as wrong:
            raise Declined(_("%s says things that cannot be read.") % self._server.host) from wrong

    def folders(self) -> list[Folder]:
        """Every folder that holds mail."""
        with self._asking(SLACK, 60):
            listed = self._client.list_folders()
            found = []
            for flags, delimiter, name in listed[: MOST_FOLDERS * 2]:
                low = {bytes(flag).lower() for flag in flags}
                if low & {b"\\noselect", b"\\nonexistent"}:
                    continue
                wire = name.encode() if isinstance(name, str) else bytes(name)
                found.append(Folder(wire, _plain(wire, bytes(delimiter or b"")), _use(low)))
            return found[:MOST_FOLDERS]

    def open(self, folder: bytes) -> Opened:
        """Look into a folder, read only."""
        with self._asking(SLACK, 60):
            said = self._client.select_folder(folder, readonly=True)
            return Opened(
                int(said.get(b"UIDVALIDITY", 0)), int(said.get(b"UIDNEXT", 0)), int(said.get(b"EXISTS", 0))
            )

    def uids(self, first: int, last: int) -> list[int]:
        """The messages there with UIDs from `first` to `last`, newest first."""
        if last < first:
            return []
        with self._asking(32 << 20, 90):
            found = self._client.search(f"UID {first}:{last}")
            # RFC 3501 §6.4.8: "5:*" gives the last message even if it is below 5; never trust the range.
            return sorted({uid for uid in found if first <= uid <= last}, reverse=True)[:MOST_MESSAGES]

    def facts(self, uids: Sequence[int]) -> list[Facts]:
        """Size, flags, date and labels of messages, in the order asked for."""
        items = ["FLAGS", "INTERNALDATE", "RFC822.SIZE"]
        if self.is_gmail:
            items += ["X-GM-LABELS", "X-GM-MSGID"]
        with self._asking(SLACK, 90):
            said = self._client.fetch(list(uids), items)
            return [_facts(uid, said[uid]) for uid in uids if uid in said and b"RFC822.SIZE" in said[uid]]

    def bodies(self, wanted: Sequence[Facts], *, largest: int) -> dict[int, bytes]:
        """The bytes of messages, which together must not be more than they said, and some."""
        room = sum(each.size for each in wanted)
        with self._asking(room + room // 8 + SLACK, seconds_for(room)):
            said = self._client.fetch([each.uid for each in wanted], ["BODY.PEEK[]"])
            found = {uid: bytes(data.get(b"BODY[]") or b"") for uid, data in said.items()}
            return {uid: raw for uid, raw in found.items() if raw and len(raw) <= largest}


def seconds_for(size: int) -> float:
    """How long so many bytes may take: a line of 400 kbit/s, and a server that thinks for a while."""
    return 45 + size / 50_000


def _use(flags: set[bytes]) -> str:
    for use in (b"all", b"archive", b"drafts", b"flagged", b"important", b"junk", b"sent", b"trash"):
        if b"\\" + use in flags:
            return use.decode()
    return ""


def _plain(wire: bytes, delimiter: bytes) -> str:
    """A folder's name as people read it, "/" between levels."""
    try:
        name = names.decode(wire)
    except names.BadName:
        name = wire.decode("ascii", "replace")
    split = delimiter.decode("latin-1")
    levels = name.split(split) if split and split != "/" else name.split("/")
    return "/".join(level.replace("/", "_") for level in levels if level)


def _facts(uid: int, said: dict[bytes, Any]) -> Facts:
    flags, keywords = 0, dict[str, None]()
    for flag in (said.get(b"FLAGS") or ())[:200]:
        low = bytes(flag).lower()
        if low in FLAGS:
            flags |= FLAGS[low]
        elif not low.startswith(b"\\") and len(keywords) < MOST_KEYWORDS:
            keywords[bytes(flag).decode("ascii", "replace")[:100]] = None
    date = said.get(b"INTERNALDATE")
    return Facts(
        uid=uid,
        size=max(0, int(said[b"RFC822.SIZE"])),
        flags=flags,
        keywords=tuple(keywords),
        internal_date=int(date.timestamp() * 1_000_000) if isinstance(date, datetime) else None,
        labels=tuple(_label(each) for each in (said.get(b"X-GM-LABELS") or ())[:200]),
        gmail_id=str(said.get(b"X-GM-MSGID") or "")[:20],
    )


def _label(value: Any) -> str:
    """A label of Gmail's: an atom or a string, in modified UTF-7; a number where its name is one."""
    wire = value if isinstance(value, bytes) else str(value).encode()
    try:
        return names.decode(wire[:1000])
    except names.BadName:
        return wire.decode("ascii", "replace")[:200]
