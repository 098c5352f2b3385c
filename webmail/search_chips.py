"""What stands under the search field: chips that narrow a search, and the choices of the advanced form.

Pure: each choice is an address that carries the changed line, made by webmail.search_fields, so that all of it works
as plain links and forms. Called by the view of a search.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from mta.values import MailboxInfo
from webmail.boxes import box_of
from webmail.search_fields import NAMES, WITHIN, Fields, around, changed, fields_of, text_of
from webmail.searching import search_url

Link = Callable[..., str]  # the address of the line with some fields set anew


@dataclass(frozen=True, slots=True)
class Choice:
    text: str
    url: str
    on: bool


@dataclass(frozen=True, slots=True)
class Chip:
    """One chip: a menu of choices, a field for a person (`field`), or, without either, a switch."""

    name: str
    text: str
    on: bool
    url: str = ""
    choices: tuple[Choice, ...] = ()
    field: str = ""
    value: str = ""
    after: str = ""  # of the custom range
    until: str = ""
    has_range: bool = False


def chips(text: str, *, sort: str = "") -> list[Chip]:
    """The chips of a line, as they stand."""
    asked = fields_of(text)

    def link(**values: str) -> str:
        return search_url(q=changed(text, **values), sort=sort)

    return [
        _person("from", _("From"), _("From %s"), asked.from_, link(from_="me"), link(from_="")),
        _time(asked, link),
        _files(asked, link),
        _person("to", pgettext("a recipient", "To"), _("To %s"), asked.to, link(to="me"), link(to="")),
        Chip(
            "unread",
            _("Is unread"),
            asked.state == "unread",
            url=link(state="" if asked.state == "unread" else "unread"),
        ),
    ]


def _person(name: str, empty: str, filled: str, value: str, me: str, nobody: str) -> Chip:
    own = pgettext("the reader", "me")
    choices = [Choice(empty + " " + own, me, value == "me")]
    if value:
        choices.append(Choice(_("Anybody"), nobody, on=False))
    field = "from_" if name == "from" else "to"
    shown = filled % (own if value == "me" else value.replace('"', "")) if value else empty
    return Chip(name, shown, bool(value), choices=tuple(choices), field=field, value=value)


AGES: dict[str, Callable[[], str]] = {
    "7d": lambda: _("Older than a week"),
    "1m": lambda: _("Older than a month"),
    "6m": lambda: _("Older than 6 months"),
    "1y": lambda: _("Older than a year"),
}


def _time(asked: Fields, link: Link) -> Chip:
    on = bool(asked.older or asked.newer or asked.after or asked.before)
    none = {"older": "", "newer": "", "after": "", "before": ""}
    choices = [Choice(_("Any time"), link(**none), not on)]
    choices += [
        Choice(words(), link(**(none | {"older": age})), asked.older == age) for age, words in AGES.items()
    ]
    until = _until(asked.before)
    text = _("Any time")
    if asked.older in AGES:
        text = AGES[asked.older]()
    elif asked.after and until:
        text = _("%(first)s to %(last)s") % {"first": _shown(asked.after), "last": _shown(until)}
    elif asked.after:
        text = _("Since %s") % _shown(asked.after)
    elif until:
        text = _("Until %s") % _shown(until)
    elif on:
        text = f"{asked.newer and 'newer_than:' + asked.newer}{asked.older and 'older_than:' + asked.older}"
    return Chip("time", text, on, choices=tuple(choices), after=asked.after, until=until, has_range=True)


def _files(asked: Fields, link: Link) -> Chip:
    kinds = kinds_of_file()
    choices = [
        Choice(words, link(attachment=kind), asked.attachment == kind) for kind, words in kinds.items()
    ]
    if asked.attachment:
        choices.append(Choice(_("With or without"), link(attachment=""), on=False))
    text = kinds.get(asked.attachment, _("Has attachment"))
    return Chip(
        "files",
        _("Has attachment") if asked.attachment == "attachment" else text,
        bool(asked.attachment),
        choices=tuple(choices),
    )


def kinds_of_file() -> dict[str, str]:
    return {
        "attachment": _("Any attachment"),
        "document": _("Document"),
        "spreadsheet": _("Spreadsheet"),
        "presentation": _("Presentation"),
        "pdf": _("PDF"),
        "image": _("Image"),
        "invite": _("Invitation"),
    }


def _until(before: str) -> str:
    """The last day that counts."""
    return (date.fromisoformat(before) - timedelta(days=1)).isoformat() if before > "0001-01-01" else ""


def _shown(day: str) -> str:
    return formats.date_format(date.fromisoformat(day), "SHORT_DATE_FORMAT")


# --- the advanced form


def from_form(text: str, sent: dict[str, str]) -> str:
    """The line with what a chip's or the advanced form has sent; what it did not send stays as it is."""
    values = {name: sent[name][:500] for name in NAMES if name in sent}
    if "until" in sent:
        values["before"] = _after_until(sent["until"])
    if sent.get("within") and sent.get("date"):
        values["after"], values["before"] = around(sent["date"], sent["within"])
        values |= {"newer": "", "older": ""}
    elif sent.get("within") in WITHIN:
        values |= {"newer": sent["within"], "older": "", "after": "", "before": ""}
    elif "within" in sent and not sent["within"] and fields_of(text).days() != ("", ""):
        values |= {"after": "", "before": ""}
    elif "after" in values or "before" in values:
        values |= {"newer": "", "older": ""}
    return text_of(replace(fields_of(text), **values))


