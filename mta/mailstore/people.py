"""Who a mailspace writes with: names and addresses out of its recent mail, for the recipient field.

Reads the addresses of the newest messages, best first: whom the owner wrote to, then who wrote to the owner;
more often and more recently comes first. Spam and Trash name nobody. Called through `service`; writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Exists, OuterRef

from mta.message.text import fold
from mta.values import DRAFTS, JUNK, QUARANTINE, TRASH

from .models import Mailbox, Message, Placement

RECENT = 800  # messages that are looked at
WRITTEN_TO = 4  # one letter of the owner's counts as much as four received ones


@dataclass(frozen=True, slots=True)
class Correspondent:
    """Somebody the owner may want to write to."""

    name: str
    email: str


def people(
    mailspace: int, prefix: str, *, limit: int = 8, without: Iterable[str] = ()
) -> tuple[Correspondent, ...]:
    """Those whose name or address has a word that begins with `prefix`, but not those of `without`."""
    wanted = fold(prefix).split()
    scores: dict[str, float] = {}
    names: dict[str, str] = {}
    for age, (own, addresses) in enumerate(_recent(mailspace)):
        weight = (WRITTEN_TO if own else 1) * (RECENT - age) / RECENT
        for name, email in _named(addresses, own=own):
            key = email.lower()
            scores[key] = scores.get(key, 0.0) + weight
            if name and not names.get(key):
                names[key] = name
    skipped = {each.lower() for each in without}
    found = (
        email for email in scores if email not in skipped and _matches(wanted, names.get(email, ""), email)
    )
    best = sorted(found, key=lambda email: (-scores[email], email))[:limit]
    return tuple(Correspondent(names.get(email, ""), email) for email in best)


OFTEN = 3  # messages of somebody the owner never wrote to, after whom they are known all the same


def acquainted(mailspace: int, *, limit: int) -> tuple[Correspondent, ...]:
    """Whom the owner knows: has written to lately, or hears from again and again; the nearest first. One letter from
    a stranger makes nobody known."""
    scores: dict[str, int] = {}
    names: dict[str, str] = {}
    for own, addresses in _recent(mailspace):
        for name, email in _named(addresses, own=own):
            key = email.lower()
            scores[key] = scores.get(key, 0) + (OFTEN if own else 1)
            if name and (own or not names.get(key)):
                names[key] = name
    known = sorted(
        (email for email, score in scores.items() if score >= OFTEN), key=lambda each: (-scores[each], each)
    )
    return tuple(Correspondent(names.get(email, ""), email) for email in known[:limit])


def _recent(mailspace: int) -> Iterable[tuple[bool, dict[str, list[list[str]]]]]:
    aside = Mailbox.objects.filter(mailspace_id=mailspace, role__in=[JUNK, TRASH, QUARANTINE, DRAFTS])
    lies_aside = Placement.objects.filter(
        mailspace_id=mailspace,
        message_id=OuterRef("id"),
        mailbox_id__in=aside.values("id"),
        expunged_modseq__isnull=True,
    )
    newest = Message.objects.filter(~Exists(lies_aside), mailspace_id=mailspace).order_by("-internal_date")
    return newest.values_list("own", "addresses")[:RECENT]


def _named(addresses: dict[str, list[list[str]]], *, own: bool) -> Iterable[tuple[str, str]]:
    kinds = ("to", "cc", "bcc") if own else ("from", "reply_to")
    for kind in kinds:
        for name, email in addresses.get(kind, ()):
            if "@" in email:
                yield name, email


def _matches(wanted: list[str], name: str, email: str) -> bool:
    """Whether each wanted word begins a word of the name, of the local part or of the domain."""
    local, _, domain = fold(email).partition("@")
    whole = fold(name)
    words = [*whole.replace(",", " ").replace('"', " ").split(), *local.replace(".", " ").split(), domain]
    words += [*domain.split("."), f"{local}@{domain}"]
    return all(any(word.startswith(each) for word in words) for each in wanted)
