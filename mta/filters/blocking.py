"""Blocked senders: their mail goes to Spam. An address, or a whole domain with an @ in front."""

from __future__ import annotations

from django.utils.translation import gettext as _

from mta.mailstore.service import Door
from mta.values import now_us

from .addresses import spelled_or_domain
from .errors import CannotFilter
from .models import BlockedSender
from .rules import committed
from .values import Blocked

MOST = 5_000


def block(mailspace: int, address_or_domain: str) -> Blocked:
    """Mail from there goes to Spam from now on. Blocking twice is once."""
    wanted = spelled_or_domain(address_or_domain)

    def work(_door: Door) -> Blocked:
        rows = BlockedSender.objects.filter(mailspace_id=mailspace)
        if rows.count() >= MOST:
            raise CannotFilter(_("There can be %(most)d blocked senders at most.") % {"most": MOST})
        row, _made = rows.get_or_create(mailspace_id=mailspace, address=wanted, defaults={"at": now_us()})
        return Blocked(row.address, row.at)

    return committed(mailspace, work)


def unblock(mailspace: int, address_or_domain: str) -> None:
    """Their mail is looked at like any other again."""
    wanted = spelled_or_domain(address_or_domain)

    def work(_door: Door) -> None:
        BlockedSender.objects.filter(mailspace_id=mailspace, address=wanted).delete()

    committed(mailspace, work)


def blocked(mailspace: int) -> tuple[Blocked, ...]:
    """Who is blocked, the latest first."""
    rows = BlockedSender.objects.filter(mailspace_id=mailspace).order_by("-at", "-id")
    return tuple(Blocked(row.address, row.at) for row in rows)
