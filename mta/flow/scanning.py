"""What others are asked about a message: lists of senders of spam, Rspamd, a virus scanner; and later again, if need be.

`ask` runs on the event loop beside `trust.checks`, within its time. What could not be asked is noted with the message
(`note`), and a sweep asks again: a virus goes to the quarantine then, spam to Junk. Called by `flow.verify`,
`flow.filing` and `flow.tasks`.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from dataclasses import replace

from django.conf import settings

from mta import directory
from mta.mailstore import service as mailstore
from mta.mailstore.errors import StoreError
from mta.resolver import Resolver
from mta.trust import dnsbl, scanners, unscanned
from mta.trust.scanners import CLAMD, RSPAMD, Envelope, Found
from mta.trust.unscanned import Unscanned
from mta.trust.verdict import Verdict
from mta.values import INBOX, Cause

log = logging.getLogger(__name__)

AT_ONCE = 20


async def ask(raw: bytes, envelope: Envelope, *, resolver: Resolver) -> Found:
    """Everybody that settings name, at the same time; never raises."""
    listed, found = await asyncio.gather(
        dnsbl.look_up("" if is_exempt(envelope.ip) else envelope.ip, lists=settings.DNSBL, resolver=resolver),
        scanners.scan(raw, envelope, rspamd=settings.RSPAMD_URL, clamd=settings.CLAMD_URL),
        return_exceptions=True,
    )
    if isinstance(found, BaseException):
        log.error("a message could not be scanned", exc_info=found)
        found = Found()
    return found if isinstance(listed, BaseException) else replace(found, evidence=listed + found.evidence)


def added(verdict: Verdict, found: Found) -> Verdict:
    """The verdict with what the others said."""
    more = replace(verdict, virus=verdict.virus or found.virus, unscanned=verdict.unscanned + found.unscanned)
    return more.plus(found.evidence)


def is_exempt(ip: str) -> bool:
    """Whether an address is of a network that is never asked about (LIMITS_EXEMPT)."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return True
    return any(address in network for network in settings.LIMITS_EXEMPT if network.version == address.version)


def note(mailspace: int, message: int, verdict: Verdict, envelope: Envelope) -> None:
    """A copy was stored unscanned; within the transaction that stored it."""
    if verdict.unscanned:
        unscanned.note(mailspace, message, verdict.unscanned, envelope)


# --- later
def sweep() -> int:
    """Ask again about what was not scanned; how many messages were settled."""
    settled = 0
    for each in unscanned.due(limit=AT_ONCE):
        try:
            raw = mailstore.raw(each.mailspace, each.message)
        except (StoreError, LookupError):
            unscanned.done(each)  # it is gone
            continue
        settled += _again(each, raw)
    return settled


def _again(each: Unscanned, raw: bytes) -> bool:
    found = asyncio.run(
        scanners.scan(
            raw,
            each.envelope,
            rspamd=settings.RSPAMD_URL if RSPAMD in each.scanners else "",
            clamd=settings.CLAMD_URL if CLAMD in each.scanners else "",
        )
    )
    _act(each, found)
    if found.unscanned:
        unscanned.later(each, scanners=found.unscanned)
        return False
    unscanned.done(each)
    return True


def _act(each: Unscanned, found: Found) -> None:
    """What it would have come to, had it been scanned at once: but what its reader has filed stays there."""
    if found.virus:
        reason = f"A virus scanner found “{found.virus}” in it"
        mailstore.hold(each.mailspace, [each.message], reasons={"placement": reason, "held": "virus"})
        return
    owner = directory.current().owner(each.mailspace)
    policy = directory.current().inbound_policy(owner.rpartition("@")[2])
    points = sum(evidence.score for evidence in found.evidence)
    inbox = mailstore.mailbox_by_role(each.mailspace, INBOX).id
    places = mailstore.provenance(each.mailspace, each.message).places
    if points >= policy.junk_at and [place.mailbox for place in places] == [inbox]:
        mailstore.junk_messages(each.mailspace, [each.message], cause=Cause("task", "Rspamd, asked again"))
