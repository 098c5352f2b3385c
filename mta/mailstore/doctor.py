"""Recomputes everything the store keeps for a mailspace and says what differs. Changes nothing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.db import connection
from django.db.models import Count

from mta.values import ALL, DRAFTS, SEEN, STARRED

from . import rows, search, threads
from .models import (
    Blob,
    BlobObject,
    Draft,
    DraftAttachment,
    Mailbox,
    Mailspace,
    Message,
    Placement,
    SearchText,
    Thread,
    ThreadRow,
)


def mailspaces() -> list[int]:
    """Every mailspace there is."""
    return list(Mailspace.objects.order_by("id").values_list("id", flat=True))


@dataclass(frozen=True, slots=True)
class _Copy:
    """Everything of one mailspace, read at once."""

    space: Mailspace
    boxes: dict[int, Mailbox]
    messages: dict[int, Message]
    places: list[Placement]
    live: list[Placement]


def differences(mailspace: int) -> list[str]:
    """What a recount finds different from what is kept; empty when the store is sound."""
    with rows.snapshot():
        places = list(Placement.objects.filter(mailspace_id=mailspace))
        copy = _Copy(
            space=Mailspace.objects.get(id=mailspace),
            boxes=Mailbox.objects.filter(mailspace_id=mailspace).in_bulk(),
            messages=Message.objects.filter(mailspace_id=mailspace).in_bulk(),
            places=places,
            live=[place for place in places if place.expunged_modseq is None],
        )
        found = list(_dangling(copy))
        if found:
            return found  # the recounts below need whole rows
        return [text for look in _LOOKS for text in look(copy)]


def _dangling(copy: _Copy) -> Iterator[str]:
    """Placements of nothing, or nowhere."""
    for place in copy.places:
        if place.mailbox_id not in copy.boxes:
            yield f"placement {place.id} lies in mailbox {place.mailbox_id}, which is not there"
        elif place.expunged_modseq is None and place.message_id not in copy.messages:
            yield f"placement {place.id} is of message {place.message_id}, which is not there"
        elif place.message_id and place.message_id not in copy.messages:
            yield f"tombstone {place.id} names message {place.message_id}, which is gone"
        elif place.expunged_modseq is None and copy.boxes[place.mailbox_id].deleted_at is not None:
            yield f"placement {place.id} lies in a removed mailbox"


def _counts(copy: _Copy) -> Iterator[str]:
    placed = {place.message_id for place in copy.live}
    used = sum(copy.messages[id_].size for id_ in placed)
    if (copy.space.used_bytes, copy.space.messages) != (used, len(placed)):
        yield (
            f"usage kept {copy.space.used_bytes} in {copy.space.messages}, counted {used} in {len(placed)}"
        )
    here: dict[int, list[Message]] = defaultdict(list)
    for place in copy.live:
        here[place.mailbox_id].append(copy.messages[place.message_id])
    for box in copy.boxes.values():
        found = here[box.id]
        counted = (len(found), sum(not m.flags & SEEN for m in found), sum(m.size for m in found))
        if (box.messages, box.unseen, box.size) != counted:
            yield f"{box.name}: kept {(box.messages, box.unseen, box.size)}, counted {counted}"
        lying = [place for place in copy.live if place.mailbox_id == box.id]
        more = (sum(place.uid >= box.recent_uid for place in lying), sum(place.deleted for place in lying))
        if (box.recent, box.deleted) != more:
            yield f"{box.name}: kept {(box.recent, box.deleted)} recent and deleted, counted {more}"


def _numbers(copy: _Copy) -> Iterator[str]:
    """UIDs below uidnext; no modseq above its mailbox's, none of those above the clock."""
    for place in copy.places:
        box = copy.boxes[place.mailbox_id]
        if place.uid >= box.uidnext:
            yield f"{box.name}: UID {place.uid} is not below UIDNEXT {box.uidnext}"
        if max(place.modseq, place.expunged_modseq or 0) > box.highestmodseq:
            yield f"{box.name}: UID {place.uid} has a modseq above HIGHESTMODSEQ {box.highestmodseq}"
    for place in copy.live:
        message = copy.messages[place.message_id]
        facts = (message.flags, message.keywords, message.size, message.internal_date)
        if (place.flags, place.keywords, place.size, place.internal_date) != facts:
            yield f"placement {place.id} does not say what its message {message.id} says"
    validities = Counter(box.uidvalidity for box in copy.boxes.values())
    for box in copy.boxes.values():
        if box.highestmodseq > copy.space.clock:
            yield f"{box.name}: HIGHESTMODSEQ {box.highestmodseq} is above the clock {copy.space.clock}"
        if box.recent_uid > box.uidnext:
            yield f"{box.name}: recent from UID {box.recent_uid}, above UIDNEXT {box.uidnext}"
        if validities[box.uidvalidity] > 1 or box.uidvalidity > copy.space.last_uidvalidity:
            yield f"{box.name}: UIDVALIDITY {box.uidvalidity} is not its own"


