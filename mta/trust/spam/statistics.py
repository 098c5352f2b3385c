"""What was learned of spam, in tables: counts of hashed tokens per mailspace and for the whole host.

Read with one query per message; written in batches under a lock on the scope's totals. A lesson is kept with its
tokens, so that a message counts once, and can be unlearned. Called by `flow.weighing` and `flow.learning`.
"""

from __future__ import annotations

import json
import struct
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from django.db import connection, transaction
from django.db.models import F

from mta.trust.models import SpamLesson, SpamProgress, SpamToken
from mta.values import now_us

from .bayes import Counts, Source

HOST = 0  # the scope of everybody
TOTAL = 0  # the token of every message
OWN_WEIGHT, HOST_WEIGHT = 4.0, 1.0
HOST_LEAST = 20  # lessons of each class, before which the host's say nothing
DAY = 86_400 * 1_000_000
# Nobody alone teaches everybody: so many lessons of one mailspace a day, and of all beyond so many only a quarter.
SHARED_A_DAY = 50
SHARED_LEAST = 60
MOST_TOKENS = 30_000  # of a mailspace
MOST_HOST_TOKENS = 300_000
MOST_LEARNED = 4_000  # messages of a class, after which all counts are halved
MOST_HOST_LEARNED = 40_000
MOST_LESSONS = 3_000  # of a mailspace that can still be unlearned
PIECE = 2_000


@dataclass(frozen=True, slots=True)
class Lesson:
    """A message that is learned as spam or ham; `told`: a person said so."""

    message: int
    spam: bool
    tokens: tuple[str, ...]
    told: bool = True


@dataclass(frozen=True, slots=True)
class Known:
    """What was learned from a message before."""

    spam: bool
    told: bool


def digest(token: str) -> int:
    """64 bits with a sign, as the databases keep them; never TOTAL."""
    (value,) = struct.unpack("<q", blake2b(token.encode("utf-8", "replace"), digest_size=8).digest())
    return int(value) or 1


# --- asking
def sources(tokens: Sequence[str], mailspaces: Collection[int]) -> dict[int, tuple[Source, ...]]:
    """For each mailspace what the host and it itself have learned of these tokens; one query."""
    hashes = {digest(token): token for token in tokens}
    rows = _rows([HOST, *mailspaces], [TOTAL, *hashes])
    totals: dict[int, Counts] = {}
    found: dict[int, dict[str, Counts]] = defaultdict(dict)
    for scope, token, spam, ham in rows:
        if token == TOTAL:
            totals[scope] = Counts(spam, ham)
        else:
            found[scope][hashes[token]] = Counts(spam, ham)
    host = _source(HOST, totals, found)
    return {each: (*host, *_source(each, totals, found)) for each in mailspaces}


def _source(scope: int, totals: dict[int, Counts], found: dict[int, dict[str, Counts]]) -> tuple[Source, ...]:
    least = HOST_LEAST if scope == HOST else 0
    if scope not in totals or min(totals[scope].spam, totals[scope].ham) < least:
        return ()
    return (Source(totals[scope], found.get(scope, {}), HOST_WEIGHT if scope == HOST else OWN_WEIGHT),)


def _rows(scopes: list[int], tokens: list[int]) -> list[tuple[int, int, int, int]]:
    statement = "SELECT scope, token, spam, ham FROM trust_spamtoken WHERE scope {} AND token {}"
    if connection.vendor == "postgresql":
        statement, params = statement.format("= ANY(%s)", "= ANY(%s)"), [scopes, tokens]
    else:
        many = "IN (SELECT value FROM json_each(%s))"
        statement, params = statement.format(many, many), [json.dumps(scopes), json.dumps(tokens)]  # type: ignore[list-item]
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.fetchall()


def learned(mailspace: int) -> Counts:
    """How many messages of each class a mailspace has learned."""
    row = SpamToken.objects.filter(scope=mailspace, token=TOTAL).values_list("spam", "ham").first()
    return Counts(*row) if row else Counts()


def lessons(mailspace: int, messages: Collection[int]) -> dict[int, Known]:
    """Which of these messages were learned, and as what."""
    found = SpamLesson.objects.filter(mailspace_id=mailspace, message_id__in=list(messages))
    return {row[0]: Known(row[1], row[2]) for row in found.values_list("message_id", "spam", "told")}


