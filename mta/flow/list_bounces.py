"""Members of distribution lists whose mail comes back: counted, paused after some refusals, the owner told.

A copy's envelope sender names its member; the refusal is that of our own relay, or a report from a host beyond it.
Called by `flow.lists` and `flow.bounce`, within their transactions.
"""

from __future__ import annotations

from datetime import UTC, datetime

from django.conf import settings
from django.utils.translation import gettext as _

from mta import directory
from mta.directory import BOUNCE, ListInfo, ListTarget
from mta.message.address import Address, split
from mta.message.build import Outgoing, build, new_message_id
from mta.message.report import parse_dsn
from mta.queue import service as queue
from mta.queue.values import REPORT, NewOutgoing, NewRecipient


def refusals(raw: bytes) -> list[str] | None:
    """The words of a report that a copy was refused for good; nothing for a delay; None for whatever is no report."""
    report = parse_dsn(raw)
    if report is None:
        return None
    for each in report.recipients:
        if each.action == "failed" and not each.status.startswith("4"):
            return [(each.diagnostic or each.explanation or each.status)[:300]]
    return []


def member_of(sender: str) -> ListTarget | None:
    """The member that an envelope sender names, if it is one of a list's copies."""
    if "-bounces+" not in sender:
        return None
    targets = directory.current().resolve(sender).targets
    return next((each for each in targets if isinstance(each, ListTarget) and each.duty == BOUNCE), None)


def failed(target: ListTarget, *, said: str, at: int) -> None:
    """Within a transaction: a copy came back for good. Who is paused by it is told to the list's owner."""
    paused = directory.current().list_bounced(target.list_id, target.member, said=said)
    info = directory.current().mailing_list(target.list_id) if paused else None
    if info is None:
        return
    queue.enqueue(
        NewOutgoing(
            kind=REPORT,
            sender="",
            raw=_about_pause(info, paused, said=said, at=at),
            recipients=(NewRecipient(info.owner_address),),
            utf8=not info.owner_address.isascii(),
        ),
        now=at,
    )


def _about_pause(info: ListInfo, paused: str, *, said: str, at: int) -> bytes:
    names = {"who": paused, "name": info.name, "said": said}
    text = _(
        "%(who)s is paused on the list %(name)s: several messages in a row could not be delivered there.\n\n"
        "The last answer was: %(said)s\n\n"
        "Nothing more is sent there until you resume the member on the list's page in the panel."
    )
    local, domain = split(info.owner_address)
    return build(
        Outgoing(
            from_=Address(info.name, local, domain),
            to=(Address("", local, domain),),
            subject=_("%(who)s is paused on %(name)s") % names,
            text=text % names,
            message_id=new_message_id(settings.MAIL_HOSTNAME),
            date=datetime.fromtimestamp(at / 1_000_000, UTC),
            extra_headers=(("Auto-Submitted", "auto-generated"),),
        ),
        with_bcc=False,
    )
