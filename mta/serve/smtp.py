"""SMTP: mail from the internet, and mail that our own people hand in.

The commands of aiosmtpd's server as they should be here: addresses by our own parser, signing in, TLS, statuses from
one table. The conversation itself is in `serve.dialogue`, DATA and BDAT in `serve.intake`. Nothing here decides about mail:
who a recipient is, the directory knows; what happens to a message, `flow` does. `250` after DATA is written
only when the flow's commit is done. Called by `serve.main` through the listener.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from django.conf import settings

from mta import directory, metrics
from mta.directory import Login
from mta.flow import receive, submit, verify
from mta.flow.passage import Accepted, Arrival, MailLoop, Recipient
from mta.queue.values import Wish, Wishes
from mta.serve import statuses, whom
from mta.serve.dialogue import LONGEST_AUTH, Goodbye
from mta.serve.envelope import Refusal, Sender, Transaction, read_recipient, read_sender
from mta.serve.intake import Intake
from mta.serve.session import Context
from mta.serve.spool import Spool
from mta.serve.statuses import Reply
from mta.trust.verdict import NOTHING_KNOWN
from mta.values import now_us
from mta.wire import sasl, smtp_words

log = logging.getLogger(__name__)

MOST_SIGN_INS = 4
WAIT_FOR_ROOM = 240.0  # seconds; RFC 5321 §4.5.3.2.6: the client waits ten minutes for its answer


async def serve_smtp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: Context) -> None:
    """Port 25: mail for us from anyone."""
    await Server(reader, writer, context, submission=False).converse()


async def serve_submission(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: Context
) -> None:
    """Ports 587 and 465 (RFC 6409, RFC 8314): mail from our people to anyone."""
    await Server(reader, writer, context, submission=True).converse()


class Server(Intake):
    """One connection. `smtp_*` are the commands; the dispatch table is made from their names."""

    each = False  # an answer for each recipient

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        context: Context,
        *,
        submission: bool,
    ) -> None:
        self.submission = submission
        self.login: Login | None = None
        self._sign_ins = 0
        super().__init__(reader, writer, context)

    def _begin(self) -> None:
        super()._begin()
        self.login = None

    # --- greeting and small commands

    async def smtp_HELO(self, hostname: str) -> None:
        self._hello(hostname, extended=False)
        self.say(Reply(250, "", self.hostname))

    async def smtp_EHLO(self, hostname: str) -> None:
        """RFC 5321 §4.1.1.1: what is announced here is what works here."""
        self._hello(hostname, extended=True)
        self._say_offers()

    def _say_offers(self) -> None:
        offers = [
            self.hostname,
            "PIPELINING",
            f"SIZE {self.context.max_message_size}",
            "8BITMIME",
            "ENHANCEDSTATUSCODES",
            "SMTPUTF8",
            "CHUNKING",
            "DSN",
        ]
        if self.context.tls_context is not None:
            offers.append("STARTTLS")
        if self.submission and self.context.may_send_passwords:
            offers.append("AUTH PLAIN LOGIN")
        if self.submission:
            offers.append(f"FUTURERELEASE {smtp_words.latest_hold(now_us())}")
        offers.append("HELP")
        self._replies += "".join(f"250-{offer}\r\n" for offer in offers[:-1]).encode()
        self._replies += f"250 {offers[-1]}\r\n".encode()

    def _hello(self, hostname: str, *, extended: bool) -> None:
        # RFC 5321 §4.1.4: a name that is wrong is no reason to refuse mail; one that is none is.
        if not hostname or len(hostname) > 255 or not hostname.isprintable() or " " in hostname:
            raise Refusal(statuses.BAD_ARGUMENTS.with_text("Say your host name after EHLO or HELO"))
        judgement = self.visit.hello(hostname)
        if judgement.reply is not None:
            raise Refusal(judgement.reply)
        self._set_rset_state()
        self.client_name = hostname
        self.extended = extended

    async def smtp_NOOP(self, arg: str) -> None:
        self.say(statuses.DONE)

    async def smtp_RSET(self, arg: str) -> None:
        if arg:
            raise Refusal(statuses.BAD_ARGUMENTS)
        self._set_rset_state()
        self.say(statuses.DONE)

    async def smtp_HELP(self, arg: str) -> None:
        self.say(statuses.HELP)

    async def smtp_VRFY(self, arg: str) -> None:
        self.say(statuses.CANNOT_VERIFY if arg else statuses.BAD_ARGUMENTS)

    async def smtp_EXPN(self, arg: str) -> None:
        self.say(statuses.UNKNOWN_COMMAND.with_text("EXPN is not supported"))

    async def smtp_QUIT(self, arg: str) -> None:
        raise Goodbye(statuses.GOODBYE)

    async def smtp_STARTTLS(self, arg: str) -> None:
        if arg:
            raise Refusal(statuses.BAD_ARGUMENTS)
        if self.context.tls_context is None:
            raise Refusal(statuses.TLS_ALREADY if self.context.is_tls else statuses.NO_TLS)
        self.say(statuses.GO_AHEAD_TLS)
        await self._flush()
        try:
            await self.context.start_tls(self._reader, self._writer)
        except OSError as error:
            raise ConnectionAbortedError("the TLS handshake failed") from error
        self._begin()

    # --- signing in

    async def smtp_AUTH(self, arg: str) -> None:
        """RFC 4954. PLAIN and LOGIN: both need the password, so both need encryption."""
        self._greeted()
        if not self.submission:
            raise Refusal(statuses.SIGN_IN_NOT_HERE)
        if not self.context.may_send_passwords:
            raise Refusal(statuses.ENCRYPT_FIRST)
        if self.login is not None or self.transaction is not None:
            raise Refusal(statuses.SIGNED_IN_ALREADY if self.login else statuses.NOT_NOW)
        words = arg.split()
        if not 1 <= len(words) <= 2:
            raise Refusal(statuses.BAD_ARGUMENTS)
        credentials = await self._credentials(words[0].upper(), words[1] if len(words) == 2 else None)
        await self._sign_in(credentials)

    async def _credentials(self, mechanism: str, initial: str | None) -> sasl.Plain:
        try:
            if mechanism == "PLAIN":
                return sasl.plain(initial.encode() if initial else await self._challenge(b"334 "))
            if mechanism == "LOGIN":
                name = initial.encode() if initial else await self._challenge(b"334 VXNlcm5hbWU6")
                username = sasl.decode_base64(name).decode()
                password = sasl.decode_base64(await self._challenge(b"334 UGFzc3dvcmQ6")).decode()
                return sasl.Plain(username, password)
        except (sasl.BadResponse, UnicodeDecodeError) as error:
            raise Refusal(statuses.BAD_LINE.with_text("The answer cannot be understood")) from error
        raise Refusal(statuses.UNKNOWN_MECHANISM)

    async def _challenge(self, challenge: bytes) -> bytes:
        await self.push(challenge)
        await self._flush()
        answer = (await self._line(LONGEST_AUTH)).strip()
        if answer == b"*":
            raise Refusal(statuses.SIGN_IN_ABORTED)
        if not answer:
            raise Refusal(statuses.BAD_LINE)
        return answer

    async def _sign_in(self, credentials: sasl.Plain) -> None:
        # RFC 4616 §2: acting for someone else is a matter of grants, not of passwords.
        login = None
        if credentials.authorize in {"", credentials.username}:
            login = await self.context.bridge.run(
                directory.current().sign_in,
                credentials.username,
                credentials.password,
                protocol="submission",
                peer=self.context.peer_ip,
            )
        if login is None:
            self._sign_ins += 1
            log.info(
                "submission: wrong password for %r from %s", credentials.username[:100], self.context.peer_ip
            )
            if self._sign_ins >= MOST_SIGN_INS:
                self.say(statuses.WRONG_PASSWORD)
                raise Goodbye(statuses.TOO_MANY_ERRORS)
            await asyncio.sleep(min(2.0, 0.25 * 2**self._sign_ins))
            raise Refusal(statuses.WRONG_PASSWORD)
        self.login = login
        self.visit.signed_in = True
        self.say(statuses.SIGNED_IN)

    # --- the envelope

    def _greeted(self) -> None:
        if not self.client_name:
            raise Refusal(statuses.HELLO_FIRST)
        if self.submission and self.login is None and not self.context.may_send_passwords:
            raise Refusal(statuses.ENCRYPT_FIRST)

    async def smtp_MAIL(self, arg: str) -> None:
        self._greeted()
        if self.submission and self.login is None:
            raise Refusal(statuses.SIGN_IN_FIRST)
        if self.transaction is not None:
            raise Refusal(statuses.SENDER_AGAIN)
        sender = read_sender(
            arg, limit=self.context.max_message_size, extended=self.extended, may_hold=self.submission
        )
        if self.login is not None and sender.address:
            allowed = await self.context.bridge.run(
                directory.current().may_send_as, self.login.account, sender.address
            )
            if not allowed:
                raise Refusal(statuses.NOT_YOUR_ADDRESS)
        self.transaction = Transaction(sender)
        self.say(statuses.SENDER_OK)

    async def smtp_RCPT(self, arg: str) -> None:
        self._greeted()
        transaction = self.transaction
        if transaction is None:
            raise Refusal(statuses.SENDER_FIRST)
        if self._chunks is not None:
            raise Refusal(statuses.NOT_NOW)
        transaction.refused += 1  # until it is not
        addressed = read_recipient(
            arg, sender=transaction.sender, hostname=self.hostname, extended=self.extended
        )
        address = addressed.address
        if address not in transaction.recipients:
            await self._heed(self.visit.recipient(len(transaction.recipients)))
            transaction.recipients[address] = await self._recipient(address, transaction.sender)
            if addressed.notify or addressed.orcpt:
                transaction.wishes[address] = Wish(addressed.notify, addressed.orcpt)
        transaction.answers.append(address)
        transaction.refused -= 1
        metrics.RECIPIENTS.labels(self.context.protocol, "accepted").inc()
        self.say(statuses.RECIPIENT_OK)

    async def _recipient(self, address: str, sender: Sender) -> Recipient:
        resolution, is_full = await self.context.bridge.run(
            whom.look_up, address, sender.size, mail_from=sender.address
        )
        match resolution.kind:
            case "ours" if resolution.targets:
                if is_full:
                    raise Refusal(statuses.MAILBOX_FULL)
                return Recipient(address, resolution.targets)
            case "suspended":
                raise Refusal(statuses.SUSPENDED)
            case "elsewhere" if self.submission:
                return Recipient(address, ())
            case "elsewhere":
                raise Refusal(statuses.NO_RELAY)
        metrics.RECIPIENTS.labels(self.context.protocol, "unknown").inc()
        await self._heed(self.visit.unknown())
        raise Refusal(statuses.UNKNOWN_RECIPIENT)

    # --- the message

    async def _hand_over(self, transaction: Transaction, spool: Spool) -> Sequence[Reply]:
        try:
            async with asyncio.timeout(WAIT_FOR_ROOM) as waiting:
                async with self.context.house.rooms.for_message(spool.size).taking(spool.size):
                    waiting.reschedule(None)
                    raw = await self.context.bridge.run(spool.contents) if spool.on_disk else spool.contents()
                    if self.login is not None:
                        return (await self._submit(self.login, transaction, raw),)
                    return await self._deliver(transaction, raw)
        except MailLoop:
            return self._answers(transaction, statuses.MAIL_LOOP)
        except TimeoutError:
            return self._answers(transaction, statuses.OVERLOADED)
        except Exception as error:
            reply = statuses.smtp_reply(error)
            if reply == statuses.TRY_LATER:
                log.exception("smtp: a message from %s could not be stored", self.context.peer_ip)
            return self._answers(transaction, reply)

    async def _deliver(self, transaction: Transaction, raw: bytes) -> Sequence[Reply]:
        arrival = Arrival(
            raw=raw,
            sender=transaction.sender.address,
            recipients=tuple(transaction.recipients.values()),
            client_name=self.client_name,
            ip=self.context.peer_ip,
            hostname=self.hostname,
            protocol=self._protocol(),
            tls=self._tls(),
            utf8=transaction.sender.smtputf8,
            wishes=_wishes(transaction),
            each=self.each,
            trusted=self.context.house.manners.is_exempt(self.context.peer_ip),
        )
        # What comes over LMTP was looked at by the server in front, whose address says nothing.
        looked_at = self.each or not settings.INBOUND_CHECKS
        verdict = NOTHING_KNOWN if looked_at else await verify.verify(arrival, run=self.context.bridge.run)
        verdict = verdict.plus(self.visit.evidence)  # how it introduced itself
        committed = await self.context.bridge.run(receive.receive, arrival, verdict)
        # The commit goes on when the client goes away: it must not be told "cancelled" half-way.
        accepted = await asyncio.shield(asyncio.wrap_future(committed))
        for found in verdict.evidence:
            metrics.VERDICTS.labels(found.method, found.result).inc()
        log.info("smtp: %s from %s, %d bytes: stored", accepted.trace_id, self.context.peer_ip, len(raw))
        return self._outcome(transaction, accepted, statuses.DONE.with_text(f"Stored as {accepted.trace_id}"))

    def _outcome(self, transaction: Transaction, accepted: Accepted, reply: Reply) -> Sequence[Reply]:
        """RFC 5321 §4.2.5: one 250 for all; whoever does not want it has it elsewhere than in the Inbox."""
        return (reply,)

    async def _submit(self, login: Login, transaction: Transaction, raw: bytes) -> Reply:
        submitted = await asyncio.shield(
            self.context.bridge.run(
                submit.submit_raw,
                raw,
                login=login,
                mail_from=transaction.sender.address,
                recipients=tuple(transaction.recipients),
                client=self.client_name,
                ip=self.context.peer_ip,
                protocol=self._protocol(),
                tls=self._tls(),
                wishes=_wishes(transaction),
            )
        )
        log.info("submission: %s by %s, %d bytes: queued", submitted.trace_id, login.username, len(raw))
        return statuses.DONE.with_text(f"On its way as {submitted.trace_id}")

    def _protocol(self) -> str:
        """RFC 3848: ESMTP, S for TLS, A for signed in; SMTP alone after HELO; RFC 6531 §4.3 for UTF8."""
        if not self.extended:
            return "SMTP"
        secured = "S" if self.context.is_tls else ""
        return f"ESMTP{secured}{'A' if self.login else ''}"

    def _tls(self) -> str | None:
        secured = self._writer.get_extra_info("ssl_object")
        if secured is None:
            return None
        return f"{secured.version()} {secured.cipher()[0]}"


def _wishes(transaction: Transaction) -> Wishes:
    sender = transaction.sender
    return Wishes(sender.ret, sender.envid, transaction.wishes, sender.hold_until)
