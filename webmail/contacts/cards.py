"""vCards: people out of a file (RFC 2426, RFC 6350, and what older programs write), and back.

vobject reads and writes the single card. Whoever came with a card leaves with it: only those lines are written anew
whose meaning was changed here; pictures, custom fields and keys that we do not show stay, byte for byte. Pure and
bounded: a card that cannot be read is named and left out, and never keeps the others from coming.
"""

from __future__ import annotations

import base64
import binascii
import io
import logging
import quopri
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import vobject
from django.utils.translation import gettext as _
from vobject.base import ParseError, getLogicalLines, parseLine
from vobject.vcard import Address, Name

from .encodings import decoded
from .photos import redrawn
from .values import MOST_VALUES, CannotRead, Labelled, Person, tidy

Told = Callable[[float], None]

MAX_FILE = 40 * 1024 * 1024
MAX_CARD = 1_500_000  # letters: a card with a picture
MAX_CARDS = 50_000
MAX_LINES = 2_000  # of a card
MAX_LINES_OF_ALL = 600_000  # of a file: 40 MB of pictures in lines of 75 letters
MAX_SECONDS = 120.0
_DULL = frozenset({"internet", "pref", "voice", "x-internet", "text", "uri"})
_APPLE_LABEL = re.compile(r"_\$!<(.{0,60})>!\$_")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_PIECE = re.compile(r"\\.|[^\\,;]+|[,;\\]", re.DOTALL)
# What stands before a value. vobject's own pattern takes minutes for thousands of parameters.
_HEAD = re.compile(r'(?:[^":]|"[^"]{0,1000}"){1,1000}:')
MAX_HEAD = 1_000  # letters
_PROPERTY = re.compile(r"(?:([A-Za-z0-9-]{1,60})\.)?([A-Za-z0-9-]{1,60})[;:]")
# What each field of ours is written as.
_NAMES = {
    "name": ("FN", "N"),
    "nickname": ("NICKNAME",),
    "organisation": ("ORG",),
    "title": ("TITLE",),
    "birthday": ("BDAY",),
    "note": ("NOTE",),
    "emails": ("EMAIL",),
    "phones": ("TEL",),
    "places": ("ADR",),
    "links": ("URL",),
    "groups": ("CATEGORIES",),
    "uid": ("UID",),
}
logging.getLogger("vobject").setLevel(logging.CRITICAL)  # it tells of each line that it cannot read


def nothing(_part: float) -> None:
    """For who does not ask how far it is."""


@dataclass(frozen=True, slots=True)
class Line:
    """A property as it stands in a card: its value is still escaped."""

    name: str  # lower case
    group: str
    params: dict[str, tuple[str, ...]]
    value: str


@dataclass(frozen=True, slots=True)
class Card:
    lines: list[Line]


# --- reading ------------------------------------------------------------------------------------------------
def read(data: bytes, told: Told = nothing) -> tuple[list[Person], list[str]]:
    """The people of a file, and what could not be read: the beginning of each such card. `told` hears how much of it
    is read, from 0 to 1. CannotRead when it has too many lines, or takes too long."""
    people: list[Person] = []
    unread: list[str] = []
    members: dict[str, list[str]] = {}  # uid → names of groups (RFC 6350 §6.1.4)
    text_of_all = decoded(data[:MAX_FILE])
    ends = text_of_all.count("\n") + text_of_all.count("\r") - text_of_all.count("\r\n")
    if ends > MAX_LINES_OF_ALL:
        raise CannotRead(
            _("This file has too many lines. Export the contacts in parts, or without their pictures.")
        )
    read_so_far, until = 0, time.monotonic() + MAX_SECONDS
    for text in _cards(text_of_all):
        read_so_far += len(text)
        told(min(1.0, read_so_far / len(text_of_all)))
        if time.monotonic() > until:
            raise CannotRead(_("Reading this file takes too long. Export the contacts in parts."))
        card = _parsed(text)
        if card is None:
            unread.append(_named(text))
            continue
        if _first(card, "kind", "x-addressbookserver-kind").lower() == "group":
            for each in _values(card, "member", "x-addressbookserver-member"):
                named = members.setdefault(_bare_uid(each), [])
                if len(named) < MOST_VALUES:
                    named.append(_first(card, "fn"))
            continue
        person = tidy(replace(_person(card), card=text))
        if person.is_empty:
            unread.append(_named(text))
        else:
            people.append(replace(person, photo=redrawn(_picture(card))))
    if members:
        people = [
            tidy(replace(each, groups=(*each.groups, *members.get(_bare_uid(each.uid), ()))))
            for each in people
        ]
    return people, unread


