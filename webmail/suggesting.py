"""What the search field suggests while somebody types: recent searches, people, labels, subjects, operators.

`asked_last` finds what the last words of a line ask to be completed (pure); `suggestions` completes it through the
services, with the same number of queries whatever lies in the mailbox. Called by views.suggest; writes nothing but the
person's recent searches.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from mta.correspondents import service as correspondents
from mta.flow import acquainting
from mta.mailstore import service as mailstore
from mta.message.criteria import Words
from mta.message.text import fold, words
from webmail.boxes import Box, box_of
from webmail.models import RecentSearch
from webmail.search_box import MAX_TEXT
from webmail.search_chips import label_operator
from webmail.visit import Visit

KEPT = 20  # recent searches
SHOWN = 5  # of each kind
BEGUN = 3  # letters from which on a word of a subject may be a beginning: of a million, two are in too many
PEOPLE = frozenset(("from", "to", "cc", "bcc", "deliveredto"))
PLACES = frozenset(("in", "label"))
VALUES: dict[str, tuple[str, ...]] = {
    "is": ("unread", "read", "starred", "important", "snoozed", "muted"),
    "has": (
        *("attachment", "document", "spreadsheet", "presentation", "pdf", "image", "invite"),
        *("userlabels", "nouserlabels"),
    ),
    "in": ("inbox", "sent", "drafts", "archive", "snoozed", "scheduled", "spam", "trash", "anywhere"),
    "filename": ("pdf", "docx", "xlsx", "jpg", "png", "zip"),
    "larger": ("1M", "5M", "10M"),
    "size": ("1M", "5M", "10M"),
    "smaller": ("100K", "1M"),
    "newer_than": ("1d", "7d", "1m", "1y"),
    "older_than": ("7d", "1m", "6m", "1y"),
}
_LAST = re.compile(r"""(?:^|(?<=[\s({]))(-?)(?:([A-Za-z_0-9]+):)?("[^"]*"?|[^\s(){}"]*)$""")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One line of the list. Choosing it makes `query` the line, or opens `url`; `more`: typing goes on."""

    kind: str  # recent, person, label, subject, operator
    text: str
    query: str = ""
    note: str = ""
    url: str = ""
    hue: int | None = None
    more: bool = False

    @property
    def icon(self) -> str:
        icons = {"recent": "history", "person": "user", "label": "tag", "subject": "mail"}
        return icons.get(self.kind, "search")


@dataclass(frozen=True, slots=True)
class Last:
    """The end of a line: what stands before it, its sign and operator, and what was typed of its value."""

    before: str
    sign: str
    operator: str
    typed: str


def asked_last(text: str) -> Last:
    """What the end of a line asks to be completed."""
    text = text[:MAX_TEXT]
    match = _LAST.search(text[-300:])
    if match is None:
        return Last(text, "", "", "")
    return Last(
        text[: len(text) - len(match[0])], match[1], (match[2] or "").lower(), match[3].replace('"', "")
    )


def suggestions(visit: Visit, text: str) -> list[Suggestion]:
    """What may be meant, the likeliest first."""
    last = asked_last(text)
    if last.operator in PEOPLE:
        return _people(visit, last, limit=8)
    if last.operator in PLACES:
        return [*_values(last), *_labels(visit, last, limit=12)][:16]
    if last.operator in VALUES:
        return _values(last)
    if last.operator:
        return []
    if not text.strip():
        return [*_recent(visit, ""), *_starters()]
    found = _recent(visit, text)
    if last.typed:
        found += _operators(last)
        found += _people(visit, last, limit=SHOWN)
        found += _labels(visit, last, limit=SHOWN)
    return found + _subjects(visit, text)


def _line(last: Last, operator: str, *, more: bool = False) -> str:
    return f"{last.before}{last.sign}{operator}" + ("" if more else " ")


def _people(visit: Visit, last: Last, *, limit: int) -> list[Suggestion]:
    operator = last.operator or "from"
    acquainting.catch_up(visit.mailspace)
    found = [
        Suggestion(
            "person",
            each.name or each.email,
            _line(last, f"{operator}:{each.email}"),
            each.email if each.name else "",
        )
        for each in correspondents.ranked(visit.mailspace, last.typed, limit=limit)
    ]
    if last.operator and "me".startswith(last.typed.lower()):
        found.insert(0, Suggestion("person", _("me"), _line(last, f"{operator}:me"), visit.address))
    return found


def _labels(visit: Visit, last: Last, *, limit: int) -> list[Suggestion]:
    typed = fold(last.typed)
    labels = sorted((box_of(each) for each in visit.mailboxes if not each.role), key=lambda each: each.name)
    found = [each for each in labels if _begins(each.name, typed)]
    return [_label(last, each) for each in found[:limit]]


def _label(last: Last, box: Box) -> Suggestion:
    operator = label_operator(box.name)
    if last.operator == "in":
        operator = "in:" + operator.partition(":")[2]
    return Suggestion("label", box.name, _line(last, operator), hue=box.hue)


