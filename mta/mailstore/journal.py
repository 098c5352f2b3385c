"""The journal read by people, and undo: put back what an action changed and is still as it left it.

Restored placements always take a new UID (RFC 3501: UIDs never come back). Messages that somebody
has changed since are skipped and counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import F, Min

from mta.values import Cause, Done, now_us

from . import converging, rows, sql
from .changing import Changing
from .door import Door
from .errors import NothingToUndo
from .live import Entry, Live, Stay, is_action, new_action, nowhere
from .models import Action, Change, Draft, Mailbox, Message
from .writer import commit


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One command in the journal: when (µs), what, by whom, how much, and whether undone.

    `mailbox` is where it was done or what messages left, `target` where they came to. `subjects` are of up to
    three messages. `undone` says that all of it is undone now, `partly` that some of it is; `undoable` that
    something is left to undo and the undo window is open.
    """

    action: str
    at: int
    verb: str
    cause: str
    session: str
    actor: str
    mailbox: str
    count: int
    undone: bool
    target: str = ""
    conversations: int = 0
    subjects: tuple[str, ...] = ()
    undoable: bool = True
    partly: bool = False
    undone_at: int | None = None
    mailbox_id: int | None = None
    target_id: int | None = None


def history(
    mailspace: int, *, before: int | None = None, limit: int = 50, cause: str | None = None
) -> tuple[HistoryLine, ...]:
    """The latest commands, newest first; `before` is the `at` of the last line already shown. Only those of one
    kind of `cause`, when asked. Three queries at any length of the journal."""
    found = Action.objects.filter(mailspace_id=mailspace, is_open=False).order_by("-at", "-id")
    if before is not None:
        found = found.filter(at__lt=before)
    if cause is not None:
        found = found.filter(cause=cause)
    return told(mailspace, found[:limit])


def told(mailspace: int, actions: Iterable[Action]) -> tuple[HistoryLine, ...]:
    """Commands as people read them."""
    shown = list(actions)
    names = dict(Mailbox.objects.filter(mailspace_id=mailspace).values_list("id", "name"))
    samples = {message for action in shown for message in action.sample}
    subjects = dict(
        Message.objects.filter(mailspace_id=mailspace, id__in=samples).values_list("id", "subject")
    )
    oldest = now_us() - undo_window()
    return tuple(
        HistoryLine(
            action=action.action,
            at=action.at,
            verb=action.verb,
            cause=action.cause,
            session=action.session,
            actor=action.actor,
            mailbox=names.get(action.mailbox_id or 0, ""),
            count=action.count,
            undone=action.undone >= action.changes,
            target=names.get(action.target_id or 0, ""),
            conversations=action.conversations,
            subjects=tuple(subjects[message] for message in action.sample if message in subjects),
            undoable=action.undone < action.changes and action.until > oldest,
            partly=0 < action.undone < action.changes,
            undone_at=action.undone_at if action.undone else None,
            mailbox_id=action.mailbox_id,
            target_id=action.target_id,
        )
        for action in shown
    )


def undo_window() -> int:
    """How long an action can be undone, in µs."""
    return int(settings.UNDO_DAYS) * 24 * 3600 * 1_000_000


def undo(mailspace: int, action: str, *, cause: Cause) -> Done:
    """Undo a command, chunk by chunk; what was changed since is left and counted in `skipped`."""
    ids = left_to_undo(mailspace, action) if is_action(action) else []
    if not ids:
        raise NothingToUndo("There is nothing left to undo there.")
    undoing = new_action()
    threads: set[int] = set()
    messages = skipped = 0
    for id_ in ids:

        def work(door: Door, id_: int = id_) -> tuple[set[int], int, int]:
            return undo_one(door[mailspace], id_, undoing, cause)

        one_threads, one_messages, one_skipped = commit({mailspace}, work)
        threads |= one_threads
        messages += one_messages
        skipped += one_skipped
    return Done(undoing, len(threads), messages, skipped)


def left_to_undo(mailspace: int, action: str) -> list[int]:
    """The journal rows of a command that are not undone, newest first."""
    found = Change.objects.filter(mailspace_id=mailspace, action=action, undone_by="", is_open=False)
    return list(found.order_by("-id").values_list("id", flat=True))


