"""Places in the web client: what `/mail/<place>/` means, and what the left column lists.

A place is a mailbox of the store or one of the views All and Starred. Its slug stands in the address and never
changes with the language. Pure but for the texts; called by every view that shows a list or a conversation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from mta.values import (
    ALL,
    ARCHIVE,
    DRAFTS,
    INBOX,
    JUNK,
    LABEL,
    QUARANTINE,
    SCHEDULED,
    SENT,
    SNOOZED,
    STARRED,
    TRASH,
    MailboxInfo,
)

SLUGS = {
    "inbox": INBOX,
    "snoozed": SNOOZED,
    "sent": SENT,
    "drafts": DRAFTS,
    "scheduled": SCHEDULED,
    "spam": JUNK,
    "trash": TRASH,
    "archive": ARCHIVE,
}
OF_ROLE = {role: slug for slug, role in SLUGS.items()}
ICONS = {
    "inbox": "inbox",
    "starred": "star",
    "snoozed": "clock",
    "sent": "send",
    "drafts": "file-pen",
    "scheduled": "calendar-clock",
    "archive": "archive",
    "all": "mails",
    "spam": "shield-alert",
    "trash": "trash-2",
}
COMPOSE = (
    "/mail/compose/"  # the page that writes: ?mode=new|reply|reply_all|forward|draft&message=… or ?mailto=…
)
_VIEWS = {"all": ALL, "starred": STARRED}
FIRST = ("inbox", "starred", "snoozed", "sent", "drafts")
MORE = ("scheduled", "archive", "all", "spam", "trash")
OUTGOING = frozenset({"sent", "drafts", "scheduled"})  # rows say to whom
WAKEFUL = frozenset({"drafts", "scheduled", "spam", "trash"})  # what lies there is not snoozed
MAX_DEPTH = 3  # of indentation
HELD = "quarantine"  # the slug of a page that is no list of conversations


@dataclass(frozen=True, slots=True)
class Box:
    """A place that can be looked at. `id` is a mailbox's, or ALL or STARRED."""

    id: int
    slug: str
    title: str
    hue: int | None = None
    name: str = ""  # a label's full name

    @property
    def url(self) -> str:
        return _url(self.slug)

    @property
    def is_label(self) -> bool:
        return self.slug.startswith("label/")

    @property
    def is_outgoing(self) -> bool:
        return self.slug in OUTGOING

    @property
    def may_sleep(self) -> bool:
        return self.slug not in WAKEFUL

    @property
    def icon(self) -> str:
        return ICONS.get(self.slug, "tag")

    def conversation_url(self, thread: int) -> str:
        return f"{self.url}{thread}/"  # "mail:conversation", fifty times for a list


def title_of(slug: str) -> str:
    return {
        "inbox": _("Inbox"),
        "starred": _("Starred"),
        "snoozed": _("Snoozed"),
        "sent": pgettext("mailbox", "Sent"),
        "drafts": _("Drafts"),
        "scheduled": _("Scheduled"),
        "archive": pgettext("mailbox", "Archive"),
        "all": _("All mail"),
        "spam": _("Spam"),
        "trash": _("Trash"),
    }[slug]


def label_slug(name: str) -> str:
    """`label/Work/~2024`: a part that is only digits gets a `~`, so that it is never taken for a conversation; and so
    does one of dots, which a browser takes for the way up."""
    return "label/" + "/".join(f"~{part}" if _needs_mark(part) else part for part in name.split("/"))


def _needs_mark(part: str) -> bool:
    return part.isdigit() or part in (".", "..") or part.startswith("~")


def label_name(slug: str) -> str:
    return "/".join(part.removeprefix("~") for part in slug.removeprefix("label/").split("/"))


def box_of(info: MailboxInfo) -> Box:
    """The place that a mailbox is."""
    if info.role in OF_ROLE:
        slug = OF_ROLE[info.role]
        return Box(info.id, slug, title_of(slug))
    if info.role == QUARANTINE:  # no list of conversations: a page of its own (webmail/views/held.py)
        return Box(info.id, HELD, _("Quarantine"))
    return Box(info.id, label_slug(info.name), info.name.rpartition("/")[2], hue_of(info), info.name)


def hue_of(info: MailboxInfo) -> int:
    """A label's own colour, else one that follows from its id."""
    return info.colour if info.colour is not None else info.id * 5 % 12


