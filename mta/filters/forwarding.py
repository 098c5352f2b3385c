"""Addresses that mail may be forwarded to. Each counts once somebody has followed the link that was sent there.

The link holds a token of which only a digest is kept; it works once, for some days. Where it leads is the web
client's affair (settings.FORWARDING_LINK).
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime

from django.conf import settings
from django.utils.translation import gettext as _

from mta import directory
from mta.mailstore.service import Door
from mta.message.address import Address, canonical
from mta.message.build import Outgoing, build, new_message_id
from mta.queue import service as queue
from mta.queue.values import REPORT, NewOutgoing, NewRecipient
from mta.trust.signing import sign
from mta.values import now_us

from . import plans
from .addresses import spelled
from .errors import CannotFilter, NoSuchForwarding
from .models import ForwardingAddress, Replied
from .rules import committed
from .values import Forwarding

MOST = 20  # addresses of one mailspace
DAY = 86_400 * 1_000_000
VALID = 7 * DAY
AGAIN = 10 * 60 * 1_000_000  # the same address is not written to more often
_ASKED = -1  # the "rule" under which a mailspace's table of who was written to by itself keeps who was asked


def forwarding(mailspace: int) -> tuple[Forwarding, ...]:
    """Every address that was asked for, in that order."""
    return plans.forwarding_of(mailspace)


def ask_forwarding(mailspace: int, address: str, *, keep: bool = True) -> Forwarding:
    """Note an address and write to it; nothing is forwarded before it has confirmed. Asking again writes again."""
    wanted = spelled(address)
    owner = directory.current().owner(mailspace)
    if owner and wanted == canonical(owner):
        raise CannotFilter(_("That is your own address here."))
    token = secrets.token_urlsafe(32)
    now = now_us()

    def work(_door: Door) -> Forwarding:
        rows = ForwardingAddress.objects.filter(mailspace_id=mailspace)
        row = rows.filter(address=wanted).first()
        if row is None and rows.count() >= MOST:
            raise CannotFilter(_("There can be %(most)d forwarding addresses at most.") % {"most": MOST})
        if row is None:
            _check_asked(mailspace, wanted, at=now)
            row = ForwardingAddress(mailspace_id=mailspace, address=wanted, created_at=now)
        row.keep = keep
        if row.confirmed_at is None:
            if row.token and row.token_until - VALID > now - AGAIN:
                raise CannotFilter(_("A message was sent there just now. Look for it, or try again later."))
            row.token, row.token_until = _digest(token), now + VALID
            _note_asked(mailspace, wanted, at=now)
            _write(wanted, owner=owner, token=token, at=now)
        row.save()
        return _value(row)

    return committed(mailspace, work)


def _check_asked(mailspace: int, address: str, *, at: int) -> None:
    """Who removes an address may ask again, but not to fill strangers' mailboxes: what was sent is remembered."""
    lately = Replied.objects.filter(mailspace_id=mailspace, rule=_ASKED, at__gt=at - DAY)
    if lately.filter(address=address, at__gt=at - AGAIN).exists():
        raise CannotFilter(_("A message was sent there just now. Look for it, or try again later."))
    if lately.exclude(address=address).count() >= MOST:
        raise CannotFilter(_("Too many addresses were asked today. Try again tomorrow."))


def _note_asked(mailspace: int, address: str, *, at: int) -> None:
    Replied.objects.update_or_create(
        mailspace_id=mailspace, rule=_ASKED, address=address, defaults={"at": at}
    )


def asked(token: str) -> tuple[str, str]:
    """Who wants to forward mail, and where, for the page that the link opens; raises NoSuchForwarding."""
    row = _by_token(token)
    return directory.current().owner(row.mailspace_id), row.address


def confirm_forwarding(token: str) -> Forwarding:
    """Somebody there has agreed: from now on everything that arrives is forwarded. NoSuchForwarding when the link
    is wrong, used or too old."""
    mailspace = _by_token(token).mailspace_id

    def work(_door: Door) -> Forwarding:
        row = _by_token(token)
        row.token, row.confirmed_at, row.enabled = "", now_us(), True
        row.save()
        return _value(row)

    return committed(mailspace, work)


def change_forwarding(
    mailspace: int, id_: int, *, keep: bool | None = None, enabled: bool | None = None
) -> Forwarding:
    """Forward everything there or only what rules say; with a copy here or without."""

    def work(_door: Door) -> Forwarding:
        row = _row(mailspace, id_)
        if enabled and row.confirmed_at is None:
            raise CannotFilter(
                _("%(address)s has not confirmed yet that mail may be forwarded there.")
                % {"address": row.address}
            )
        row.keep = row.keep if keep is None else keep
        row.enabled = row.enabled if enabled is None else enabled
        row.save()
        return _value(row)

    return committed(mailspace, work)


def remove_forwarding(mailspace: int, id_: int) -> None:
    """Nothing goes there any more, by no rule either."""

    def work(_door: Door) -> None:
        _row(mailspace, id_).delete()

    committed(mailspace, work)


def _value(row: ForwardingAddress) -> Forwarding:
    return Forwarding(row.id, row.address, row.confirmed_at is not None, row.keep, row.enabled)


def _row(mailspace: int, id_: int) -> ForwardingAddress:
    row = ForwardingAddress.objects.filter(mailspace_id=mailspace, id=id_).first()
    if row is None:
        raise NoSuchForwarding(_("That address is no longer here."))
    return row


def _by_token(token: str) -> ForwardingAddress:
    row = ForwardingAddress.objects.filter(token=_digest(token[:200]), token_until__gt=now_us()).first()
    if row is None:
        raise NoSuchForwarding(_("This link was used already, or is too old."))
    return row


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _write(address: str, *, owner: str, token: str, at: int) -> None:
    """Within the transaction: the message with the link. From nobody (RFC 3834 §3.3), so that nothing answers it."""
    host = owner.rpartition("@")[2] or settings.MAIL_HOSTNAME
    author = f"postmaster@{host}"
    local, _at, domain = address.rpartition("@")
    words = {"owner": owner, "address": address, "link": settings.FORWARDING_LINK.format(token=token)}
    letter = Outgoing(
        from_=Address("", "postmaster", host),
        to=(Address("", local, domain),),
        subject=_("May mail of %(owner)s be forwarded to you?") % words,
        text=_(
            "%(owner)s asks to have their mail forwarded to %(address)s.\n\n"
            "If you agree, open this link within seven days:\n\n%(link)s\n\n"
            "If you do not know what this is about, do nothing: no mail will be forwarded."
        )
        % words,
        message_id=new_message_id(host),
        date=datetime.fromtimestamp(at / 1_000_000, UTC),
        extra_headers=(("Auto-Submitted", "auto-generated"),),
    )
    queue.enqueue(
        NewOutgoing(
            kind=REPORT,
            sender="",
            raw=sign(build(letter, with_bcc=False), author, at=at),
            recipients=(NewRecipient(address),),
            utf8=not address.isascii(),
        )
    )
