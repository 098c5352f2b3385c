"""Address books as tables: what Google, Outlook and Thunderbird write, and tables of that kind.

Columns are known by their names, in whatever order; `E-mail 2 - Value` is the second address, and the column of its
label stands beside it. What has no field of ours goes into the note, with its name. Pure and bounded.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable

from .encodings import decoded
from .values import Labelled, Person, tidy

MAX_FILE = 40 * 1024 * 1024
MAX_ROWS = 50_000
MAX_COLUMNS = 400
HEAD = (
    ["Name", "Nickname", "Organization Name", "Organization Title", "Birthday", "Notes", "Labels"]
    + [f"E-mail {n} - {part}" for n in range(1, 6) for part in ("Label", "Value")]
    + [f"Phone {n} - {part}" for n in range(1, 6) for part in ("Label", "Value")]
    + [f"Address {n} - {part}" for n in range(1, 4) for part in ("Label", "Formatted")]
    + [f"Website {n} - {part}" for n in range(1, 3) for part in ("Label", "Value")]
)
_SINGLE = {
    "name": "name",
    "display name": "name",
    "full name": "name",
    "file as": "",
    "nickname": "nickname",
    "company": "organisation",
    "organization": "organisation",
    "organization name": "organisation",
    "organization 1 - name": "organisation",
    "job title": "title",
    "title": "",  # Outlook: Dr., Mrs.
    "organization title": "title",
    "organization 1 - title": "title",
    "birthday": "birthday",
    "notes": "note",
}
_PARTS = {  # of a name, in this order
    "name prefix": 0,
    "first name": 1,
    "given name": 1,
    "middle name": 2,
    "additional name": 2,
    "last name": 3,
    "family name": 3,
    "suffix": 4,
    "name suffix": 4,
}
_GROUPS = {"labels", "group membership", "categories"}
_LISTS = {"e-mail": "emails", "email": "emails", "phone": "phones", "address": "places", "website": "links"}
_NUMBERED = re.compile(r"(e-mail|email|phone|address|website) (\d{1,2}) - (label|type|value|formatted)")
_MAILS = {
    "e-mail": "",
    "email": "",
    "e-mail address": "",
    "email address": "",
    "primary email": "",
    "secondary email": "",
    "e-mail 2 address": "",
    "e-mail 3 address": "",
    "additional email 1": "",
    "additional email 2": "",
}
_PHONES = {
    "phone": "",
    "mobile phone": "mobile",
    "mobile number": "mobile",
    "primary phone": "",
    "home phone": "home",
    "home phone 2": "home",
    "business phone": "work",
    "business phone 2": "work",
    "company main phone": "work",
    "work phone": "work",
    "home fax": "fax",
    "business fax": "fax",
    "fax number": "fax",
    "pager": "pager",
    "pager number": "pager",
    "other phone": "other",
    "car phone": "car",
}
_LINKS = {
    "web page": "",
    "web page 1": "work",
    "web page 2": "home",
    "personal web page": "home",
    "website": "",
}
_STREETS = {  # the parts of an address as Outlook and Thunderbird name them: (label, place on the envelope)
    f"{kind} {part}": (kind, order)
    for kind in ("home", "work", "business", "other")
    for part, order in {
        "street": 0,
        "address": 0,
        "street 2": 1,
        "address 2": 1,
        "street 3": 2,
        "postal code": 3,
        "zipcode": 3,
        "city": 4,
        "state": 5,
        "country": 6,
        "country/region": 6,
    }.items()
}
_DATES = {"birth year": 0, "birth month": 1, "birth day": 2}
_IGNORED = re.compile(
    r"photo|initials|phonetic.*|yomi.*|.*yomi|file as|priority|private|sensitivity|gender|language|title"
    r"|(?:address|organization|relation|event|custom field|im|jot|website) \d+ - .*|internet free busy"
)


def read(data: bytes) -> tuple[list[Person], list[str]]:
    """The people of a table, and the lines that named nobody."""
    text = decoded(data[:MAX_FILE]).replace("\0", "")
    people: list[Person] = []
    unread: list[str] = []
    csv.field_size_limit(1_000_000)
    try:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
        names = [each.strip().lower() for each in next(rows, [])][:MAX_COLUMNS]
        for number, row in enumerate(rows):
            if number == MAX_ROWS:
                break
            if not any(each.strip() for each in row):
                continue
            person = tidy(_person(dict(_filled(names, row))))
            if person.is_empty:
                unread.append(", ".join(each for each in row if each)[:100])
            else:
                people.append(person)
    except csv.Error as error:
        unread.append(str(error)[:100])
    return people, unread


def is_known(data: bytes) -> bool:
    """Whether the first line names columns that we know."""
    line = decoded(data[:20_000]).lstrip("\n\r").split("\n", 1)[0].lower()
    return any(name in line for name in ("mail", "first name", "given name", "display name", "phone"))


def _delimiter(text: str) -> str:
    first = text.lstrip("\r\n").split("\n", 1)[0]
    return max(",;\t", key=first.count)


def _filled(names: list[str], row: list[str]) -> Iterable[tuple[str, str]]:
    return ((name, value.strip()) for name, value in zip(names, row, strict=False) if name and value.strip())


def _person(row: dict[str, str]) -> Person:
    single: dict[str, str] = {}
    parts = [""] * 5
    lists: dict[str, dict[str, dict[str, str]]] = {}
    emails: list[tuple[str, str]] = []
    phones: list[tuple[str, str]] = []
    links: list[tuple[str, str]] = []
    streets: dict[str, dict[int, str]] = {}
    groups: list[str] = []
    date = [""] * 3
    notes: list[str] = []
    for name, value in row.items():
        if numbered := _NUMBERED.fullmatch(name):
            kind, number, part = numbered.groups()
            part = "label" if part in ("label", "type") else "value"
            lists.setdefault(_LISTS[kind], {}).setdefault(number, {})[part] = value
        elif name in _PARTS:
            parts[_PARTS[name]] = value
        elif field := _SINGLE.get(name):
            single.setdefault(field, value)
        elif name in _GROUPS:
            groups += _group_names(value)
        elif name in _MAILS:
            emails.append((_MAILS[name], value))
        elif name in _PHONES:
            phones.append((_PHONES[name], value))
        elif name in _LINKS:
            links.append((_LINKS[name], value))
        elif name in _STREETS:
            label, order = _STREETS[name]
            streets.setdefault("work" if label == "business" else label, {})[order] = value
        elif name in _DATES:
            date[_DATES[name]] = value
        elif not _IGNORED.fullmatch(name) and not name.endswith((" type", " display name")):
            notes.append(f"{name}: {value}")
    if any(date) and not single.get("birthday"):
        year, month, day = date[0] or "-", date[1].zfill(2), date[2].zfill(2)
        single["birthday"] = f"{year}-{month}-{day}"
    if single.get("birthday") in ("0/0/00", "0.0.00"):  # Outlook's way to say none
        del single["birthday"]
    joined = " ".join(part for part in parts if part)
    return Person(
        name=single.get("name") or joined,
        nickname=single.get("nickname", ""),
        organisation=single.get("organisation", ""),
        title=single.get("title", ""),
        birthday=single.get("birthday", ""),
        note="\n".join(each for each in (single.get("note", ""), *notes) if each),
        emails=(*_numbered(lists, "emails"), *emails),
        phones=(*_numbered(lists, "phones"), *phones),
        places=(*_numbered(lists, "places"), *((label, _envelope(each)) for label, each in streets.items())),
        links=(*_numbered(lists, "links"), *links),
        groups=tuple(groups),
    )


def _numbered(lists: dict[str, dict[str, dict[str, str]]], kind: str) -> Labelled:
    found = []
    for _number, parts in sorted(lists.get(kind, {}).items(), key=lambda each: int(each[0])):
        label = parts.get("label", "").lstrip("* ").lower()
        # Google writes several values of one label into one field.
        found += [(label, value.strip()) for value in parts.get("value", "").split(" ::: ") if value.strip()]
    return tuple(found)


def _group_names(value: str) -> list[str]:
    """`* myContacts ::: Friends` (Google), `Friends;Work` (Outlook)."""
    names = value.split(" ::: ") if " ::: " in value or value.startswith("* ") else re.split(r"[;,]", value)
    return [each.strip() for each in names if each.strip() and not each.strip().startswith("* ")]


def _envelope(parts: dict[int, str]) -> str:
    town = " ".join(parts[order] for order in (3, 4) if order in parts)
    lines = (parts.get(0), parts.get(1), parts.get(2), town, parts.get(5), parts.get(6))
    return "\n".join(line for line in lines if line)


def head() -> bytes:
    """The first line of our own table, with the mark by which Excel knows UTF-8."""
    return b"\xef\xbb\xbf" + _line(HEAD)


def write(people: Iterable[Person]) -> bytes:
    return b"".join(_line(_row(person)) for person in people)


def _row(person: Person) -> list[str]:
    row = [person.name, person.nickname, person.organisation, person.title, person.birthday, person.note]
    row.append(" ::: ".join(person.groups))
    for values, places in ((person.emails, 5), (person.phones, 5), (person.places, 3), (person.links, 2)):
        for place in range(places):
            label, value = values[place] if place < len(values) else ("", "")
            if place == places - 1 and len(values) > places:
                value = " ::: ".join(each for _label, each in values[place:])
            row += [label, value]
    return row


def _line(values: Iterable[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow([_harmless(each) for each in values])
    return out.getvalue().encode()


def _harmless(value: str) -> str:
    """A spreadsheet takes what begins so for a formula; a phone number's plus may stay."""
    return f"'{value}" if value[:1] in ("=", "@", "\t", "\r") or re.match(r"[+-][^\d\s(]", value) else value
