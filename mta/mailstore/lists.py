"""What the web client reads: pages of a list, changed lines, a conversation with its messages.

A list page is one index scan over thread rows; the number of queries never depends on the data.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from django.db.models import Q, QuerySet

from mta.message.criteria import Criteria
from mta.values import ALL, DRAFTS, JUNK, QUARANTINE, TRASH

from . import finding, relevance, rows, sql
from .errors import NoSuchMessage
from .lines import ASIDE, LINE_COLUMNS, roles_of
from .models import Draft, Mailspace, Message, Placement, ThreadRow

Section = Literal["unread", "read", "starred", "unstarred"]


class Person(NamedTuple):
    """A participant: `own` when the mailspace's owner wrote, `unread` when something of theirs is."""

    name: str
    email: str
    unread: bool = False
    own: bool = False


class LineAttachment(NamedTuple):
    message: int
    number: str
    name: str
    type: str


class Attachment(NamedTuple):
    """A file of a message; `number` is its IMAP part number, `size` the decoded size in bytes."""

    number: str
    name: str
    type: str
    size: int
    inline: bool
    content_id: str


@dataclass(frozen=True, slots=True)
class ThreadLine:
    """One line of a list (see models.ThreadRow)."""

    thread: int
    box: int
    sort_at: int
    unread: int
    count: int
    starred: bool
    important: bool
    muted: bool
    subject: str
    snippet: str
    people: tuple[Person, ...]
    recipients: tuple[Person, ...]
    attachments: tuple[LineAttachment, ...]
    attachment_count: int
    boxes: tuple[int, ...]
    drafts: int
    last_message: int
    wake_at: int | None
    woken: bool


