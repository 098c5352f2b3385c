"""Looking into the address book of a mailspace, and changing it. Called through `service`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from django.db import transaction
from django.db.models import Count, Q

from mta.correspondents import service as correspondents
from mta.flow import acquainting
from mta.message.text import fold

from . import cards, faces, photos, stored
from .models import Contact, ContactEmail, Group, Past, Photo
from .values import CannotKeep, GroupInfo, Kept, NoSuchContact, Person, Suggestion, line, tidy

PAGE = 100
MOST_MEMBERS = 500  # of a group that is written to


def suggest(
    mailspace: int, prefix: str, *, limit: int = 8, without: Iterable[str] = ()
) -> tuple[Suggestion, ...]:
    """People by use, and groups whose name begins so, which come first."""
    wanted = fold(prefix).strip()
    if not wanted:
        return ()
    acquainting.catch_up(mailspace)
    taken = list(without)
    found = [
        Suggestion(each.name, members=_members(mailspace, each.pk, taken))
        for each in Group.objects.filter(mailspace=mailspace).order_by("name")[: stored.MOST_GROUPS]
        if any(word.startswith(wanted) for word in (fold(each.name), *fold(each.name).split()))
    ][:3]
    found = [each for each in found if each.members]
    people = correspondents.ranked(mailspace, prefix, limit=limit, without=taken)
    return (*found, *(Suggestion(each.name, each.email) for each in people))[:limit]


def _members(mailspace: int, group: int, without: Collection[str]) -> tuple[tuple[str, str], ...]:
    skipped = {fold(each) for each in without}
    rows = Contact.objects.filter(mailspace=mailspace, groups=group, deleted_at__isnull=True).order_by(
        "sort", "id"
    )
    people = [
        (row.name, row.emails[0][1]) for row in rows.only("name", "emails")[:MOST_MEMBERS] if row.emails
    ]
    return tuple(each for each in people if fold(each[1]) not in skipped)


def contacts(
    mailspace: int,
    *,
    query: str = "",
    group: int | None = None,
    letter: str = "",
    after: tuple[str, int] | None = None,
    limit: int = PAGE,
) -> tuple[tuple[Kept, ...], tuple[str, int] | None]:
    """A page of the book by name, and the key of the next one."""
    rows = stored.live(mailspace)
    if group is not None:
        rows = rows.filter(groups=group)
    for word in fold(query[:200]).split()[:8]:
        rows = rows.filter(words__contains=f" {word}")
    if letter == "#":
        rows = rows.exclude(sort__regex=r"^[a-z]")
    elif letter:
        rows = rows.filter(sort__startswith=letter)
    if after is not None:
        rows = rows.filter(Q(sort__gt=after[0]) | Q(sort=after[0], pk__gt=after[1]))
    found = list(stored.shown(rows.order_by("sort", "id"))[: limit + 1])
    key = (found[limit - 1].sort, found[limit - 1].pk) if len(found) > limit else None
    return tuple(stored.kept(row) for row in found[:limit]), key


def count(mailspace: int) -> int:
    return stored.live(mailspace).count()


def contact(mailspace: int, id_: int) -> Kept:
    return stored.kept(stored.row(mailspace, id_), groups=True)


def contact_of(mailspace: int, email: str) -> Kept | None:
    """Who has this address."""
    row = ContactEmail.objects.filter(
        mailspace=mailspace, email=fold(email)[:320], contact__deleted_at__isnull=True
    ).first()
    return contact(mailspace, row.contact_id) if row else None


def photo(mailspace: int, id_: int) -> tuple[str, bytes]:
    found = Photo.objects.filter(
        contact=id_, contact__mailspace=mailspace, contact__deleted_at__isnull=True
    ).first()
    if found is None:
        raise NoSuchContact
    return found.type, bytes(found.data)


def groups(mailspace: int) -> tuple[GroupInfo, ...]:
    """All groups by name, with how many are in each."""
    rows = Group.objects.filter(mailspace=mailspace).order_by("name")[: stored.MOST_GROUPS]
    live = Count("contacts", filter=Q(contacts__deleted_at__isnull=True))
    return tuple(GroupInfo(row.pk, row.name, row.live) for row in rows.annotate(live=live)) if rows else ()


# --- changing ---
@transaction.atomic
def add(mailspace: int, person: Person) -> Kept:
    """Keep somebody."""
    made = stored.insert(mailspace, [tidy(person)])[0]
    stored.put_in_groups(mailspace, {made.pk: person.groups})
    return contact(mailspace, made.pk)


@transaction.atomic
def change(mailspace: int, id_: int, person: Person) -> int:
    """Overwrite what is shown; gives the number for `undo`. The card it came with stays with it."""
    row = stored.row(mailspace, id_)
    past = stored.remember(mailspace, [row]).pk
    stored.write(row, tidy(replace(person, uid=row.uid, card=row.card)))
    stored.put_in_groups(mailspace, {row.pk: person.groups}, exactly=True)
    return past


@transaction.atomic
def set_photo(mailspace: int, id_: int, data: bytes) -> bool:
    """Show this picture for somebody, drawn anew; nothing takes it away. False if that is no picture."""
    row = stored.row(mailspace, id_)
    drawn = photos.redrawn(data)
    if data and not drawn:
        return False
    Photo.objects.filter(contact=row).delete()
    if "PHOTO" in row.card.upper():  # the card would show the one before
        row.card = cards.without(row.card, "PHOTO")
        row.save(update_fields=["card"])
    if drawn:
        Photo.objects.create(contact=row, type=photos.TYPE, data=drawn)
        faces.have_come(mailspace)
    return True


@transaction.atomic
def delete(mailspace: int, ids: Collection[int]) -> int | None:
    """Remove contacts; gives the number for `undo`."""
    rows = list(stored.live(mailspace).filter(pk__in=list(ids)[: stored.CHUNK]))
    if not rows:
        return None
    past = stored.remember(mailspace, rows).pk
    stored.bury(mailspace, rows)
    return past


def undo(mailspace: int, past: int) -> bool:
    """Put back what a change took away, piece by piece; False if that is too long ago."""
    first = Past.objects.filter(mailspace=mailspace, pk=past).first()
    if first is None:
        return False
    for noted in Past.objects.filter(mailspace=mailspace, at=first.at).order_by("-pk").iterator(1):
        with transaction.atomic():
            stored.bury(mailspace, list(stored.live(mailspace).filter(pk__in=noted.made)))
            for was in noted.before:
                row = Contact.objects.filter(mailspace=mailspace, pk=was["id"]).first()
                if row is not None:
                    row.deleted_at = None
                    stored.write(row, stored.as_it_was(was))
                    stored.put_in_groups(mailspace, {row.pk: tuple(was["groups"])}, exactly=True)
            noted.delete()
    return True


# --- groups ---
@transaction.atomic
def add_group(mailspace: int, name: str) -> GroupInfo:
    cleaned = line(name, 100)
    if not cleaned or Group.objects.filter(mailspace=mailspace).count() >= stored.MOST_GROUPS:
        raise CannotKeep("name")
    made, _new = Group.objects.get_or_create(mailspace=mailspace, name=cleaned)
    return GroupInfo(made.pk, made.name, 0)


@transaction.atomic
def change_group(mailspace: int, group: int, name: str) -> None:
    cleaned = line(name, 100)
    row = Group.objects.filter(mailspace=mailspace, pk=group).first()
    if row is None:
        raise NoSuchContact
    if not cleaned or Group.objects.filter(mailspace=mailspace, name=cleaned).exclude(pk=group).exists():
        raise CannotKeep("name")
    row.name = cleaned
    row.save()


def remove_group(mailspace: int, group: int) -> None:
    """The group only: its people stay."""
    removed, _kinds = Group.objects.filter(mailspace=mailspace, pk=group).delete()
    if not removed:
        raise NoSuchContact


@transaction.atomic
def put_in_group(mailspace: int, ids: Collection[int], group: int, *, member: bool) -> None:
    row = Group.objects.filter(mailspace=mailspace, pk=group).first()
    if row is None:
        raise NoSuchContact
    people = list(stored.live(mailspace).filter(pk__in=list(ids)[: stored.CHUNK]))
    if member:
        row.contacts.add(*people)
    else:
        row.contacts.remove(*people)
