"""Settle recipients after a try, and tell the sender what could not be delivered.

A failure and the report it causes (RFC 3464) are one transaction, so neither exists without the other.
Where the report goes: for mail written in the web client into the sender's Inbox, unread, within that
conversation, so that who closed the page or looks with a telephone hears of it, too; for mail of a mail program
into the Inbox of the sender's address; to a sender outside through the queue, from <>. A message that lies in
somebody's Sent says at once how it stands (`mailstore.moved_on`). Nobody hears of a failed report (the null sender).
What a sender wants to hear about each recipient (RFC 3461: NOTIFY) is kept to; who asks for it also hears that mail
has arrived (`confirmation`), or was handed to a server that will not say so. Called by `relay.run`, `flow.local`,
`flow.receive` and `flow.submit`; `queue` decides when a recipient is given up.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.conf import settings

from mta import directory, metrics
from mta.directory import LocalTarget
from mta.flow import list_bounces
from mta.mailstore import service as mailstore
from mta.mailstore.errors import StoreError
from mta.mailstore.service import Door, Prepared, prepare
from mta.message import report, trace
from mta.message.build import new_message_id
from mta.message.report import RecipientReport
from mta.queue import schedule
from mta.queue import service as queue
from mta.queue.errors import LostClaim
from mta.queue.reasons import said
from mta.queue.schedule import Decision
from mta.queue.values import (
    DEFERRED,
    DELIVERED,
    EXPIRED,
    FAILED,
    REPORT,
    SUBMISSION,
    WEB,
    Claimed,
    NewOutgoing,
    NewRecipient,
    Outcome,
    OutgoingInfo,
    Wishes,
)
from mta.tracing import service as tracing
from mta.tracing.service import Event
from mta.trust import srs
from mta.values import INBOX, Cause, now_us
from mta.wire import smtp_words

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settled:
    """One recipient's try with what it means."""

    claimed: Claimed
    outcome: Outcome
    decision: Decision

    @property
    def given_up(self) -> bool:
        return self.decision.state in (FAILED, EXPIRED)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A report that mail has arrived, ready to be stored in the transaction of that mail, with these locked, too."""

    mailspaces: tuple[int, ...]
    store: Callable[[Door], None]


@dataclass(frozen=True, slots=True)
class Addressee:
    """Where a report goes: mailboxes here, or an address outside."""

    mailspaces: tuple[int, ...] = ()
    thread: int | None = None
    outside: str = ""


def settle(
    info: OutgoingInfo, results: Sequence[tuple[Claimed, Outcome]], *, raw: bytes, now: int | None = None
) -> None:
    """Record every result; report failures, and to mail programs also a long delay, to the sender."""
    now = now_us() if now is None else now
    settled = [
        Settled(claimed, outcome, queue.decide(claimed, outcome, now=now)) for claimed, outcome in results
    ]
    failed = [each for each in settled if each.given_up]
    delayed = [each for each in settled if _worth_a_warning(info, each, now)]
    handed_on = [each for each in settled if _to_confirm(each)]
    told = {each.claimed.id for each in (*failed, *delayed, *handed_on)}
    for each in settled:
        if each.claimed.id not in told:
            _apart(info, each, now)
    for part in (failed, delayed, handed_on):
        _together(info, part, raw=raw, now=now)


def _worth_a_warning(info: OutgoingInfo, each: Settled, now: int) -> bool:
    """The web client shows a delay where the message stands; who writes with a mail program is told once."""
    return (
        each.decision.state == DEFERRED
        and info.kind == SUBMISSION
        and each.claimed.warned_at is None
        and now - info.not_before >= schedule.WARN_AFTER
        and (not each.claimed.notify or "DELAY" in each.claimed.notify.upper())
    )


def _to_confirm(each: Settled) -> bool:
    """RFC 3461 §5.2.2: the other server took it, but knows nothing of reports."""
    return (
        each.decision.state == DELIVERED
        and "SUCCESS" in each.claimed.notify.upper()
        and not each.outcome.reports
    )


def _wanted(each: Settled) -> bool:
    """RFC 3461 §4.1: without NOTIFY a failure is reported; with it, only what it names."""
    return not each.given_up or not each.claimed.notify or "FAILURE" in each.claimed.notify.upper()


def confirmation(
    addresses: Sequence[str],
    raw: bytes,
    *,
    sender: str,
    wishes: Wishes,
    header_id: str,
    trace_id: str,
    at: int,
) -> Confirmation | None:
    """The report that a message has arrived at these addresses of ours; None if nobody is to hear of it."""
    if not addresses:
        return None
    info = OutgoingInfo(
        id=0,
        kind=SUBMISSION,
        sender=sender,
        mailspace=None,
        message=None,
        draft=None,
        answered=None,
        header_id=header_id,
        trace_id=trace_id,
        size=len(raw),
        utf8=not sender.isascii(),
        ret="HDRS",  # RFC 3461 §4.3: nobody needs what has arrived once more
        envid=wishes.envid,
        created_at=at,
        not_before=at,
    )
    addressee = _addressee(info)
    if addressee is None:
        return None
    arrived = [
        RecipientReport(
            recipient=address,
            action="delivered",
            status="2.0.0",
            original_recipient=smtp_words.shown_orcpt(wishes.of(address).orcpt),
            last_attempt_us=at,
        )
        for address in addresses
    ]
    dsn = _build(info, arrived, raw=raw, now=at)
    return Confirmation(addressee.mailspaces, _sending(info, addressee, dsn))


def _apart(info: OutgoingInfo, each: Settled, now: int) -> None:
    """A result nobody need be told of, committed on its own."""
    try:
        mailstore.commit(_shown_in(info), lambda door: _record(info, each, now, door=door))
    except LostClaim:
        log.warning("queue: the lease of %s ran out before its result came", each.claimed.address)


def _shown_in(info: OutgoingInfo) -> tuple[int, ...]:
    """The mailspace whose Sent shows how this message stands, if one does."""
    return (info.mailspace,) if info.mailspace is not None and info.message is not None else ()


def _together(info: OutgoingInfo, part: Sequence[Settled], *, raw: bytes, now: int) -> None:
    """Results and the one report about them, in one transaction."""
    while part:
        try:
            _commit(info, part, raw=raw, now=now)
            return
        except LostClaim as lost:
            log.warning("queue: the lease of %s ran out before its result came", lost)
            part = [each for each in part if each.claimed.address != str(lost)]


def _commit(info: OutgoingInfo, part: Sequence[Settled], *, raw: bytes, now: int) -> None:
    reported = [each for each in part if _wanted(each)]
    addressee = _addressee(info) if reported else None
    if addressee is None:

        def record(door: Door) -> None:
            for each in part:
                _record(info, each, now, door=door)

        mailstore.commit(_shown_in(info), record)
        return
    dsn = _write(info, reported, raw=raw, now=now)
    send = _sending(info, addressee, dsn)

    def work(door: Door) -> None:
        for each in part:
            _record(info, each, now, door=door, warned=each.decision.state == DEFERRED)
        send(door)

    mailstore.commit({*addressee.mailspaces, *_shown_in(info)}, work)


def _addressee(info: OutgoingInfo) -> Addressee | None:
    """Who hears of it; None for the null sender (RFC 5321 §4.5.5) and for senders who are gone."""
    if info.kind == WEB and info.mailspace is not None:
        return Addressee((info.mailspace,), _thread(info))
    if not info.sender or info.kind == REPORT:
        return None
    # What was sent on has a sender of ours in place of the one who shall hear of it.
    sender = srs.reverse(info.sender, at=now_us()) or info.sender
    resolution = directory.current().resolve(sender)
    if resolution.kind == "elsewhere":
        return Addressee(outside=sender)
    mailspaces = [target.mailspace for target in resolution.targets if isinstance(target, LocalTarget)]
    return Addressee(tuple(dict.fromkeys(mailspaces))) if mailspaces else None


def _thread(info: OutgoingInfo) -> int | None:
    """The conversation of the copy in Sent, if it is still there."""
    if info.mailspace is None or info.message is None:
        return None
    try:
        return mailstore.message(info.mailspace, info.message).thread
    except StoreError:
        return None


def _write(info: OutgoingInfo, part: Sequence[Settled], *, raw: bytes, now: int) -> bytes:
    return _build(info, [_about(each, now) for each in part], raw=raw, now=now)


def _build(info: OutgoingInfo, about: Sequence[RecipientReport], *, raw: bytes, now: int) -> bytes:
    failed = any(each.action == "failed" for each in about)
    return report.build_dsn(
        about,
        raw,
        to=info.sender,
        reporting_mta=settings.MAIL_HOSTNAME,
        message_id=new_message_id(settings.MAIL_HOSTNAME),
        when_us=now,
        arrival_us=info.created_at,
        envelope_id=smtp_words.shown_envid(info.envid),
        return_full=failed and info.ret != "HDRS" and info.kind != WEB,
    )


def _about(each: Settled, now: int) -> RecipientReport:
    outcome, given_up = each.outcome, each.given_up
    if each.decision.state == DELIVERED:
        return RecipientReport(
            recipient=each.claimed.address,
            action="relayed",
            status="2.0.0",
            remote_mta=outcome.remote,
            original_recipient=smtp_words.shown_orcpt(each.claimed.orcpt),
            last_attempt_us=now,
        )
    code = "5" if given_up else "4"
    detail = outcome.enhanced.partition(".")[2] or "0.0"
    if each.decision.state == EXPIRED:
        detail = "4.7"  # RFC 3463 §3.5: delivery time expired
    words = f"{outcome.code} {outcome.text}".strip() if outcome.code else outcome.text
    explanation = said(outcome.reason, address=each.claimed.address)
    if each.decision.state == EXPIRED:
        explanation = f"{explanation} We tried for five days and have given up."
    return RecipientReport(
        recipient=each.claimed.address,
        action="failed" if given_up else "delayed",
        status=f"{code}.{detail}",
        diagnostic=words if outcome.remote else "",
        remote_mta=outcome.remote,
        original_recipient=smtp_words.shown_orcpt(each.claimed.orcpt),
        last_attempt_us=now,
        will_retry_until_us=None if given_up else each.claimed.expires_at,
        explanation=explanation,
    )


def _sending(info: OutgoingInfo, addressee: Addressee, dsn: bytes) -> Callable[[Door], None]:
    """What to do with the report inside the transaction; its bytes are made durable before."""
    if addressee.outside:

        def enqueue(_door: Door) -> None:
            queue.enqueue(
                NewOutgoing(
                    kind=REPORT,
                    sender="",  # RFC 3464 §2: so that a report can never cause another
                    raw=dsn,
                    recipients=(NewRecipient(addressee.outside),),
                    trace_id=info.trace_id,
                    utf8=not addressee.outside.isascii(),
                )
            )

        return enqueue
    prepared: Prepared = prepare(dsn)
    cause = Cause("task", session="delivery report")

    def store(door: Door) -> None:
        for mailspace in addressee.mailspaces:
            door.store(
                mailspace,
                prepared,
                INBOX,
                prefix=trace.return_path(""),
                trace_id=info.trace_id,
                reasons={"placement": "A report about a message sent from here"},
                thread=addressee.thread,
                cause=cause,
            )

    return store


def _answer(each: Settled) -> str:
    """The other server's words, or ours where there was none."""
    outcome = each.outcome
    words = f"{outcome.code} {outcome.text}".strip() if outcome.code else outcome.text
    return words or said(outcome.reason, address=each.claimed.address)


