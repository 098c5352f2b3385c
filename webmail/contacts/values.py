"""A person of the address book as a value: what is shown, edited, imported and exported. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from mta.message.charsets import storable
from mta.message.text import fold, parts

Labelled = tuple[tuple[str, str], ...]  # (label, value)

MOST_VALUES = 50  # of one kind
LONGEST = 2_000
LONGEST_NOTE = 20_000
LONGEST_LABEL = 40
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Person:
    """Everything that is known of somebody. `card` is the vCard it came with; `photo` its picture, drawn anew."""

    name: str = ""
    nickname: str = ""
    organisation: str = ""
    title: str = ""
    birthday: str = ""
    note: str = ""
    emails: Labelled = ()
    phones: Labelled = ()
    places: Labelled = ()
    links: Labelled = ()
    groups: tuple[str, ...] = ()
    uid: str = ""
    card: str = ""
    photo: bytes = b""

    @property
    def called(self) -> str:
        """What to call them: the name, or what there is instead."""
        return self.name or self.nickname or self.organisation or (self.emails[0][1] if self.emails else "")

    @property
    def is_empty(self) -> bool:
        return not (self.called or self.phones or self.places or self.links)


def tidy(person: Person) -> Person:
    """The same within bounds, on one line where one is meant, each value once, addresses that may be addresses."""
    return replace(
        person,
        name=line(person.name),
        nickname=line(person.nickname, 100),
        organisation=line(person.organisation),
        title=line(person.title),
        birthday=line(person.birthday, 40),
        note=text(person.note)[:LONGEST_NOTE],
        emails=labelled(
            (label, value.removeprefix("mailto:")) for label, value in person.emails if "@" in value
        ),
        phones=labelled((label, value.removeprefix("tel:")) for label, value in person.phones),
        places=labelled(person.places, lines=True),
        links=labelled(person.links),
        groups=tuple(dict.fromkeys(each for name in person.groups if (each := line(name, 100))))[
            :MOST_VALUES
        ],
        uid=line(person.uid),
        card=storable(person.card).replace("\n", "\r\n"),
    )


def labelled(values: Iterable[tuple[str, str]], *, lines: bool = False) -> Labelled:
    """Bounded (label, value) pairs, none empty, none twice."""
    found: dict[str, tuple[str, str]] = {}
    for label, value in values:
        cleaned = text(value)[:LONGEST].strip() if lines else line(value, 320)
        if cleaned:
            found.setdefault(fold(cleaned), (line(label, LONGEST_LABEL), cleaned))
        if len(found) == MOST_VALUES:
            break
    return tuple(found.values())


def line(value: str, longest: int = 255) -> str:
    return " ".join(storable(_CONTROL.sub(" ", value[: longest * 4])).split())[:longest].strip()


def text(value: str) -> str:
    return storable(
        _CONTROL.sub(" ", value[: LONGEST_NOTE * 2].replace("\r\n", "\n").replace("\r", "\n"))
    ).strip()


def sort_key(person: Person) -> str:
    return fold(person.called)[:100].strip()


def search_words(person: Person) -> str:
    """All words by which somebody is found in the address book, each behind a space."""
    said = [person.name, person.nickname, person.organisation, person.title]
    said += [value for _label, value in (*person.emails, *person.phones)]
    folded = fold(" ".join(said))
    return f" {' '.join(dict.fromkeys([*folded.split(), *parts(folded, 200)]))} "[:4_000]


def merged(people: Iterable[Person]) -> Person:
    """One person out of several: the first one's name and single values, everybody's lists and notes."""
    every = list(people)
    first = every[0]
    single: dict[str, Any] = {
        field: next((value for each in every if (value := getattr(each, field))), "")
        for field in ("name", "nickname", "organisation", "title", "birthday", "uid", "card")
    }
    lists: dict[str, Any] = {
        field: tuple(pair for each in every for pair in getattr(each, field))
        for field in ("emails", "phones", "places", "links")
    }
    return tidy(
        replace(
            first,
            **single,
            **lists,
            note="\n".join(dict.fromkeys(each.note for each in every if each.note)),
            groups=tuple(name for each in every for name in each.groups),
            photo=next((each.photo for each in every if each.photo), b""),
        )
    )


class NoSuchContact(LookupError):
    """Nobody in this address book has that number."""


class CannotKeep(ValueError):
    """A contact or a group that cannot be saved; the text says why, to people."""


class CannotRead(ValueError):
    """A file that is not read, or not to its end; the text says why, to people."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Somebody in the address book."""

    id: int
    person: Person
    has_photo: bool = False

    @property
    def email(self) -> str:
        return self.person.emails[0][1] if self.person.emails else ""


@dataclass(frozen=True, slots=True)
class GroupInfo:
    id: int
    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Whom a writer may mean: one person, or a group (no address, but members)."""

    name: str
    email: str = ""
    members: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of a file. `undo` takes it back; `unread` says what could not be read, a few of it."""

    added: int = 0
    known: int = 0  # stood there already, and nothing was new
    changed: int = 0
    unread: tuple[str, ...] = ()
    undo: int | None = None