def _begins(name: str, typed: str) -> bool:
    """Whether a label, or a word of it, begins so; `-` and `/` are alike."""
    if not typed:
        return True
    whole = fold(name)
    plain = re.sub(r"[\s/_-]+", "-", whole)
    wanted = re.sub(r"[\s/_-]+", "-", typed)
    return any(plain.startswith(wanted, at) for at in _starts(plain))


def _starts(plain: str) -> Iterable[int]:
    return [0, *(match.end() for match in re.finditer("-", plain))]


def _values(last: Last) -> list[Suggestion]:
    known = VALUES.get(last.operator, ())
    return [
        Suggestion(
            "operator",
            f"{last.operator}:{value}",
            _line(last, f"{last.operator}:{value}"),
            _meaning(last.operator, value),
        )
        for value in known
        if value.startswith(last.typed.lower())
    ]


def _operators(last: Last) -> list[Suggestion]:
    """Operators that begin like the word; from the second letter on, so that one letter is a word."""
    typed = last.typed.lower()
    if len(typed) < 2:
        return []
    return [
        Suggestion("operator", f"{name}:", _line(last, f"{name}:", more=True), note, more=True)
        for name, note in operator_notes().items()
        if name.startswith(typed)
    ][:SHOWN]


def _starters() -> list[Suggestion]:
    notes = operator_notes()
    chosen = ("from", "to", "subject", "has", "is", "in", "before")
    return [Suggestion("operator", f"{name}:", f"{name}:", notes[name], more=True) for name in chosen]


def operator_notes() -> dict[str, str]:
    """What each operator is for, in a few words."""
    return {
        "from": _("sender"),
        "to": _("recipient"),
        "cc": _("in copy"),
        "bcc": _("in blind copy"),
        "subject": _("words of the subject"),
        "has": _("attachments, labels"),
        "is": _("unread, starred …"),
        "in": _("a place or a label"),
        "label": _("a label"),
        "filename": _("name of a file"),
        "after": _("since a day"),
        "before": _("before a day"),
        "newer_than": _("younger than so long"),
        "older_than": _("older than so long"),
        "larger": _("larger than"),
        "smaller": _("smaller than"),
        "list": _("a mailing list"),
        "deliveredto": _("address it came to"),
        "rfc822msgid": _("Message-ID"),
    }


def _meaning(operator: str, value: str) -> str:
    notes = {
        "anywhere": _("Spam and Trash, too"),
        "userlabels": _("with a label"),
        "nouserlabels": _("without a label"),
        "attachment": _("any file"),
    }
    ages = {"1d": _("1 day"), "7d": _("7 days"), "1m": _("1 month"), "6m": _("6 months"), "1y": _("1 year")}
    return ages.get(value, "") if operator.endswith("_than") else notes.get(value, "")


def _subjects(visit: Visit, text: str) -> list[Suggestion]:
    """Conversations whose subject holds the words, the last one as far as it was typed."""
    if ":" in text or len(text.strip()) < 2 or not words(text, limit=1):
        return []
    begun = len(words(text)[-1]) >= BEGUN
    page = mailstore.search_threads(visit.mailspace, Words(text, "subject", prefix=begun), limit=SHOWN)
    place = Box(-1, "all", "")
    return [
        Suggestion("subject", line.subject, note=_first_of(line), url=place.conversation_url(line.thread))
        for line in page.rows
        if line.subject
    ]


def _first_of(line: mailstore.ThreadLine) -> str:
    other = next((each for each in reversed(line.people) if not each.own), None)
    return (other.name or other.email) if other else ""


# --- recent searches


def _recent(visit: Visit, text: str) -> list[Suggestion]:
    wanted = fold(text).strip()
    kept = _of(visit).order_by("-at").values_list("text", flat=True)[:KEPT]
    matching = [each for each in kept if wanted in fold(each) and fold(each) != wanted]
    return [Suggestion("recent", each, each) for each in matching[: SHOWN if wanted else SHOWN + 1]]


def _of(visit: Visit) -> QuerySet[RecentSearch]:
    return RecentSearch.objects.filter(account=visit.account, mailspace=visit.mailspace)


def remember(visit: Visit, text: str) -> None:
    """Keep what somebody searched for, and only the newest of it."""
    text = text.strip()[:MAX_TEXT]
    if not text:
        return
    RecentSearch.objects.bulk_create(
        [RecentSearch(account=visit.account, mailspace=visit.mailspace, text=text, at=timezone.now())],
        update_conflicts=True,
        update_fields=["at"],
        unique_fields=["account", "mailspace", "text"],
    )
    newest = list(_of(visit).order_by("-at", "-pk").values_list("pk", flat=True)[:KEPT])
    _of(visit).filter(~Q(pk__in=newest)).delete()


def forget(visit: Visit, text: str) -> None:
    """Take a recent search out of the list."""
    _of(visit).filter(text=text[:MAX_TEXT]).delete()
