"""What a sender may do about a message on its way: try a recipient now, let one go, send it again to one.

Each is one transaction with the note that makes every page that shows the message look again. To send again is to
send the very bytes of the copy in Sent, to this one recipient: same Message-ID, so it is the same message to
everybody who has it already. Called by the web client; the schedule is `mta.queue`'s.
"""

from __future__ import annotations

from django.utils.translation import gettext as _

from mta import directory
from mta.flow import recipients
from mta.flow.errors import NotYours
from mta.mailstore import service as mailstore
from mta.mailstore.service import Door
from mta.message.headers import parse_header, select_fields, split_message
from mta.queue import service as queue
from mta.queue.errors import NoSuchOutgoing
from mta.queue.values import WEB, NewOutgoing, NewRecipient, OutgoingInfo
from mta.tracing import service as tracing
from mta.tracing.service import Event
from mta.trust.signing import sign
from mta.values import now_us

_NOT_AGAIN = frozenset({"bcc", "dkim-signature"})


def try_now(mailspace: int, outgoing: int, address: str) -> None:
    """The next attempt at a recipient is made at once. `queue.errors.TooLate` when none is due."""
    info = _info(mailspace, outgoing)

    def work(door: Door) -> None:
        queue.retry_now(outgoing, mailspace=mailspace, address=address, now=door.now)
        _tell(door, info, address, "try now")

    mailstore.commit({mailspace}, work)


def give_up(mailspace: int, outgoing: int, address: str) -> None:
    """No further attempt at a recipient; nobody is sent a report about what they decided themselves."""
    info = _info(mailspace, outgoing)

    def work(door: Door) -> None:
        queue.give_up(outgoing, mailspace=mailspace, address=address, now=door.now)
        _tell(door, info, address, "given up")

    mailstore.commit({mailspace}, work)


def send_again(mailspace: int, account: int, outgoing: int, address: str, *, message: int) -> int:
    """The same message once more to one recipient that it did not reach; the id of the new Outgoing.

    `message` is the copy in Sent that shows it, which for a mail program's sending is the program's own.
    Raises `flow.errors.Refused` in one of its kinds, `queue.errors.TooLate` when it is on its way already or has
    arrived, and NoSuchMessage when the copy in Sent is gone.
    """
    info = _info(mailspace, outgoing)
    if mailstore.message(mailspace, message).message_id != info.header_id or not info.header_id:
        raise NoSuchOutgoing(outgoing)
    if address not in {each.address for each in queue.recipients(outgoing)}:
        raise NoSuchOutgoing(outgoing)
    if not directory.current().may_send_as(account, info.sender):
        raise NotYours(_("You may not send as %(address)s.") % {"address": info.sender})
    at = now_us()
    raw = sign(_bare(mailstore.raw(mailspace, message)), info.sender, at=at)
    recipients.divide(
        (address,), size=len(raw)
    )  # an address of ours that is not there is refused here and now

    def work(door: Door) -> int:
        queue.set_aside(outgoing, mailspace=mailspace, address=address)
        made = queue.enqueue(
            NewOutgoing(
                kind=WEB,
                sender=info.sender,
                raw=raw,
                recipients=(NewRecipient(address),),
                mailspace=mailspace,
                message=message,
                header_id=info.header_id,
                trace_id=info.trace_id,
                utf8=info.utf8,
            ),
            now=door.now,
        )
        _tell(door, info, address, "sent again")
        return made

    return mailstore.commit({mailspace}, work)


def _info(mailspace: int, outgoing: int) -> OutgoingInfo:
    info = queue.outgoing(outgoing)
    if info.mailspace != mailspace:
        raise NoSuchOutgoing(outgoing)
    return info


def _bare(raw: bytes) -> bytes:
    """The copy in Sent as it leaves: without Bcc, and without the signature that covered another hour's bytes."""
    header_end, body = split_message(raw)
    return select_fields(parse_header(raw[:header_end]), _NOT_AGAIN, not_=True) + raw[body:]


def _tell(door: Door, info: OutgoingInfo, address: str, state: str) -> None:
    """The timeline has it, and whoever looks at the message sees it."""
    tracing.record(
        [
            Event(
                trace_id=info.trace_id,
                kind=tracing.QUEUED,
                at=door.now,
                mailspace=info.mailspace,
                sender=info.sender,
                recipient=address,
                domain=info.sender.rpartition("@")[2],
                message_id=info.header_id,
                detail={"state": state},
            )
        ]
    )
    if info.mailspace is not None and info.message is not None:
        mailstore.moved_on(door, info.mailspace, info.message)