def _after_until(until: str) -> str:
    try:
        return (date.fromisoformat(until) + timedelta(days=1)).isoformat() if until else ""
    except (ValueError, OverflowError):
        return ""


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    text: str
    on: bool


def advanced(text: str, mailboxes: tuple[MailboxInfo, ...]) -> dict[str, object]:
    """The form as the line fills it."""
    asked = fields_of(text)
    within, day = asked.days()
    if not within and asked.newer in WITHIN and not asked.older:
        within = asked.newer
    return {
        "fields": asked,
        "places": _places(asked.place, mailboxes),
        "states": _options({"": _("Read or unread"), "read": _("Read"), "unread": _("Unread")}, asked.state),
        "kinds": _options({"": _("With or without"), **kinds_of_file()}, asked.attachment),
        "sizes": _options(
            {"larger": _("greater than"), "smaller": _("less than")}, asked.size_is or "larger"
        ),
        "units": _options({"M": _("MB"), "K": _("kB"), "B": _("bytes")}, asked.unit or "M"),
        "spans": _options({"": _("Any time"), **_spans()}, within),
        "date": day,
    }


def _spans() -> dict[str, str]:
    return {
        "1d": _("1 day"),
        "3d": _("3 days"),
        "1w": _("1 week"),
        "2w": _("2 weeks"),
        "1m": _("1 month"),
        "2m": _("2 months"),
        "6m": _("6 months"),
        "1y": _("1 year"),
    }


def _options(words: dict[str, str], chosen: str) -> list[Option]:
    return [Option(value, text, value == chosen) for value, text in words.items()]


def _places(chosen: str, mailboxes: tuple[MailboxInfo, ...]) -> list[Option]:
    every = [box_of(each) for each in mailboxes]
    places = {"": _("All mail"), "in:inbox": _("Inbox")}
    places |= {
        f"in:{each.slug}": each.title
        for each in every
        if each.slug in ("sent", "drafts", "archive", "snoozed", "spam", "trash")
    }
    places["in:anywhere"] = _("Mail, Spam and Trash")
    for each in sorted((each for each in every if each.is_label), key=lambda each: each.name.casefold()):
        places[label_operator(each.name)] = each.name
    if chosen and chosen not in places:
        places[chosen] = chosen
    return _options(places, chosen)


def label_operator(name: str) -> str:
    """`label:work/plans`, `label:"big plans"`"""
    plain = name.replace('"', "")
    return (
        f"label:{plain}"
        if plain.replace("/", "").replace("-", "").replace("_", "").isalnum()
        else f'label:"{plain}"'
    )
