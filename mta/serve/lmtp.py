"""LMTP (RFC 2033): mail from a server in front of us, with an answer for each recipient.

The server of port 25 with three differences: LHLO instead of EHLO, no sign-in, and after the message one reply for
each RCPT that was accepted, in their order. So whoever refuses a message has it refused, while others get it. Who
may come in at all is LMTP_FROM; addresses outside are no more relayed to than on port 25.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from django.conf import settings

from mta.flow.passage import Accepted
from mta.serve import statuses
from mta.serve.envelope import Transaction
from mta.serve.peers import is_in
from mta.serve.session import Context
from mta.serve.smtp import Server
from mta.serve.statuses import Reply


async def serve_lmtp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: Context) -> None:
    """LMTP_LISTEN: mail from the servers in LMTP_FROM only."""
    if not is_in(context.peer_ip, settings.LMTP_FROM):
        writer.write(bytes(statuses.NOT_FOR_YOU))
        return
    await LmtpServer(reader, writer, context, submission=False).converse()


class LmtpServer(Server):
    """RFC 2033 §4.1: no EHLO and no HELO here, so that nobody takes it for SMTP."""

    dialect = "LMTP"
    each = True
    smtp_EHLO = smtp_HELO = smtp_AUTH = None  # type: ignore[assignment]

    async def smtp_LHLO(self, hostname: str) -> None:
        self._hello(hostname, extended=True)
        self._say_offers()

    def _protocol(self) -> str:
        """RFC 3848."""
        return "LMTPS" if self.context.is_tls else "LMTP"

    def _answers(self, transaction: Transaction, reply: Reply) -> Sequence[Reply]:
        """RFC 2033 §4.2: one for each RCPT that was accepted, also where an address was named twice."""
        return tuple(reply for _address in transaction.answers)

    def _outcome(self, transaction: Transaction, accepted: Accepted, reply: Reply) -> Sequence[Reply]:
        return tuple(
            statuses.smtp_reply(accepted.refused[address]) if address in accepted.refused else reply
            for address in transaction.answers
        )
