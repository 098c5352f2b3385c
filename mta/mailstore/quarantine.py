"""The quarantine of a mailspace: mail that was accepted and is held, seen by nobody's mail program.

A mailbox of that role, made when the first message is held. IMAP, POP3, All, search and counts leave it out; its
messages open nowhere before they are released, which is a move to the Inbox that keeps their date. What nobody
released goes with `upkeep` after `KEEP_DAYS`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mta.values import INBOX, QUARANTINE, TRASH

from . import acts, rows, sql
from .changing import Changing
from .keywords import joined, split
from .live import Entry, Live, one_each
from .models import Mailbox, Message, Placement

KEEP_DAYS = 30
NAME = "$Quarantine"  # listed nowhere, so no word that a person would give a folder
MENTIONED = "$QuarantineMentioned"  # a keyword of what its owner was told of
MOST = 200

Key = tuple[int, int]  # (INTERNALDATE, message)


@dataclass(frozen=True, slots=True)
class Held:
    """One held message. `at` is µs UTC (INTERNALDATE), `size` in bytes; `files` are the names of what is attached."""

    mailspace: int
    message: int
    at: int
    sender: str
    name: str
    subject: str
    snippet: str
    size: int
    files: tuple[str, ...]
    reasons: Mapping[str, Any]
    mentioned: bool = False  # in a digest, see `mention`

    @property
    def key(self) -> Key:
        return self.at, self.message


def box(changing: Changing) -> Mailbox:
    """The mailbox, made if this is the first message to be held."""
    found = next((id_ for id_, role in changing.roles().items() if role == QUARANTINE), None)
    if found is not None:
        return changing.mailbox(found)
    made = Mailbox.objects.create(
        mailspace_id=changing.id,
        name=NAME,
        role=QUARANTINE,
        subscribed=False,
        uidvalidity=changing.take_uidvalidity(),
        highestmodseq=changing.modseq,
    )
    changing.add_mailbox(made)
    return made


def release(changing: Changing, entry: Entry, lives: list[Live]) -> None:
    """From the quarantine to the Inbox (an Act, see `acts`)."""
    here = _held(changing, lives)
    _say(changing, here, entry, told=False)
    free = _held(changing, rows.of_messages(changing.id, [live.message for live in here]))
    acts.move_lives(changing, free, changing.role(INBOX), entry)


def hold(changing: Changing, lives: Sequence[Live], reasons: Mapping[str, Any]) -> int:
    """Out of every place into the quarantine: a scanner came late; `reasons` are added to those of the messages.

    What is in Trash stays there unless it is a virus. It is no change of the journal's, so that no undo lets it out
    again. How many.
    """
    roles = changing.roles()
    alone = {QUARANTINE} if reasons.get("held") == "virus" else {TRASH, QUARANTINE}
    away = {live.message for live in lives if roles[live.mailbox] in alone}
    found = [live for live in lives if live.message not in away]
    held_ = one_each(found)
    changing.expunge(found)
    changing.place(held_, box(changing))
    before = Message.objects.filter(mailspace_id=changing.id, id__in=[live.message for live in held_])
    for message, known in before.values_list("id", "reasons"):
        sql.update("mailstore_message", message, {"reasons": sql.as_json({**known, **reasons})})
    return len(held_)


def throw_away(changing: Changing, entry: Entry, lives: list[Live]) -> None:
    """Out of the quarantine for good (an Act); undo brings it back into it."""
    changing.expunge(_held(changing, lives), entry)


def mention(changing: Changing) -> tuple[Held, ...]:
    """What is held that its owner was not told of, the newest; from now on they were."""
    fresh = {each.message: each for each in held([changing.id], limit=MOST) if not each.mentioned}
    _say(changing, rows.of_messages(changing.id, list(fresh)), None, told=True)
    return tuple(fresh.values())


def _say(changing: Changing, lives: Sequence[Live], entry: Entry | None, *, told: bool) -> None:
    """Note that the owner was told of them; once they are free the note goes."""
    words = {live.message: split(live.keywords) for live in lives}
    for found in words.values():
        found.pop(MENTIONED.lower(), None)
        if told:
            found[MENTIONED.lower()] = MENTIONED
    changing.flag(lives, entry, {live.message: (live.flags, joined(words[live.message])) for live in lives})


def unmentioned(*, after: int = 0, limit: int = 500) -> list[int]:
    """Mailspaces that hold something, in the order of their ids, those above `after`; perhaps something new."""
    boxes = Mailbox.objects.filter(role=QUARANTINE, messages__gt=0, mailspace_id__gt=after)
    return list(boxes.order_by("mailspace_id").values_list("mailspace_id", flat=True)[:limit])


def _held(changing: Changing, lives: Iterable[Live]) -> list[Live]:
    boxes = {id_ for id_, role in changing.roles().items() if role == QUARANTINE}
    return [live for live in lives if live.mailbox in boxes]


# --- reading

_FIELDS = ("from_address", "from_name", "subject", "snippet", "size", "attachments", "reasons", "keywords")


def held(
    mailspaces: Sequence[int],
    *,
    before: Key | None = None,
    since: int = 0,
    only: Collection[int] | None = None,
    limit: int = 50,
) -> tuple[Held, ...]:
    """What is held in these mailspaces, newest first: older than the key `before`, arrived after `since` (µs);
    `only` those of some messages."""
    places = _places(_boxes(mailspaces), before=before, since=since, only=only, limit=min(limit, MOST))
    rows_ = Message.objects.filter(id__in=[message for _at, message, _space in places])
    facts = {id_: values for id_, *values in rows_.values_list("id", *_FIELDS)}
    found = []
    for at, message, mailspace in places:
        sender, name, subject, snippet, size, files, reasons, words = facts[message]
        names = tuple(str(each[1]) for each in files if not each[4])
        told = MENTIONED.lower() in split(words)
        found.append(Held(mailspace, message, at, sender, name, subject, snippet, size, names, reasons, told))
    return tuple(found)


def _boxes(mailspaces: Sequence[int]) -> dict[int, int]:
    """The quarantines among these mailspaces that hold something: mailbox → mailspace."""
    where, params = sql.among("mailspace_id", list(mailspaces))
    found = sql.select(
        f"SELECT id, mailspace_id FROM mailstore_mailbox WHERE {where} AND role = %s AND messages > 0",
        [*params, QUARANTINE],
    )
    return dict(found)


def _places(
    boxes: dict[int, int], *, before: Key | None, since: int, only: Collection[int] | None, limit: int
) -> list[tuple[int, int, int]]:
    """(INTERNALDATE, message, mailspace) of the newest placements there."""
    if not boxes or (only is not None and not only):
        return []
    here, params = sql.among("mailbox_id", list(boxes))
    spaces, more = sql.among("mailspace_id", sorted(set(boxes.values())))
    older = " AND (internal_date, message_id) < (%s, %s)" if before is not None else ""
    named, ids = ("TRUE", []) if only is None else sql.among("message_id", only)
    return sql.select(
        "SELECT internal_date, message_id, mailspace_id FROM mailstore_placement"
        f" WHERE {spaces} AND {here} AND expunged_modseq IS NULL AND NOT deleted AND saved_at > %s{older} AND {named}"
        " ORDER BY internal_date DESC, message_id DESC LIMIT %s",
        [*more, *params, since, *(before or ()), *ids, limit],
    )


def is_held(mailspace: int, messages: Collection[int]) -> set[int]:
    """Those of the messages that lie in the quarantine and nowhere else."""
    boxes = _boxes([mailspace])
    if not boxes:
        return set()
    places = Placement.objects.filter(
        mailspace_id=mailspace, message_id__in=list(messages), expunged_modseq__isnull=True
    )
    kept = list(places.values_list("message_id", "mailbox_id"))
    elsewhere = {message for message, mailbox in kept if mailbox not in boxes}
    return {message for message, _mailbox in kept} - elsewhere


def counts(mailspaces: Sequence[int]) -> dict[int, int]:
    """How many messages are held in each of these mailspaces that holds any."""
    where, params = sql.among("mailspace_id", list(mailspaces))
    found = sql.select(
        f"SELECT mailspace_id, messages FROM mailstore_mailbox WHERE {where} AND role = %s AND messages > 0",
        [*params, QUARANTINE],
    )
    return dict(found)
