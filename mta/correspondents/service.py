"""Who a mailspace writes with, best first. `mta.flow.acquainting` reads the mail and tells it here; the web client asks.

Never looks at mail itself; no name of one mailspace is ever seen from another. The address book puts its people
here as well (`keep`), so that one look finds everybody.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from mta.message.text import fold

from . import ranking
from .models import Correspondent as Row
from .models import CorrespondentWord, Progress

OFTEN = 3  # letters of somebody the owner never wrote to, after whom they are known all the same
FEW = 2_000  # found by the index up to here; a word that more have is looked for from the top of the ranking
PIECE = 300


@dataclass(frozen=True, slots=True)
class Correspondent:
    """Somebody the owner may want to write to. `kept`: stands in the address book."""

    name: str
    email: str
    written: int = 0
    heard: int = 0
    last_at: int = 0
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Letter:
    """One message as it counts: whom it names, whether the owner wrote it, when; `sign` -1 takes it back."""

    people: tuple[tuple[str, str], ...]
    own: bool
    at: int
    automatic: bool = False
    sign: int = 1


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a mailspace has been learnt; see models.Progress."""

    newest: int = 0
    oldest: int = 0
    whole: bool = False
    clock: int = 0
    at: int = 0


@dataclass(slots=True)
class _Sum:
    name: str = ""
    address: str = ""
    written: int = 0
    heard: int = 0
    last_at: int = 0
    more: float = ranking.NOTHING
    less: float = ranking.NOTHING
    named_by_owner: bool = field(default=False)


# --- asking -------------------------------------------------------------------------------------------------
def ranked(
    mailspace: int, prefix: str, *, limit: int = 8, without: Iterable[str] = ()
) -> tuple[Correspondent, ...]:
    """Those who have a word that begins so for each word of `prefix`, but not those of `without`."""
    wanted = ranking.wanted(prefix)
    if not wanted:
        return ()
    skipped = {fold(each)[:320] for each in without}
    found = Row.objects.filter(mailspace_id=mailspace).order_by("-score", "id")
    for word in wanted:
        found = found.filter(words__contains=f" {word}")
    rarest = min((_alike(mailspace, word) for word in wanted), key=lambda each: each[0])
    # A word that half of the people have is looked for from the top of the ranking, where the best of them stand.
    if rarest[0] <= FEW:
        found = found.filter(pk__in=rarest[1])
    rows = found[: limit + len(skipped)]
    return tuple(_value(row) for row in rows if row.email not in skipped)[:limit]


def _alike(mailspace: int, word: str) -> tuple[int, QuerySet[CorrespondentWord, Any]]:
    """Who has a word that begins so, and how many they are, counted no further than needed."""
    found = CorrespondentWord.objects.filter(
        mailspace_id=mailspace, word__gte=word, word__lt=word + "\U0010ffff"
    ).values("correspondent_id")
    return found[: FEW + 1].count(), found


def knows(mailspace: int, email: str) -> bool:
    """Whether the owner has written to somebody, hears from them again and again, or keeps them in the address book."""
    return Row.objects.filter(_KNOWN, mailspace_id=mailspace, email=fold(email)[:320]).exists()


def acquainted(mailspace: int, *, limit: int) -> tuple[Correspondent, ...]:
    """Everybody whom `knows` knows, the nearest first. One letter from a stranger makes nobody known."""
    found = Row.objects.filter(_KNOWN, mailspace_id=mailspace).order_by("-score", "id")
    return tuple(_value(row) for row in found[:limit])


def collected(
    mailspace: int, *, after: tuple[float, int] | None = None, limit: int = 50
) -> tuple[tuple[Correspondent, ...], tuple[float, int] | None]:
    """Those who are known but not kept, best first, and the key of the next page."""
    found = Row.objects.filter(_KNOWN, mailspace_id=mailspace, kept=False).order_by("-score", "id")
    if after is not None:
        found = found.filter(Q(score__lt=after[0]) | Q(score=after[0], pk__gt=after[1]))
    rows = list(found[: limit + 1])
    key = (rows[limit - 1].score, rows[limit - 1].pk) if len(rows) > limit else None
    return tuple(_value(row) for row in rows[:limit]), key


def about(mailspace: int, emails: Collection[str]) -> dict[str, Correspondent]:
    """What is known of some addresses, by their folded form."""
    rows = Row.objects.filter(mailspace_id=mailspace, email__in=[fold(each)[:320] for each in emails])
    return {row.email: _value(row) for row in rows}


def across(mailspaces: Collection[int], email: str) -> dict[int, Correspondent]:
    """Who of several mailspaces has anything to do with an address, and what; one query."""
    rows = Row.objects.filter(mailspace_id__in=list(mailspaces), email=fold(email)[:320])
    return {row.mailspace_id: _value(row) for row in rows}


