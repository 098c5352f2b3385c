"""Is this password right? For the web form and, through the directory, for IMAP, POP3 and submission.

A good sign-in is remembered for minutes as a keyed digest of (stored hash, name, password), in this
process only and under a key that dies with it: a mail program that signs in every minute does not pay
for argon2 each time. A changed password changes the stored hash and so never matches what was
remembered; a suspended account is seen because its row is read each time. Unknown names cost the same
as wrong passwords.
"""

from __future__ import annotations

import hmac
import logging
import secrets
import threading
import time
from collections import OrderedDict
from datetime import timedelta

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from hosting import names, passwords
from hosting.models import Account

logger = logging.getLogger(__name__)

REMEMBERED_FOR = 300.0  # seconds
REMEMBERED_MOST = 20_000
LAST_SEEN_STEP = timedelta(minutes=15)  # `last_login` is not written more often


class Remembered:
    """Digests of good sign-ins and when they end. Thread-safe, bounded, the oldest goes first."""

    def __init__(self, *, most: int = REMEMBERED_MOST, seconds: float = REMEMBERED_FOR) -> None:
        self._most, self._seconds = most, seconds
        self._key = secrets.token_bytes(32)
        self._until: OrderedDict[bytes, float] = OrderedDict()
        self._lock = threading.Lock()

    def _digest(self, account: Account, password: str) -> bytes:
        said = "\0".join((account.password, account.username, password))
        return hmac.digest(self._key, said.encode("utf-8", "surrogatepass"), "sha256")

    def knows(self, account: Account, password: str) -> bool:
        digest = self._digest(account, password)
        with self._lock:
            until = self._until.get(digest)
            if until is not None and until <= time.monotonic():
                del self._until[digest]
                until = None
        return until is not None

    def add(self, account: Account, password: str) -> None:
        digest = self._digest(account, password)
        with self._lock:
            self._until[digest] = time.monotonic() + self._seconds
            self._until.move_to_end(digest)
            while len(self._until) > self._most:
                self._until.popitem(last=False)


_remembered = Remembered()


def verify(username: str, password: str, *, remember: bool = True) -> Account | None:
    """The account if name and password are right and it may sign in now; else None."""
    if not password or len(password) > passwords.MAX_LENGTH:
        return None
    account = Account.objects.with_standing().filter(username=names.username(username)).first()
    if account is None:
        make_password(password)  # as long as a comparison takes: names cannot be told apart by time
        return None
    known = remember and _remembered.knows(account, password)
    if not known and not _matches(account, password):
        return None
    if not account.is_active or passwords.is_refused(password):
        return None
    if not known:
        _note(account)
        if remember:
            _remembered.add(account, password)
    return account


def _matches(account: Account, password: str) -> bool:
    """Compare; and rehash if the stored hash is of an older make."""

    def upgrade(raw: str) -> None:
        fresh = make_password(raw)
        with transaction.atomic():
            Account.objects.filter(pk=account.pk, password=account.password).update(password=fresh)
        account.password = fresh

    return check_password(password, account.password, setter=upgrade)


def _note(account: Account) -> None:
    now = timezone.now()
    if account.last_login is not None and account.last_login > now - LAST_SEEN_STEP:
        return
    stale = Q(last_login__isnull=True) | Q(last_login__lte=now - LAST_SEEN_STEP)
    with transaction.atomic():
        Account.objects.filter(stale, pk=account.pk).update(last_login=now)
