"""What somebody does by hand again and again: how often mail of one sender went to one label lately.

Read from the journal's lines of commands (`Action`), of which the latest few hundred are looked at, by the messages
they keep as a sample. Two queries at any size; called after a move, to offer a filter. Reads only.
"""

from __future__ import annotations

from .models import Action, Message

LOOKED_AT = 300  # commands
_BY_HAND = ("move", "label")
_CAUSES = ("web", "imap")


def filed(mailspace: int, mailbox: int, sender: str) -> int:
    """How many of the latest commands put mail of `sender` into `mailbox` by hand and were not undone."""
    latest = (
        Action.objects.filter(mailspace_id=mailspace)
        .order_by("-at", "-id")
        .values_list("verb", "cause", "target_id", "undone", "sample")[:LOOKED_AT]
    )
    samples = [
        sample
        for verb, cause, target, undone, sample in latest
        if target == mailbox and verb in _BY_HAND and cause in _CAUSES and not undone
    ]
    theirs = set(
        Message.objects.filter(
            mailspace_id=mailspace,
            id__in={message for sample in samples for message in sample},
            from_address__iexact=sender,
            own=False,
        ).values_list("id", flat=True)
    )
    return sum(1 for sample in samples if not theirs.isdisjoint(sample))
