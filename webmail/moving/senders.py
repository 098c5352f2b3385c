"""Addresses at other hosts that people write from: added, proven, listed, removed; and the way their mail leaves.

That the address is theirs is proven by a code that goes there by our own relay, never through the server they named:
whoever names a server reads what passes it. That the server lets them in is tried before. Only then the address
stands in From, and mail from it leaves through that server, which signs it as its own host's.
"""

from __future__ import annotations

import asyncio
import secrets
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _

from hosting.access import senders_for
from hosting.accounts import clean_name
from hosting.models import Account
from mta import directory, resolver
from mta.message.address import Address, split
from mta.message.build import Outgoing, build, new_message_id
from mta.queue import service as queue
from mta.queue.values import REPORT, NewOutgoing, NewRecipient, Outcome
from mta.relay import world
from mta.relay.deliver import Patience, Session, TlsFailed, Unreachable
from mta.relay.route import route
from mta.relay.world import Smarthost
from mta.values import now_us

from . import service
from .errors import BadPassword, Refused, Trouble
from .forms import Asked
from .models import OutsideAddress
from .wire import PLAIN, addresses_of, is_loopback
from .wire import reach_of_settings as reach

MOST = 10  # of one person
PORTS = frozenset((25, 465, 587, 2525))
VALID = timedelta(days=3)
AGAIN = timedelta(minutes=5)  # between two codes for one address
MOST_GUESSES = 8
PATIENCE = Patience(connect=10, command=20, data=20, whole=40)


# --- adding one
def add(account: Account, mailspace: int, asked: Asked, *, name: str) -> OutsideAddress:
    """Try the server, keep it, and send the code. Trouble with a sentence."""
    domain = split(asked.address)[1]
    if directory.current().is_local_domain(domain):
        raise Refused(_("%s is an address of this host. Whoever runs it can give it to you.") % asked.address)
    mine = OutsideAddress.objects.filter(account=account, mailspace=mailspace)
    found = mine.filter(address=asked.address).first()
    if found is None and mine.count() >= MOST:
        raise Refused(_("There can be %d such addresses.") % MOST)
    service.may_try(account)
    check(asked)
    row = found or OutsideAddress(account=account, mailspace=mailspace, address=asked.address)
    row.name = clean_name(name)
    row.username, row.host, row.port, row.tls = (
        asked.username,
        asked.server.host,
        asked.server.port,
        asked.server.tls,
    )
    row.set_password(asked.password)
    row.save()
    if row.confirmed_at is None:
        send_code(row)
    return row


def check(asked: Asked) -> None:
    """Whether the server lets this name in; nothing is sent."""
    server = asked.server
    near = reach()
    if server.port not in PORTS and not (near.private or near.sandbox):
        raise Refused(_("Port %d is not one of a mail server.") % server.port)
    if server.tls == PLAIN and not all(is_loopback(each) for each in addresses_of(server.host, near)):
        raise Refused(_("Without encryption your password would be open to read. Choose TLS."))
    way = Smarthost(server.host, server.port, asked.username, asked.password, server.tls, personal=True)
    asyncio.run(_sign_in(way))


async def _sign_in(way: Smarthost) -> None:
    here = world.from_settings()
    here = world.World(**{name: getattr(here, name) for name in here.__slots__} | {"smarthost": way})
    targets = await route("", resolver=resolver.current(), world=here)
    if isinstance(targets, Outcome):
        raise Refused(_("%s is no server that this host connects to.") % way.host)
    problem = ""
    for target in targets:
        session = Session(target, here, PATIENCE)
        try:
            async with asyncio.timeout(PATIENCE.whole):
                await session.open()
            return
        except Unreachable as trouble:
            if 530 <= trouble.outcome.code <= 538:
                raise BadPassword(_("%s does not take this name and password.") % way.host) from None
            problem = trouble.outcome.text
        except TlsFailed as trouble:
            problem = str(trouble)
        except TimeoutError:
            problem = _("it took too long")
        finally:
            await session.close(politely=True)
    raise Trouble(
        _("%(host)s could not be used: %(why)s.") % {"host": way.host, "why": problem.rstrip(".") or "?"}
    )


# --- proving it
def send_code(row: OutsideAddress) -> None:
    """Eight digits to the address itself, by our own way."""
    now = timezone.now()
    if row.code_until is not None and row.code_until - VALID > now - AGAIN:
        raise Refused(_("A code was sent there just now. Look for it, or ask again in five minutes."))
    code = f"{secrets.randbelow(10**8):08d}"
    with transaction.atomic():
        OutsideAddress.objects.filter(pk=row.pk).update(
            code=_digest(row, code), code_until=now + VALID, guesses=0
        )
        queue.enqueue(
            NewOutgoing(
                kind=REPORT,
                sender="",
                raw=_letter(row, code),
                recipients=(NewRecipient(row.address),),
                utf8=not row.address.isascii(),
            )
        )
    row.refresh_from_db()


def confirm(row: OutsideAddress, code: str) -> None:
    """The code came back. Refused when it is another one, too old, or guessed at."""
    held = OutsideAddress.objects.filter(pk=row.pk, guesses__lt=MOST_GUESSES, code_until__gt=timezone.now())
    if not row.code or not held.update(guesses=F("guesses") + 1):
        raise Refused(_("This code is no longer good. Ask for a new one."))
    said = "".join(each for each in code[:40] if each.isdigit())
    if not constant_time_compare(_digest(row, said), row.code):
        raise Refused(_("That is not the code that we sent to %s.") % row.address)
    OutsideAddress.objects.filter(pk=row.pk).update(confirmed_at=timezone.now(), code="", code_until=None)
    row.refresh_from_db()


def _digest(row: OutsideAddress, code: str) -> str:
    return salted_hmac(
        "webmail.moving.code", f"{row.pk} {row.address} {code}", algorithm="sha256"
    ).hexdigest()


def _letter(row: OutsideAddress, code: str) -> bytes:
    own = next((each.address for each in senders_for(row.account_id)), row.account.username)
    shown = f"{code[:4]} {code[4:]}"
    text = _(
        "%(own)s wants to send mail as %(address)s from %(host)s.\n\nIf that is you, enter this code in Settings,"
        " Accounts:\n\n    %(code)s\n\nIf it is not, do nothing: without the code nothing happens."
    ) % {"own": own, "address": row.address, "host": settings.MAIL_HOSTNAME, "code": shown}
    local, domain = split(row.address)
    return build(
        Outgoing(
            from_=Address("Mailstead", "postmaster", settings.MAIL_HOSTNAME),
            to=(Address("", local, domain),),
            subject=_("%s is the code to send as this address") % shown,
            text=text,
            message_id=new_message_id(settings.MAIL_HOSTNAME),
            date=datetime.fromtimestamp(now_us() / 1_000_000, UTC),
            extra_headers=(("Auto-Submitted", "auto-generated"),),
        ),
        with_bcc=False,
    )