def undo_one(changing: Changing, change_id: int, undoing: str, cause: Cause) -> tuple[set[int], int, int]:
    """Undo one row of the journal: (conversations, messages, how many were left alone)."""
    change = Change.objects.filter(id=change_id, mailspace_id=changing.id).first()
    if change is None or change.undone_by:
        return set(), 0, 0
    before = change.before
    entry = changing.entry(opposite(change.verb), cause, undoing, change.mailbox_id)
    entry.undoes, entry.undone_action = change.id, change.action
    items = before.get("mailboxes", [])
    _restore_mailboxes(changing, [item for item in items if not item.get("created")], entry)
    skipped = _restore_places(changing, before.get("removed", []), before.get("added", []), entry)
    skipped += _restore_flags(changing, before.get("flags", []), entry)
    _restore_marks(changing, before.get("marked", []), entry)
    _restore_draft(changing, before.get("draft"), entry)
    converging.restore(changing, before.get("written"), entry)
    # Mailboxes that the command made go last, when what it put there has left them.
    _remove_mailboxes(changing, [item for item in items if item.get("created")], entry)
    _note_undone(changing, change, undoing)
    return set(entry.threads), len(entry.messages()), skipped


def opposite(verb: str) -> str:
    """What undoing a command is called."""
    if verb.startswith("undo "):
        return f"redo {verb.removeprefix('undo ')}"
    return f"undo {verb.removeprefix('redo ')}"[:20]


def _note_undone(changing: Changing, change: Change, undoing: str) -> None:
    """A row is undone. If it was itself an undoing, what it undid is in force again; and so on."""
    row: Change | None = change
    by = undoing
    while row is not None:
        row.undone_by = by
        row.save(update_fields=["undone_by"])
        counted = Action.objects.filter(mailspace_id=changing.id, action=row.action)
        more = 1 if by else -1
        counted.update(undone=F("undone") + more, **({"undone_at": changing.now} if by else {}))
        undid = Change.objects.filter(mailspace_id=changing.id, id=row.undoes).first() if row.undoes else None
        by, row = "" if by else row.action, undid
    if change.verb == "rewind" and undoing:
        _force_again(changing, change.action)


def _force_again(changing: Changing, rewind: str) -> None:
    """A rewind is being undone: what it took back is in force again."""
    taken_back = Change.objects.filter(mailspace_id=changing.id, undone_by=rewind)
    since = taken_back.aggregate(first=Min("at"))["first"]
    if since is not None:
        taken_back.update(undone_by="")
        recount_undone(changing.id, since=since - 1)


def recount_undone(mailspace: int, *, since: int) -> None:
    """Count anew how much of each command since a moment is undone."""
    sql.execute(
        "UPDATE mailstore_action SET undone = (SELECT COUNT(*) FROM mailstore_change c"
        " WHERE c.mailspace_id = mailstore_action.mailspace_id AND c.action = mailstore_action.action"
        " AND c.undone_by <> '') WHERE mailspace_id = %s AND until > %s",
        [mailspace, since],
    )


def _restore_mailboxes(changing: Changing, items: Sequence[dict[str, Any]], entry: Entry) -> None:
    """Bring removed mailboxes back and give renamed ones their old names, where no other one took them, and colours."""
    names = changing.names()
    for item in items:
        box = changing.mailbox(item["id"])
        if "colour" in item:
            entry.mailboxes.append({"id": box.id, "colour": box.colour})
            box.colour = item["colour"]
            changing.touch_mailbox(box)
            continue
        if item["name"] in names or item.get("removed", False) == (box.deleted_at is None):
            continue
        if box.deleted_at is not None:
            box.deleted_at = None
            entry.mailboxes.append({"id": box.id, "created": True})
        else:
            entry.mailboxes.append({"id": box.id, "name": box.name})
            names.pop(box.name, None)
            box.name = item["name"]
        names[box.name] = box.id
        changing.touch_mailbox(box)


def _remove_mailboxes(changing: Changing, items: Sequence[dict[str, Any]], entry: Entry) -> None:
    """Remove mailboxes again that hold nothing."""
    for item in items:
        box = changing.mailbox(item["id"])
        if box.deleted_at is None and not box.messages and not box.role:
            box.deleted_at = changing.now
            entry.mailboxes.append({"id": box.id, "removed": True, "name": box.name})
            changing.touch_mailbox(box)


