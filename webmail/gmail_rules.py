"""Gmail's filters as ours: what they look for as a line of search, what they do, and in plain words what cannot be.

A condition is never quietly lost, since a filter that looks for less does its work on more mail: what cannot be said in
our search leaves the filter off, to be looked at, or is not brought at all. Nothing is made here; `entry` is what
`mta.filters.service.restore` takes. Called by webmail/views/rule_files.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from mta.archive.gmail_filters import GmailFilter
from mta.archive.naming import fit
from mta.filters.service import Actions
from mta.message import criteria as c
from mta.message.address import BadAddress, canonical, parse_path
from mta.values import LABEL, MailboxInfo
from webmail import rules
from webmail.search_box import MAX_DEPTH, MAX_TEXT, MAX_TOKENS, Search, tokens
from webmail.search_fields import Fields, text_of

_CONDITIONS = ("from", "to", "subject", "hasTheWord", "doesNotHaveTheWord")
_KNOWN = frozenset(
    (
        *_CONDITIONS,
        *("hasAttachment", "size", "sizeOperator", "sizeUnit"),
        *("label", "smartLabelToApply", "forwardTo", "cannedResponse"),
        *("shouldArchive", "shouldMarkAsRead", "shouldStar", "shouldTrash", "shouldNeverSpam"),
        *("shouldAlwaysMarkAsImportant", "shouldNeverMarkAsImportant"),
        "excludeChats",  # there are none here
    )
)
_SIZE_IS = {"s_sl": "larger", "s_ss": "smaller"}
_UNITS = {"s_smb": "M", "s_skb": "K", "s_sb": "B"}
_SIZE = re.compile(r"\d{1,12}(?:\.\d{1,6})?")
_NO_CHATS = re.compile(r"(?<!\S)-(?:in|is):chats?(?!\S)", re.IGNORECASE)
_NEAR = re.compile(r"(?<!\S)AROUND(?!\S)")
_QUOTED = re.compile(r'("[^"]*"?)')
_ONLY_THERE = frozenset(("category", "circle", "lang"))  # operators that our search takes for text
_SYSTEM = frozenset(
    ("inbox", "drafts", "sent", "archive", "junk", "trash", "snoozed", "scheduled", "quarantine")
)


@dataclass(frozen=True, slots=True)
class Brought:
    """One filter of the file: its search, what it does in plain words, sentences of what is different here, and what
    is made of it (None: nothing)."""

    line: str
    does: tuple[str, ...]
    notes: tuple[str, ...]
    entry: dict[str, Any] | None = None

    @property
    def off(self) -> bool:
        return self.entry is not None and not self.entry["enabled"]


@dataclass(frozen=True, slots=True)
class Here:
    """What there is already: mailboxes, addresses that agreed to get mail, and how a line is understood."""

    mailboxes: Sequence[MailboxInfo]
    agreed: frozenset[str]
    understood: Callable[[str], Search]


@dataclass(slots=True)
class _Notes:
    """`asides` change nothing that matters; after `doubts` the filter is off until somebody has looked at it."""

    asides: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    def every(self, *more: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.doubts, *self.asides, *more)))


def translated(one: GmailFilter, here: Here) -> Brought:
    """A filter of Gmail's as one of ours."""
    notes = _Notes()
    line = _line(one, notes)
    does, labels = _does(one, here, notes)
    said = tuple(_in_words(does, labels))
    asked = here.understood(line)
    for slip in asked.slips[:5]:
        notes.doubts.append(_("“%s” means nothing here; it is looked for as text.") % slip[:100])
    if wrong := _why_not(one, line, asked, nothing=does.nothing and not labels):
        return Brought(line[:300], said, notes.every(wrong))
    stored = {name: value for name, value in asdict(does).items() if name not in ("labels", "forward")}
    if does.important is None:
        del stored["important"]
    entry = {
        "kind": "rule",
        "name": line[:200],
        "query": line,
        "criteria": c.dump(asked.criteria),
        "actions": stored | {"labels": labels, "forward": list(does.forward)},
        "enabled": not notes.doubts,
        "stop": False,
    }
    return Brought(line, said, notes.every(), entry)


def _why_not(one: GmailFilter, line: str, asked: Search, *, nothing: bool) -> str:
    """Why it cannot be brought, as a sentence."""
    if not line:
        return _("It names no mail that could arrive here.")
    if len(line) >= MAX_TEXT or any(_is_too_much(one.get(name)) for name in _CONDITIONS):
        return _("It looks for too much at once for one filter. Make several of it.")
    if len(tokens(line)) >= MAX_TOKENS:
        return _("It looks for too much at once for one filter. Make several of it.")
    if nothing:
        return _("Nothing is left that it would do.")
    return rules.unfit(asked.criteria)


