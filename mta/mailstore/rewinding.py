"""Put a mailspace back to how it was at a moment, whoever changed what since: people, mail programs, filters.

Of every place, flag and name that the journal says was changed since, the *first* change after the moment tells
how it was then. So what has to be done follows from the journal alone, is the same however often it is asked, and
a job that died goes on where it was. Then each touched message is compared with how it lies now, and only the
difference is written, journalled as one action that can be undone like any other.

Mail that came since stays: it returns to where it was delivered or put by a program, and nothing is taken from its last place
but what was gone at that moment, too. What woke since sleeps again, and wakes when its time has passed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from mta.values import DRAFTS, QUARANTINE, Cause, now_us

from . import rows
from .changing import Changing
from .door import Door
from .errors import CannotChange
from .journal import HistoryLine, nowhere_now, recount_undone, told, undo_window
from .live import Entry, Live, Piece, Stay
from .models import Action, Change, Draft, Job, Mailbox, Placement
from .writer import commit

VERB = "rewind"
SHOWN = 2_000  # commands that a preview names
READ_AT_ONCE = 200  # rows of the journal
ARRIVALS = frozenset({"append", "import"})  # verbs that put new mail somewhere
Way = tuple[int, int | None, int | None, int | None]  # deleted, saved, wake, woken; saved None: not known
NOWHERE: None = None


@dataclass(slots=True)
class Then:
    """How what was changed since looked at the moment."""

    places: dict[int, dict[int, Way | None]] = field(default_factory=lambda: defaultdict(dict))
    flags: dict[int, tuple[int, str]] = field(default_factory=dict)
    boxes: dict[int, dict[str, Any]] = field(default_factory=lambda: defaultdict(dict))
    drafts: set[int] = field(default_factory=set)  # to be turned round

    def read(self, before: dict[str, Any]) -> None:
        """The next row of the journal, in its order; what is known already is older and counts."""
        for mailbox, _uid, message, deleted, saved, wake, woken in before.get("removed", ()):
            known = self.places[message]
            if mailbox not in known:
                known[mailbox] = (deleted, saved, wake, woken)
            elif (way := known[mailbox]) is not None and way[1] is None:
                known[mailbox] = (way[0], saved, wake, woken)
        for mailbox, _uid, on, message in before.get("marked", ()):
            self.places[message].setdefault(mailbox, (int(not on), None, None, None))
        for mailbox, _uid, message in before.get("added", ()):
            self.places[message].setdefault(mailbox, NOWHERE)
        for flags, keywords, _flags, _keywords, messages in before.get("flags", ()):
            for message in messages:
                self.flags.setdefault(message, (flags, keywords))
        for item in before.get("mailboxes", ()):
            known_box = self.boxes[item["id"]]
            if item.get("created") or item.get("removed"):
                known_box.setdefault("there", not item.get("created"))
            for name in ("name", "colour"):
                if name in item:
                    known_box.setdefault(name, item[name])
        if (draft := before.get("draft")) is not None:
            self.drafts ^= {draft}


def _changes(mailspace: int, at: int, newest: int) -> Iterator[tuple[str, int | None, dict[str, Any]]]:
    found = Change.objects.filter(mailspace_id=mailspace, at__gt=at, id__lte=newest, is_open=False)
    rows_ = found.order_by("id").values_list("verb", "mailbox_id", "before")
    return rows_.iterator(chunk_size=READ_AT_ONCE)


def then(mailspace: int, at: int, *, newest: int) -> Then:
    """What the journal up to its row `newest` says of a moment.

    Mail that a program or an import put somewhere since came like delivered mail: that it was nowhere before says
    nothing, and where it was taken from first is where it was put. Not in Drafts, where programs put a letter anew
    whenever they save it: its old forms are over.
    """
    found = Then()
    drafts = set(Mailbox.objects.filter(mailspace_id=mailspace, role=DRAFTS).values_list("id", flat=True))
    for verb, mailbox, before in _changes(mailspace, at, newest):
        came = verb in ARRIVALS and mailbox not in drafts
        found.read({key: each for key, each in before.items() if key != "added"} if came else before)
    return found


# --- before it is done


def check(at: int) -> None:
    """Whether the journal reaches back so far."""
    if at < now_us() - undo_window():
        raise CannotChange("That is longer ago than changes are kept.")


def rewind_preview(mailspace: int, at: int) -> tuple[HistoryLine, ...]:
    """The commands that a rewind to a moment (µs) would take back, newest first, at most SHOWN of them.

    Those undone meanwhile, and the undoing of them, are none.
    """
    check(at)
    since = list(
        Action.objects.filter(mailspace_id=mailspace, until__gt=at, is_open=False).order_by("-at", "-id")[
            :SHOWN
        ]
    )
    begun_since = {action.action for action in since if action.at > at}
    left = [
        action
        for action in since
        if action.undone < action.changes and not (action.undoes and action.undoes in begun_since)
    ]
    return told(mailspace, left)


def touched(mailspace: int, at: int, *, newest: int) -> list[int]:
    """The messages that a rewind has to look at."""
    found = then(mailspace, at, newest=newest)
    return sorted(found.places.keys() | found.flags.keys())


def conversations(mailspace: int, messages: Sequence[int]) -> int:
    """How many conversations some messages are in."""
    found: set[int] = set()
    for piece in rows.chunks(messages):
        found |= rows.threads_of(mailspace, piece)
    return len(found)


# --- mailboxes


def mailboxes(job: Job, cause: Cause) -> None:
    """Names, colours and removed mailboxes first, so that there is where to put mail. Safe to do twice.

    Names may have gone round in a circle: who has a name that another one had then makes room for it.
    """
    boxes = then(job.mailspace_id, job.scope["at"], newest=job.newest).boxes
    if boxes:
        commit({job.mailspace_id}, lambda door: _make_room(door, job, boxes, cause))
        commit({job.mailspace_id}, lambda door: _rename(door, job, boxes, cause))


def _wanted_names(changing: Changing, boxes: dict[int, dict[str, Any]]) -> dict[int, str]:
    """Mailboxes that shall be there under a name that they have not now."""
    wanted = {}
    for id_, was in boxes.items():
        box = changing.mailbox(id_)
        name = was.get("name", box.name)
        there = was.get("there", box.deleted_at is None)
        if there and (box.deleted_at is not None or box.name != name):
            wanted[id_] = name
    return wanted


def _make_room(door: Door, job: Job, boxes: dict[int, dict[str, Any]], cause: Cause) -> None:
    changing = door[job.mailspace_id]
    entry = changing.entry(VERB, cause, job.action)
    names = changing.names()
    for id_, name in _wanted_names(changing, boxes).items():
        other = names.get(name)
        if other is None or other == id_:
            continue
        number = 2
        while f"{name[:240]} {number}" in names:
            number += 1
        room = changing.mailbox(other)
        if room.role:
            continue
        entry.mailboxes.append({"id": other, "name": room.name})
        names.pop(room.name)
        room.name = f"{name[:240]} {number}"
        names[room.name] = other
        changing.touch_mailbox(room)


def _rename(door: Door, job: Job, boxes: dict[int, dict[str, Any]], cause: Cause) -> None:
    changing = door[job.mailspace_id]
    entry = changing.entry(VERB, cause, job.action)
    names = changing.names()
    for id_, name in _wanted_names(changing, boxes).items():
        box = changing.mailbox(id_)
        if name in names:
            continue
        if box.deleted_at is not None:
            box.deleted_at = None
            entry.mailboxes.append({"id": id_, "created": True})
        if box.name != name:
            entry.mailboxes.append({"id": id_, "name": box.name})
            names.pop(box.name, None)
            box.name = name
        names[box.name] = id_
        changing.touch_mailbox(box)
    for id_, was in boxes.items():
        box = changing.mailbox(id_)
        if "colour" in was and box.colour != was["colour"]:
            entry.mailboxes.append({"id": id_, "colour": box.colour})
            box.colour = was["colour"]
            changing.touch_mailbox(box)


# --- messages


class Rewind:
    """The steps of one job over the messages of its plan, which is read from the journal once."""

    def __init__(self, job: Job, cause: Cause) -> None:
        self._mailspace, self._at, self._action = job.mailspace_id, int(job.scope["at"]), job.action
        self._cause = cause
        self._then = then(job.mailspace_id, self._at, newest=job.newest)

    def step(self, changing: Changing, messages: Sequence[int]) -> Piece:
        """Bring some messages back to how they were."""
        entry = changing.entry(VERB, self._cause, self._action)
        lives: dict[int, dict[int, Live]] = defaultdict(dict)
        for live in rows.of_messages(changing.id, list(messages)):
            lives[live.message][live.mailbox] = live
        roles = changing.roles()
        shells = nowhere_now(changing.id, [message for message in messages if message not in lives])
        gone_then = self._gone_then(messages)
        sent = self._sent(changing, messages)
        leaving: list[Live] = []
        returning: dict[int, list[tuple[Live, Stay]]] = defaultdict(list)
        marking: dict[bool, list[Live]] = {True: [], False: []}
        flagging: list[Live] = []
        skipped = 0
        for message in messages:
            now = lives.get(message, {})
            shell = next(iter(now.values()), None) or shells.get(message)
            if shell is None or any(roles[box] == QUARANTINE for box in now):  # forgotten since, or held
                skipped += 1
                continue
            was = {
                box: way
                for box, way in self._then.places.get(message, {}).items()
                if way is NOWHERE or self._can_lie(changing, box, message, now, sent)
            }
            stays = [box for box in now if box not in was]
            if not stays and all(way is NOWHERE for way in was.values()) and message not in gone_then:
                continue  # it came since
            flagging.append(shell)
            for box, way in was.items():
                here = now.get(box)
                if way is NOWHERE:
                    leaving += [here] if here is not None else []
                elif here is None or (way[1] is not None and (here.wake_at, here.woken_at) != way[2:]):
                    leaving += [here] if here is not None else []
                    returning[box].append((shell, Stay(bool(way[0]), *way[1:])))
                elif bool(here.deleted) != bool(way[0]):
                    marking[bool(way[0])].append(here)
        changing.expunge(leaving, entry)
        for on, marked in marking.items():
            changing.mark_deleted(marked, on, entry)
        for box, placed in returning.items():
            mailbox = changing.mailbox(box)
            changing.place([live for live, _ in placed], mailbox, entry, stays=[stay for _, stay in placed])
        self._flag(changing, flagging, entry)
        return Piece(len(messages), len(entry.threads), len(entry.messages()), skipped)

    def _can_lie(
        self, changing: Changing, box: int, message: int, now: dict[int, Live], sent: set[int]
    ) -> bool:
        """The mailbox is there; and no form of a draft that was sent comes back to Drafts."""
        mailbox = changing.mailbox(box)
        if mailbox.deleted_at is not None:
            return False
        return mailbox.role != DRAFTS or box in now or message not in sent

    def _sent(self, changing: Changing, messages: Sequence[int]) -> set[int]:
        """Messages that are the form of a draft that is neither open nor discarded."""
        found = Draft.objects.filter(mailspace_id=changing.id, message__in=list(messages))
        found = found.exclude(state__in=("open", "discarded"))
        return {message for message in found.values_list("message", flat=True) if message is not None}

    def _gone_then(self, messages: Sequence[int]) -> set[int]:
        """Those that had been here and lay nowhere at the moment."""
        nowhere = [
            message
            for message in messages
            if all(way is NOWHERE for way in self._then.places.get(message, {}).values())
        ]
        if not nowhere:
            return set()
        older = Placement.objects.filter(
            mailspace_id=self._mailspace,
            message_id__in=nowhere,
            message_id__gt=0,
            expunged_modseq__isnull=False,
            expunged_at__lte=self._at,
        )
        return set(older.values_list("message_id", flat=True))

    def _flag(self, changing: Changing, lives: Iterable[Live], entry: Entry) -> None:
        wanted = {
            live.message: self._then.flags[live.message] for live in lives if live.message in self._then.flags
        }
        changing.flag([live for live in lives if live.message in wanted], entry, wanted)

    def finish(self, changing: Changing) -> None:
        """At the end: mailboxes made since that hold nothing, drafts without a form; what was taken back says so."""
        entry = changing.entry(VERB, self._cause, self._action)
        for id_, was in self._then.boxes.items():
            box = changing.mailbox(id_)
            if was.get("there", True) or box.deleted_at is not None or box.messages or box.role:
                continue
            box.deleted_at = changing.now
            entry.mailboxes.append({"id": id_, "removed": True, "name": box.name})
            changing.touch_mailbox(box)
        for draft in sorted(self._then.drafts):
            self._turn(changing, draft)
        since = Change.objects.filter(mailspace_id=changing.id, at__gt=self._at, undone_by="", is_open=False)
        since.exclude(action=self._action).update(undone_by=self._action)
        recount_undone(changing.id, since=self._at)

    def _turn(self, changing: Changing, draft: int) -> None:
        """A draft that was never shown to mail programs: discarded or open, as it was."""
        row = Draft.objects.filter(mailspace_id=changing.id, id=draft, message__isnull=True).first()
        if row is not None and row.state in ("open", "discarded"):
            row.state = "discarded" if row.state == "open" else "open"
            row.save(update_fields=["state"])
            entry = changing.entry(VERB, self._cause, self._action)
            entry.draft = draft
            changing.changed()
