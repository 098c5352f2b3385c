"""What a contact's form sends, as a value, and what it shows: lists of any length, without a script."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import QueryDict
from django.utils.translation import gettext as _

from .values import Labelled, Person, line, tidy

LINES = 2  # at least, and always an empty one that waits for more
FIELDS = ("name", "nickname", "organisation", "title", "birthday", "note")
LISTS = ("emails", "phones", "places", "links")


@dataclass(frozen=True, slots=True)
class Lines:
    """One list of a form: what it is called, its lines, and what its fields are."""

    field: str
    title: str
    word: str  # what one value is called
    type: str
    values: Labelled
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


def wrong(person: Person, post: QueryDict) -> str:
    """Why it cannot be saved."""
    for value in post.getlist("emails_value"):
        if value.strip() and "@" not in value:
            return _("“%s” is not an address. Write it like ada@example.org, or empty the line.") % line(
                value, 80
            )
    return _("Give a name, an address or a number at least.") if person.is_empty else ""


def lines_of(person: Person) -> list[Lines]:
    """The lists of a form, with room for more."""
    titles = {
        "emails": (_("Addresses"), _("Address"), "email"),
        "phones": (_("Telephone"), _("Number"), "tel"),
        "places": (_("Postal addresses"), _("Postal address"), "text"),
        "links": (_("Web pages"), _("Web page"), "url"),
    }
    return [
        Lines(field, title, word, kind, _with_room(getattr(person, field)), field == "places")
        for field, (title, word, kind) in titles.items()
    ]


def _with_room(values: Labelled) -> Labelled:
    return (*values, *[("", "")] * max(1, LINES - len(values)))


def labels() -> list[str]:
    """What labels are offered; others may be typed."""
    return [_("home"), _("work"), _("mobile"), _("other")]