def _is_too_much(value: str) -> bool:
    """Whether our search would leave a part of it unread."""
    depth = deepest = 0
    for token in tokens(value[:MAX_TEXT]):
        depth += {"open": 1, "close": -1}.get(token.kind, 0)
        deepest = max(deepest, depth)
    return len(value) >= MAX_TEXT or deepest >= MAX_DEPTH - 1 or len(tokens(value)) >= MAX_TOKENS


# --- which mail
def _line(one: GmailFilter, notes: _Notes) -> str:
    """The conditions as a line of search, without what says nothing about mail that arrives."""
    said = {name: _value(one.get(name), notes) for name in _CONDITIONS}
    size = one.get("size")
    size_is = _SIZE_IS.get(one.get("sizeOperator")) if size else None
    if size and (size_is is None or not _SIZE.fullmatch(size)):
        notes.doubts.append(_("Its size could not be read and was left out."))
        size = ""
    for name in dict.fromkeys(each for each, value in one.properties if value and each not in _KNOWN):
        notes.doubts.append(_("“%s” is not known here and was left out.") % name[:100])
    line = text_of(
        Fields(
            from_=said["from"],
            to=said["to"],
            subject=said["subject"],
            has=said["hasTheWord"],
            without=said["doesNotHaveTheWord"],
            attachment="attachment" if one.says("hasAttachment") else "",
            size_is=size_is or "",
            size=size,
            unit=_UNITS.get(one.get("sizeUnit"), "B") if size else "",
        )
    )
    line, left_out = rules.for_arriving(line)
    if left_out:
        notes.doubts.append(_("Left out: %s. A filter looks at mail as it arrives.") % left_out[:200])
    return line


def _value(text: str, notes: _Notes) -> str:
    """A condition in our spelling: alternatives say OR, and there are no chats that could be left out."""
    text = _NO_CHATS.sub(" ", text)
    if _NEAR.search(text):
        notes.doubts.append(_("AROUND is not known here; it is looked for as a word."))
    for token in tokens(text):
        if token.kind == "operator" and token.text.lower() in _ONLY_THERE:
            notes.doubts.append(_("“%s:” is not known here; it is looked for as text.") % token.text)
    parts = _QUOTED.split(text)
    return "".join(part if part.startswith('"') else part.replace("|", " OR ") for part in parts).strip()


# --- what is done
def _does(one: GmailFilter, here: Here, notes: _Notes) -> tuple[Actions, list[str]]:
    """The actions, and the names of the labels."""
    important = None
    if one.says("shouldAlwaysMarkAsImportant") or one.says("shouldNeverMarkAsImportant"):
        important = one.says("shouldAlwaysMarkAsImportant")
    if one.get("smartLabelToApply"):
        notes.asides.append(_("Gmail's categories are not known here."))
    if one.get("cannedResponse"):
        notes.asides.append(_("The text of its automatic answer is not in the file; write it anew."))
    does = Actions(
        skip_inbox=one.says("shouldArchive"),
        read=one.says("shouldMarkAsRead"),
        star=one.says("shouldStar"),
        delete=one.says("shouldTrash"),
        never_spam=one.says("shouldNeverSpam"),
        important=important,
        forward=_forward(one, here, notes),
    )
    return does, _labels(one, here, notes)


def _forward(one: GmailFilter, here: Here, notes: _Notes) -> tuple[str, ...]:
    found = []
    for text in one.every("forwardTo"):
        try:
            address = canonical(parse_path(text))
        except BadAddress:
            notes.doubts.append(_("“%s” is not a mail address.") % text[:300])
            continue
        found.append(address)
        if address not in here.agreed:
            notes.doubts.append(
                _("%s has to agree first: ask on the page Forwarding, then turn this filter on.") % address
            )
    return tuple(dict.fromkeys(found))


def _labels(one: GmailFilter, here: Here, notes: _Notes) -> list[str]:
    """Labels by the names that they have here, or will have."""
    known = {each.name.casefold(): each for each in here.mailboxes}
    found = []
    for text in one.every("label"):
        name = fit(text)
        box = known.get(name.casefold())
        if text.startswith("^") or name.casefold() in _SYSTEM or (box is not None and box.role != LABEL):
            notes.asides.append(_("“%s” is no label here and was left out.") % text[:200])
        else:
            found.append(box.name if box else name)
    return list(dict.fromkeys(found))


def _in_words(does: Actions, labels: Sequence[str]) -> list[str]:
    numbered = dict(enumerate(labels, 1))
    return rules.plain(Actions(**asdict(does) | {"labels": tuple(numbered)}), numbered)
