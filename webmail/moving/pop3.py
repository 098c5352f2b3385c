"""Another host's POP3 server: what lies there, one message of it, and away with it (RFC 1939, RFC 2595).

poplib does the talking, over our own bounded connection (`wire`). Only the unique ids (UIDL) say what is new, so a
server without them cannot be fetched from.
"""

from __future__ import annotations

import poplib
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.utils.translation import gettext as _

from .errors import BadPassword, Refused, Trouble
from .wire import STARTTLS, Channel, Server, connect

SLACK = 4 << 20
MOST = 100_000  # messages
_NOT_NOW = re.compile(rb"\[(?:IN-USE|LOGIN-DELAY|SYS/TEMP)\]", re.IGNORECASE)  # RFC 2449 §8, RFC 3206


class _Pop3(poplib.POP3):
    """poplib over a bounded channel; lines may be as long as mail has them."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        super().__init__(channel.server.host, channel.server.port)

    def _create_socket(self, timeout: float | None) -> Any:
        return self._channel

    def _getline(self) -> tuple[bytes, int]:
        line = self.file.readline()
        if not line:
            raise EOFError("-ERR EOF")
        return line.removesuffix(b"\n").removesuffix(b"\r"), len(line)

    def begin_tls(self) -> None:
        """RFC 2595 §4."""
        self._shortcmd("STLS")  # type: ignore[attr-defined]
        self.file = self._channel.start_tls()


class Pop3:
    """A session with another host. A context manager; what was deleted is gone when it ends well."""

    def __init__(self, server: Server, username: str, password: str) -> None:
        self._server = server
        self._channel = connect(server)
        try:
            with self._asking(64 * 1024, 60):
                self._client = _Pop3(self._channel)
                if server.tls == STARTTLS:
                    self._client.begin_tls()
                self._sign_in(username, password)
        except BaseException:
            self._channel.close()
            raise

    def _sign_in(self, username: str, password: str) -> None:
        if re.search(r"[\r\n]", username + password):
            raise BadPassword(_("A name or password cannot have several lines."))
        try:
            self._client.user(username)
            self._client.pass_(password)
        except poplib.error_proto as refused:
            said = refused.args[0] if refused.args and isinstance(refused.args[0], bytes) else b""
            if _NOT_NOW.search(said):
                raise Trouble(_("%s lets nobody in just now.") % self._server.host) from None
            raise BadPassword(_("%s does not take this name and password.") % self._server.host) from None

    def __enter__(self) -> Pop3:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        with suppress(Exception):
            self._channel.allow(64 * 1024, 10)
            if kind is None:
                self._client.quit()  # RFC 1939 §6: only now is deleted what was said to be
        with suppress(Exception):
            self._channel.close()

    @contextmanager
    def _asking(self, size: int, seconds: float) -> Iterator[None]:
        self._channel.allow(size, seconds)
        try:
            yield
        except poplib.error_proto as refused:
            raise Trouble(_("%s did not do what was asked.") % self._server.host) from refused
        except (OSError, EOFError) as trouble:
            raise Trouble(_("The connection to %s broke.") % self._server.host) from trouble
        except (ValueError, TypeError, IndexError) as wrong:
            raise Trouble(_("%s says things that cannot be read.") % self._server.host) from wrong

    def listed(self) -> list[tuple[int, str, int]]:
        """(number, unique id, size) of what lies there, the newest first as far as numbers tell."""
        with self._asking(SLACK * 4, 60):
            try:
                _said, ids, _size = self._client.uidl()
            except poplib.error_proto as refused:
                raise Refused(
                    _("%s gives its messages no names (UIDL), so it cannot be fetched from.")
                    % self._server.host
                ) from refused
            _said, sizes, _size = self._client.list()
            size_of = {int(number): int(size) for number, size in (line.split()[:2] for line in sizes[:MOST])}
            found = []
            for line in ids[:MOST]:
                number, _blank, name = line.partition(b" ")
                found.append((int(number), name.decode("latin-1").strip()[:200], size_of.get(int(number), 0)))
            return sorted(found, reverse=True)

    def message(self, number: int, *, size: int, largest: int) -> bytes:
        """The bytes of one message, with CRLF at line ends."""
        room = min(max(size, 64 * 1024), largest)
        with self._asking(room + room // 4 + SLACK, 45 + room / 50_000):
            _said, lines, _size = self._client.retr(number)
            return b"\r\n".join(lines) + b"\r\n"

    def delete(self, number: int) -> None:
        with self._asking(64 * 1024, 60):
            self._client.dele(number)
