"""What each verb means for the messages of some conversations, apart from who says how many of them.

The meanings are the design's: archive leaves Inbox and falls to Archive where nothing else is left; delete
replaces every placement by Trash and junk by Junk; removing the last label archives; whatever leaves the Inbox
for good does not sleep in Snoozed either. Nothing here removes a last placement but "delete forever".

An act gets the live placements that people see of whole conversations (or of single messages) and does its verb
to them inside the one door. `verbs` runs acts at once, `jobs` in the background.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from mta.values import (
    ARCHIVE,
    DRAFTS,
    FLAGGED,
    IMPORTANT,
    INBOX,
    JUNK,
    MUTED,
    QUARANTINE,
    SCHEDULED,
    SEEN,
    SENT,
    SNOOZED,
    TRASH,
)

from . import keywords, rows
from .changing import Changing
from .errors import CannotChange
from .lines import ASIDE
from .live import Entry, Live, Stay
from .models import Mailbox

# Given the live placements of some conversations, do the verb; a pure choice would not save the reads.
Act = Callable[[Changing, Entry, list[Live]], None]

NO_LABELS = frozenset({*ASIDE, DRAFTS, SCHEDULED, SNOOZED})
WRITTEN = frozenset({SENT, DRAFTS, SCHEDULED})  # where my own messages lie


def settle(changing: Changing, entry: Entry, removed: Sequence[Live], role: str) -> None:
    """Put messages that people see nowhere any more into the mailbox with this role."""
    seen = changing.placed_anywhere([live.message for live in removed], visibly=True)
    changing.put([live for live in removed if live.message not in seen], changing.role(role), entry)


def archive(changing: Changing, entry: Entry, lives: list[Live]) -> None:
    """Leave the Inbox, and Snoozed; what lies nowhere else goes to Archive."""
    boxes = {changing.role(INBOX).id, changing.role(SNOOZED).id}
    leaving = [live for live in lives if live.mailbox in boxes]
    changing.expunge(leaving, entry)
    settle(changing, entry, leaving, ARCHIVE)


def delete(changing: Changing, entry: Entry, lives: list[Live]) -> None:
    """To Trash, wherever the messages lie (Junk included)."""
    _replace_all(changing, entry, lives, TRASH)


def junk(changing: Changing, entry: Entry, lives: list[Live]) -> None:
    """What others wrote goes to Junk, my own messages stay where they are."""
    roles = changing.roles()
    mine = {live.message for live in lives if roles[live.mailbox] in WRITTEN}
    _replace_all(changing, entry, [live for live in lives if live.message not in mine], JUNK)


def _replace_all(changing: Changing, entry: Entry, lives: list[Live], role: str) -> None:
    """What the quarantine holds stays there, whatever is done to the conversation that it claims to be part of."""
    box, roles = changing.role(role), changing.roles()
    leaving = [live for live in lives if live.mailbox != box.id and roles[live.mailbox] != QUARANTINE]
    changing.expunge(leaving, entry)
    changing.put(leaving, box, entry)


def unjunk(changing: Changing, entry: Entry, lives: list[Live]) -> None:
    """From Junk back to the Inbox."""
    source = changing.role(JUNK).id
    move_lives(changing, [live for live in lives if live.mailbox == source], changing.role(INBOX), entry)


def move_lives(
    changing: Changing, lives: Sequence[Live], box: Mailbox, entry: Entry
) -> list[tuple[int, int]]:
    """Move placements into a mailbox; returns (old UID, new UID) pairs."""
    moving = {live.placement for live in lives}
    already = [
        twin
        for twin in rows.of_messages(changing.id, [live.message for live in lives])
        if twin.mailbox == box.id and twin.placement not in moving
    ]
    # What people see there already stays to be seen.
    shown = {twin.message for twin in already if not twin.deleted}
    stays = [Stay(live.deleted and live.message not in shown) for live in lives]
    changing.expunge([*already, *lives], entry)
    targets = changing.place(lives, box, entry, stays=stays)
    return [(live.uid, uid) for live, uid in zip(lives, targets, strict=True)]


def labels(*, add: Sequence[int] = (), remove: Sequence[int] = ()) -> Act:
    """Add labels (further places) and take others away; what then lies nowhere goes to Archive."""

    def act(changing: Changing, entry: Entry, lives: list[Live]) -> None:
        boxes = [changing.open_mailbox(box) for box in add]
        if any(box.role in NO_LABELS for box in boxes):
            raise CannotChange("Mail is moved there, not labelled.")
        joining = [live for live in lives if changing.roles()[live.mailbox] not in ASIDE]
        leaving = [live for live in lives if live.mailbox in remove]
        changing.expunge(leaving, entry)
        for box in boxes:
            changing.put(joining, box, entry)
        settle(changing, entry, leaving, ARCHIVE)

    return act


def move(source: int | None, target: int) -> Act:
    """From the box being looked at to a mailbox.

    From a view (All, Starred, a search: `source` None or < 0) they leave Inbox, Archive and Snoozed.
    Moving to Trash or Junk means deleting or reporting.
    """
    from_view = source is None or source < 0

    def act(changing: Changing, entry: Entry, lives: list[Live]) -> None:
        box = changing.open_mailbox(target)
        if box.role in (TRASH, JUNK):
            _replace_all(changing, entry, lives, box.role)
            return
        if box.role in NO_LABELS:
            raise CannotChange("Only drafts, snoozed and scheduled mail belong there.")
        sources = {changing.role(role).id for role in (INBOX, ARCHIVE, SNOOZED)} if from_view else {source}
        leaving = [live for live in lives if live.mailbox in sources and live.mailbox != target]
        joining = [live for live in lives if from_view and changing.roles()[live.mailbox] not in ASIDE]
        changing.expunge(leaving, entry)
        changing.put([*joining, *leaving], box, entry)

    return act


def delete_forever(changing: Changing, entry: Entry, lives: list[Live]) -> None:
    """Out of Trash and Junk; messages that lie nowhere else are gone with it."""
    roles = changing.roles()
    changing.expunge([live for live in lives if roles[live.mailbox] in (TRASH, JUNK)], entry)


def emptied(mailbox: int) -> Act:
    """Out of Trash, or out of Junk."""

    def act(changing: Changing, entry: Entry, lives: list[Live]) -> None:
        if changing.open_mailbox(mailbox).role not in (TRASH, JUNK):
            raise CannotChange("Only Trash and Spam can be emptied.")
        changing.expunge([live for live in lives if live.mailbox == mailbox], entry)

    return act


# --- sleep


def snooze(until: int) -> Act:
    """Sleep in Snoozed until a moment (µs): what lies in Inbox, Archive or Snoozed goes there.

    A conversation that lies in none of them (a label, Sent) keeps its places; its last message sleeps.
    """

    def act(changing: Changing, entry: Entry, lives: list[Live]) -> None:
        asleep = changing.role(SNOOZED)
        chosen: list[Live] = []
        for _, group in groupby(lives, key=lambda live: live.thread):
            here = list(group)
            chosen += (
                _lying(changing, here, INBOX, SNOOZED)
                or _lying(changing, here, ARCHIVE)
                or last(changing, here, prefer_received=True)
            )
        roles = changing.roles()
        chosen = [live for live in chosen if roles[live.mailbox] not in (*ASIDE, DRAFTS, SCHEDULED)]
        changing.expunge(_lying(changing, chosen, INBOX, ARCHIVE, SNOOZED), entry)
        changing.put(chosen, asleep, entry, stay=Stay(wake_at=until))

    return act


def unsnooze(changing: Changing, entry: Entry, lives: list[Live]) -> None:
    """Out of Snoozed, back to the Inbox, at its own date."""
    awaken(changing, entry, _lying(changing, lives, SNOOZED), woken_at=None)


def awaken(changing: Changing, entry: Entry, asleep: Sequence[Live], *, woken_at: int | None) -> None:
    """Bring what lies in Snoozed to the Inbox. With a moment it stands there as arrived then, and is unread."""
    inbox = changing.role(INBOX)
    everywhere = rows.of_messages(changing.id, [live.message for live in asleep])
    changing.expunge([*asleep, *(live for live in everywhere if live.mailbox == inbox.id)], entry)
    changing.put(asleep, inbox, entry, stay=Stay(woken_at=woken_at))
    if woken_at is not None:
        newest: dict[int, Live] = {}
        for live in asleep:
            if live.thread not in newest or live.message > newest[live.thread].message:
                newest[live.thread] = live
        set_bits(changing, entry, list(newest.values()), SEEN, on=False)


def _lying(changing: Changing, lives: Iterable[Live], *roles: str) -> list[Live]:
    boxes = {changing.role(role).id for role in roles}
    return [live for live in lives if live.mailbox in boxes]


# --- flags and keywords


def seen(changing: Changing, entry: Entry, lives: list[Live]) -> None:
    """Every message is read."""
    set_bits(changing, entry, lives, SEEN, on=True)


def unseen(changing: Changing, entry: Entry, lives: list[Live]) -> None:
    """The last message from others is unread."""
    set_bits(changing, entry, _last_of_each(changing, lives, prefer_received=True), SEEN, on=False)


def starred(changing: Changing, entry: Entry, lives: list[Live]) -> None:
    """The last message has a star."""
    set_bits(changing, entry, _last_of_each(changing, lives, prefer_received=False), FLAGGED, on=True)


def unstarred(changing: Changing, entry: Entry, lives: list[Live]) -> None:
    """No message has a star."""
    set_bits(changing, entry, lives, FLAGGED, on=False)


def bits(which: int, *, on: bool) -> Act:
    """A flag of exactly these messages."""
    return lambda changing, entry, lives: set_bits(changing, entry, lives, which, on=on)


def mute(changing: Changing, entry: Entry, lives: list[Live]) -> None:
    """Out of the Inbox, and answers will not come there either (see Door.store)."""
    archive(changing, entry, lives)
    set_keyword(changing, entry, lives, MUTED, on=True)


def unmute(changing: Changing, entry: Entry, lives: list[Live]) -> None:
    """Answers come to the Inbox again."""
    set_keyword(changing, entry, lives, MUTED, on=False)


def important(*, on: bool) -> Act:
    """A mark that people set, as a keyword of all messages."""
    return lambda changing, entry, lives: set_keyword(changing, entry, lives, IMPORTANT, on=on)


def set_bits(changing: Changing, entry: Entry, lives: Sequence[Live], which: int, *, on: bool) -> None:
    changing.flag(
        lives,
        entry,
        {live.message: (live.flags | which if on else live.flags & ~which, live.keywords) for live in lives},
    )


def set_keyword(changing: Changing, entry: Entry, lives: Sequence[Live], word: str, *, on: bool) -> None:
    """Add a keyword where it is missing (whatever its case), or take it away."""
    new: dict[int, tuple[int, str]] = {}
    low = word.lower()
    for live in lives:
        have = keywords.split(live.keywords)
        if on == (low in have):
            continue
        if on:
            have[low] = word
        else:
            del have[low]
        new[live.message] = live.flags, keywords.joined(have)
    changing.flag([live for live in lives if live.message in new], entry, new)


def _last_of_each(changing: Changing, lives: list[Live], *, prefer_received: bool) -> list[Live]:
    return [
        live
        for _, group in groupby(lives, key=lambda live: live.thread)
        for live in last(changing, list(group), prefer_received=prefer_received)
    ]


def last(changing: Changing, lives: list[Live], *, prefer_received: bool) -> list[Live]:
    """The placement of the newest message (by id) outside Junk and Trash, if there is one."""
    roles = changing.roles()
    shown = [live for live in lives if roles[live.mailbox] not in ASIDE] or lives
    others = [live for live in shown if roles[live.mailbox] not in WRITTEN]
    pool = (
        others
        if prefer_received and others
        else [live for live in shown if roles[live.mailbox] != DRAFTS] or shown
    )
    return [max(pool, key=lambda live: live.message)] if pool else []


# --- filters


def filtered(params: Mapping[str, Any]) -> Act:
    """What a filter does to mail that is here already; see `mta.filters`. A label that is gone is passed over."""

    def act(changing: Changing, entry: Entry, lives: list[Live]) -> None:
        roles = changing.roles()
        mine = {live.message for live in lives if roles[live.mailbox] in WRITTEN}
        lives = [live for live in lives if live.message not in mine]
        _mark(changing, entry, lives, params)
        lives = _now(changing, lives)
        if params.get("never_spam"):
            unjunk(changing, entry, lives)
            lives = _now(changing, lives)
        if params.get("delete"):
            delete(changing, entry, lives)
            return
        boxes = [box for id_ in params.get("labels", ()) if (box := changing.label(id_)) is not None]
        for box in boxes:
            changing.put([live for live in lives if roles[live.mailbox] not in ASIDE], box, entry)
        if params.get("skip_inbox"):
            archive(changing, entry, lives)

    return act


def _mark(changing: Changing, entry: Entry, lives: list[Live], params: Mapping[str, Any]) -> None:
    """Flags and the keyword at once, so that undo finds both as they were left."""
    bits = (SEEN if params.get("read") else 0) | (FLAGGED if params.get("star") else 0)
    important = params.get("important")
    new: dict[int, tuple[int, str]] = {}
    for live in lives:
        have = keywords.split(live.keywords)
        if important:
            have.setdefault(IMPORTANT.lower(), IMPORTANT)
        elif important is not None:
            have.pop(IMPORTANT.lower(), None)
        new[live.message] = live.flags | bits, keywords.joined(have)
    changing.flag(lives, entry, new)


def _now(changing: Changing, lives: Sequence[Live]) -> list[Live]:
    """The same messages as they are after what was just done to them."""
    found = rows.of_messages(changing.id, list(dict.fromkeys(live.message for live in lives)))
    return [live for live in found if not live.deleted]


# --- by name


def named(verb: str, params: Mapping[str, Any]) -> Act:
    """The act of a verb as the journal names it; CannotChange for a verb that there is not."""
    plain: dict[str, Act] = {
        "archive": archive,
        "delete": delete,
        "junk": junk,
        "not junk": unjunk,
        "delete forever": delete_forever,
        "unsnooze": unsnooze,
        "read": seen,
        "unread": unseen,
        "star": starred,
        "unstar": unstarred,
        "mute": mute,
        "unmute": unmute,
        "important": important(on=True),
        "unimportant": important(on=False),
    }
    if verb in plain:
        return plain[verb]
    match verb:
        case "label" if "add" not in params and "remove" not in params:
            return labels(add=[params["mailbox"]])
        case "unlabel" if "add" not in params and "remove" not in params:
            return labels(remove=[params["mailbox"]])
        case "label" | "unlabel":
            return labels(add=params.get("add", ()), remove=params.get("remove", ()))
        case "move":
            return move(params.get("source"), params["target"])
        case "snooze":
            return snooze(params["until"])
        case "filter":
            return filtered(params)
        case "empty":
            return emptied(params["mailbox"])
    raise CannotChange("That cannot be done to many conversations at once.")