_KNOWN = Q(kept=True) | Q(written__gt=0) | Q(heard__gte=OFTEN)


def _value(row: Row) -> Correspondent:
    return Correspondent(row.name, row.address, row.written, row.heard, row.last_at, row.kept)


# --- learning -----------------------------------------------------------------------------------------------
def mark(mailspace: int) -> Mark:
    """How far the mail of a mailspace has been learnt."""
    row = Progress.objects.filter(mailspace_id=mailspace).first()
    return _mark(row) if row else Mark()


def marks() -> dict[int, Mark]:
    """The same for every mailspace that was ever looked at."""
    return {row.mailspace_id: _mark(row) for row in Progress.objects.all()}


def _mark(row: Progress) -> Mark:
    return Mark(row.newest, row.oldest, row.whole, row.clock, row.at)


def learn(mailspace: int, letters: Iterable[Letter], *, before: Mark, after: Mark) -> bool:
    """Count letters and move the mark on, in one transaction; False if somebody else moved it meanwhile."""
    with transaction.atomic():
        Progress.objects.get_or_create(mailspace_id=mailspace)
        row = Progress.objects.select_for_update().get(mailspace_id=mailspace)
        if _mark(row) != before:
            return False
        count(mailspace, letters)
        Progress.objects.filter(pk=row.pk).update(
            newest=after.newest, oldest=after.oldest, whole=after.whole, clock=after.clock, at=after.at
        )
    return True


def seen(mailspace: int, people: Iterable[tuple[str, str]], *, own: bool, at: int) -> None:
    """Count one letter that does not lie in the mailspace (an address book's "last used", another host's mail)."""
    with transaction.atomic():
        count(mailspace, [Letter(tuple(people), own, at)])


def count(mailspace: int, letters: Iterable[Letter]) -> None:
    """Add to what is known, within a transaction of the caller's."""
    sums = _summed(letters)
    rows = _rows(mailspace, sums)
    changed: list[Row] = []
    gone: list[int] = []
    for email in sorted(sums):
        each, row = sums[email], rows.get(email)
        fresh = row is None
        if row is None:
            row = Row(mailspace_id=mailspace, email=email, address=each.address, score=ranking.NOTHING)
        row.written = max(0, row.written + each.written)
        row.heard = max(0, row.heard + each.heard)
        row.last_at = max(row.last_at, each.last_at)
        row.score = ranking.minus(ranking.plus(row.score, each.more), each.less)
        if not row.written + row.heard and not row.kept:
            if not fresh:
                gone.append(row.pk)
            continue
        if each.name and not row.kept and (each.named_by_owner or not row.name):
            row.name = each.name
        changed.append(row)
    _remove(gone)
    _save(changed)


def _summed(letters: Iterable[Letter]) -> dict[str, _Sum]:
    sums: dict[str, _Sum] = {}
    for letter in letters:
        amount = ranking.weight(letter.at, own=letter.own, automatic=letter.automatic)
        named = {fold(email)[:320]: (name, email) for name, email in letter.people if "@" in email}
        for email, (name, address) in named.items():
            each = sums.setdefault(email, _Sum(address=address[:320]))
            if letter.own:
                each.written += letter.sign
            else:
                each.heard += letter.sign
            if letter.sign < 0:
                each.less = ranking.plus(each.less, amount)
                continue
            each.more = ranking.plus(each.more, amount)
            each.last_at = max(each.last_at, letter.at)
            if name and (letter.own or not each.name):
                each.name, each.named_by_owner = _clean(name), each.named_by_owner or letter.own
    return sums


def _clean(name: str) -> str:
    return " ".join(name.replace("\0", "").split())[:255]


# --- the address book ---------------------------------------------------------------------------------------
def keep(mailspace: int, people: Iterable[tuple[str, str, str]], *, at: int) -> None:
    """Put people of the address book among the correspondents: (name, address, further words to find them by)."""
    named = {fold(email)[:320]: (name, email, more) for name, email, more in people if "@" in email}
    with transaction.atomic():
        rows = _rows(mailspace, named)
        changed = []
        extra: dict[str, str] = {}
        for email in sorted(named):
            name, address, more = named[email]
            row = rows.get(email)
            if row is None:
                row = Row(mailspace_id=mailspace, email=email, score=ranking.NOTHING)
            if not row.kept:
                row.score = ranking.plus(row.score, ranking.kept(at))
            row.kept, row.address = True, address[:320]
            row.name = _clean(name) or row.name
            extra[email] = more
            changed.append(row)
        _save(changed, extra)


def release(mailspace: int, emails: Iterable[str]) -> None:
    """Take addresses out that the address book no longer holds; who was written with stays a correspondent."""
    with transaction.atomic():
        rows = _rows(mailspace, {fold(each)[:320]: None for each in emails}).values()
        _remove([row.pk for row in rows if row.kept and not row.written + row.heard])
        stay = [row.pk for row in rows if row.kept and row.written + row.heard]
        Row.objects.filter(pk__in=stay).update(kept=False)