def _cards(text: str) -> Iterator[str]:
    """Each card of a file, with the line ends that the standard asks for."""
    lines: list[str] | None = None
    size = count = 0
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        bare = line.strip().upper()
        if bare == "BEGIN:VCARD":
            lines, size = [], 0
        if lines is None:
            continue
        lines.append(line)
        size += len(line)
        if bare == "END:VCARD":
            if size <= MAX_CARD and len(lines) <= MAX_LINES * 10:
                yield "\r\n".join(lines) + "\r\n"
            lines, count = None, count + 1
            if count == MAX_CARDS:
                return


def _parsed(text: str) -> Card | None:
    """vobject's own reading of values takes a comma for the end of a note; so its grammar of lines is used, and no more."""
    lines: list[Line] = []
    for logical, _number in getLogicalLines(io.StringIO(text, newline="\n"), allowQP=True):
        head = _HEAD.match(logical)
        if head is None or head.end() > MAX_HEAD:
            continue
        try:
            name, params, value, group = parseLine(logical)
        except (ParseError, ValueError):
            continue  # one odd line costs itself only
        named: dict[str, tuple[str, ...]] = {}
        for key, *values in params:
            # vCard 2.1 writes TYPE=HOME as HOME.
            if values:
                named[key.upper()] = (*named.get(key.upper(), ()), *values)
            else:
                named["TYPE"] = (*named.get("TYPE", ()), key)
        lines.append(Line(name.lower(), group or "", named, _unquoted(value, named)))
        if len(lines) > MAX_LINES:
            return None
    return Card(lines) if len(lines) > 2 else None


def _unquoted(value: str, params: dict[str, tuple[str, ...]]) -> str:
    """What vCard 2.1 wrote as quoted-printable, in a character set of its own."""
    kinds = {each.upper() for each in (*params.get("ENCODING", ()), *params.get("TYPE", ()))}
    if "QUOTED-PRINTABLE" not in kinds:
        return value
    charset = (params.get("CHARSET") or ("utf-8",))[0]
    raw = quopri.decodestring(value.replace("=\r\n", "").replace("=\n", "").encode())
    try:
        return raw.decode(charset, "replace")
    except LookupError:
        return raw.decode("utf-8", "replace")


def _named(text: str) -> str:
    found = re.search(r"(?im)^(?:FN|EMAIL)[^:\n]{0,100}:(.{1,100})", text)
    return found[1].strip() if found else text[:80].replace("\r\n", " ")


def _person(card: Card) -> Person:
    return Person(
        name=_text(_first(card, "fn")) or _joined_name(_first(card, "n")),
        nickname=_text(_first(card, "nickname")),
        organisation=", ".join(part for part in _split(_first(card, "org")) if part),
        title=_text(_first(card, "title")),
        birthday=_day(_first(card, "bday")),
        note="\n".join(_text(each) for each in _values(card, "note")),
        emails=_labelled(card, "email"),
        phones=_labelled(card, "tel"),
        places=tuple((label, _place(value)) for label, value in _labelled(card, "adr", text=False)),
        links=_labelled(card, "url"),
        groups=tuple(name for each in _values(card, "categories") for name in _listed(each)),
        uid=_first(card, "uid"),
    )


def _contents(card: Card, *names: str) -> list[Line]:
    return [line for line in card.lines if line.name in names]


def _values(card: Card, *names: str) -> list[str]:
    return [line.value for line in _contents(card, *names)]


def _first(card: Card, *names: str) -> str:
    return next((value.strip() for value in _values(card, *names) if value.strip()), "")


def _text(value: str) -> str:
    """RFC 6350 §3.4: `\\n` is a new line; a comma, a semicolon and a backslash may stand behind a backslash."""
    return _ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], value)


def _pieces(value: str, separator: str) -> list[str]:
    """Cut where the separator does not stand behind a backslash."""
    found: list[str] = []
    held: list[str] = []
    for each in _PIECE.findall(value):
        if each == separator:
            found.append("".join(held))
            held = []
        else:
            held.append(each)
    return [*found, "".join(held)]


def _split(value: str) -> list[str]:
    """The fields of a structured value; lists within them with spaces between."""
    return [" ".join(_text(each).strip() for each in _pieces(field, ",")) for field in _pieces(value, ";")]


def _listed(value: str) -> list[str]:
    return [_text(each).strip() for each in _pieces(value, ",")]


def _joined_name(value: str) -> str:
    family, given, more, before, after = (_split(value) + [""] * 5)[:5]
    return " ".join(part for part in (before, given, more, family, after) if part)


def _place(value: str) -> str:
    """RFC 6350 §6.3.1: box, extension, street, town, region, code, country; as lines of an envelope."""
    box, more, street, town, region, code, country = (_split(value) + [""] * 7)[:7]
    lines = (box, more, street, " ".join(part for part in (code, town) if part), region, country)
    return "\n".join(line for line in lines if line)


def _day(value: str) -> str:
    found = re.fullmatch(r"(\d{4})(\d\d)(\d\d)(?:T.*)?", value)
    return "-".join(found.groups()) if found else value.partition("T")[0]


