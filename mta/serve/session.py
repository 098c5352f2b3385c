"""What a connection knows about itself and its house: peer, encryption, the bridge, the bells.

One `Context` per connection, made by the listener and handed to the protocol's server. `House` is what all
connections of the process share.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from mta.limits.policy import Policy
from mta.serve.bridge import Bridge
from mta.serve.maildrop import Leases
from mta.serve.manners import Entry, Manners
from mta.serve.peers import Network
from mta.serve.room import Rooms
from mta.serve.viewings import Viewings

Watch = Callable[[int, Callable[[], None]], Callable[[], None]]


@dataclass(slots=True)
class House:
    """Shared by every connection: `watch(mailspace, callback)` returns a function that ends the watch.

    Callbacks run in the event loop, possibly often and possibly without a real change: they only say
    "look again". `stopping` is set when the process wants to end: say goodbye and close. `at_stop` holds
    functions that are called at that moment. `leases` are the POP3 maildrops that are held here, `viewings`
    what sessions look at together, `accounts` who is signed in how often; in `rooms` messages are worked on.
    """

    bridge: Bridge
    watch: Watch
    tls_context: ssl.SSLContext | None
    hostname: str
    max_message_size: int
    stopping: asyncio.Event
    at_stop: set[Callable[[], None]] = field(default_factory=set)
    leases: Leases = field(default_factory=Leases)
    per_account: int = 200  # connections of one account over one protocol
    policy: Policy = field(default_factory=Policy)  # LIMIT_*
    exempt: tuple[Network, ...] = ()  # LIMITS_EXEMPT
    accounts: Counter[tuple[str, int]] = field(default_factory=Counter)
    viewings: Viewings = field(init=False)
    manners: Manners = field(init=False)
    rooms: Rooms = field(default_factory=Rooms)
    chores: set[asyncio.Task[None]] = field(default_factory=set)  # what nobody waits for

    def __post_init__(self) -> None:
        self.viewings = Viewings(self.bridge)
        self.manners = Manners(self.policy, hostname=self.hostname, exempt=self.exempt)

    def in_background(self, chore: Coroutine[Any, Any, None]) -> None:
        """Something no client waits for. It must handle its own errors."""
        task = asyncio.get_running_loop().create_task(chore)
        self.chores.add(task)
        task.add_done_callback(self.chores.discard)


@dataclass(slots=True)
class Context:
    """One connection. `protocol` is smtp, submission, lmtp, imap or pop3; `is_tls` changes with STARTTLS."""

    house: House
    protocol: str
    peer_ip: str
    peer_port: int
    is_tls: bool = False
    notes: dict[str, str] = field(default_factory=dict)
    account: int | None = None
    entry: Entry | None = None  # when it is counted among the connections of its address

    def sign_in(self, account: int) -> bool:
        """Count this connection as the account's; False if it has too many over this protocol already."""
        key = self.protocol, account
        if self.house.accounts[key] >= self.house.per_account:
            return False
        self.house.accounts[key] += 1
        self.account = account
        if self.entry is not None:
            self.entry.signed_in()
        return True

    def sign_out(self) -> None:
        """The connection ends; harmless if nobody signed in."""
        if self.account is None:
            return
        key = self.protocol, self.account
        self.account = None
        self.house.accounts[key] -= 1
        if not self.house.accounts[key]:
            del self.house.accounts[key]

    @property
    def bridge(self) -> Bridge:
        return self.house.bridge

    @property
    def hostname(self) -> str:
        return self.house.hostname

    @property
    def max_message_size(self) -> int:
        return self.house.max_message_size

    @property
    def stopping(self) -> asyncio.Event:
        return self.house.stopping

    @property
    def tls_context(self) -> ssl.SSLContext | None:
        """The certificate to offer with STARTTLS; None once encrypted, or when there is none."""
        return None if self.is_tls else self.house.tls_context

    @property
    def is_loopback(self) -> bool:
        return is_loopback(self.peer_ip)

    @property
    def may_send_passwords(self) -> bool:
        """Passwords travel encrypted, or do not leave this machine."""
        return self.is_tls or self.is_loopback

    def watch(self, mailspace: int, callback: Callable[[], None]) -> Callable[[], None]:
        return self.house.watch(mailspace, callback)

    async def start_tls(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Switch a plain connection to TLS; the go-ahead line has been written. Raises ssl.SSLError, OSError.

        RFC 3207 §4.2, RFC 9051 §6.2.1: whatever arrived in clear before the handshake is thrown away, or a
        person in the middle could put commands into the client's mouth.
        """
        assert self.tls_context is not None  # noqa: S101 - nobody offers STARTTLS without
        await writer.drain()
        loop = asyncio.get_running_loop()
        transport = writer.transport
        protocol = transport.get_protocol()
        reader._buffer.clear()  # type: ignore[attr-defined]
        # From here to the hand-over inside start_tls nothing yields, so no plain byte slips in between.
        secured = await loop.start_tls(
            transport,
            protocol,
            self.tls_context,
            server_side=True,
            ssl_handshake_timeout=self.house.policy.handshake_seconds,
        )
        assert secured is not None  # noqa: S101 - None only for a transport that closed, which raises
        reader._transport = secured  # type: ignore[attr-defined]
        writer._transport = secured  # type: ignore[attr-defined]
        protocol._transport = secured  # type: ignore[attr-defined]
        protocol._over_ssl = True  # type: ignore[attr-defined]
        self.is_tls = True


def is_loopback(ip: str) -> bool:
    try:
        address = ipaddress.ip_address(ip.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