def progress(mailspace: int) -> tuple[int, int] | None:
    """(clock, time) up to which the journal was read; None if it never was."""
    return SpamProgress.objects.filter(mailspace_id=mailspace).values_list("clock", "at").first()


def every_progress() -> dict[int, tuple[int, int]]:
    """(clock, time) of each mailspace that was ever looked at."""
    return {row[0]: row[1:] for row in SpamProgress.objects.values_list("mailspace_id", "clock", "at")}


# --- learning
def learn(
    mailspace: int,
    new: Iterable[Lesson] = (),
    *,
    unlearn: Collection[int] = (),
    clock: int | None = None,
    at: int | None = None,
) -> None:
    """Count lessons, take back those of other messages, and note how far the journal was read: one transaction.

    A message that was learned as the same before changes nothing; as the other, it is unlearned first.
    """
    at = now_us() if at is None else at
    with transaction.atomic():
        row, _made = SpamProgress.objects.get_or_create(mailspace_id=mailspace)
        SpamProgress.objects.select_for_update().get(pk=row.pk)  # one at a time for a mailspace
        changes = _Changes(mailspace)
        fresh = {each.message: each for each in new}
        before = SpamLesson.objects.filter(mailspace_id=mailspace, message_id__in=[*fresh, *unlearn])
        gone = []
        for old in before:
            lesson = fresh.get(old.message_id)
            if lesson is not None and lesson.spam == old.spam:
                del fresh[old.message_id]
                continue
            changes.count(_unpacked(old.tokens), spam=old.spam, shared=old.shared, sign=-1)
            gone.append(old.pk)
        SpamLesson.objects.filter(pk__in=gone).delete()
        _keep(mailspace, fresh.values(), changes, at=at)
        changes.write(at // DAY)
        if clock is not None:
            SpamProgress.objects.filter(pk=row.pk).update(clock=clock, at=at)


def _keep(mailspace: int, fresh: Collection[Lesson], changes: _Changes, *, at: int) -> None:
    if not fresh:
        return
    room = _room(mailspace, at=at)
    rows = []
    for lesson in fresh:
        hashes = [digest(token) for token in lesson.tokens]
        shared = room > 0
        room -= shared
        changes.count(hashes, spam=lesson.spam, shared=shared)
        rows.append(
            SpamLesson(
                mailspace_id=mailspace,
                message_id=lesson.message,
                spam=lesson.spam,
                told=lesson.told,
                shared=shared,
                at=at,
                tokens=struct.pack(f"<{len(hashes)}q", *hashes),
            )
        )
    SpamLesson.objects.bulk_create(rows, batch_size=100)


def _room(mailspace: int, *, at: int) -> int:
    """How many lessons the host still takes from a mailspace: so many a day, and no more than its share of all."""
    own = SpamLesson.objects.filter(mailspace_id=mailspace, shared=True)
    all_of_them = learned(HOST)
    share = max(SHARED_LEAST, int(all_of_them.spam + all_of_them.ham) // 4)
    return min(SHARED_A_DAY - own.filter(at__gt=at - DAY).count(), share - own.count())


def _unpacked(packed: Any) -> list[int]:
    data = bytes(packed)
    return [value for (value,) in struct.iter_unpack("<q", data[: len(data) // 8 * 8])]


class _Changes:
    """What is added to, or taken from, the counts of a mailspace and of the host."""

    def __init__(self, mailspace: int) -> None:
        self._mailspace = mailspace
        self._sums: dict[int, dict[int, list[int]]] = {}

    def count(self, hashes: Iterable[int], *, spam: bool, shared: bool, sign: int = 1) -> None:
        for scope in (self._mailspace, HOST) if shared else (self._mailspace,):
            sums = self._sums.setdefault(scope, defaultdict(lambda: [0, 0]))
            for token in (TOTAL, *hashes):
                sums[token][0 if spam else 1] += sign

    def write(self, day: int) -> None:
        """The mailspace before the host, each in the order of its tokens: so two writers never wait for each other."""
        for scope in sorted(self._sums, reverse=True):
            sums = self._sums[scope]
            rows = [(scope, token, *sums[token], day) for token in sorted(sums) if any(sums[token])]
            for start in range(0, len(rows), PIECE):
                _add(rows[start : start + PIECE])


def _add(rows: Sequence[tuple[int, ...]]) -> None:
    """Add to counts, never below 0."""
    most = "GREATEST" if connection.vendor == "postgresql" else "MAX"
    ending = (
        " ON CONFLICT (scope, token) DO UPDATE SET"
        f" spam = {most}(0, trust_spamtoken.spam + excluded.spam),"
        f" ham = {most}(0, trust_spamtoken.ham + excluded.ham), day = excluded.day"
    )
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            columns = [list(column) for column in zip(*rows, strict=True)]
            cursor.execute(
                "INSERT INTO trust_spamtoken (scope, token, spam, ham, day) SELECT * FROM"
                " unnest(%s::bigint[], %s::bigint[], %s::int[], %s::int[], %s::int[])" + ending,
                columns,
            )
        else:
            cursor.executemany(
                "INSERT INTO trust_spamtoken (scope, token, spam, ham, day) VALUES (%s, %s, %s, %s, %s)"
                + ending,
                rows,
            )


# --- forgetting
def forget(mailspace: int) -> None:
    """Everything that a mailspace learned, and what the host learned from it."""
    while _forget_some(mailspace):
        pass
    with transaction.atomic():
        SpamToken.objects.filter(scope=mailspace).delete()
        SpamProgress.objects.filter(mailspace_id=mailspace).update(at=now_us())


def drop(mailspace: int) -> None:
    """The same for a mailspace that is no more."""
    forget(mailspace)
    SpamProgress.objects.filter(mailspace_id=mailspace).delete()


def _forget_some(mailspace: int) -> bool:
    with transaction.atomic():
        found = list(SpamLesson.objects.filter(mailspace_id=mailspace).order_by("id")[:200])
        changes = _Changes(mailspace)
        for row in found:
            changes.count(_unpacked(row.tokens), spam=row.spam, shared=row.shared, sign=-1)
        SpamLesson.objects.filter(pk__in=[row.pk for row in found]).delete()
        changes.write(now_us() // DAY)
    return len(found) == 200


# --- upkeep
def upkeep(*, at: int | None = None) -> None:
    """Old lessons count less, what is rare goes first, and no scope grows without end (beat)."""
    day = (now_us() if at is None else at) // DAY
    totals = SpamToken.objects.filter(token=TOTAL).values_list("scope", "spam", "ham")
    for scope, spam, ham in list(totals):
        if max(spam, ham) > (MOST_HOST_LEARNED if scope == HOST else MOST_LEARNED):
            _halve(scope)
        _shrink(scope, MOST_HOST_TOKENS if scope == HOST else MOST_TOKENS, day=day)
        if scope != HOST:
            _shorten(scope)


def _halve(scope: int) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE trust_spamtoken SET spam = spam / 2, ham = ham / 2 WHERE scope = %s", [scope])


def _shrink(scope: int, most: int, *, day: int) -> None:
    """Tokens that nothing is left of; then, beyond the cap, the rarest and oldest."""
    for piece in _pieces(SpamToken.objects.filter(scope=scope, spam__lte=0, ham__lte=0).exclude(token=TOTAL)):
        SpamToken.objects.filter(scope=scope, token__in=piece).delete()
    excess = SpamToken.objects.filter(scope=scope).count() - most
    if excess <= 0:
        return
    worth = SpamToken.objects.filter(scope=scope).exclude(token=TOTAL).annotate(seen=F("spam") + F("ham"))
    for piece in _pieces(worth.order_by("seen", "day", "token")[:excess]):
        SpamToken.objects.filter(scope=scope, token__in=piece).delete()


def _pieces(found: Any) -> Iterator[list[int]]:
    tokens = list(found.values_list("token", flat=True))
    for start in range(0, len(tokens), PIECE):
        yield tokens[start : start + PIECE]


def _shorten(mailspace: int) -> None:
    """Lessons beyond the cap stay counted; they can no longer be taken back."""
    found = SpamLesson.objects.filter(mailspace_id=mailspace).order_by("-at", "-id")
    stale = list(found.values_list("pk", flat=True)[MOST_LESSONS : MOST_LESSONS + PIECE])
    SpamLesson.objects.filter(pk__in=stale).delete()
