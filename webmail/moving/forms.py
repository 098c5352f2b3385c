"""What somebody says about a server of theirs elsewhere, read and checked. Pure but for the words of its errors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

from mta.message.address import BadAddress, canonical, canonical_domain, parse_path

from .hosts import guess
from .models import Source
from .wire import PLAIN, STARTTLS, TLS, Server

MAX_PASSWORD = 1000
_GAPS = re.compile(r"[ \u00a0]")


class Wrong(Exception):
    """A field that cannot be so."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


@dataclass(frozen=True, slots=True)
class Asked:
    """An address, how to sign in for it, and where."""

    address: str
    username: str
    password: str
    protocol: str
    server: Server


def read(said: Mapping[str, str], *, kind: str = "") -> Asked:
    """`kind` is "smtp" for a server to send through; else the form says imap or pop3. An empty server is guessed."""
    address = address_of(said.get("address", ""))
    password = said.get("password", "")
    if not password.strip() or len(password) > MAX_PASSWORD:
        raise Wrong("password", _("Enter the password that this host made for mail programs."))
    protocol = kind or (Source.POP3 if said.get("protocol") == Source.POP3 else Source.IMAP)
    known = getattr(guess(address), protocol)
    host = said.get("host", "").strip()[:300].lower()
    # The form always says how to encrypt; that counts with a server or port of the person's own.
    server = _server(host or known.host, said, known) if host or said.get("port", "").strip() else known
    if server.host.endswith((".gmail.com", ".google.com")):
        password = _GAPS.sub("", password)  # Google shows its app passwords in four groups
    username = said.get("username", "").strip()[:320] or address
    if not username.isprintable() or not password.isprintable():
        raise Wrong("password", _("A name or password cannot have several lines."))
    return Asked(address, username, password, protocol, server)


def address_of(text: str) -> str:
    try:
        return canonical(parse_path(text.strip()[:400]))
    except BadAddress:
        raise Wrong("address", _("Enter a whole address, such as ada@example.com.")) from None


def _server(host: str, said: Mapping[str, str], known: Server) -> Server:
    try:
        name = host if re.fullmatch(r"[0-9.]+|[0-9a-f:]*:[0-9a-f:.]*", host) else canonical_domain(host)
    except BadAddress:
        raise Wrong("host", _("“%s” is not the name of a server.") % host[:100]) from None
    port = said.get("port", "").strip()
    if not port:
        number = known.port
    elif port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536:
        number = int(port)
    else:
        raise Wrong("port", _("A port is a number up to 65535."))
    tls = said.get("tls", "")
    return Server(name, number, tls if tls in (TLS, STARTTLS, PLAIN) else known.tls)