def _labelled(card: Card, name: str, *, text: bool = True) -> Labelled:
    own = {line.group.lower(): _text(line.value) for line in _contents(card, "x-ablabel") if line.group}
    found = []
    for line in _contents(card, name):
        kinds = [each for value in line.params.get("TYPE", ()) for each in value.lower().split(",")]
        label = next((each.removeprefix("x-") for each in kinds if each not in _DULL), "")
        if line.group.lower() in own:
            label = _APPLE_LABEL.sub(r"\1", own[line.group.lower()]).lower()
        found.append((label, _text(line.value) if text else line.value))
    return tuple(found)


def _bare_uid(value: str) -> str:
    return value.strip().lower().removeprefix("urn:uuid:")


def _picture(card: Card) -> bytes:
    for line in _contents(card, "photo"):
        value = line.value
        if value[:11].lower() == "data:image/":
            value = value.partition(",")[2]
        elif not {each.lower() for each in line.params.get("ENCODING", ())} & {"b", "base64"}:
            continue  # one that lies at an address is never fetched: that would tell somebody
        try:
            return base64.b64decode(value.replace("\\", ""), validate=False)
        except (binascii.Error, ValueError):
            return b""
    return b""


# --- writing ------------------------------------------------------------------------------------------------
def write(person: Person) -> str:
    """Somebody's vCard 3.0, or the card they came with and what was changed since."""
    card = _parsed(person.card) if person.card else None
    if card is None:
        return _made(person, tuple(_NAMES), version=True)
    was = tidy(_person(card))
    changed = tuple(
        field for field in _NAMES if field != "uid" and getattr(was, field) != getattr(person, field)
    )
    with_picture = bool(person.photo) and not _contents(card, "photo")
    if not changed and not with_picture:
        return person.card
    gone = {name for field in changed for name in _NAMES[field]}
    kept = list(_kept(person.card, gone))
    new = _made(person if with_picture else replace(person, photo=b""), changed, version=False)
    return "\r\n".join([*kept[:-1], *new.split("\r\n")[:-1], kept[-1]]) + "\r\n"


def without(text: str, name: str) -> str:
    """A card without a property."""
    return "\r\n".join(_kept(text, {name})) + "\r\n"


def _kept(text: str, gone: set[str]) -> Iterator[str]:
    """The lines of a card without some properties, folded as they were; nor the labels that belonged to these."""
    whole = list(_logical(text))
    groups = {
        found[1]
        for line in whole
        if (found := _PROPERTY.match(line)) and found[1] and found[2].upper() in gone
    }
    for line in whole:
        found = _PROPERTY.match(line)
        if found is None or not (found[2].upper() in gone or (found[1] and found[1] in groups)):
            yield line


def _logical(text: str) -> Iterator[str]:
    """Lines together with those that go on with them (RFC 6350 §3.2; soft breaks of quoted-printable)."""
    held: list[str] = []
    quoted = False
    for line in text.rstrip("\r\n").split("\r\n"):
        goes_on = line[:1] in (" ", "\t") or (quoted and held[-1].endswith("="))
        if held and not goes_on:
            yield "\r\n".join(held)
            held = []
        if not held:
            quoted = "QUOTED-PRINTABLE" in line.partition(":")[0].upper()
        held.append(line)
    if held:
        yield "\r\n".join(held)


def _made(person: Person, fields: tuple[str, ...], *, version: bool) -> str:
    """Lines for some fields; a whole card with `version`."""
    card = vobject.vCard()
    single = {"nickname": "nickname", "title": "title", "birthday": "bday", "note": "note", "uid": "uid"}
    if "name" in fields:
        card.add("fn").value = person.called
        given, _space, family = person.name.rpartition(" ")
        card.add("n").value = Name(family=family if given else "", given=given or family)
    for field, name in single.items():
        if field in fields and getattr(person, field):
            card.add(name).value = getattr(person, field)
    if "organisation" in fields and person.organisation:
        card.add("org").value = [person.organisation]
    for field, name in (("emails", "email"), ("phones", "tel"), ("links", "url")):
        for label, value in getattr(person, field) if field in fields else ():
            _label(card.add(name), label).value = value
    for label, value in person.places if "places" in fields else ():
        _label(card.add("adr"), label).value = Address(street=value)
    if "groups" in fields and person.groups:
        card.add("categories").value = list(person.groups)
    if person.photo:
        line = card.add("photo")
        line.value = person.photo
        line.encoding_param = "b"
        line.type_param = "JPEG"
    lines = card.serialize(validate=False).split("\r\n")
    if version:
        return "\r\n".join(lines)
    return "\r\n".join(line for line in lines if line not in ("BEGIN:VCARD", "VERSION:3.0", "END:VCARD"))


def _label(line: Any, label: str) -> Any:
    cleaned = re.sub(r"[^\w-]", "-", label)
    if cleaned:
        line.type_param = cleaned
    return line
