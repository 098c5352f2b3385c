"""What people say is spam, or is not: what they moved into Junk, or out of it, and mail that they kept.

Reads the journal, whatever moved it (the web client, a mail program, an undo); what a filter or a delivery put there
says nothing. Called through `service`; writes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from mta.values import DRAFTS, JUNK, QUARANTINE, SEEN, TRASH

from . import sql
from .models import Change, Mailbox

PEOPLE = ("web", "imap", "pop3")
SLACK = 600 * 1_000_000  # µs: rows of the journal are dated before their transaction has its turn
MOST_CHANGES = 2_000
_SUSPECT = frozenset((JUNK, QUARANTINE))
_NOT_KEPT = frozenset((JUNK, QUARANTINE, TRASH, DRAFTS))


@dataclass(frozen=True, slots=True)
class Reports:
    """Messages that came to lie in Junk, and those that left it (or the quarantine) for a place where mail is kept;
    up to a moment of the mailspace's clock."""

    spam: frozenset[int]
    ham: frozenset[int]
    clock: int


def reports(mailspace: int, *, after: int, upto: int, since: int) -> Reports:
    """What the journal says of `after` < clock <= `upto`; `since` is a time before which nothing of that was written.

    Only what is still so counts. Stops earlier when it is much; the result says where.
    """
    found: Sequence[tuple[int, Any]] = list(
        Change.objects.filter(
            mailspace_id=mailspace,
            at__gte=since - SLACK,
            modseq__gt=after,
            modseq__lte=upto,
            cause__in=PEOPLE,
            is_open=False,
        )
        .order_by("modseq", "id")
        .values_list("modseq", "before")[: MOST_CHANGES + 1]
    )
    if len(found) > MOST_CHANGES:
        last = found[-1][0]
        if found[0][0] != last:  # one modseq stays together
            found = [row for row in found if row[0] < last]
            upto = found[-1][0]
    was: dict[int, int] = {}
    for _modseq, before in found:
        for row in before.get("removed", ()):
            was.setdefault(row[2], row[0])
    if not was:
        return Reports(frozenset(), frozenset(), upto)
    roles = dict(Mailbox.objects.filter(mailspace_id=mailspace).values_list("id", "role"))
    now = _lying(mailspace, list(was), roles)
    spam, ham = set(), set()
    for message, box in was.items():
        before, here = roles.get(box, ""), now.get(message, frozenset())
        if JUNK in here and before not in _SUSPECT and before != DRAFTS:
            spam.add(message)
        elif before in _SUSPECT and here and here.isdisjoint(_NOT_KEPT):
            ham.add(message)
    return Reports(frozenset(spam), frozenset(ham), upto)


def _lying(mailspace: int, messages: Collection[int], roles: dict[int, str]) -> dict[int, frozenset[str]]:
    """The roles of the mailboxes in which each message lies."""
    where, ids = sql.among("message_id", messages)
    rows = sql.select(
        "SELECT message_id, mailbox_id FROM mailstore_placement"
        f" WHERE mailspace_id = %s AND {where} AND expunged_modseq IS NULL",
        [mailspace, *ids],
    )
    found: dict[int, set[str]] = defaultdict(set)
    for message, box in rows:
        found[message].add(roles.get(box, ""))
    return {message: frozenset(here) for message, here in found.items()}


def kept(mailspace: int, *, among: int) -> tuple[int, ...]:
    """Of the newest messages those that were read, or written, and lie where mail is kept; the newest first."""
    away = list(
        Mailbox.objects.filter(mailspace_id=mailspace, role__in=_NOT_KEPT).values_list("id", flat=True)
    )
    rows = sql.select(
        "SELECT m.id FROM (SELECT message_id FROM mailstore_headertext WHERE mailspace_id = %s"
        " ORDER BY message_id DESC LIMIT %s) h JOIN mailstore_message m ON m.id = h.message_id"
        f" WHERE (m.own OR m.flags %% 2 = {SEEN})"
        " AND EXISTS (SELECT 1 FROM mailstore_placement p WHERE p.mailspace_id = m.mailspace_id"
        "  AND p.message_id = m.id AND p.expunged_modseq IS NULL)"
        " AND NOT EXISTS (SELECT 1 FROM mailstore_placement p WHERE p.mailspace_id = m.mailspace_id"
        f"  AND p.message_id = m.id AND p.expunged_modseq IS NULL AND p.mailbox_id IN ({sql.marks(away)}))"
        " ORDER BY m.id DESC",
        [mailspace, among, *away],
    )
    return tuple(row[0] for row in rows)