@dataclass(frozen=True, slots=True)
class ThreadPage:
    """A page of a list. `position` is how many lines lie before the first one; `total` is a kept
    count, or for a search None when it was not counted."""

    rows: tuple[ThreadLine, ...]
    has_newer: bool
    has_older: bool
    total: int | None
    unread: int
    position: int
    # Of a search: something in Spam or Trash matches and was left out; what arrived then or before was not looked at,
    # for want of time (there is an older page); so many messages are not indexed yet and were left out.
    aside: bool = False
    reached: int | None = None
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class ConversationMessage:
    """One message as the reader sees it. Addresses are (name, email) pairs; times in µs."""

    id: int
    email_id: int
    thread: int
    flags: int
    keywords: tuple[str, ...]
    subject: str
    from_: Person
    to: tuple[Person, ...]
    cc: tuple[Person, ...]
    bcc: tuple[Person, ...]
    reply_to: tuple[Person, ...]
    sent_at: int | None
    internal_date: int
    size: int
    snippet: str
    attachments: tuple[Attachment, ...]
    boxes: tuple[int, ...]
    message_id: str
    in_reply_to: str
    references: tuple[str, ...]
    list_id: str
    automatic: bool
    own: bool
    reasons: dict[str, Any]
    trace_id: str
    draft: int | None
    also: tuple[int, ...]  # the delivered twin of a sent copy, shown once


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation across mailboxes, oldest message first, without what lies in Junk and Trash."""

    thread: int
    subject: str
    boxes: tuple[int, ...]
    messages: tuple[ConversationMessage, ...]
    hidden_trash: int
    hidden_junk: int


NEAR = 2_000  # lines that are counted without a second thought

# Each has an index of its own but the last, of which nearly every line is one.
SECTIONS = {
    "unread": Q(unread__gt=0),
    "read": Q(unread=0),
    "starred": Q(starred=True),
    "unstarred": Q(starred=False),
}

_LINE = ("thread_id", "box", *LINE_COLUMNS)


def line_of(row: tuple[Any, ...]) -> ThreadLine:
    """A line from its thread, its box, and the values of LINE_COLUMNS."""
    values = dict(zip(_LINE, row, strict=True))
    return ThreadLine(
        thread=values.pop("thread_id"),
        people=tuple(Person(*person) for person in values.pop("people")),
        recipients=tuple(Person(*person) for person in values.pop("recipients")),
        attachments=tuple(LineAttachment(*item) for item in values.pop("attachments")),
        boxes=tuple(values.pop("boxes")),
        **values,
    )


# --- lists


def threads(
    mailspace: int,
    box: int,
    *,
    before: tuple[int, int] | None = None,
    after: tuple[int, int] | None = None,
    limit: int = 50,
    oldest_first: bool = False,
    section: Section | None = None,
) -> ThreadPage:
    """A page of a mailbox or view, newest first. `before` and `after` are (sort_at, thread) keys:
    older than, or newer than. With `oldest_first` the page holds the oldest lines (the last page).
    With a `section` it is a page of those lines, and counts them."""
    whole = every = ThreadRow.objects.filter(mailspace_id=mailspace, box=box)
    total, unread = _counts(mailspace, box, section)
    if section is not None:
        every = whole.filter(SECTIONS[section])
        if not total:
            return ThreadPage((), False, False, 0, unread, 0)
    part = every
    if before is not None:
        part = part.filter(_older_than(before))
    if after is not None:
        part = part.filter(_newer_than(after))
    from_the_end = oldest_first or after is not None
    order = ("sort_at", "thread_id") if from_the_end else ("-sort_at", "-thread_id")
    found = [line_of(row) for row in part.order_by(*order).values_list(*_LINE)[: limit + 1]]
    more = len(found) > limit
    found = found[:limit]
    if from_the_end:
        found.reverse()
    position = 0
    if found and (before is not None or from_the_end):
        # Not for the newest lines: they are the first page even if another one has arrived meanwhile.
        key = (found[0].sort_at, found[0].thread)
        if section == "unstarred":  # without an index of its own: all but those with a star
            before_it = whole.filter(_newer_than(key), SECTIONS["starred"]).count()
            position = _position(whole, key, _counts(mailspace, box)[0]) - before_it
        else:
            position = _position(every, key, total)
    has_older = more if not from_the_end else position + len(found) < total
    return ThreadPage(tuple(found), position > 0, has_older, total, unread, position)


def _position(every: QuerySet[ThreadRow], key: tuple[int, int], total: int) -> int:
    """How many lines lie before one: counted from the end of the list that is nearer, when one is near."""
    newer = every.filter(_newer_than(key))
    near = newer.values("id")[:NEAR].count()
    if near < NEAR:
        return near
    older = every.filter(_older_than(key)).values("id")[:NEAR].count()
    return max(near, total - older - 1) if older < NEAR else newer.count()


def _older_than(key: tuple[int, int]) -> Q:
    return Q(sort_at__lte=key[0]) & (Q(sort_at__lt=key[0]) | Q(thread_id__lt=key[1]))


def _newer_than(key: tuple[int, int]) -> Q:
    return Q(sort_at__gte=key[0]) & (Q(sort_at__gt=key[0]) | Q(thread_id__gt=key[1]))


def _counts(mailspace: int, box: int, section: Section | None = None) -> tuple[int, int]:
    """(conversations of a box or a section of it, unread ones of the box), as they are kept."""
    if box > 0:
        columns, table = (
            "threads, unread_threads, starred_threads",
            "mailbox WHERE mailspace_id = %s AND id = %s",
        )
    elif box == ALL:
        columns, table = "all_threads, all_unread, starred_threads", "mailspace WHERE id = %s"
    else:
        columns, table = "starred_threads, starred_unread, starred_threads", "mailspace WHERE id = %s"
    found = sql.select(
        f"SELECT {columns} FROM mailstore_{table}", [mailspace, box] if box > 0 else [mailspace]
    )
    total, unread, starred = found[0] if found else (0, 0, 0)
    kept = {"unread": unread, "read": total - unread, "starred": starred, "unstarred": total - starred}
    return (total if section is None else kept[section]), unread


def thread_lines(mailspace: int, box: int, thread_ids: Iterable[int]) -> tuple[ThreadLine, ...]:
    """The lines of some threads in a box, newest first; those that left the box are missing."""
    found = ThreadRow.objects.filter(mailspace_id=mailspace, box=box, thread_id__in=list(thread_ids))
    return tuple(line_of(row) for row in found.order_by("-sort_at", "-thread_id").values_list(*_LINE))


def threads_changed(mailspace: int, since: int, *, limit: int = 500) -> tuple[tuple[int, ...], int]:
    """(threads touched after modseq `since`, the clock now). More than `limit`: reload instead."""
    with rows.snapshot():
        clock = Mailspace.objects.filter(id=mailspace).values_list("clock", flat=True).first() or 0
        if clock <= since:
            return (), clock
        found = rows.select(
            """SELECT DISTINCT thread_id FROM mailstore_message WHERE mailspace_id = %s AND id IN (
                   SELECT message_id FROM mailstore_placement
                    WHERE mailspace_id = %s AND mailbox_id IN (
                          SELECT id FROM mailstore_mailbox WHERE mailspace_id = %s AND highestmodseq > %s)
                      AND expunged_modseq IS NULL AND modseq > %s
                   UNION SELECT message_id FROM mailstore_placement
                    WHERE mailspace_id = %s AND mailbox_id IN (
                          SELECT id FROM mailstore_mailbox WHERE mailspace_id = %s AND highestmodseq > %s)
                      AND expunged_modseq > %s)
                LIMIT %s""",
            [mailspace, *[mailspace, mailspace, since, since] * 2, limit],
        )
    return tuple(row[0] for row in found), clock


def neighbours(mailspace: int, box: int, thread: int) -> tuple[int | None, int | None, int]:
    """(next newer thread, next older thread, lines before this one) of a thread in a box."""
    every = ThreadRow.objects.filter(mailspace_id=mailspace, box=box)
    key = every.filter(thread_id=thread).values_list("sort_at", "thread_id").first()
    if key is None:
        return None, None, 0
    newer, older = every.filter(_newer_than(key)), every.filter(_older_than(key))
    return (
        newer.order_by("sort_at", "thread_id").values_list("thread_id", flat=True).first(),
        older.order_by("-sort_at", "-thread_id").values_list("thread_id", flat=True).first(),
        _position(every, key, _counts(mailspace, box)[0]),
    )


def search_threads(
    mailspace: int,
    criteria: Criteria,
    *,
    before: tuple[int, int] | None = None,
    limit: int = 50,
    include_junk_trash: bool = False,
    best_from: int | None = None,
) -> ThreadPage:
    """Conversations with a matching message, by their newest match, newest first.

    With `best_from` those that match best come first, from that place on (see `relevance`).
    """
    if best_from is None:
        matches = finding.threads(
            mailspace, criteria, before=before, limit=limit + 1, aside=include_junk_trash
        )
    else:
        matches = relevance.threads(
            mailspace, criteria, offset=best_from, limit=limit + 1, aside=include_junk_trash
        )
    shown = matches.page[:limit]
    found = ThreadRow.objects.filter(mailspace_id=mailspace, thread_id__in=[thread for thread, _ in shown])
    best: dict[int, ThreadLine] = {}
    for row in found.values_list(*_LINE):
        line = line_of(row)
        if line.thread not in best or line.box == ALL:
            best[line.thread] = line
    # The key of a page of results is the match, not the newest message of its conversation.
    page = tuple(replace(best[thread], sort_at=at) for thread, at in shown if thread in best)
    unread = sum(1 for line in page if line.unread)
    has_older = len(matches.page) > limit or matches.reached is not None
    return ThreadPage(
        page,
        before is not None,
        has_older,
        matches.total,
        unread,
        0,
        matches.aside,
        matches.reached if len(matches.page) <= limit else None,
        matches.waiting,
    )


# --- conversations

_MESSAGE = (
    "id",
    "email_id",
    "thread_id",
    "flags",
    "keywords",
    "subject",
    "addresses",
    "sent_at",
    "internal_date",
    "size",
    "snippet",
    "attachments",
    "message_id",
    "in_reply_to",
    "references",
    "list_id",
    "automatic",
    "own",
    "reasons",
    "trace_id",
)


def conversation(mailspace: int, thread: int, *, aside: bool = False) -> Conversation:
    """A conversation for the reader; `aside` shows what lies in Junk and Trash, too."""
    found, places, roles = _messages(mailspace, Q(thread_id=thread))
    hidden_trash = hidden_junk = 0
    shown: list[ConversationMessage] = []
    for message in found:
        here = {roles[box] for box in places[message.id]}
        if not aside and here <= ASIDE:
            hidden_trash += TRASH in here
            hidden_junk += JUNK in here and TRASH not in here
            continue
        shown.append(message)
    if not found:
        raise NoSuchMessage("That conversation is no longer here.")
    merged = _merge_twins(shown)
    subject = merged[0].subject if merged else found[0].subject
    boxes = sorted({box for message in merged for box in message.boxes})
    return Conversation(thread, subject, tuple(boxes), tuple(merged), hidden_trash, hidden_junk)


def message(mailspace: int, message_id: int) -> ConversationMessage:
    """One message of this mailspace, wherever it lies; what is only held in the quarantine opens nowhere."""
    found, _, _ = _messages(mailspace, Q(id=message_id))
    if not found:
        raise NoSuchMessage("That message is no longer here.")
    return found[0]


def _messages(
    mailspace: int, which: Q
) -> tuple[list[ConversationMessage], dict[int, tuple[int, ...]], dict[int, str]]:
    """Visible messages, oldest first, the mailboxes each lies in, and the roles of all mailboxes.

    What is only held in the quarantine is not visible."""
    found: QuerySet[Message, tuple[Any, ...]] = (
        Message.objects.filter(which, mailspace_id=mailspace)
        .order_by("internal_date", "id")
        .values_list(*_MESSAGE)
    )
    read = list(found)
    places: dict[int, list[int]] = {}
    live = Placement.objects.filter(
        mailspace_id=mailspace,
        message_id__in=[row[0] for row in read],
        expunged_modseq__isnull=True,
        deleted=False,
    )
    for message_id, mailbox in live.values_list("message_id", "mailbox_id").order_by("mailbox_id"):
        places.setdefault(message_id, []).append(mailbox)
    roles = roles_of(mailspace)
    places = {id_: boxes for id_, boxes in places.items() if {roles[box] for box in boxes} != {QUARANTINE}}
    writing = [row[0] for row in read if any(roles[box] == DRAFTS for box in places.get(row[0], ()))]
    drafts: dict[int, int] = {}
    if writing:
        open_drafts = Draft.objects.filter(mailspace_id=mailspace, message__in=writing, state="open")
        drafts = {form: id_ for form, id_ in open_drafts.values_list("message", "id") if form is not None}
    return (
        [_conversation_message(row, tuple(places[row[0]]), drafts) for row in read if row[0] in places],
        {message_id: tuple(boxes) for message_id, boxes in places.items()},
        roles,
    )


def _conversation_message(
    row: tuple[Any, ...], boxes: tuple[int, ...], drafts: dict[int, int]
) -> ConversationMessage:
    values = dict(zip(_MESSAGE, row, strict=True))
    addresses = values.pop("addresses")

    def people(kind: str) -> tuple[Person, ...]:
        return tuple(Person(*pair) for pair in addresses.get(kind, ()))

    return ConversationMessage(
        thread=values.pop("thread_id"),
        keywords=tuple(values.pop("keywords").split()),
        references=tuple(values.pop("references").split()),
        attachments=tuple(Attachment(*item) for item in values.pop("attachments")),
        from_=(people("from") or (Person("", ""),))[0],
        to=people("to"),
        cc=people("cc"),
        bcc=people("bcc"),
        reply_to=people("reply_to"),
        boxes=boxes,
        draft=drafts.get(values["id"]),
        also=(),
        **values,
    )


def _merge_twins(messages: Sequence[ConversationMessage]) -> list[ConversationMessage]:
    """My sent copy and its delivered twin (same Message-ID and author) become one message."""
    merged: dict[tuple[str, str], ConversationMessage] = {}
    for message in messages:
        key = (message.message_id or f"#{message.id}", message.from_.email.lower())
        first = merged.get(key)
        if first is None:
            merged[key] = message
            continue
        keep, other = (first, message) if first.own or not message.own else (message, first)
        merged[key] = replace(
            keep,
            flags=keep.flags & other.flags | (keep.flags | other.flags) & ~1,
            boxes=tuple(sorted({*keep.boxes, *other.boxes})),
            also=(*keep.also, *other.also, other.id),
        )
    return list(merged.values())