def forget(mailspace: int) -> None:
    """Everything of a mailspace, to be learnt again or because it is gone. The address book tells its people again."""
    with transaction.atomic():
        CorrespondentWord.objects.filter(mailspace_id=mailspace).delete()
        Row.objects.filter(mailspace_id=mailspace).delete()
        Progress.objects.filter(mailspace_id=mailspace).delete()


def mailspaces() -> set[int]:
    """Those of whom something is known here."""
    found = set(Progress.objects.values_list("mailspace_id", flat=True))
    return found | set(Row.objects.values_list("mailspace_id", flat=True).distinct())


# --- looking after it ---------------------------------------------------------------------------------------
def differences(mailspace: int, *, most: int = 100) -> list[str]:
    """What does not fit together; empty when all is well. Reads every row of the mailspace, in pieces."""
    found: list[str] = []
    words: dict[int, set[str]] = {}
    lines = CorrespondentWord.objects.filter(mailspace_id=mailspace).values_list("correspondent_id", "word")
    for correspondent, word in lines.iterator(chunk_size=2000):
        words.setdefault(correspondent, set()).add(word)
    rows = Row.objects.filter(mailspace_id=mailspace).order_by("id")
    for row in rows.iterator(chunk_size=2000):
        indexed = words.pop(row.pk, set())
        if indexed != set(row.words.split()):
            found.append(f"correspondent {row.pk}: the index has {len(indexed)} other words")
        if row.written < 0 or row.heard < 0 or not (row.written or row.heard or row.kept):
            found.append(f"correspondent {row.pk}: {row.written} letters to them, {row.heard} from them")
    found += [f"the index has words of correspondent {gone}, who is not there" for gone in words]
    return found[:most]


def repair(mailspace: int) -> None:
    """Write the index anew from the rows, and let go of those that nothing speaks for."""
    with transaction.atomic():
        rows = Row.objects.select_for_update().filter(mailspace_id=mailspace)
        rows.filter(written__lt=0).update(written=0)
        rows.filter(heard__lt=0).update(heard=0)
        rows.filter(written=0, heard=0, kept=False).delete()
        CorrespondentWord.objects.filter(mailspace_id=mailspace).delete()
        _write_words(rows.order_by("id"))


# --- rows ---------------------------------------------------------------------------------------------------
def _rows(mailspace: int, emails: Collection[str]) -> dict[str, Row]:
    ordered = sorted(emails)
    found: dict[str, Row] = {}
    for start in range(0, len(ordered), PIECE):
        some = Row.objects.select_for_update().filter(
            mailspace_id=mailspace, email__in=ordered[start : start + PIECE]
        )
        found |= {row.email: row for row in some.order_by("email")}
    return found


def _save(rows: Sequence[Row], more: dict[str, str] | None = None) -> None:
    """Insert or overwrite, and write their words anew where they changed."""
    fresh: list[Row] = []
    stale: list[Row] = []
    for row in rows:
        words = ranking.words(row.name, row.email, (more or {}).get(row.email, ""))
        written = f" {' '.join(words)} "
        if row.pk is None:
            fresh.append(row)
        elif row.words != written and (more is not None or not row.kept):
            stale.append(row)
        else:
            continue
        row.words = written
    known = [row for row in rows if row.pk is not None]
    Row.objects.bulk_update(
        known,
        ["address", "name", "words", "written", "heard", "kept", "last_at", "score"],
        batch_size=PIECE // 3,
    )
    Row.objects.bulk_create(fresh, batch_size=PIECE)
    _forget_words([row.pk for row in stale])
    _write_words([*fresh, *stale])


def _write_words(rows: Iterable[Row]) -> None:
    written: list[tuple[Any, ...]] = [
        (row.mailspace_id, word, row.pk) for row in rows for word in row.words.split()
    ]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "INSERT INTO correspondents_correspondentword (mailspace_id, word, correspondent_id)"
                " SELECT * FROM unnest(%s::bigint[], %s::text[], %s::bigint[]) ON CONFLICT DO NOTHING",
                [list(column) for column in zip(*written, strict=True)] if written else [[], [], []],
            )
        else:
            cursor.executemany(
                "INSERT INTO correspondents_correspondentword (mailspace_id, word, correspondent_id)"
                " VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                written,
            )


def _forget_words(ids: Sequence[int]) -> None:
    for start in range(0, len(ids), PIECE):
        CorrespondentWord.objects.filter(correspondent_id__in=ids[start : start + PIECE]).delete()


def _remove(ids: Sequence[int]) -> None:
    _forget_words(ids)
    for start in range(0, len(ids), PIECE):
        Row.objects.filter(pk__in=ids[start : start + PIECE]).delete()
