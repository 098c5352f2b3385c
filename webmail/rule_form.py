"""The form of a filter: its conditions (as a line of search, and as fields) and what it does.

A form of fields and a line says the same twice; `was` is the line that the page was drawn with. Whoever changed the
line meant the line, else the fields count, so that both ways work without scripts. Read by webmail/views/rules.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from django.http import QueryDict
from django.utils.translation import gettext as _

from mta.filters.service import Actions, Rule
from mta.values import LABEL, MailboxInfo
from webmail import rules
from webmail.search_box import MAX_TEXT
from webmail.search_chips import Option, kinds_of_file
from webmail.visit import number

MOST_LABELS = 50
MAX_REPLY = 20_000
IMPORTANT = {"": None, "yes": True, "no": False}


@dataclass(frozen=True, slots=True)
class RuleForm:
    """What a filter's page shows, and what it sent."""

    query: str = ""
    name: str = ""
    actions: Actions = field(default_factory=Actions)
    stop: bool = False
    new_label: str = ""
    also: bool = False  # to what is here already
    left_out: str = ""

    @property
    def conditions(self) -> dict[str, str]:
        return rules.conditions(self.query)

    @property
    def important(self) -> str:
        return next(name for name, value in IMPORTANT.items() if value == self.actions.important)


def of_rule(rule: Rule) -> RuleForm:
    shown = "" if rule.name == rule.query else rule.name
    return RuleForm(query=rule.query, name=shown, actions=rule.actions, stop=rule.stop)


def of_line(line: str, **actions: object) -> RuleForm:
    """A new filter out of a search, without what says nothing about mail that arrives."""
    query, left_out = rules.for_arriving(line)
    return RuleForm(query=query, left_out=left_out, actions=replace(Actions(), **actions))  # type: ignore[arg-type]


def line_of(sent: Mapping[str, str]) -> str:
    """What the sent form asks for: its line if that was changed (`by` says so where a script knows), else its fields."""
    line, was = sent.get("query", "").strip()[:MAX_TEXT], sent.get("was", "").strip()[:MAX_TEXT]
    by = sent.get("by", "")
    if by == "line" or (by != "fields" and line != was):
        return line
    return rules.from_fields(was, sent)


def sent_form(sent: QueryDict, mailboxes: tuple[MailboxInfo, ...]) -> RuleForm:
    labels = {each.id for each in mailboxes if each.role == LABEL}
    chosen = [number(each) for each in sent.getlist("labels")[:MOST_LABELS]]
    does = Actions(
        skip_inbox="skip_inbox" in sent,
        labels=tuple(dict.fromkeys(each for each in chosen if each in labels)),  # type: ignore[misc]
        star="star" in sent,
        read="read" in sent,
        important=IMPORTANT.get(sent.get("important", "")),
        forward=tuple(dict.fromkeys(each[:320] for each in sent.getlist("forward")[:10] if each)),
        keep="no_copy" not in sent,
        delete="delete" in sent,
        never_spam="never_spam" in sent,
        reply=sent.get("reply", "").strip()[:MAX_REPLY],
    )
    return RuleForm(
        query=line_of(sent.dict()),  # type: ignore[arg-type]
        name=sent.get("name", "").strip()[:200],
        actions=does,
        stop="stop" in sent,
        new_label=" ".join(sent.get("new_label", "").split())[:200],
        also="also" in sent,
    )


def choices(form: RuleForm, mailboxes: tuple[MailboxInfo, ...]) -> dict[str, list[Option]]:
    """What the form's lists offer."""
    said = form.conditions
    kinds = {"": _("With or without"), **kinds_of_file()}
    sizes = {"larger": _("greater than"), "smaller": _("less than")}
    units = {"M": _("MB"), "K": _("kB"), "B": _("bytes")}
    important = {"": _("Leave as it is"), "yes": _("Mark as important"), "no": _("Never mark as important")}
    names = sorted((each for each in mailboxes if each.role == LABEL), key=lambda each: each.name.casefold())
    return {
        "kinds": [Option(value, text, value == said["attachment"]) for value, text in kinds.items()],
        "sizes": [Option(value, text, value == said["size_is"]) for value, text in sizes.items()],
        "units": [Option(value, text, value == said["unit"]) for value, text in units.items()],
        "important": [Option(value, text, value == form.important) for value, text in important.items()],
        "labels": [Option(str(each.id), each.name, each.id in form.actions.labels) for each in names],
    }
