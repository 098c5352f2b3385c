"""Before a message is taken in: where it comes from, and whether that can be believed.

Runs on the event loop and waits for the DNS there; work for the processor goes through `run` into a thread. Decides
nothing: `flow.receive` places the message by the verdict. Called by `serve.smtp`.
"""

from __future__ import annotations

import asyncio
import logging

from django.conf import settings

from mta import resolver
from mta.flow import scanning
from mta.flow.passage import Arrival
from mta.trust import checks
from mta.trust.checks import Letter, Run
from mta.trust.scanners import Envelope
from mta.trust.verdict import NOTHING_KNOWN, Verdict
from mta.values import now_us

log = logging.getLogger(__name__)


async def verify(arrival: Arrival, *, run: Run) -> Verdict:
    """The verdict on a message that has just arrived; in 15 seconds at most, whatever the DNS does."""
    letter = Letter(
        raw=arrival.raw,
        ip=arrival.ip,
        helo=arrival.client_name,
        sender=arrival.sender,
        utf8=arrival.utf8,
        hostname=arrival.hostname,
        at=now_us(),
        trusted_sealers=settings.ARC_TRUSTED,
    )
    asked = asyncio.ensure_future(scanning.ask(arrival.raw, envelope(arrival), resolver=resolver.current()))
    try:
        verdict = await checks.check(letter, resolver=resolver.current(), run=run)
    except Exception:
        # Nothing that strangers write may keep mail out: without a verdict it is as before there were checks.
        log.exception("a message from %s could not be checked", arrival.ip)
        verdict = NOTHING_KNOWN
    except BaseException:
        asked.cancel()
        raise
    return scanning.added(verdict, await asked)


def envelope(arrival: Arrival) -> Envelope:
    """What scanners are told beside the message."""
    recipients = tuple(each.address for each in arrival.recipients)
    return Envelope(arrival.ip, arrival.client_name, arrival.sender, recipients)
