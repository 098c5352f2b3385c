"""Contacts that are the same person: found, shown as one, made one. Called through `service`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from django.db import transaction
from django.db.models import Count, Q

from . import stored
from .book import contact
from .models import ContactEmail, Photo
from .values import Kept, NoSuchContact, Person, merged, search_words

MOST_TOGETHER = 50


def duplicates(mailspace: int, *, limit: int = 20) -> tuple[tuple[Kept, ...], ...]:
    """Contacts that have an address or a whole name in common, a few sets of them; the fullest of a set first."""
    live = Q(contact__deleted_at__isnull=True)
    shared = (
        ContactEmail.objects.filter(live, mailspace=mailspace)
        .values("email")
        .annotate(people=Count("contact", distinct=True))
        .filter(people__gt=1)
        .order_by("email")
        .values_list("email", flat=True)[:limit]
    )
    sets: list[set[int]] = []
    addressed: dict[str, set[int]] = {}
    for email, id_ in ContactEmail.objects.filter(
        live, mailspace=mailspace, email__in=list(shared)
    ).values_list("email", "contact_id"):
        addressed.setdefault(email, set()).add(id_)
    named: dict[str, set[int]] = {}
    alike = (
        stored.live(mailspace)
        .filter(sort__contains=" ")
        .values("sort")
        .annotate(people=Count("pk"))
        .filter(people__gt=1)
        .order_by("sort")
        .values_list("sort", flat=True)[:limit]
    )
    for name, id_ in stored.live(mailspace).filter(sort__in=list(alike)).values_list("sort", "pk"):
        named.setdefault(name, set()).add(id_)
    for ids in (*addressed.values(), *named.values()):
        joined = [each for each in sets if each & ids]
        sets = [each for each in sets if not each & ids] + [ids.union(*joined)]
    wanted = {id_ for ids in sets[:limit] for id_ in ids}
    rows = {row.pk: stored.kept(row) for row in stored.shown(stored.live(mailspace).filter(pk__in=wanted))}
    found = [sorted((rows[id_] for id_ in ids if id_ in rows), key=_fullness) for ids in sets[:limit]]
    return tuple(tuple(each) for each in found if len(each) > 1)


def _fullness(kept: Kept) -> tuple[int, int]:
    person = kept.person
    return -len(search_words(person)) - len(person.note) - 50 * kept.has_photo, kept.id


def preview(mailspace: int, ids: Sequence[int]) -> tuple[tuple[Kept, ...], Person]:
    """The contacts that would be merged, and the one that they would be."""
    found = [contact(mailspace, id_) for id_ in list(dict.fromkeys(ids))[:MOST_TOGETHER]]
    if len(found) < 2:
        raise NoSuchContact
    return tuple(found), merged(each.person for each in found)


@transaction.atomic
def merge(mailspace: int, ids: Sequence[int]) -> tuple[int, int]:
    """Make one contact of several, the first; gives its id and the number for `undo`."""
    found, whole = preview(mailspace, ids)
    rows = {row.pk: row for row in stored.live(mailspace).filter(pk__in=[each.id for each in found])}
    past = stored.remember(mailspace, list(rows.values())).pk
    first = found[0].id
    picture = Photo.objects.filter(contact__in=list(rows)).order_by("-contact").first()
    stored.bury(mailspace, [row for id_, row in rows.items() if id_ != first])
    if picture is not None and not found[0].has_photo:
        whole = replace(whole, photo=bytes(picture.data))
    stored.write(rows[first], whole)
    stored.put_in_groups(mailspace, {first: whole.groups}, exactly=True)
    return first, past
