"""Address books in files: brought in without doubling anybody, taken away whole. Called through `service`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from mta.message.text import fold

from . import cards, stored, tables
from .book import contacts
from .cards import Told, nothing
from .models import Contact, ContactEmail, Past, Photo
from .values import CannotRead, Imported, Person, merged, sort_key, tidy


def import_file(mailspace: int, data: bytes, name: str = "", *, told: Told = nothing) -> Imported:
    """Contacts out of a vCard file or a table, whichever it is; `told` hears how far it is, from 0 to 1.

    CannotRead when it is neither, or too much at once; CannotKeep when the book is full."""
    is_card = b"BEGIN:VCARD" in data[:400].upper() or data[:2] in (b"\xff\xfe", b"\xfe\xff")
    if is_card and not name.lower().endswith((".csv", ".tsv")):
        return import_vcards(mailspace, data, told=told)
    if tables.is_known(data):
        return import_csv(mailspace, data, told=told)
    raise CannotRead(
        _("That is neither a vCard file nor a table of contacts. Export it again as vCard or CSV.")
    )


def import_vcards(mailspace: int, data: bytes, *, told: Told = nothing) -> Imported:
    """Contacts out of a vCard file (3.0, 4.0, 2.1)."""
    return _import(mailspace, *cards.read(data, lambda part: told(part / 2)), told)


def import_csv(mailspace: int, data: bytes, *, told: Told = nothing) -> Imported:
    """Contacts out of a table with a line of names above it: Google's, Outlook's, Thunderbird's or of that kind."""
    return _import(mailspace, *tables.read(data), told)


def _import(
    mailspace: int, people: Sequence[Person], unread: Sequence[str], told: Told = nothing
) -> Imported:
    """Those that are there already (the same card, or the same address and name) are completed, not doubled.

    A piece is a transaction: mail that arrives meanwhile waits for none of them long, and what is cut off can be
    brought again.
    """
    past: Past | None = None
    added = changed = known = 0
    every = _once(tidy(each) for each in people)
    for start in range(0, len(every), stored.CHUNK):
        told(0.5 + start / len(every) / 2)
        with transaction.atomic():
            piece = _sorted(mailspace, every[start : start + stored.CHUNK])
            known += piece.known
            changed += len(piece.completed)
            added += len(piece.fresh)
            if piece.fresh or piece.completed:
                noted = _bring(mailspace, piece, None if past is None else past.at)
                past = past or noted
    return Imported(added, known, changed, tuple(unread[:20]), past.pk if past else None)


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some people of a file: who is new, who becomes fuller, how many were here as they are."""

    fresh: list[Person]
    completed: list[tuple[Contact, Person]]
    known: int


def _sorted(mailspace: int, people: Sequence[Person]) -> _Piece:
    fresh: list[Person] = []
    completed: dict[int, tuple[Contact, Person]] = {}
    known = 0
    for person, row in zip(people, _alike(mailspace, people), strict=True):
        if row is None:
            fresh.append(person)
            continue
        was = stored.person(row)
        before = completed[row.pk][1] if row.pk in completed else was
        whole = merged([before, person])
        if replace(whole, groups=(), photo=b"") == replace(before, groups=(), photo=b""):
            known += 1
        else:
            completed[row.pk] = (row, whole)
    return _Piece(fresh, list(completed.values()), known)


def _bring(mailspace: int, piece: _Piece, at: int | None) -> Past:
    past = stored.remember(mailspace, [row for row, _whole in piece.completed], at=at)
    for row, person in piece.completed:
        stored.write(row, person)
    rows = stored.insert(mailspace, piece.fresh)
    stored.note_made(past, [row.pk for row in rows])
    named = {row.pk: person.groups for row, person in piece.completed}
    named |= {row.pk: person.groups for row, person in zip(rows, piece.fresh, strict=True)}
    stored.put_in_groups(mailspace, named)
    return past


def _once(people: Iterable[Person]) -> list[Person]:
    """A file that names somebody twice, word for word, names them once."""
    return list({replace(each, photo=b"", card="", uid=""): each for each in people}.values())


def _alike(mailspace: int, people: Sequence[Person]) -> list[Contact | None]:
    uids = [each.uid for each in people if each.uid]
    emails = [fold(value)[:320] for each in people for _label, value in each.emails]
    by_uid = {row.uid: row for row in stored.live(mailspace).filter(uid__in=uids)} if uids else {}
    by_email: dict[str, list[Contact]] = {}
    leads = ContactEmail.objects.filter(mailspace=mailspace, contact__deleted_at__isnull=True)
    for start in range(0, len(emails), stored.CHUNK):
        some = leads.filter(email__in=emails[start : start + stored.CHUNK]).select_related("contact")
        for each in some:
            by_email.setdefault(each.email, []).append(each.contact)
    found: list[Contact | None] = []
    for person in people:
        row = by_uid.get(person.uid) if person.uid else None
        if row is None:
            wanted = sort_key(person)
            same = [each for _l, value in person.emails for each in by_email.get(fold(value)[:320], ())]
            row = next((each for each in same if each.sort == wanted), None)
        found.append(row)
    return found


def export_vcards(mailspace: int, *, group: int | None = None) -> Iterator[bytes]:
    """The book as vCards, a piece at a time; what a card said that we do not know is in it still."""
    last: tuple[str, int] | None = None
    while True:
        rows = stored.live(mailspace).order_by("sort", "id")
        if group is not None:
            rows = rows.filter(groups=group)
        if last is not None:
            rows = rows.filter(Q(sort__gt=last[0]) | Q(sort=last[0], pk__gt=last[1]))
        found = list(rows[: stored.CHUNK])
        if not found:
            return
        named = stored.group_names([row.pk for row in found])
        pictures = {each.contact_id: bytes(each.data) for each in Photo.objects.filter(contact__in=found)}
        people = [
            replace(stored.person(row, tuple(named.get(row.pk, ()))), photo=pictures.get(row.pk, b""))
            for row in found
        ]
        yield "".join(cards.write(each) for each in people).encode()
        last = (found[-1].sort, found[-1].pk)


def export_csv(mailspace: int) -> Iterator[bytes]:
    """The book as a table with Google's columns."""
    after: tuple[str, int] | None = None
    yield tables.head()
    while True:
        found, after = contacts(mailspace, after=after, limit=stored.CHUNK)
        named = stored.group_names([each.id for each in found])
        yield tables.write(replace(each.person, groups=tuple(named.get(each.id, ()))) for each in found)
        if after is None:
            return
