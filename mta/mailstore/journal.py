"""The journal read by people, and undo: put back what an action changed and is still as it left it.

Restored placements always take a new UID (RFC 3501: UIDs never come back). Messages that somebody
has changed since are skipped and counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mta.values import Cause, Done

from . import rows
from .changing import Changing
from .door import Door
from .errors import NothingToUndo
from .live import Entry, Live, Stay, new_action, nowhere
from .models import Change, Draft, Mailbox, Message
from .writer import commit


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One command in the journal: when (µs), what, by whom, how many messages, and whether undone."""

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


def history(mailspace: int, *, before: int | None = None, limit: int = 50) -> tuple[HistoryLine, ...]:
    """The latest commands, newest first; `before` is the `at` of the last line already shown."""
    found = Change.objects.filter(mailspace_id=mailspace, is_open=False).order_by("-at", "-id")
    if before is not None:
        found = found.filter(at__lt=before)
    names = dict(Mailbox.objects.filter(mailspace_id=mailspace).values_list("id", "name"))
    grouped: dict[str, list[Change]] = defaultdict(list)
    for change in found.defer("before")[: limit * 4]:
        grouped[change.action].append(change)
    return tuple(
        HistoryLine(
            action=action,
            at=changes[0].at,
            verb=changes[0].verb,
            cause=changes[0].cause,
            session=changes[0].session,
            actor=changes[0].actor,
            mailbox=names.get(changes[0].mailbox_id or 0, ""),
            count=sum(change.count for change in changes),
            undone=all(change.undone_by for change in changes),
        )
        for action, changes in list(grouped.items())[:limit]
    )


def undo(mailspace: int, action: str, *, cause: Cause) -> Done:
    """Undo a command, chunk by chunk; what was changed since is left and counted in `skipped`."""
    ids = list(
        Change.objects.filter(mailspace_id=mailspace, action=action, undone_by="", is_open=False)
        .order_by("-id")
        .values_list("id", flat=True)
    )
    if not ids:
        raise NothingToUndo("There is nothing left to undo there.")
    undoing = new_action()
    threads: set[int] = set()
    messages = skipped = 0
    for id_ in ids:

        def work(door: Door, id_: int = id_) -> tuple[set[int], int, int]:
            return _undo_one(door[mailspace], id_, undoing, cause)

        one_threads, one_messages, one_skipped = commit({mailspace}, work)
        threads |= one_threads
        messages += one_messages
        skipped += one_skipped
    return Done(undoing, len(threads), messages, skipped)


def _undo_one(changing: Changing, change_id: int, undoing: str, cause: Cause) -> tuple[set[int], int, int]:
    change = Change.objects.get(id=change_id, mailspace_id=changing.id)
    if change.undone_by:
        return set(), 0, 0
    before = change.before
    entry = changing.entry(f"undo {change.verb}"[:20], cause, undoing, change.mailbox_id)
    items = before.get("mailboxes", [])
    _restore_mailboxes(changing, [item for item in items if not item.get("created")], entry)
    skipped = _restore_places(changing, before.get("removed", []), before.get("added", []), entry)
    skipped += _restore_flags(changing, before.get("flags", []), entry)
    _restore_marks(changing, before.get("marked", []), entry)
    _restore_draft(changing, before.get("draft"), entry)
    # Mailboxes that the command made go last, when what it put there has left them.
    _remove_mailboxes(changing, [item for item in items if item.get("created")], entry)
    change.undone_by = undoing
    change.save(update_fields=["undone_by"])
    return rows.threads_of(changing.id, entry.messages()), len(entry.messages()), skipped


def _restore_mailboxes(changing: Changing, items: Sequence[dict[str, Any]], entry: Entry) -> None:
    """Bring removed mailboxes back and give renamed ones their old names, where no other one took them."""
    names = changing.names()
    for item in items:
        box = changing.mailbox(item["id"])
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
    shells = _shells(changing.id, [message for message in messages if message not in lives])
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


def _shells(mailspace: int, messages: Sequence[int]) -> dict[int, Live]:
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
