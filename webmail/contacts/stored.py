"""Rows of the address book and the values that they mean: read, written, buried, remembered for undo.

Inside this package only; each call is part of a transaction of the caller's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import QuerySet

from mta.correspondents import service as correspondents
from mta.message.text import fold
from mta.values import now_us

from . import faces, photos
from .models import Contact, ContactEmail, Group, Past, Photo
from .values import CannotKeep, Kept, NoSuchContact, Person, line, search_words, sort_key

MOST = 100_000  # contacts of a book
MOST_GROUPS = 500
CHUNK = 500
UNDO_FOR = 7 * 86_400 * 1_000_000
SINGLE = ("name", "nickname", "organisation", "title", "birthday", "note")
LISTS = ("emails", "phones", "places", "links")
FIELDS = (*SINGLE, *LISTS)


def live(mailspace: int) -> QuerySet[Contact]:
    return Contact.objects.filter(mailspace=mailspace, deleted_at__isnull=True)


def shown(rows: QuerySet[Contact]) -> QuerySet[Contact]:
    return rows.defer("card", "words").select_related("photo").defer("photo__data", "card", "words")


def row(mailspace: int, id_: int) -> Contact:
    row = live(mailspace).filter(pk=id_).first()
    if row is None:
        raise NoSuchContact
    return row


def kept(row: Contact, *, groups: bool = False) -> Kept:
    has_photo = hasattr(row, "photo") if not groups else Photo.objects.filter(contact=row.pk).exists()
    names = tuple(row.groups.order_by("name").values_list("name", flat=True)) if groups else ()
    return Kept(row.pk, person(row, names, card=groups), has_photo)


def person(row: Contact, names: tuple[str, ...] = (), *, card: bool = True) -> Person:
    return _made({field: getattr(row, field) for field in FIELDS}, names, row.uid, row.card if card else "")


def _made(said: dict[str, Any], names: Iterable[str], uid: str, card: str) -> Person:
    single: dict[str, Any] = {field: said[field] for field in SINGLE}
    lists: dict[str, Any] = {field: tuple((label, value) for label, value in said[field]) for field in LISTS}
    return Person(groups=tuple(names), uid=uid, card=card, **single, **lists)


def as_it_was(was: dict[str, Any]) -> Person:
    return _made(was, was["groups"], was["uid"], was["card"])


def remember(mailspace: int, rows: Sequence[Contact], *, at: int | None = None) -> Past:
    """Note contacts as they are now, for undo. What belongs to one change has the same `at`."""
    named = group_names([row.pk for row in rows])
    before = [
        {field: getattr(row, field) for field in (*FIELDS, "uid", "card")}
        | {"id": row.pk, "groups": named.get(row.pk, [])}
        for row in rows
    ]
    if at is None:
        at = now_us()
        Past.objects.filter(mailspace=mailspace, at__lt=at - UNDO_FOR).delete()
        Contact.objects.filter(mailspace=mailspace, deleted_at__lt=at - UNDO_FOR).delete()
    return Past.objects.create(mailspace=mailspace, at=at, before=before)


def note_made(past: Past, ids: Sequence[int]) -> None:
    """Contacts that a change made: undo takes them away."""
    past.made = list(ids)
    past.save()


def group_names(ids: Sequence[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for start in range(0, len(ids), CHUNK):
        some = Contact.objects.filter(pk__in=ids[start : start + CHUNK], groups__isnull=False)
        for id_, name in some.order_by("groups__name").values_list("pk", "groups__name"):
            found.setdefault(id_, []).append(name)
    return found


def bury(mailspace: int, rows: Sequence[Contact]) -> None:
    ids = [row.pk for row in rows]
    for start in range(0, len(ids), CHUNK):
        some = ids[start : start + CHUNK]
        Contact.objects.filter(pk__in=some).update(deleted_at=now_us())
        ContactEmail.objects.filter(contact__in=some).delete()
    _release(mailspace, [value for row in rows for _label, value in row.emails])


def _release(mailspace: int, emails: Iterable[str]) -> None:
    """Those that nobody else in the book has."""
    gone = sorted({fold(each)[:320] for each in emails})
    for start in range(0, len(gone), CHUNK):
        some = gone[start : start + CHUNK]
        still = ContactEmail.objects.filter(mailspace=mailspace, email__in=some).values_list(
            "email", flat=True
        )
        correspondents.release(mailspace, set(some) - set(still))


def insert(mailspace: int, people: Sequence[Person]) -> list[Contact]:
    if live(mailspace).count() + len(people) > MOST:
        raise CannotKeep("full")
    rows = [_fill(Contact(mailspace=mailspace), person) for person in people]
    Contact.objects.bulk_create(rows, batch_size=CHUNK)
    _lead(mailspace, rows)
    pictures = [
        Photo(contact=row, type=photos.TYPE, data=person.photo)
        for row, person in zip(rows, people, strict=True)
        if person.photo
    ]
    Photo.objects.bulk_create(pictures, batch_size=50)
    if pictures:
        faces.have_come(mailspace)
    return rows


def write(row: Contact, person: Person) -> None:
    before = {fold(value)[:320] for _label, value in row.emails}
    _fill(row, person).save()
    ContactEmail.objects.filter(contact=row).delete()
    _lead(row.mailspace, [row])
    _release(row.mailspace, before - {fold(value)[:320] for _label, value in row.emails})
    if person.photo:
        Photo.objects.update_or_create(contact=row, defaults={"type": photos.TYPE, "data": person.photo})
        faces.have_come(row.mailspace)


def _fill(row: Contact, person: Person) -> Contact:
    for field in FIELDS:
        value = getattr(person, field)
        setattr(row, field, [list(pair) for pair in value] if field in LISTS else value)
    row.uid, row.card = person.uid, person.card
    row.sort, row.words, row.updated_at = sort_key(person), search_words(person), now_us()
    return row


def _lead(mailspace: int, rows: Sequence[Contact]) -> None:
    """From addresses to contacts, here and among the correspondents."""
    ContactEmail.objects.bulk_create(
        [
            ContactEmail(mailspace=mailspace, email=fold(value)[:320], contact=row)
            for row in rows
            for _label, value in row.emails
        ],
        batch_size=CHUNK,
    )
    named = [
        (row.name or row.nickname, value, f"{row.nickname} {row.organisation}")
        for row in rows
        for _label, value in row.emails
    ]
    correspondents.keep(mailspace, named, at=now_us())


def put_in_groups(mailspace: int, named: dict[int, tuple[str, ...]], *, exactly: bool = False) -> None:
    wanted = sorted({line(name, 100) for names in named.values() for name in names} - {""})[:MOST_GROUPS]
    known = dict(Group.objects.filter(mailspace=mailspace).values_list("name", "pk"))
    for name in wanted:
        if name not in known and len(known) < MOST_GROUPS:
            known[name] = Group.objects.create(mailspace=mailspace, name=name).pk
    through = Group.contacts.through
    if exactly:
        through.objects.filter(contact_id__in=list(named)).delete()
    through.objects.bulk_create(
        [
            through(group_id=known[name], contact_id=id_)
            for id_, names in named.items()
            for name in dict.fromkeys(line(each, 100) for each in names)
            if name in known
        ],
        ignore_conflicts=True,
        batch_size=CHUNK,
    )
