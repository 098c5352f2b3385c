"""Mail for addresses of ours that does not come from outside: stored here, it never leaves the host.

`store` puts a copy into each mailbox within a transaction of the caller's. `deliver` is for recipients that
waited in the queue: sent with a delay to take them back, or ours but full or suspended before. Called by
`flow.submit`, `flow.bounce` and `relay.run`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mta import directory
from mta.flow import bounce, filing, lists, placement, recipients
from mta.flow.errors import MayNotPost
from mta.flow.filing import Copy
from mta.flow.lists import Posted, Spread
from mta.flow.recipients import Here
from mta.mailstore import service as mailstore
from mta.mailstore.service import Door, Prepared, prepare
from mta.message import trace
from mta.queue import reasons
from mta.queue import service as queue
from mta.queue.errors import LostClaim
from mta.queue.values import (
    DEFERRED,
    DELIVERED,
    FAILED,
    FORWARD,
    SUBMISSION,
    WEB,
    Claimed,
    NewOutgoing,
    NewRecipient,
    Outcome,
    OutgoingInfo,
    Wish,
    Wishes,
)
from mta.tracing import service as tracing
from mta.tracing.service import Event
from mta.values import Cause, now_us


def store(
    door: Door,
    here: Iterable[Here],
    prepared: Prepared,
    *,
    sender: str,
    trace_id: str,
    cause: Cause,
    raw: bytes,
    taken: set[int] | None = None,
) -> list[Event]:
    """One copy per mailbox, under the first of its addresses; the trace events to record with it."""
    taken = set() if taken is None else taken
    events: list[Event] = []
    for each in here:
        decision = placement.from_here(each.address)
        for mailspace in each.mailspaces:
            if mailspace in taken:
                continue
            taken.add(mailspace)
            copy = Copy(
                mailspace=mailspace,
                address=each.address,
                sender=sender,
                decision=decision,
                prepared=prepared,
                raw=raw,
                prefix=trace.return_path(sender) + trace.delivered_to(each.address),
                received=b"",
                trace_id=trace_id,
                reasons={"placement": decision.reason},
                cause=cause,
                utf8=not (sender + each.address).isascii(),
            )
            final, more = filing.store(door, copy)
            events.append(
                Event(
                    trace_id=trace_id,
                    kind=tracing.PLACED,
                    at=door.now,
                    mailspace=mailspace,
                    sender=sender,
                    recipient=each.address,
                    domain=each.address.rpartition("@")[2],
                    message_id=prepared.facts.message_id,
                    detail={"mailbox": final.role, "reason": final.reason},
                )
            )
            events += more
        for mask in each.masks:
            directory.current().mask_used(mask, at=door.now)
    return events


def forward(
    here: Iterable[Here],
    raw: bytes,
    *,
    sender: str,
    header_id: str,
    trace_id: str,
    utf8: bool,
    wishes: Wishes,
) -> None:
    """Queue what aliases of ours send outside; the sender stays who it was, so reports go back there."""
    outside: dict[str, NewRecipient] = {}
    for each in here:
        alone = len(each.outside) + len(each.mailspaces) == 1
        wish = wishes.of(each.address).passed_on(alone=alone)
        for target in each.outside:
            outside.setdefault(target, NewRecipient(target, notify=wish.notify, orcpt=wish.orcpt))
    if outside:
        queue.enqueue(
            NewOutgoing(
                kind=FORWARD,
                sender=sender,
                raw=raw,
                recipients=tuple(outside.values()),
                header_id=header_id,
                trace_id=trace_id,
                utf8=utf8,
                ret=wishes.ret,
                envid=wishes.envid,
            )
        )


def deliver(info: OutgoingInfo, raw: bytes, claims: Sequence[Claimed]) -> None:
    """Store for claimed recipients here, and settle them in the same transaction; the others wait or fail."""
    started = now_us()
    storable: list[tuple[Claimed, Here]] = []
    others: list[tuple[Claimed, Outcome]] = []
    spread: dict[int, Spread] = {}
    for claimed in claims:
        found = _look_up(claimed.address, size=len(raw))
        if isinstance(found, Here):
            try:
                spread[claimed.id] = lists.spread(found.lists, _posted(info, raw, at=started), strict=True)
                storable.append((claimed, found))
            except MayNotPost as refused:
                others.append((claimed, Outcome(FAILED, reasons.POLICY, 550, "5.7.1", str(refused))))
        else:
            others.append((claimed, found))
    if storable:
        prepared = prepare(raw)
        while storable:
            try:
                _commit(info, raw, prepared, storable, spread, started=started)
                break
            except LostClaim as lost:  # its new holder stores it
                storable = [pair for pair in storable if pair[0].address != str(lost)]
    if others:
        bounce.settle(info, others, raw=raw)


def _posted(info: OutgoingInfo, raw: bytes, *, at: int) -> Posted:
    """As a distribution list sees it: what our people sent was theirs to send when they did."""
    trusted = info.kind in (WEB, SUBMISSION)
    return Posted(raw, info.sender, trusted=trusted, trace_id=info.trace_id, at=at, utf8=info.utf8)


def _look_up(address: str, *, size: int) -> Here | Outcome:
    resolution = directory.current().resolve(address)
    if resolution.kind == "ours":
        found = recipients.targets(address, resolution.targets, size=size)
        return found or Outcome(DEFERRED, reasons.FULL, 452, "4.2.2")
    if resolution.kind == "unknown":
        return Outcome(FAILED, reasons.GONE_LOCAL, 550, "5.1.1")
    if resolution.kind == "suspended":
        return Outcome(DEFERRED, reasons.DISABLED, 450, "4.2.1")
    return Outcome(DEFERRED, reasons.LOCAL_TROUBLE)  # the domain left while we looked; the relay takes it


def _commit(
    info: OutgoingInfo,
    raw: bytes,
    prepared: Prepared,
    pairs: Sequence[tuple[Claimed, Here]],
    spread: Mapping[int, Spread],
    *,
    started: int,
) -> None:
    cause = Cause("task", session="delivery")
    stored = Outcome(DELIVERED, reasons.HERE, 250, "2.0.0", started_at=started)
    asked = {claimed.address: Wish(claimed.notify, claimed.orcpt) for claimed, _here in pairs}
    wishes = Wishes(info.ret, info.envid, asked)
    confirmed = bounce.confirmation(
        [each.address for _c, each in pairs if each.mailspaces and wishes.of(each.address).on_success],
        raw,
        sender=info.sender,
        wishes=wishes,
        header_id=info.header_id,
        trace_id=info.trace_id,
        at=started,
    )

    def work(door: Door) -> None:
        for claimed, _here in pairs:
            decision = queue.decide(claimed, stored, now=door.now)
            # A delivery may be recorded without the claim; a copy here must not be stored twice.
            queue.record(claimed, stored, decision, now=door.now, strictly=True)
        here = [each for _claimed, each in pairs]
        taken: set[int] = set()
        events = store(
            door,
            here,
            prepared,
            sender=info.sender,
            trace_id=info.trace_id,
            cause=cause,
            raw=raw,
            taken=taken,
        )
        for claimed, _here in pairs:
            events += lists.store(door, spread[claimed.id], cause=cause, taken=taken)
        forward(
            here,
            raw,
            sender=info.sender,
            header_id=info.header_id,
            trace_id=info.trace_id,
            utf8=info.utf8,
            wishes=wishes,
        )
        if confirmed is not None:
            confirmed.store(door)
        tracing.record(events)
        if info.mailspace is not None and info.message is not None:
            mailstore.moved_on(door, info.mailspace, info.message)

    mailspaces = {
        each for claimed, here in pairs for each in (*here.mailspaces, *spread[claimed.id].mailspaces)
    }
    if info.mailspace is not None and info.message is not None:
        mailspaces.add(info.mailspace)
    if confirmed is not None:
        mailspaces.update(confirmed.mailspaces)
    mailstore.commit(mailspaces, work)
