"""Recomputes everything the store keeps for a mailspace and says what differs. Changes nothing."""

from __future__ import annotations

from mta.values import ALL, SEEN, STARRED

from . import threads
from .models import Mailbox, Mailspace, Message, Placement, ThreadRow


def mailspaces() -> list[int]:
    """Every mailspace there is."""
    return list(Mailspace.objects.order_by("id").values_list("id", flat=True))


def differences(mailspace: int) -> list[str]:
    """What a recount finds different from what is kept; empty when the store is sound."""
    found: list[str] = []
    row = Mailspace.objects.get(id=mailspace)
    messages = {message.id: message for message in Message.objects.filter(mailspace_id=mailspace)}
    live = list(Placement.objects.filter(mailspace_id=mailspace, expunged_modseq__isnull=True))
    used = sum(messages[id_].size for id_ in {place.message_id for place in live})
    if row.used_bytes != used or row.messages != len({place.message_id for place in live}):
        found.append(f"usage kept {row.used_bytes}, counted {used}")
    for box in Mailbox.objects.filter(mailspace_id=mailspace):
        here = [messages[place.message_id] for place in live if place.mailbox_id == box.id]
        counted = (len(here), sum(not m.flags & SEEN for m in here), sum(m.size for m in here))
        if (box.messages, box.unseen, box.size) != counted:
            found.append(f"{box.name}: kept {(box.messages, box.unseen, box.size)}, counted {counted}")
    roles = threads.roles_of(mailspace)
    wanted = {}
    for thread, members in threads.load(mailspace, {m.thread_id for m in messages.values()}, roles).items():
        for box_id, columns in threads.lines(members).items():
            wanted[thread, box_id] = columns
    kept = {(line.thread_id, line.box): line for line in ThreadRow.objects.filter(mailspace_id=mailspace)}
    if wanted.keys() != kept.keys():
        found.append(
            f"thread rows: missing {wanted.keys() - kept.keys()}, extra {kept.keys() - wanted.keys()}"
        )
    for key in wanted.keys() & kept.keys():
        for column, value in wanted[key].items():
            if getattr(kept[key], column) != value:
                found.append(
                    f"thread row {key}: {column} is {getattr(kept[key], column)!r}, should be {value!r}"
                )
    for box in Mailbox.objects.filter(mailspace_id=mailspace):
        lines = [columns for (_, box_id), columns in wanted.items() if box_id == box.id]
        if (box.threads, box.unread_threads) != (len(lines), sum(bool(line["unread"]) for line in lines)):
            found.append(f"{box.name}: kept {box.threads} threads, counted {len(lines)}")
    for box_id, kept_counts in (
        (ALL, (row.all_threads, row.all_unread)),
        (STARRED, (row.starred_threads, row.starred_unread)),
    ):
        lines = [columns for (_, one), columns in wanted.items() if one == box_id]
        if kept_counts != (len(lines), sum(bool(line["unread"]) for line in lines)):
            found.append(f"view {box_id}: kept {kept_counts}, counted {len(lines)}")
    return found