def find(slug: str, mailboxes: tuple[MailboxInfo, ...]) -> Box | None:
    """The place that an address names, if this mailspace has it."""
    if slug == "all":
        return Box(ALL, slug, title_of(slug))
    if slug == "starred":
        return Box(STARRED, slug, title_of(slug))
    if slug in SLUGS:
        return next((box_of(each) for each in mailboxes if each.role == SLUGS[slug]), None)
    name = label_name(slug)
    return next((box_of(each) for each in mailboxes if each.name == name and each.role == LABEL), None)


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the left column."""

    url: str
    text: str
    name: str  # the slug, for scripts and for what is current
    icon: str = ""
    hue: int | None = None
    count: int = 0
    unread: bool = False
    depth: int = 0
    id: int = 0
    path: str = ""
    current: bool = False
    parents: bool = False  # other labels lie below it
    folded: bool = False  # and are folded away
    under_folded: bool = False  # it lies below one that is folded
    shown: str = ""  # in the left column: "" always, "unread" while there is something unread, "hide" never
    hidden: bool = False  # it, or one above it, is never listed but behind "Hidden labels"
    in_rows: str = ""  # on rows of lists: "" shown, "hide" not


Looks = Mapping[str, Mapping[str, str]]  # what a person chose for a label, by its id


def hidden_in_rows(looks: Looks) -> frozenset[int]:
    """Labels whose chips a person does not want to see on rows."""
    return frozenset(int(id_) for id_, look in looks.items() if look.get("rows") == "hide")


def sidebar(
    mailboxes: tuple[MailboxInfo, ...],
    *,
    current: str = "",
    looks: Looks | None = None,
    folded: frozenset[int] = frozenset(),
) -> tuple[list[Item], list[Item], list[Item]]:
    """The lines of the left column: the first ones, those behind "More", the labels. `folded` names labels (by id)
    whose sublabels are folded away."""
    by_role = {each.role: each for each in mailboxes if each.role}

    def place(slug: str) -> Item | None:
        text, icon, here = title_of(slug), ICONS[slug], slug == current
        if slug in _VIEWS:
            return Item(_url(slug), text, slug, icon, id=_VIEWS[slug], current=here)
        info = by_role.get(SLUGS[slug])
        if info is None:
            return None
        count = info.threads if slug in ("drafts", "scheduled") else info.unread_threads
        count = 0 if slug in ("sent", "archive", "trash") else count
        bold = slug in ("inbox", "spam") and count > 0
        return Item(_url(slug), text, slug, icon, count=count, unread=bold, id=info.id, current=here)

    labels = _labels(mailboxes, current=current, looks=looks or {}, folded=folded)
    return (
        [item for slug in FIRST if (item := place(slug))],
        [item for slug in MORE if (item := place(slug))],
        labels,
    )


def _labels(
    mailboxes: tuple[MailboxInfo, ...], *, current: str, looks: Looks, folded: frozenset[int]
) -> list[Item]:
    """Labels in the order of their paths, each below the one it belongs to."""
    found = sorted(
        (each for each in mailboxes if each.role == LABEL), key=lambda each: each.name.casefold().split("/")
    )
    names = {each.name for each in found}
    parents = {above for each in found for above in _above(each.name)} & names
    closed = {each.name for each in found if each.id in folded} & parents
    away = {each.name for each in found if looks.get(str(each.id), {}).get("list") == "hide"}
    return [
        Item(
            url=_url(label_slug(each.name)),
            text=each.name.rpartition("/")[2],
            name=label_slug(each.name),
            hue=hue_of(each),
            count=each.unread_threads,
            unread=each.unread_threads > 0,
            depth=min(MAX_DEPTH, sum(above in names for above in _above(each.name))),
            id=each.id,
            path=each.name,
            current=label_slug(each.name) == current,
            parents=each.name in parents,
            folded=each.name in closed,
            under_folded=any(above in closed for above in _above(each.name)),
            shown=looks.get(str(each.id), {}).get("list", ""),
            hidden=not away.isdisjoint({each.name, *_above(each.name)}),
            in_rows=looks.get(str(each.id), {}).get("rows", ""),
        )
        for each in found
    ]


def _above(name: str) -> list[str]:
    """The labels that a label lies below: of "Work/2026/May", "Work" and "Work/2026"."""
    parts = name.split("/")
    return ["/".join(parts[:length]) for length in range(1, len(parts))]


@lru_cache(maxsize=1000)
def _url(slug: str) -> str:
    return reverse("mail:quarantine") if slug == HELD else reverse("mail:box", args=[slug])


def counts(mailboxes: tuple[MailboxInfo, ...]) -> dict[str, list[object]]:
    """What the left column counts, by slug: [number, bold]; for live updates."""
    first, more, labels = sidebar(mailboxes)
    counted: dict[str, list[object]] = {
        item.name: [item.count, item.unread] for item in (*first, *more, *labels)
    }
    return counted | {HELD: [held(mailboxes), False]}


def held(mailboxes: tuple[MailboxInfo, ...]) -> int:
    """How many messages the quarantine holds."""
    return sum(each.messages for each in mailboxes if each.role == QUARANTINE)
