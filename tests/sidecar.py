"""A sidecar in this process, on free ports, with a directory made by hand: for tests of what clients see."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import uvloop

from mta import resolver
from mta.directory import (
    Access,
    InboundPolicy,
    LocalTarget,
    Login,
    MaildropOptions,
    RemoteTarget,
    Resolution,
    SigningKey,
    SmartHost,
)
from mta.limits import service as limits
from mta.limits.ledger import Ledger
from mta.limits.policy import Policy
from mta.mailstore import service as mailstore
from mta.serve.main import Sidecar
from mta.serve.peers import Network
from mta.values import Cause
from tests.fake_resolver import FakeResolver

PASSWORD = "right horse battery"


@dataclass
class FakeDirectory:
    """Who is who, as the test wrote it. Everybody's password is PASSWORD."""

    people: dict[str, int] = field(default_factory=dict)  # address → mailspace
    aliases: dict[str, tuple[LocalTarget | RemoteTarget, ...]] = field(default_factory=dict)
    suspended: set[str] = field(default_factory=set)
    domains: set[str] = field(default_factory=lambda: {"example.test"})
    maildrop: MaildropOptions = field(default_factory=MaildropOptions)  # everybody's
    rights: str = "own"
    policies: dict[str, InboundPolicy] = field(default_factory=dict)  # domain → what it wants

    def add(self, address: str, *, quota_bytes: int = 0) -> int:
        self.people[address] = mailstore.create_mailspace(quota_bytes=quota_bytes)
        return self.people[address]

    def resolve(self, address: str) -> Resolution:
        if address in self.suspended:
            return Resolution("suspended")
        if address in self.people:
            return Resolution("ours", (LocalTarget(self.people[address], address),))
        if address in self.aliases:
            return Resolution("ours", self.aliases[address])
        return Resolution("unknown" if self.is_local_domain(address.rpartition("@")[2]) else "elsewhere")

    def is_local_domain(self, domain: str) -> bool:
        return domain in self.domains

    def sign_in(self, username: str, password: str, *, protocol: str, peer: str) -> Login | None:
        mailspace = self.people.get(username)
        if mailspace is None or password != PASSWORD:
            return None
        return Login(mailspace, username, (Access(mailspace, username, self.rights),), self.maildrop)

    def may_send_as(self, account: int, address: str) -> bool:
        return self.people.get(address) == account

    def may_send(self, mailspace: int, address: str) -> bool:
        return True

    def sender_name(self, mailspace: int, address: str) -> str:
        return ""

    def identity_name(self, account: int, address: str) -> str:
        return ""

    def smart_host_for(self, sender: str, mailspace: int | None) -> SmartHost | None:
        return None

    def signing_keys(self, domain: str) -> tuple[SigningKey, ...]:
        return ()

    def inbound_policy(self, domain: str) -> InboundPolicy:
        return self.policies.get(domain, InboundPolicy())

    def owner(self, mailspace: int) -> str:
        return next((address for address, id_ in self.people.items() if id_ == mailspace), "")


class RunningSidecar:
    """The sidecar's loop in a thread of its own. `address("SMTP_LISTEN")` says where it listens."""

    def __init__(
        self, tls: ssl.SSLContext, *, policy: Policy | None = None, exempt: Sequence[Network] | None = None
    ) -> None:
        self._tls = tls
        self._policy = policy
        self._exempt = exempt
        self._counting = limits.use(Ledger())
        self._names = resolver.use(FakeResolver({}))  # nobody out there has a name
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sidecar")

    def __enter__(self) -> RunningSidecar:
        self._thread.start()
        self._names.__enter__()
        self._counting.__enter__()  # each sidecar is a world of its own
        self.sidecar = Sidecar(self._tls, policy=self._policy, exempt=self._exempt)
        self._await(self.sidecar.start())
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def stop(self) -> None:
        if self._thread.is_alive():
            self._await(self.sidecar.stop())
            self._await(self._loop.shutdown_default_executor())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)
            self._loop.close()
            self._counting.__exit__(None, None, None)
            self._names.__exit__(None, None, None)

    def _await(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(15)

    def address(self, setting: str) -> tuple[str, int]:
        return self.sidecar.listener.addresses[setting][0]


class Wire:
    """A raw client: send bytes, read replies. For what well-behaved libraries would never say."""

    def __init__(self, address: tuple[str, int], *, greeting: bool = True) -> None:
        self.socket = socket.create_connection(address, timeout=10)
        self._file = self.socket.makefile("rb")
        if greeting:
            self.reply()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def line(self) -> bytes:
        return self._file.readline()

    def reply(self) -> str:
        """One SMTP reply, its lines joined; '' when the server has closed."""
        lines = []
        while line := self.line():
            lines.append(line.decode().rstrip("\r\n"))
            if line[3:4] != b"-":
                break
        return "\n".join(lines)

    def ask(self, command: bytes | str) -> str:
        self.send((command.encode() if isinstance(command, str) else command) + b"\r\n")
        return self.reply()

    def replies(self) -> Iterator[str]:
        """Everything until the server closes."""
        while reply := self.reply():
            yield reply

    def start_tls(self, context: ssl.SSLContext) -> None:
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        self._file = self.socket.makefile("rb")

    def close(self) -> None:
        self._file.close()
        self.socket.close()

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def stored(mailspace: int, role: str = "inbox") -> list[bytes]:
    """The messages of a mailbox, oldest first, exactly as IMAP would give them back."""
    box = mailstore.mailbox_by_role(mailspace, role).id
    return [mailstore.raw(mailspace, row.message) for row in mailstore.changes(mailspace, box).rows]


def put(mailspace: int, raw: bytes) -> int:
    """Append to the Inbox; the message's id."""
    box = mailstore.mailbox_by_role(mailspace, "inbox").id
    return mailstore.append(mailspace, box, raw, cause=Cause("imap", "a test")).message
