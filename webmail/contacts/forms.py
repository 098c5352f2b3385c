"""What a contact's form sends, as a value, and what it shows: lists of any length, without a script."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice

from django.http import QueryDict
from django.utils.translation import gettext as _

from .values import Person, line, text, tidy

LINES = 2  # at least, and always an empty one that waits for more
FIELDS = ("name", "nickname", "organisation", "title", "birthday", "note")
LISTS = ("emails", "phones", "places", "links")
MOST_ROWS = 200  # of a list that are looked at

_ADDRESS = re.compile(r"\S@\S")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a list as it is shown; `wrong` is the field of it that must be changed, `why` the sentence."""

    label: str
    value: str
    wrong: str = ""  # "label", "value"
    why: str = ""


@dataclass(frozen=True, slots=True)
class Lines:
    """One list of a form: what it is called, its lines, and what its fields are."""

    field: str
    title: str
    word: str  # what one value is called
    type: str
    rows: tuple[Row, ...]
    is_long: bool = False


def person_of(post: QueryDict) -> Person:
    """What was typed, within bounds."""
    single = {field: post.get(field, "") for field in FIELDS}
    lists = {
        field: tuple(zip(post.getlist(f"{field}_label"), post.getlist(f"{field}_value"), strict=False))
        for field in LISTS
    }
    groups = (*post.getlist("groups"), post.get("new_group", ""))
    return tidy(Person(groups=tuple(each for each in groups if each), **single, **lists))  # type: ignore[arg-type]


def wrong(person: Person, post: QueryDict, before: Person | None = None) -> str:
    """Why it cannot be saved; labels that `before` has are no mistakes: their values were taken away."""
    for field in LISTS:
        for row in typed(field, post, before):
            if row.why:
                return row.why
    return _("Give a name, an address or a number at least.") if person.is_empty else ""


def typed(field: str, post: QueryDict, before: Person | None = None) -> tuple[Row, ...]:
    """The lines of a list as they were typed, and what is wrong with each."""
    known = {label for label, _value in getattr(before, field)} if before else set()
    pairs = zip(post.getlist(f"{field}_label"), post.getlist(f"{field}_value"), strict=False)
    found = []
    for label, value in islice(pairs, MOST_ROWS):
        label, value = line(label, 320), text(value)[:2000]
        if label or value:
            found.append(Row(label, value, *_mistake(field, label, value, is_new=label not in known)))
    return tuple(found)


def _mistake(field: str, label: str, value: str, *, is_new: bool) -> tuple[str, str]:
    """The field that must be changed, and why."""
    if is_new and _ADDRESS.search(label):
        return "label", _("“%s” stands where the label goes. Put it into the field before.") % label[:80]
    if field == "emails" and value and "@" not in value:
        return (
            "value",
            _("“%s” is not an address. Write it like ada@example.org, or empty the line.") % line(value, 80),
        )
    if is_new and label and not value:
        return "value", _("The label “%s” has nothing to it. Fill the line in, or empty it.") % label[:80]
    return "", ""


def lines_of(person: Person, post: QueryDict | None = None, before: Person | None = None) -> list[Lines]:
    """The lists of a form, with room for more; as they were typed, if a form was sent."""
    titles = {
        "emails": (_("Mail addresses"), _("Mail address"), "email"),
        "phones": (_("Telephone"), _("Number"), "tel"),
        "places": (_("Postal addresses"), _("Postal address"), "text"),
        "links": (_("Web pages"), _("Web page"), "url"),
    }
    found = []
    for field, (title, word, kind) in titles.items():
        rows = (
            tuple(Row(label, value) for label, value in getattr(person, field))
            if post is None
            else typed(field, post, before)
        )
        found.append(Lines(field, title, word, kind, _with_room(rows), field == "places"))
    return found


def _with_room(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    return (*rows, *[Row("", "")] * max(1, LINES - len(rows)))


def labels() -> list[str]:
    """What labels are offered; others may be typed."""
    return [_("home"), _("work"), _("mobile"), _("other")]