def _restore_places(
    changing: Changing, removed: Sequence[Sequence[int]], added: Sequence[Sequence[int]], entry: Entry
) -> int:
    """Put removed placements back and take added ones away, message by message, where untouched since."""
    gone_from: dict[int, list[Sequence[int]]] = defaultdict(list)
    for place in removed:
        gone_from[place[2]].append(place)
    went_to: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for mailbox, uid, message in added:
        went_to[message].append((mailbox, uid))
    messages = sorted(gone_from.keys() | went_to.keys())
    lives: dict[int, list[Live]] = defaultdict(list)
    for live in rows.of_messages(changing.id, messages):
        lives[live.message].append(live)
    shells = nowhere_now(changing.id, [message for message in messages if message not in lives])
    skipped = 0
    leaving: list[Live] = []
    unmarking: list[Live] = []
    returning: dict[int, list[tuple[Live, Stay]]] = defaultdict(list)
    for message in messages:
        now_at = {(live.mailbox, live.uid): live for live in lives.get(message, ())}
        homes = [place for place in gone_from[message] if changing.mailbox(place[0]).deleted_at is None]
        staying = {place[0]: live for place, live in now_at.items() if place not in went_to[message]}
        nowhere_to_go = gone_from[message] and not homes and not staying  # its mailboxes were all removed
        purged = not now_at and message not in shells
        if purged or nowhere_to_go or not now_at.keys() >= set(went_to[message]):
            skipped += 1
            continue
        leaving += [now_at[place] for place in went_to[message]]
        shell = next(iter(now_at.values()), None) or shells[message]
        for mailbox, _uid, _message, deleted, *times in homes:
            if mailbox not in staying:
                returning[mailbox].append((shell, Stay(bool(deleted), *times)))
            elif not deleted:
                unmarking.append(staying[mailbox])
    changing.expunge(leaving, entry)
    changing.mark_deleted(unmarking, False, entry)
    for mailbox, placed in returning.items():
        shells_there, stays = [shell for shell, _ in placed], [stay for _, stay in placed]
        changing.place(shells_there, changing.mailbox(mailbox), entry, stays=stays)
    return skipped


def nowhere_now(mailspace: int, messages: Sequence[int]) -> dict[int, Live]:
    """Messages that lie nowhere now, in the form that place() takes."""
    found = Message.objects.filter(mailspace_id=mailspace, id__in=messages)
    return {
        id_: nowhere(id_, thread, flags, keywords, size, arrived)
        for id_, thread, flags, keywords, size, arrived in found.values_list(
            "id", "thread_id", "flags", "keywords", "size", "internal_date"
        )
    }


def _restore_flags(changing: Changing, states: Sequence[Sequence], entry: Entry) -> int:  # type: ignore[type-arg]
    skipped = 0
    for old_flags, old_keywords, left_flags, left_keywords, messages in states:
        lives = {live.message: live for live in rows.of_messages(changing.id, messages)}
        # Those that lie nowhere (any more, or as the undo has it) have flags, too, for when they come back.
        lives |= nowhere_now(changing.id, [message for message in messages if message not in lives])
        same = [live for live in lives.values() if (live.flags, live.keywords) == (left_flags, left_keywords)]
        changing.flag(same, entry, {live.message: (old_flags, old_keywords) for live in same})
        skipped += len(messages) - len(same)
    return skipped


def _restore_marks(changing: Changing, marks: Sequence[Sequence[int]], entry: Entry) -> None:
    by_box: dict[tuple[int, bool], list[int]] = defaultdict(list)
    for mailbox, uid, on, *_message in marks:
        by_box[mailbox, bool(on)].append(uid)
    for (mailbox, on), uids in by_box.items():
        changing.mark_deleted(rows.at(changing.id, mailbox, uids), not on, entry)


def _restore_draft(changing: Changing, draft: int | None, entry: Entry) -> None:
    """A draft without a form has nothing else to come back by; with one, it follows its form."""
    if draft is None:
        return
    row = Draft.objects.filter(mailspace_id=changing.id, id=draft).first()
    if row is not None and row.message is None and row.state in ("open", "discarded"):
        row.state = "discarded" if row.state == "open" else "open"
        row.save(update_fields=["state"])
        entry.draft = draft
        changing.changed()