_KINDS = {DELIVERED: tracing.DELIVERED, FAILED: tracing.BOUNCED, EXPIRED: tracing.BOUNCED}


def _record(info: OutgoingInfo, each: Settled, now: int, *, door: Door, warned: bool = False) -> None:
    outcome, decision = each.outcome, each.decision
    queue.record(each.claimed, outcome, decision, now=now, warned=warned)
    metrics.DELIVERIES.labels(decision.state).inc()
    if each.given_up and (member := list_bounces.member_of(info.sender)) is not None:
        list_bounces.failed(
            member, said=outcome.text or said(outcome.reason, address=each.claimed.address), at=now
        )
    if info.mailspace is not None and info.message is not None:
        mailstore.moved_on(door, info.mailspace, info.message)
    detail = {
        "state": decision.state,
        "reason": outcome.reason,
        "code": outcome.code,
        "enhanced": outcome.enhanced,
        "text": outcome.text[:300],
        "remote": outcome.remote,
        "tls": outcome.tls,
        "attempt": each.claimed.attempts,
    }
    if decision.next_attempt is not None:
        detail["next_attempt"] = decision.next_attempt
    tracing.record(
        [
            Event(
                trace_id=info.trace_id,
                kind=_KINDS.get(decision.state, tracing.ATTEMPTED),
                at=now,
                mailspace=info.mailspace,
                sender=info.sender,
                recipient=each.claimed.address,
                domain=info.sender.rpartition("@")[2],
                ip=outcome.ip,
                message_id=info.header_id,
                size=info.size,
                detail=detail,
            )
        ]
    )