def _lines(copy: _Copy) -> Iterator[str]:
    roles = {box.id: box.role for box in copy.boxes.values()}
    wanted = {
        (thread, box): columns
        for thread, members in threads.load(
            copy.space.id, {m.thread_id for m in copy.messages.values()}, roles
        ).items()
        for box, columns in threads.lines(members).items()
    }
    kept = {(line.thread_id, line.box): line for line in ThreadRow.objects.filter(mailspace_id=copy.space.id)}
    if wanted.keys() != kept.keys():
        yield f"thread rows: missing {wanted.keys() - kept.keys()}, extra {kept.keys() - wanted.keys()}"
    for key in sorted(wanted.keys() & kept.keys()):
        for column, value in wanted[key].items():
            have = getattr(kept[key], column)
            if have != value:
                yield f"thread row {key}: {column} is {have!r}, should be {value!r}"
    counted: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for (_, box), columns in wanted.items():
        counted[box][0] += 1
        counted[box][1] += bool(columns["unread"])
    space = copy.space
    counts = {box.id: [box.threads, box.unread_threads] for box in copy.boxes.values()}
    counts |= {
        ALL: [space.all_threads, space.all_unread],
        STARRED: [space.starred_threads, space.starred_unread],
    }
    for box, pair in counts.items():
        if pair != counted[box]:
            yield f"box {box}: kept {pair} conversations and unread ones, counted {counted[box]}"


def _threads(copy: _Copy) -> Iterator[str]:
    counted = Counter(message.thread_id for message in copy.messages.values())
    kept = {thread.id: thread for thread in Thread.objects.filter(mailspace_id=copy.space.id)}
    for id_ in sorted(counted.keys() | kept.keys()):
        thread = kept.get(id_)
        if thread is None or thread.messages != counted[id_]:
            yield f"thread {id_}: kept {thread and thread.messages} messages, counted {counted[id_]}"
        elif thread.is_open != (thread.messages < threads.CLOSES_AT):
            yield f"thread {id_} of {thread.messages} messages is {'open' if thread.is_open else 'closed'}"


def _drafts(copy: _Copy) -> Iterator[str]:
    lying = {p.message_id for p in copy.live if copy.boxes[p.mailbox_id].role == DRAFTS}
    for draft in Draft.objects.filter(mailspace_id=copy.space.id):
        if draft.message is not None and draft.message not in copy.messages:
            yield f"draft {draft.id} names message {draft.message}, which is not there"
        elif draft.message is not None and (draft.state == "open") != (draft.message in lying):
            yield f"draft {draft.id} is {draft.state}, its form {'lies' if draft.message in lying else 'is not'} in Drafts"


def _bytes(copy: _Copy) -> Iterator[str]:
    blobs = {
        id_: (marked, object_id)
        for id_, marked, object_id in Blob.objects.filter(mailspace_id=copy.space.id).values_list(
            "id", "marked_at", "object_id"
        )
    }
    files = DraftAttachment.objects.filter(mailspace_id=copy.space.id).values_list("blob_id", flat=True)
    named = {message.blob_id for message in copy.messages.values()} | set(files)
    for id_ in sorted(named - blobs.keys()):
        yield f"blob {id_} is named and not there"
    for id_ in sorted(blobs.keys() - named):
        if blobs[id_][0] is None:
            yield f"blob {id_} belongs to nothing and is not marked"
    objects = {object_id for _, object_id in blobs.values() if object_id is not None}
    kept = dict(BlobObject.objects.filter(id__in=objects).values_list("id", "references"))
    counts = Blob.objects.filter(object_id__in=objects).values_list("object_id").annotate(Count("id"))
    for object_id, counted in counts:
        if kept.get(object_id) != counted:
            yield f"object {object_id}: kept {kept.get(object_id)} references, counted {counted}"


def _index(copy: _Copy) -> Iterator[str]:
    indexed = {id_ for id_, message in copy.messages.items() if message.indexed}
    texts = {text.message_id: text for text in SearchText.objects.filter(mailspace_id=copy.space.id)}
    if indexed != texts.keys():
        yield f"index: missing {indexed - texts.keys()}, too many {texts.keys() - indexed}"
    if connection.vendor == "postgresql":
        empty = "SELECT message_id FROM mailstore_searchtext WHERE mailspace_id = %s AND vector IS NULL"
        for (message,) in rows.select(empty, [copy.space.id]):
            yield f"message {message} has words that are not in the index"
        return
    for text in texts.values():
        word = next((word for kind in search.KINDS for word in getattr(text, kind).split()), None)
        if word is None:
            continue
        hit = rows.select(
            "SELECT 1 FROM mailstore_fts WHERE mailstore_fts MATCH %s AND rowid = %s",
            [f'"{copy.space.id}x{word}"', text.id],
        )
        if not hit:
            yield f"message {text.message_id} has words that are not in the index"


_LOOKS: tuple[Callable[[_Copy], Iterator[str]], ...] = (
    _counts,
    _numbers,
    _lines,
    _threads,
    _drafts,
    _bytes,
    _index,
)
