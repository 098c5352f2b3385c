"""The same search as a line of text and as the fields of a form: what chips and the advanced panel change.

`fields_of` takes apart what one field can say (`from:ada`, `-draft`, `larger:2M`); everything else stays in `has` as it
was typed, so that no search is too clever for the form. `text_of` writes the line again. Both are pure, never fail,
and undo each other: `fields_of(text_of(fields)) == fields` for all that `fields_of` gives.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta

from mta.message.text import words
from webmail.search_box import DAY, MAX_DEPTH, MAX_TEXT, OPERATORS, one_line, tokens

WITHIN = {
    "1d": 1,
    "3d": 3,
    "1w": 7,
    "2w": 14,
    "1m": 30,
    "2m": 61,
    "6m": 182,
    "1y": 365,
}  # days on either side
UNITS = {"M": "M", "K": "K", "B": ""}
KINDS = ("attachment", "document", "image", "pdf", "spreadsheet", "presentation", "invite")
STATES = ("unread", "read")

_AGE = re.compile(r"\d{1,4}[hdwmy]")
_SIZE = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)([kmb]?)", re.IGNORECASE)
_JOINTS = ("OR", "|", "AND")
_FIELD_NAMES = {
    "older_than": "older",
    "newer_than": "newer",
    "size": "larger",
    "newer": "after",
    "older": "before",
}


@dataclass(frozen=True, slots=True)
class Fields:
    """What the form holds; "" is nothing. Dates are days (`2026-04-16`), `before` excludes its day."""

    from_: str = ""
    to: str = ""
    subject: str = ""
    has: str = ""
    without: str = ""
    place: str = ""  # `in:inbox`, `label:work`, `in:anywhere`
    state: str = ""  # unread, read
    attachment: str = ""  # one of KINDS
    size_is: str = ""  # larger, smaller
    size: str = ""
    unit: str = ""  # one of UNITS
    after: str = ""
    before: str = ""
    newer: str = ""  # an age: 7d
    older: str = ""

    def days(self) -> tuple[str, str]:
        """(within, date): the same span as so far on either side of a day, if it is one of WITHIN."""
        start, end = _day(self.after), _day(self.before)
        if start is None or end is None:
            return "", ""
        span = (end - start).days
        within = next((name for name, days in WITHIN.items() if 2 * days + 1 == span), "")
        return (within, (start + timedelta(days=WITHIN[within])).isoformat()) if within else ("", "")


def around(day: str, within: str) -> tuple[str, str]:
    """(after, before) for so far on either side of a day; nothing if either makes no sense."""
    middle, days = _day(day), WITHIN.get(within)
    if middle is None or days is None:
        return "", ""
    try:
        return (middle - timedelta(days=days)).isoformat(), (middle + timedelta(days=days + 1)).isoformat()
    except OverflowError:
        return "", ""


# --- text to fields


@dataclass(frozen=True, slots=True)
class Term:
    """Something that must hold, as it may be written again; `name` and `value` of an operator that stands alone."""

    source: str
    sign: str = ""
    name: str = ""
    value: str = ""


def fields_of(text: str) -> Fields:
    """The fields that say what the line says."""
    found: dict[str, str] = {}
    has: list[str] = []
    without: list[str] = []
    for term in terms(text):
        if term.sign == "-" and term.source[1] not in "-+":
            without.append(term.source[1:])
        elif term.sign or not term.name or not _take(found, term):
            has.append(term.source)
    return Fields(**found, has=" ".join(has), without=" ".join(without))


def _take(found: dict[str, str], term: Term) -> bool:
    """Put an operator into its field, if that is free and can say it."""
    name, value = term.name.lower(), term.value
    name = _FIELD_NAMES.get(name, name)
    taken: dict[str, str]
    match name:
        case "from" | "to" | "subject":
            inner = value[1:-1].strip() if value.startswith("(") else value
            taken = {"from_" if name == "from" else name: inner} if _fits(inner) else {}
        case "in" | "label":
            taken = {"place": f"{term.name.lower()}:{value}"}
        case "is":
            taken = {"state": value.lower()} if value.lower() in STATES else {}
        case "has":
            taken = {"attachment": value.lower()} if value.lower() in KINDS else {}
        case "larger" | "smaller":
            taken = _size(name, value)
        case "after" | "before":
            day = _typed_day(value)
            taken = {name: day} if day else {}
        case "older" | "newer":  # of older_than, newer_than
            taken = {name: value.lower()} if _AGE.fullmatch(value.lower()) else {}
        case _:
            taken = {}
    if not taken or found.keys() & taken.keys():
        return False
    found.update(taken)
    return True


def _fits(value: str) -> bool:
    """Whether a value in brackets means the same once a form has held it: nothing but words and OR."""
    return bool(value) and value[0] not in "{-+" and " ".join(_sources(value)) == value


def _size(name: str, value: str) -> dict[str, str]:
    match = _SIZE.fullmatch(value)
    return {"size_is": name, "size": match[1], "unit": match[2].upper() or "B"} if match else {}


def _typed_day(value: str) -> str:
    match = DAY.fullmatch(value)
    if match is None:
        return ""
    year, month, day = (match[1], match[2], match[3]) if match[1] else (match[6], match[4], match[5])
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return ""


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None


# --- fields to text


def text_of(asked: Fields) -> str:
    """The line that says what the fields say; what makes no sense in a field is left out."""
    said = [
        _operator("from", asked.from_),
        _operator("to", asked.to),
        _operator("subject", asked.subject),
        _place(asked.place),
        f"is:{asked.state}" if asked.state in STATES else "",
        f"has:{asked.attachment}" if asked.attachment in KINDS else "",
        _size_text(asked),
        f"after:{asked.after.replace('-', '/')}" if _day(asked.after) else "",
        f"before:{asked.before.replace('-', '/')}" if _day(asked.before) else "",
        f"newer_than:{asked.newer}" if _AGE.fullmatch(asked.newer) else "",
        f"older_than:{asked.older}" if _AGE.fullmatch(asked.older) else "",
        # Last, so that what they hold a second time is read a second time.
        " ".join(_sources(asked.has)),
        " ".join(f"-{_one(source)}" for source in _sources(asked.without)),
    ]
    return " ".join(part for part in said if part)[:MAX_TEXT]


def changed(text: str, **values: str) -> str:
    """The line with some fields set anew."""
    return text_of(replace(fields_of(text), **values))


def _operator(name: str, value: str) -> str:
    found = _sources(value)
    if not found:
        return ""
    whole = " ".join(found)
    alone = (
        len(found) == 1 and (whole[0] == '"' or not re.search(r'[\s(){}":]', whole)) and whole[0] not in "-+"
    )
    return f"{name}:{whole}" if alone else f"{name}:{_bracketed(whole)}"


def _one(source: str) -> str:
    """What a sign in front is to be of."""
    return _bracketed(source) if _is_either(source) or source[0] in "-+" else source


def _is_either(source: str) -> bool:
    return len(list(_tops(source))) > 1


def _place(place: str) -> str:
    found = terms(place)
    return found[0].source if len(found) == 1 and found[0].name.lower() in ("in", "label") else ""


def _size_text(asked: Fields) -> str:
    if asked.size_is not in ("larger", "smaller") or not _SIZE.fullmatch(asked.size):
        return ""
    return f"{asked.size_is}:{asked.size}{UNITS.get(asked.unit, '')}"


# --- what a line consists of


def terms(text: str) -> list[Term]:
    """What must hold, one beside the other; alternatives joined by OR are one term. Stray signs are gone."""
    found: list[Term] = []
    either = False
    for term in _tops(text):
        if term.source in _JOINTS:
            either = term.source != "AND" and bool(found)
        elif either:
            found[-1] = Term(f"{found[-1].source} OR {term.source}")
            either = False
        else:
            found.append(term)
    return found


def _sources(text: str) -> list[str]:
    return [term.source for term in terms(text)]


def _tops(text: str) -> list[Term]:
    return _Scanner([(token.kind, token.text) for token in tokens(one_line(text))]).every()


class _Scanner:
    """Groups tokens as the search box's reader does, and writes them so that they stand for themselves."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def every(self, *, value: bool = False) -> list[Term]:
        found = []
        while self._at < len(self._tokens):
            if self._tokens[self._at][0] == "close":
                break
            if (term := self._term(value=value)) is not None:
                found.append(term)
        return found

    def _term(self, *, value: bool = False) -> Term | None:
        """`value`: an operator judges what is asked; elsewhere signs alone ask for nothing."""
        kind, text = self._tokens[self._at]
        self._at += 1
        if kind == "sign":
            inner = self._term(value=value) if self._has_more() else None
            if inner is None:
                return None
            source = f'"{inner.source}"' if inner.source in _JOINTS else inner.source  # a word here
            return Term(text + source, text, inner.name, inner.value)
        if kind == "open":
            return self._group(text, value=value)
        if kind == "operator":
            return self._operator(text)
        if text not in _JOINTS and not (text.strip() if value else words(text, limit=1)):
            return None
        return Term(f'"{text}"' if kind == "phrase" else text)

    def _operator(self, name: str) -> Term | None:
        known = name.lower() in OPERATORS
        if not self._has_more() or not (known or self._tokens[self._at][0] in ("word", "phrase")):
            return Term(name)
        inner = self._term(value=True)
        return inner and Term(f"{name}:{inner.source}", "", name if known else "", inner.source)

    def _has_more(self) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at][0] != "close"

    def _group(self, opened: str, *, value: bool) -> Term | None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._depth -= 1
            return None
        inner = self.every(value=value)
        self._depth -= 1
        self._at += 1  # the closing bracket
        return Term(_bracketed(" ".join(term.source for term in inner), opened)) if inner else None


def _bracketed(text: str, opened: str = "(") -> str:
    """`from:` before a closing bracket would be an operator; with a space it stays a word."""
    return opened + text + (" " if text[-1] in ":-+" else "") + {"(": ")", "{": "}"}[opened]


NAMES = tuple(each.name for each in fields(Fields))
