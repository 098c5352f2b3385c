"""Whom messages name, in the order in which they came, for who keeps count of a mailspace's correspondents.

What lies in Spam or Trash, and drafts, name nobody; `shifts` says which messages were put there, or
taken from there, since a moment of the mailspace's clock. Called through `service`; writes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from mta.values import DRAFTS, JUNK, QUARANTINE, TRASH

from . import sql
from .models import Change, Mailbox, Mailspace, Message

ASIDE = (JUNK, TRASH, QUARANTINE, DRAFTS)
SLACK = 600 * 1_000_000  # µs: rows of the journal are dated before their transaction has its turn
MOST_CHANGES = 2_000


@dataclass(frozen=True, slots=True)
class Named:
    """A message and whom it names: its recipients if the owner wrote it, else its sender. Nobody if it lies aside."""

    message: int
    own: bool
    at: int
    automatic: bool
    people: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Shifts:
    """Which messages came to lie aside, and which no longer do, up to a moment of the clock."""

    shelved: frozenset[int]
    fetched: frozenset[int]
    clock: int


def every_clock() -> dict[int, int]:
    """The modseq clock of every mailspace of the host."""
    return dict(Mailspace.objects.filter(state="active").values_list("id", "clock"))


_NAMED = (
    "SELECT s.clock, x.* FROM mailstore_mailspace s LEFT JOIN ("
    " SELECT m.id, m.own, m.internal_date, m.automatic, m.addresses,"
    "  EXISTS (SELECT 1 FROM mailstore_placement p WHERE p.mailspace_id = m.mailspace_id AND p.message_id = m.id"
    "   AND p.expunged_modseq IS NULL AND p.mailbox_id IN ({aside})) AS lies_aside"
    " FROM mailstore_headertext h JOIN mailstore_message m ON m.id = h.message_id"
    " WHERE h.mailspace_id = %s AND h.message_id {beyond} %s ORDER BY h.message_id {order} LIMIT %s"
    ") x ON TRUE WHERE s.id = %s"
)


def named_after(mailspace: int, message: int, *, limit: int) -> tuple[int, tuple[Named, ...]]:
    """The messages that came after one, in order; with the clock of the moment at which they lay so."""
    return _named(mailspace, message, limit, beyond=">", order="ASC")


def named_before(mailspace: int, message: int, *, limit: int) -> tuple[int, tuple[Named, ...]]:
    """Those that came before one, the newest first."""
    return _named(mailspace, message, limit, beyond="<", order="DESC")


def named(mailspace: int, messages: Collection[int]) -> tuple[Named, ...]:
    """Some messages, wherever they lie."""
    found = Message.objects.filter(mailspace_id=mailspace, id__in=list(messages))
    rows = found.values_list("id", "own", "internal_date", "automatic", "addresses")
    return tuple(_value(*row) for row in rows)


def _named(
    mailspace: int, message: int, limit: int, *, beyond: str, order: str
) -> tuple[int, tuple[Named, ...]]:
    aside = _aside(mailspace)
    # One statement, so that clock and places are of one moment.
    rows = sql.select(
        _NAMED.format(aside=sql.marks(aside), beyond=beyond, order=order),
        [*aside, mailspace, message, limit, mailspace],
    )
    if not rows:
        return 0, ()
    found = [_value(*row[1:6], aside=bool(row[6])) for row in rows if row[1] is not None]
    return rows[0][0], tuple(sorted(found, key=lambda each: each.message, reverse=order == "DESC"))


def _value(id_: int, own: Any, at: int, automatic: Any, addresses: Any, *, aside: bool = False) -> Named:
    known = json.loads(addresses) if isinstance(addresses, str) else addresses
    people = () if aside else tuple(_people(known, own=bool(own)))
    return Named(id_, bool(own), at, bool(automatic), people)


def _people(addresses: dict[str, list[list[str]]], *, own: bool) -> Iterator[tuple[str, str]]:
    for kind in ("to", "cc", "bcc") if own else ("from", "reply_to"):
        for name, email in addresses.get(kind, ()):
            if "@" in email:
                yield name, email


def shifts(mailspace: int, *, after: int, upto: int, since: int) -> Shifts:
    """What the journal says of `after` < clock <= `upto`; `since` is a time before which nothing of that was written.

    Stops earlier when that is much; the result says where.
    """
    aside = frozenset(_aside(mailspace))
    rows = list(
        Change.objects.filter(
            mailspace_id=mailspace, at__gte=since - SLACK, modseq__gt=after, modseq__lte=upto
        )
        .order_by("modseq", "id")
        .values_list("modseq", "before")[: MOST_CHANGES + 1]
    )
    if len(rows) > MOST_CHANGES:
        last = rows[-1][0]
        if rows[0][0] != last:  # one modseq stays together
            rows = [row for row in rows if row[0] < last]
            upto = rows[-1][0]
    was: dict[int, bool] = {}
    for _modseq, before in rows:
        for box, message in _moves(before):
            was.setdefault(message, box in aside)
    if not was:
        return Shifts(frozenset(), frozenset(), upto)
    now = _lying(mailspace, list(was), aside)
    shelved = frozenset(each for each, before in was.items() if not before and now.get(each) is True)
    fetched = frozenset(each for each, before in was.items() if before and now.get(each) is False)
    return Shifts(shelved, fetched, upto)


def _moves(before: dict[str, Any]) -> Iterable[tuple[int, int]]:
    """(mailbox that it left, message): where it lay before the change."""
    for row in before.get("removed", ()):
        yield row[0], row[2]


def _lying(mailspace: int, messages: list[int], aside: frozenset[int]) -> dict[int, bool]:
    """Whether each message lies aside; those that lie nowhere are left out."""
    where, ids = sql.among("message_id", messages)
    rows = sql.select(
        "SELECT message_id, mailbox_id FROM mailstore_placement"
        f" WHERE mailspace_id = %s AND {where} AND expunged_modseq IS NULL",
        [mailspace, *ids],
    )
    found: dict[int, bool] = {}
    for message, box in rows:
        found[message] = found.get(message, False) or box in aside
    return found


def _aside(mailspace: int) -> list[int]:
    return list(Mailbox.objects.filter(mailspace_id=mailspace, role__in=ASIDE).values_list("id", flat=True))
