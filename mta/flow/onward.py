"""What leaves again through our addresses that point outside: sealed, and from a sender that bounces find back to.

For each of our domains one letter, in its name. Made before the transaction, since signing takes a while; queued in it.
Called by `flow.receive`.
"""

from __future__ import annotations

from collections.abc import Iterable

from mta.flow import heading, sealing
from mta.flow.passage import Forward, Passage
from mta.mailstore.service import Prepared
from mta.queue.values import FORWARD, NewOutgoing, NewRecipient, Wishes


def letters(passage: Passage, prepared: Prepared) -> tuple[NewOutgoing, ...]:
    """One for each of our domains that something is forwarded for."""
    domains: dict[str, list[Forward]] = {}
    for forward in passage.forwards:
        domains.setdefault(forward.address.rpartition("@")[2], []).append(forward)
    return tuple(_letter(passage, prepared, domain, found) for domain, found in domains.items())


def _letter(passage: Passage, prepared: Prepared, domain: str, forwards: Iterable[Forward]) -> NewOutgoing:
    arrival, found = passage.arrival, list(forwards)
    seal = sealing.onward(arrival.raw, passage.verdict, domain=domain, at=passage.at)
    return NewOutgoing(
        kind=FORWARD,
        sender=sealing.sender(arrival.sender, domain=domain, at=passage.at),
        raw=seal + heading.received(passage, found[0].address) + arrival.raw,
        recipients=tuple(_recipient(each, arrival.wishes) for each in found),
        header_id=prepared.facts.message_id,
        trace_id=passage.trace_id,
        utf8=arrival.utf8,
        ret=arrival.wishes.ret,
        envid=arrival.wishes.envid,
    )


def _recipient(forward: Forward, wishes: Wishes) -> NewRecipient:
    wish = wishes.of(forward.address).passed_on(alone=forward.alone)
    return NewRecipient(forward.target, notify=wish.notify, orcpt=wish.orcpt)
