"""Messages to begin with: templates, and the words in braces that are filled in when one is used.

`{first name}` becomes the reader's first name, and so on. What is filled in is text, never HTML; a word in braces
that means nothing, or that nobody knows here, stays as it is and is named. Called by the views of compose.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from django.utils import formats, timezone
from django.utils.html import escape
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hosting.access import Sender
from webmail.models import Template
from webmail.people import Pair, one_line

# Names as they are written in a template, the same in every language, and what each is for the settings page.
VARIABLES = {
    "first name": gettext_lazy("the first name of the person you write to"),
    "last name": gettext_lazy("their last name"),
    "name": gettext_lazy("their whole name"),
    "address": gettext_lazy("their mail address"),
    "domain": gettext_lazy("what stands after the @ of their address"),
    "my name": gettext_lazy("your name"),
    "my first name": gettext_lazy("your first name"),
    "my address": gettext_lazy("the address you write from"),
    "date": gettext_lazy("the day on which you write"),
    "weekday": gettext_lazy("the name of that day"),
    "time": gettext_lazy("the time at which you write"),
}
MOST_HTML = 512 * 1024
_BRACES = re.compile(r"\{ *([\w][\w ]{0,39}?) *\}")


@dataclass(frozen=True, slots=True)
class Filled:
    """A template as it begins a message; `missing` are the words in braces that stayed."""

    name: str
    subject: str
    html: str
    missing: tuple[str, ...] = ()


def filled(account: int, number: int, *, reader: Sequence[Pair], sender: Sender) -> Filled:
    """A template of this account for the first of its readers; Template.DoesNotExist when it is not theirs."""
    found = Template.objects.get(account_id=account, pk=number)
    values = _values(reader[0] if reader else ("", ""), sender)
    missing: dict[str, None] = {}
    subject = one_line(_replaced(found.subject, values, str, missing))
    html = _replaced(found.html, values, escape, missing)
    return Filled(found.name, subject, html, tuple(missing))


def unknown(text: str) -> tuple[str, ...]:
    """The words in braces that mean nothing, for a warning when a template is saved."""
    names = (" ".join(each.lower().split()) for each in _BRACES.findall(text))
    return tuple(dict.fromkeys(name for name in names if name not in VARIABLES))


def _replaced(
    text: str, values: Mapping[str, str], written: Callable[[str], str], missing: dict[str, None]
) -> str:
    def one(found: re.Match[str]) -> str:
        name = " ".join(found[1].lower().split())
        if not values.get(name):
            missing[name] = None
            return found[0]
        return written(values[name])

    return _BRACES.sub(one, text[:MOST_HTML])


def _values(reader: Pair, sender: Sender) -> dict[str, str]:
    now = timezone.localtime()
    name, address = one_line(reader[0]), one_line(reader[1])
    first, last = _parts(name)
    return {
        "first name": first,
        "last name": last,
        "name": name,
        "address": address,
        "domain": address.rpartition("@")[2] if "@" in address else "",
        "my name": sender.name,
        "my first name": _parts(sender.name)[0],
        "my address": sender.address,
        "date": formats.date_format(now, "DATE_FORMAT"),
        "weekday": formats.date_format(now, "l"),
        "time": formats.date_format(now, "TIME_FORMAT"),
    }


def _parts(name: str) -> tuple[str, str]:
    """(first name, last name) of a name as people write it: "Ada Lovelace" and "Lovelace, Ada"."""
    if "," in name:
        last, _comma, first = name.partition(",")
        return first.strip(), last.strip()
    first, _space, last = name.strip().rpartition(" ")
    return (first.partition(" ")[0], last) if first else (last, "")


def save(account: int, *, name: str, subject: str, html: str) -> Template:
    """Keep a message as a template; one of the same name is replaced. `html` is clean already."""
    title = one_line(name)[:100] or _("Template")
    made, _new = Template.objects.update_or_create(
        account_id=account, name=title, defaults={"subject": one_line(subject), "html": html[:MOST_HTML]}
    )
    return made
