"""What people do with their old mailboxes: begin, stop, go on, take back, keep fetching, forget.

Each takes the row of who asks (webmail/moving/views.py finds it); the work itself is done by a worker (turns, mover).
"""

from __future__ import annotations

from django.core.cache import cache
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from hosting.models import Account
from mta.archive.naming import fit
from mta.mailstore import service as mailstore
from mta.mailstore.errors import StoreError
from mta.values import Cause

from . import mover, turns
from .errors import Refused, Trouble
from .forms import Asked
from .imap import Imap
from .models import Source
from .pop3 import Pop3

MOST = 10  # mailboxes of one person
TRIES, TRIES_WITHIN = 12, 600  # signing in elsewhere, for one person: this host guesses nobody's passwords


def begin(
    account: Account, mailspace: int, asked: Asked, *, into: str, keep: bool, leave: bool, label: str
) -> Source:
    """Sign in once, so that a slip is told at once; then a worker goes on. Trouble with a sentence."""
    if Source.objects.filter(account=account, mailspace=mailspace).count() >= MOST:
        raise Refused(_("There can be %d old mailboxes. Remove one that is done.") % MOST)
    may_try(account)
    check(asked)
    source = Source(
        account=account,
        mailspace=mailspace,
        address=asked.address,
        username=asked.username,
        protocol=asked.protocol,
        host=asked.server.host,
        port=asked.server.port,
        tls=asked.server.tls,
        into=fit(into) if into else "",
        keep=keep,
        leave=leave,
        label=fit(label) if label else "",
        action=mailstore.new_action(),
        next_at=timezone.now(),
    )
    source.set_password(asked.password)
    try:
        with transaction.atomic():
            source.save()
    except IntegrityError:
        raise Refused(_("%s moves in already.") % asked.address) from None
    turns.ring()
    return source


def check(asked: Asked) -> None:
    """Whether the other host lets us in."""
    if asked.protocol == Source.POP3:
        with Pop3(asked.server, asked.username, asked.password):
            return
    with Imap(asked.server, asked.username, asked.password):
        return


def may_try(account: Account) -> None:
    """Count a try; Trouble when it is one too many."""
    key = f"moving-tries-{account.pk}"
    cache.add(key, 0, TRIES_WITHIN)
    try:
        count = cache.incr(key)
    except ValueError:
        return  # it ended between the two
    if count > TRIES:
        raise Trouble(_("That was tried too often. Wait ten minutes."))


def stop(source: Source) -> None:
    """A worker that is at it notices at its next word to the row."""
    _set(source, state=Source.STOPPED, next_at=None)


def go_on(source: Source) -> None:
    """From where it was; what was in the way is tried again."""
    _set(
        source,
        state=Source.MOVING,
        next_at=timezone.now(),
        failures=0,
        refusals=0,
        problem="",
        problem_at=None,
    )
    turns.ring()


def fetch_now(source: Source) -> None:
    if source.state == Source.DONE:
        _set(source, next_at=timezone.now(), failures=0)
        turns.ring()


def set_password(source: Source, password: str) -> None:
    """A new one, tried first."""
    may_try(source.account)
    check(Asked(source.address, source.username, password, source.protocol, source.server))
    source.set_password(password)
    source.save(update_fields=["sealed_password"])
    go_on(source)


def keep(source: Source, *, on: bool, label: str, leave: bool) -> None:
    """Whether what arrives there is fetched from now on, under which label."""
    due = timezone.now() if on and source.state == Source.DONE else source.next_at
    if not on and source.state == Source.DONE:
        due = None
    Source.objects.filter(pk=source.pk).update(
        keep=on, label=fit(label) if label else "", leave=leave, next_at=due
    )
    if on:
        turns.ring()


def take_back(source: Source, *, cause: Cause) -> bool:
    """Everything that the move has brought goes again, in the background; False if there is nothing left to undo."""
    stop(source)
    try:
        mailstore.start_undo(source.mailspace, source.action, cause=cause)
    except StoreError:
        return False
    mover.forget(source)
    Source.objects.filter(pk=source.pk).update(action=mailstore.new_action(), keep=False)
    return True


def remove(source: Source) -> None:
    """Forget the mailbox and its password; the mail that has come stays."""
    source.delete()


def _set(source: Source, **values: object) -> None:
    """Written over whatever a worker holds: its lease ends with the turn."""
    Source.objects.filter(pk=source.pk).update(turn=F("turn") + 1, lease_until=None, **values)
    source.refresh_from_db()
