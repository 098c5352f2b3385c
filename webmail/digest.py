"""The daily mail about the quarantine: what was held since the last one, with links that let it in.

Written into the owner's Inbox in the morning of their own time zone, in the same transaction that notes what it
mentions, so that nothing is told twice, however many sweeps run. Nobody is written to while nothing new is held.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.core import signing
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from hosting.models import Account
from mta import directory
from mta.flow import quarantine
from mta.mailstore import service as mailstore
from mta.mailstore.service import Door, Held
from mta.message.address import Address, split
from mta.message.build import Outgoing, build, new_message_id
from mta.values import INBOX, Cause
from webmail.models import Preferences

log = logging.getLogger(__name__)

CAUSE = Cause("task", session="daily mail about the quarantine")
SALT = "webmail.quarantine"
VALID = mailstore.KEEP_DAYS * 24 * 3600  # seconds
SHOWN = 50  # messages that one mail lists; the page has the others


def token(mailspace: int, message: int) -> str:
    """Names one held message to whom it was sent to."""
    return signing.dumps([mailspace, message], salt=SALT)


def read_token(text: str) -> tuple[int, int]:
    """The mailspace and the message; raises BadSignature."""
    found = signing.loads(text[:400], salt=SALT, max_age=VALID)
    if not (isinstance(found, list) and len(found) == 2 and all(isinstance(each, int) for each in found)):
        raise signing.BadSignature
    return found[0], found[1]


def sweep(*, now: datetime | None = None) -> int:
    """Write to everybody whose morning has come since something was held; how many mails that were."""
    moment, written, after = now or timezone.now(), 0, 0
    while mailspaces := mailstore.held_unmentioned(after=after):
        for account in Account.objects.filter(mailspace__in=mailspaces).select_related("web_mail"):
            if account.mailspace is not None and _due(account, account.mailspace, moment):
                written += _write(account, account.mailspace, moment)
        after = mailspaces[-1]
    return written


def _due(account: Account, mailspace: int, now: datetime) -> bool:
    """Whether something new was held before this person's last morning."""
    chosen = getattr(account, "web_mail", None) or Preferences(account=account)
    try:
        zone = ZoneInfo(chosen.time_zone) if chosen.time_zone else timezone.get_default_timezone()
    except (ZoneInfoNotFoundError, ValueError):
        zone = timezone.get_default_timezone()
    local = now.astimezone(zone)
    morning = local.replace(hour=chosen.morning, minute=0, second=0, microsecond=0)
    if morning > local:
        morning -= timedelta(days=1)
    before = int(morning.timestamp() * 1_000_000)
    return any(each.at < before and not each.mentioned for each in mailstore.held([mailspace], limit=200))


def _write(account: Account, mailspace: int, now: datetime) -> bool:
    """The mail, in its owner's language; False where there was nothing to tell after all."""
    chosen = getattr(account, "web_mail", None) or Preferences(account=account)
    address = directory.current().owner(mailspace) or account.username

    def tell(door: Door, fresh: tuple[Held, ...]) -> None:
        raw = letter(fresh, address=address, now=now)
        reasons = {"placement": "Something new was held in your quarantine"}
        door.store(mailspace, mailstore.prepare(raw), INBOX, cause=CAUSE, reasons=reasons)

    with translation.override(chosen.language or settings.LANGUAGE_CODE):
        return bool(mailstore.mention_held(mailspace, tell))


def letter(fresh: Iterable[Held], *, address: str, now: datetime) -> bytes:
    """The mail itself: for each message who, what and why, and three links."""
    found = tuple(fresh)
    context = {
        "cards": [_line(each) for each in found[:SHOWN]],
        "more": max(0, len(found) - SHOWN),
        "page": f"{settings.PUBLIC_URL}/mail/quarantine/",
        "days": mailstore.KEEP_DAYS,
    }
    local, domain = split(address)
    return build(
        Outgoing(
            from_=Address("Mailstead", "postmaster", domain),
            to=(Address("", local, domain),),
            subject=ngettext(
                "%d message is held in your quarantine", "%d messages are held in your quarantine", len(found)
            )
            % len(found),
            text=render_to_string("webmail/digest.txt", context),
            html=render_to_string("webmail/digest.html", context),
            message_id=new_message_id(domain),
            date=now.astimezone(UTC),
            extra_headers=(("Auto-Submitted", "auto-generated"),),
        ),
        with_bcc=False,
    )


def _line(held: Held) -> dict[str, object]:
    base = f"{settings.PUBLIC_URL}/quarantine/{token(held.mailspace, held.message)}/"
    kind = quarantine.kind(held)
    return {
        "who": held.name or held.sender or _("unknown sender"),
        "sender": held.sender,
        "subject": held.subject or _("(no subject)"),
        "at": datetime.fromtimestamp(held.at / 1_000_000, UTC),
        "reason": quarantine.reason(held),
        "release": f"{base}?do=release" if kind != quarantine.VIRUS else "",
        "allow": f"{base}?do=allow" if kind == quarantine.SPAM and held.sender else "",
        "block": f"{base}?do=block" if kind == quarantine.SPAM and held.sender else "",
    }
