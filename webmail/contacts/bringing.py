"""Address books in files: brought in without doubling anybody, taken away whole. Called through `service`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from django.db import transaction
from django.db.models import Q

from mta.message.text import fold

from . import cards, stored, tables
from .book import contacts
from .models import Contact, ContactEmail, Past, Photo
from .values import Imported, Person, merged, sort_key, tidy


def import_vcards(mailspace: int, data: bytes) -> Imported:
    """Contacts out of a vCard file (3.0, 4.0, 2.1)."""
    return _import(mailspace, *cards.read(data))


def import_csv(mailspace: int, data: bytes) -> Imported:
    """Contacts out of a table with a line of names above it: Google's, Outlook's, Thunderbird's or of that kind."""
    return _import(mailspace, *tables.read(data))


@transaction.atomic
def _import(mailspace: int, people: Sequence[Person], unread: Sequence[str]) -> Imported:
    """Those that are there already (the same card, or the same address and name) are completed, not doubled."""
    fresh: list[Person] = []
    known = changed = 0
    before: list[Contact] = []
    completed: list[tuple[Contact, Person]] = []
    for start in range(0, len(people), stored.CHUNK):
        some = [tidy(each) for each in people[start : start + stored.CHUNK]]
        there = _alike(mailspace, some)
        for person, row in zip(some, there, strict=True):
            if row is None:
                fresh.append(person)
                continue
            was = stored.person(row)
            whole = merged([was, person])
            if replace(whole, groups=(), photo=b"") == replace(was, groups=()):
                known += 1
            else:
                changed += 1
                before.append(row)
                completed.append((row, whole))
    fresh = _once(fresh)
    named = {row.pk: person.groups for row, person in completed}
    past = stored.remember(mailspace, before) if before or fresh else None
    for row, person in completed:
        stored.write(row, person)
    rows: list[Contact] = []
    for start in range(0, len(fresh), stored.CHUNK):
        rows += stored.insert(mailspace, fresh[start : start + stored.CHUNK])
    if past is not None:
        Past.objects.filter(pk=past).update(made=[row.pk for row in rows])
    stored.put_in_groups(
        mailspace, named | {row.pk: each.groups for row, each in zip(rows, fresh, strict=True)}
    )
    return Imported(len(rows), known, changed, tuple(unread[:20]), past)


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
