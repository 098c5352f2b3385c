"""Hand a message to another server over SMTP, and say for each recipient how it went.

A `Carrier` walks the targets of one route, opens a session with the first that will talk (STARTTLS when
offered), and sends any number of messages through it. Every wait has an end. Writes nothing to the
database and decides nothing about retries: see `mta.relay.run`.

What counts as "try the next target" is trouble before the message was named (no connection, a greeting or
EHLO refused, `421` to MAIL, a broken TLS handshake). Once a server has judged the sender, a recipient or the
message, its word stands until the next attempt; so does a connection lost after DATA, because the message
may have arrived.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import ssl
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPConnectTimeoutError,
    SMTPDataError,
    SMTPException,
    SMTPResponseException,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)

from mta.queue import reasons
from mta.queue.values import DEFERRED, DELIVERED, FAILED, Outcome
from mta.relay.route import Route, Target
from mta.relay.world import World
from mta.values import now_us

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to wait, by what for (RFC 5321 §4.5.3.2). `whole` covers one message, all targets included."""

    connect: float = 30
    command: float = 300
    data: float = 600
    whole: float = 15 * 60


@dataclass(frozen=True, slots=True)
class To:
    """One recipient on the wire; `notify` and `orcpt` are RFC 3461's, passed on where they are understood."""

    address: str
    notify: str = ""
    orcpt: str = ""


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message to hand over. `raw` has CRLF line ends only."""

    sender: str
    raw: bytes
    recipients: tuple[To, ...]
    ret: str = ""
    envid: str = ""

    @property
    def utf8(self) -> bool:
        """Whether an address needs SMTPUTF8 (RFC 6531 §3.1)."""
        return not (self.sender.isascii() and all(to.address.isascii() for to in self.recipients))


class Unreachable(Exception):
    """This target will not do, the next one may; carries the outcome should there be none."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.text)
        self.outcome = outcome


# RFC 5321 §4.5.3.1.8: every server takes at least 100 recipients.
_MOST_RECIPIENTS = 100
_MOST_TARGETS = 10
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})\b")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def _words(text: str) -> str:
    """A server's text as something that may be stored and shown."""
    plain = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return _CONTROLS.sub(" ", plain).strip()[:500]


def _reply(code: int, text: str, *, at_data: bool = False) -> Outcome:
    """The outcome that a reply means."""
    words = _words(text)
    match = _ENHANCED.match(words)
    enhanced = match[1] if match else ""
    if 200 <= code < 300:
        return Outcome(DELIVERED, reasons.DELIVERED, code, enhanced, words)
    # RFC 5321 §4.5.3.1.10: "too many recipients" is temporary, whatever its first digit.
    state = FAILED if 500 <= code < 600 and not enhanced.endswith(".5.3") else DEFERRED
    return Outcome(state, reasons.reason_for(code, enhanced, at_data=at_data), code, enhanced, words)


