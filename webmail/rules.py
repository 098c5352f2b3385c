"""Filters as people read and write them: conditions as fields and as a line of search, actions in plain words.

Pure but for the criteria, which webmail.searching makes. A rule judges mail that is just arriving, so what a search
says of places, states and days has no meaning for it: `for_arriving` takes that out of a line, `unfit` names what is
left of it. Called by webmail/views/rules.py; the engine is mta.filters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace

from django.utils.translation import gettext as _

from mta.filters.service import Actions
from mta.mailstore.service import ConversationMessage
from mta.message.criteria import (
    All,
    And,
    Before,
    Criteria,
    Flag,
    InMailbox,
    InThread,
    Keyword,
    Not,
    Or,
    Since,
)
from webmail.search_fields import Fields, fields_of, text_of

DAYS = 90  # a preview looks so far back
SHOWN = 10  # messages of a preview
MOST_LIKE = 25  # conversations that "messages like these" are taken from
CONDITIONS = ("from_", "to", "subject", "has", "without", "attachment", "size_is", "size", "unit")

_OF_PLACES = ("place", "state", "after", "before", "newer", "older")
_LIST_ID = re.compile(r"<([^<>]{1,200})>\s*$")
_PLAIN_WORD = re.compile(r"[\w.@+-]+")


# --- conditions
def for_arriving(line: str) -> tuple[str, str]:
    """(the line, what was left out of it because it says nothing about mail that is just arriving)."""
    asked = fields_of(line)
    of_places = {name: getattr(asked, name) for name in _OF_PLACES}
    return text_of(replace(asked, **dict.fromkeys(_OF_PLACES, ""))), text_of(Fields(**of_places))


def from_fields(line: str, sent: Mapping[str, str]) -> str:
    """The line with what the form's fields say; what they do not name stays."""
    values = {name: sent[name].strip()[:500] for name in CONDITIONS if name in sent}
    return text_of(replace(fields_of(line), **values))


def conditions(line: str) -> dict[str, str]:
    """The fields as the form shows them."""
    asked = fields_of(line)
    shown = {name: getattr(asked, name) for name in CONDITIONS}
    return shown | {"size_is": asked.size_is or "larger", "unit": asked.unit or "M"}


def unfit(criteria: Criteria) -> str:
    """Why a filter cannot judge by that, as a sentence; "" if it can."""
    match criteria:
        case All():
            return _("Say which mail the filter is for: a sender, a word, an address.")
        case _ if _asks_of_places(criteria):
            return _(
                "A filter looks at mail as it arrives. Leave out in:, label:, is: and dates;"
                " they say where mail lies and what was done to it later."
            )
    return ""


def _asks_of_places(criteria: Criteria) -> bool:
    match criteria:
        case And(parts) | Or(parts):
            return any(map(_asks_of_places, parts))
        case Not(part):
            return _asks_of_places(part)
    return isinstance(criteria, InMailbox | InThread | Flag | Keyword | Since | Before)


def like(messages: Sequence[ConversationMessage]) -> str:
    """The line that finds messages like these: of their list, else of their senders."""
    theirs = [each for each in messages if not each.own] or list(messages)
    lists = {_list_name(each.list_id) for each in theirs}
    if len(lists) == 1 and (name := lists.pop()):
        return f"list:{name}"
    senders = dict.fromkeys(each.from_.email.lower() for each in theirs if not each.own and each.from_.email)
    if senders:
        return text_of(Fields(from_=" OR ".join(list(senders)[:MOST_LIKE])))
    people = dict.fromkeys(one.email.lower() for each in theirs for one in each.to if one.email)
    return text_of(Fields(to=" OR ".join(list(people)[:MOST_LIKE])))


def from_sender(address: str) -> str:
    return text_of(Fields(from_=address))


def _list_name(list_id: str) -> str:
    found = _LIST_ID.search(list_id)
    name = (found[1] if found else list_id).strip().lower()
    return name if _PLAIN_WORD.fullmatch(name) else ""


def senders_of(messages: Iterable[ConversationMessage]) -> list[str]:
    """Whom to block because of these: the senders who are not the reader."""
    return list(
        dict.fromkeys(each.from_.email.lower() for each in messages if not each.own and each.from_.email)
    )


# --- actions
def plain(actions: Actions, names: Mapping[int, str]) -> list[str]:
    """What a rule does, in plain words, in the order people care."""
    said = []
    if actions.delete:
        said.append(_("Move to Trash"))
    if actions.skip_inbox:
        said.append(_("Skip the Inbox"))
    said += [_("Label %s") % names[each] for each in actions.labels if each in names]
    if any(each not in names for each in actions.labels):
        said.append(_("A label that is gone"))
    if actions.read:
        said.append(_("Mark as read"))
    if actions.star:
        said.append(_("Star"))
    if actions.important is not None:
        said.append(_("Mark as important") if actions.important else _("Never important"))
    if actions.never_spam:
        said.append(_("Never Spam"))
    for address in actions.forward:
        said.append(
            _("Forward to %s") % address if actions.keep else _("Forward to %s, no copy here") % address
        )
    if actions.reply:
        said.append(_("Answer by itself"))
    return said


def does_nothing(actions: Actions) -> bool:
    """Whether no action was chosen; to keep a copy is none."""
    plain_ones = Actions(keep=actions.keep)
    return all(getattr(actions, each.name) == getattr(plain_ones, each.name) for each in fields(Actions))
