"""A conversation as one row of a list: names, labels, dates and links as the template draws them.

Pure: takes a `ThreadLine` of the store, gives a `Row` for components/row.html. The store's values stay as they are;
what is decided here is only how they are said (webmail spec §3).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from urllib.parse import quote

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _

from mta.mailstore.service import Person, ThreadLine
from mta.values import INBOX, LABEL, MailboxInfo
from webmail.boxes import COMPOSE, Box, hue_of, title_of

MAX_NAMES = 3
_TIMED = ("snoozed", "scheduled")  # places whose rows say when something happens: it comes back, or goes


@dataclass(frozen=True, slots=True)
class Sender:
    name: str
    unread: bool
    gap: bool = False


@dataclass(frozen=True, slots=True)
class Chip:
    text: str
    path: str
    hue: int
    id: int = 0


@dataclass(frozen=True, slots=True)
class File:
    name: str
    type: str
    url: str


@dataclass(frozen=True, slots=True)
class Face:
    name: str
    address: str
    kind: str = "person"
    picture: str = ""  # where it lies here


@dataclass(frozen=True, slots=True)
class Row:
    """What components/row.html asks for."""

    id: int
    url: str
    subject: str
    snippet: str
    at: int
    sort_at: int
    unread: bool
    starred: bool
    senders: tuple[Sender, ...]
    count: int
    draft: bool
    labels: tuple[Chip, ...]
    attachments: tuple[File, ...]
    attachment_count: int
    avatar: Face
    index: int = 0
    checked: bool = False
    delivery: str = ""
    delivery_text: str = ""
    compose: int = 0  # the message that is a draft, when clicking the row goes on writing it
    woken: bool = False
    wakes: bool = False  # `at` is when it comes back
    important: bool = False
    muted: bool = False
    has_event: bool = False  # an invitation is attached
    last: int = 0  # its newest message
    thread: int = 0  # its conversation, where a row is a single message
    boxes: tuple[int, ...] = field(default=())
    marks: tuple[str, ...] = ()  # the words of a search

    def __str__(self) -> str:
        """A template draws a row by naming it: `{{ row }}`."""
        return drawn(self)


def rows_of(
    lines: Sequence[ThreadLine],
    box: Box,
    mailboxes: tuple[MailboxInfo, ...],
    *,
    first: int = 1,
    search: str = "",
    marks: tuple[str, ...] = (),
    deliveries: Mapping[int, tuple[str, str]] | None = None,
    hidden: frozenset[int] = frozenset(),
    messages: bool = False,
) -> list[Row]:
    """The rows of a page; `first` is the place of the first one in the whole list, `deliveries` says of sent
    messages how their sending stands, `hidden` names labels that are not shown on rows; with `messages` every line is a single message."""
    places = {each.id: each for each in mailboxes if each.id not in hidden}
    rows = [_row(line, box, places, first + at, search, marks) for at, line in enumerate(lines)]
    if messages:
        rows = [_single(row) for row in rows]
    return (
        [_marked(row, line, deliveries) for row, line in zip(rows, lines, strict=True)]
        if deliveries
        else rows
    )


def _marked(row: Row, line: ThreadLine, deliveries: Mapping[int, tuple[str, str]]) -> Row:
    state, text = deliveries.get(line.last_message, ("", ""))
    return replace(row, delivery=state, delivery_text=text)


def _row(
    line: ThreadLine,
    box: Box,
    places: dict[int, MailboxInfo],
    index: int,
    search: str,
    marks: tuple[str, ...],
) -> Row:
    only_draft = line.drafts > 0 and line.count == 1
    people = (
        [Person(each.name, each.email) for each in line.recipients] if box.is_outgoing else list(line.people)
    )
    url = box.conversation_url(line.thread)
    if only_draft:
        url = f"{COMPOSE}?mode=draft&message={line.last_message}"
    elif search:
        url += f"?q={quote(search)}"
    return Row(
        id=line.thread,
        url=url,
        subject=line.subject,
        snippet=line.snippet,
        at=(box.slug in _TIMED and line.wake_at) or line.sort_at,
        sort_at=line.sort_at,
        unread=line.unread > 0,
        starred=line.starred,
        senders=_to(people) if box.is_outgoing else senders(line.people),
        count=line.count,
        draft=line.drafts > 0,
        labels=tuple(labels(line.boxes, box, places)),
        attachments=tuple(
            File(each.name, each.type, attachment_url(each.message, each.number, each.name))
            for each in line.attachments
        ),
        attachment_count=line.attachment_count,
        avatar=_face(people or list(line.people)),
        index=index,
        compose=line.last_message if only_draft else 0,
        woken=line.woken,
        wakes=box.slug in _TIMED and bool(line.wake_at),
        important=getattr(line, "important", False),
        muted=getattr(line, "muted", False),
        has_event=any("calendar" in each.type for each in line.attachments),
        last=line.last_message,
        boxes=line.boxes,
        marks=marks,
    )


def _single(row: Row) -> Row:
    """The row of a message, where messages are not gathered into conversations."""
    url = row.url if row.compose else f"{row.url}?message={row.last}"
    return replace(row, id=row.last, thread=row.id, url=url)


def drawn(row: Row) -> SafeString:
    """The markup of a row. Drawn once for the same row in the same language, zone and day: a page that is looked at
    again, and the rows around a new one, cost next to nothing."""
    html = _drawn(
        replace(row, index=1),
        get_language() or "",
        timezone.get_current_timezone_name(),
        timezone.localdate(),
    )
    return mark_safe(html.replace('aria-rowindex="1"', f'aria-rowindex="{row.index}"', 1))  # noqa: S308  # our own template's


@lru_cache(maxsize=1500)
def _drawn(row: Row, language: str, zone: str, today: date) -> str:
    return render_to_string("components/row.html", {"row": row})


def attachment_url(message: int, number: str, name: str) -> str:
    return reverse("mail:attachment", args=[message, number, name.replace("/", "_") or "file"])


def short_name(person: Person) -> str:
    """What a person is called among others: the first name, or what stands before the @."""
    name = person.name.strip()
    if not name:
        return person.email.partition("@")[0] or _("nobody")
    if "," in name:  # "Lovelace, Ada"
        name = name.partition(",")[2].strip() or name
    return name.split()[0]


def full_name(person: Person) -> str:
    return person.name.strip() or person.email or _("nobody")


def senders(people: tuple[Person, ...]) -> tuple[Sender, ...]:
    """`Ada Lovelace` · `Ada, me, Ben` · `Ada .. me, Ben`: in order of the first message of each."""
    me = pgettext("the reader among the senders", "me")
    if len(people) == 1:
        return (Sender(me if people[0].own else full_name(people[0]), people[0].unread),)
    named = [Sender(me if each.own else short_name(each), each.unread) for each in people]
    if len(named) <= MAX_NAMES:
        return tuple(named)
    before_last = named[-2]
    return (named[0], Sender(before_last.name, before_last.unread, gap=True), named[-1])


def _to(people: list[Person]) -> tuple[Sender, ...]:
    if not people:
        return (Sender(_("To: nobody yet"), False),)
    shown = [full_name(people[0])] if len(people) == 1 else [short_name(each) for each in people[:MAX_NAMES]]
    more = ", …" if len(people) > MAX_NAMES else ""
    return (Sender(_("To: %s") % (", ".join(shown) + more), False),)


def _face(people: list[Person]) -> Face:
    other = next(
        (each for each in reversed(people) if not each.own), people[-1] if people else Person("", "")
    )
    return Face(other.name, other.email)


def labels(ids: tuple[int, ...], box: Box, places: dict[int, MailboxInfo]) -> Iterable[Chip]:
    """The labels of a conversation but the one looked at; Inbox shows where it is not the place looked at."""
    for id_ in ids:
        info = places.get(id_)
        if info is None or id_ == box.id:
            continue
        if info.role == LABEL:
            yield Chip(info.name.rpartition("/")[2], info.name, hue_of(info), id_)
        elif info.role == INBOX and (box.is_label or box.id < 0):
            yield Chip(title_of("inbox"), title_of("inbox"), 5, id_)