class Carrier:
    """One route, at most one open session, any number of messages; an async context manager.

    `committed` is true while a message's end may already have been seen by the other side.
    """

    def __init__(self, targets: Route, world: World, *, patience: Patience | None = None) -> None:
        self._targets = targets[:_MOST_TARGETS]
        self._world = world
        self._patience = patience or Patience()
        self._session: Session | None = None
        self.committed = False

    async def __aenter__(self) -> Carrier:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close(politely=kind is None)

    async def send(self, parcel: Parcel) -> dict[str, Outcome]:
        """The outcome for each recipient's address; never raises for what the other side does."""
        started = now_us()
        outcomes: dict[str, Outcome] = {}
        try:
            async with asyncio.timeout(self._patience.whole):
                for group in _groups(parcel):
                    outcomes |= await self._send_group(group)
        except TimeoutError:
            await self._drop()
            slow = self._about(Outcome(DEFERRED, reasons.SLOW, text="the server took too long"))
            outcomes |= {to.address: slow for to in parcel.recipients if to.address not in outcomes}
        finally:
            self.committed = False
        return {address: replace(outcome, started_at=started) for address, outcome in outcomes.items()}

    async def _send_group(self, parcel: Parcel) -> dict[str, Outcome]:
        if self._session is not None:  # left open by the message before
            try:
                return await self._through(self._session, parcel)
            except Unreachable:
                await self._drop()
        last = Outcome(DEFERRED, reasons.UNREACHABLE, text="no server to try")
        for target in self._targets:
            try:
                self._session = await self._open(target)
                return await self._through(self._session, parcel)
            except Unreachable as trouble:
                log.info("relay: %s [%s]: %s", target.host, target.ip, trouble)
                last = replace(trouble.outcome, remote=target.host, ip=target.ip)
                await self._drop()
        return {to.address: last for to in parcel.recipients}

    async def _through(self, session: Session, parcel: Parcel) -> dict[str, Outcome]:
        outcomes = await session.transact(parcel, committing=self._commit)
        if not session.usable:
            await self._drop()
        return {address: session.about(outcome) for address, outcome in outcomes.items()}

    def _commit(self) -> None:
        self.committed = True

    async def _open(self, target: Target) -> Session:
        """A session, encrypted if the server can; in the clear if it only says it can."""
        session = Session(target, self._world, self._patience)
        try:
            await session.open()
        except TlsFailed as trouble:
            await session.close(politely=False)
            if self._world.smarthost is not None and self._world.smarthost.username:
                raise Unreachable(Outcome(DEFERRED, reasons.TLS, text=str(trouble))) from trouble
            # RFC 7435: opportunistic encryption must not stop mail that plain text would carry.
            session = Session(target, self._world, self._patience, encrypt=False)
            try:
                await session.open()
            except BaseException:
                await session.close(politely=False)
                raise
        except BaseException:
            await session.close(politely=False)
            raise
        return session

    def _about(self, outcome: Outcome) -> Outcome:
        return self._session.about(outcome) if self._session is not None else outcome

    async def _drop(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close(politely=False)


class TlsFailed(Exception):
    """The handshake after STARTTLS did not work."""


class Session:
    """One connection to one server."""

    def __init__(self, target: Target, world: World, patience: Patience, *, encrypt: bool = True) -> None:
        self._target = target
        self._world = world
        self._patience = patience
        self._encrypt = encrypt
        self._smtp: SMTP | None = None
        self._dirty = False  # a transaction was begun and not finished
        self._reports = False  # it understands wishes for reports (RFC 3461)
        self.tls = ""

    @property
    def usable(self) -> bool:
        return self._smtp is not None and self._smtp.is_connected

    def about(self, outcome: Outcome) -> Outcome:
        """An outcome with who said it."""
        return replace(
            outcome, remote=self._target.host, ip=self._target.ip, tls=self.tls, reports=self._reports
        )

    async def open(self) -> None:
        """Connect, greet, encrypt. Raises Unreachable or TlsFailed."""
        try:
            self._smtp = SMTP(
                hostname=self._target.host,
                port=None,
                sock=await self._connect(),
                local_hostname=self._world.hostname,
                timeout=self._patience.command,
                start_tls=False,
                **self._at_once(),
            )
            await self._smtp.connect()
            self._note_tls(self._smtp)
            await self._greet(self._smtp)
            if not self.tls and self._encrypt and self._smtp.supports_extension("starttls"):
                await self._start_tls(self._smtp)
            await self._sign_in(self._smtp)
        except (SMTPConnectTimeoutError, SMTPTimeoutError) as trouble:
            raise Unreachable(Outcome(DEFERRED, reasons.SLOW, text=_words(str(trouble)))) from trouble
        except SMTPResponseException as refused:
            # A greeting of 5xx is about us or this host, not about the mail: the next may take it.
            said = _reply(refused.code, refused.message)
            raise Unreachable(replace(said, state=DEFERRED)) from refused
        except (SMTPServerDisconnected, SMTPConnectError) as trouble:
            raise Unreachable(Outcome(DEFERRED, reasons.LOST, text=_words(str(trouble)))) from trouble
        except (SMTPException, OSError, ValueError) as trouble:
            raise Unreachable(Outcome(DEFERRED, reasons.UNREACHABLE, text=_words(str(trouble)))) from trouble

    async def _connect(self) -> socket.socket:
        """A connected socket to exactly the address that was judged, never to a name resolved again."""
        family = socket.AF_INET6 if ":" in self._target.ip else socket.AF_INET
        try:
            connection = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        except OSError as trouble:
            raise Unreachable(Outcome(DEFERRED, reasons.UNREACHABLE, text=_words(str(trouble)))) from trouble
        try:
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            async with asyncio.timeout(self._patience.connect):
                await asyncio.get_running_loop().sock_connect(
                    connection, (self._target.ip, self._target.port)
                )
        except (OSError, TimeoutError) as trouble:
            connection.close()
            text = "no connection in time" if isinstance(trouble, TimeoutError) else str(trouble)
            raise Unreachable(Outcome(DEFERRED, reasons.UNREACHABLE, text=_words(text))) from trouble
        except BaseException:
            connection.close()
            raise
        return connection

    @staticmethod
    async def _greet(smtp: SMTP) -> None:
        try:
            await smtp.ehlo()
        except SMTPResponseException:
            await smtp.helo()  # RFC 5321 §3.2: a server that knows no EHLO

    async def _start_tls(self, smtp: SMTP) -> None:
        context = ssl.create_default_context()
        if self._world.smarthost is None:
            # Opportunistic (RFC 7435): better encrypted to whoever answers than not at all.
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        try:
            await smtp.starttls(server_hostname=self._target.host.strip("[]"), tls_context=context)
            await smtp.ehlo()  # RFC 3207 §4.2: what was said before counts no more
        except SMTPResponseException as refused:
            if smtp.is_connected and refused.code == 454:
                return  # RFC 3207 §4: not available just now
            raise TlsFailed(_words(str(refused))) from refused
        except (SMTPException, OSError, ValueError) as trouble:
            raise TlsFailed(_words(str(trouble))) from trouble
        self._note_tls(smtp)

    def _at_once(self) -> dict[str, Any]:
        """How the connection begins: under TLS where the smart host wants it (RFC 8314 §3.3)."""
        smarthost = self._world.smarthost
        if smarthost is not None and smarthost.tls == "tls":
            return {"use_tls": True, "tls_context": ssl.create_default_context()}
        return {"validate_certs": False}

    def _note_tls(self, smtp: SMTP) -> None:
        encrypted = smtp.get_transport_info("ssl_object")
        self.tls = (encrypted.version() or "TLS") if encrypted is not None else ""

    async def _sign_in(self, smtp: SMTP) -> None:
        smarthost = self._world.smarthost
        if smarthost is None or not smarthost.username:
            return
        if not self.tls and not self._target.ip.startswith("127."):
            raise Unreachable(
                Outcome(DEFERRED, reasons.TLS, text="the smart host offers no encryption for the password")
            )
        try:
            await smtp.login(smarthost.username, smarthost.password)
        except SMTPAuthenticationError as refused:
            said = _reply(refused.code, refused.message)
            # Until somebody has looked at the password; should they never, the message expires and says so.
            raise Unreachable(replace(said, state=DEFERRED, reason=reasons.NO_ENTRY)) from refused

    async def transact(self, parcel: Parcel, *, committing: Callable[[], None]) -> dict[str, Outcome]:
        """One MAIL, its RCPTs, one DATA. Raises Unreachable if nothing was judged yet."""
        smtp = self._smtp
        if smtp is None or not smtp.is_connected:
            raise Unreachable(Outcome(DEFERRED, reasons.LOST, text="the connection was closed"))
        refused = self._refuse_early(smtp, parcel)
        if refused is not None:
            return {to.address: refused for to in parcel.recipients}
        self._reports = smtp.supports_extension("dsn")
        outcomes: dict[str, Outcome] = {}
        try:
            if self._dirty:
                await smtp.execute_command(b"RSET")
            self._dirty = True
            said = await self._mail(smtp, parcel)
            if said.code == 421:
                raise Unreachable(said)
            if said.state != DELIVERED:
                return {to.address: said for to in parcel.recipients}
        except (SMTPException, OSError, ValueError) as trouble:
            raise Unreachable(_broken(trouble)) from trouble
        try:
            accepted: list[str] = []
            for to in parcel.recipients:
                said = await self._rcpt(smtp, to)
                if said.state == DELIVERED:
                    accepted.append(to.address)
                else:
                    outcomes[to.address] = said
            if accepted:
                committing()
                said = await self._data(smtp, parcel.raw)
                outcomes |= dict.fromkeys(accepted, said)
                self._dirty = False
        except (SMTPException, OSError, ValueError) as trouble:
            broken = _broken(trouble)
            outcomes |= {to.address: broken for to in parcel.recipients if to.address not in outcomes}
        return outcomes

    @staticmethod
    def _refuse_early(smtp: SMTP, parcel: Parcel) -> Outcome | None:
        """What the server's own announcement already rules out."""
        if parcel.utf8 and not smtp.supports_extension("smtputf8"):
            return Outcome(FAILED, reasons.NO_UTF8, 553, "5.6.7", "the server does not announce SMTPUTF8")
        limit = smtp.esmtp_extensions.get("size", "")
        # RFC 1870 §4: no number, or 0, means no fixed limit.
        if limit.isdigit() and 0 < int(limit) < len(parcel.raw):
            return Outcome(FAILED, reasons.TOO_BIG, 552, "5.3.4", f"the server takes {limit} bytes at most")
        return None

    async def _mail(self, smtp: SMTP, parcel: Parcel) -> Outcome:
        words = [b"MAIL", b"FROM:<" + parcel.sender.encode() + b">"]
        if smtp.supports_extension("size"):
            words.append(b"SIZE=%d" % len(parcel.raw))
        if smtp.supports_extension("8bitmime") and not parcel.raw.isascii():
            # To a server without it we send eight bits all the same: all of them carry it today.
            words.append(b"BODY=8BITMIME")
        if parcel.utf8:
            words.append(b"SMTPUTF8")
        if smtp.supports_extension("dsn"):
            words += [b"RET=" + parcel.ret.encode()] if parcel.ret else []
            words += [b"ENVID=" + parcel.envid.encode()] if parcel.envid else []
        reply = await smtp.execute_command(*words)
        return _reply(reply.code, reply.message)

    @staticmethod
    async def _rcpt(smtp: SMTP, to: To) -> Outcome:
        words = [b"RCPT", b"TO:<" + to.address.encode() + b">"]
        if smtp.supports_extension("dsn"):
            words += [b"NOTIFY=" + to.notify.encode()] if to.notify else []
            words += [b"ORCPT=" + to.orcpt.encode()] if to.orcpt else []
        reply = await smtp.execute_command(*words)
        return _reply(reply.code, reply.message)

    async def _data(self, smtp: SMTP, raw: bytes) -> Outcome:
        try:
            reply = await smtp.data(raw, timeout=self._patience.data)
        except SMTPDataError as refused:
            return _reply(refused.code, refused.message, at_data=True)
        return _reply(reply.code, reply.message, at_data=True)

    async def close(self, *, politely: bool) -> None:
        smtp, self._smtp = self._smtp, None
        if smtp is None:
            return
        if politely and smtp.is_connected:
            with suppress(SMTPException, OSError, ValueError):
                await smtp.quit(timeout=5)
        smtp.close()


def _broken(trouble: Exception) -> Outcome:
    if isinstance(trouble, SMTPTimeoutError):
        return Outcome(DEFERRED, reasons.SLOW, text=_words(str(trouble)))
    if isinstance(trouble, SMTPResponseException):
        return replace(_reply(trouble.code, trouble.message), state=DEFERRED)
    return Outcome(DEFERRED, reasons.LOST, text=_words(str(trouble)) or "the connection broke")


def _groups(parcel: Parcel) -> Iterable[Parcel]:
    recipients: Sequence[To] = parcel.recipients
    for start in range(0, len(recipients), _MOST_RECIPIENTS):
        yield replace(parcel, recipients=tuple(recipients[start : start + _MOST_RECIPIENTS]))
