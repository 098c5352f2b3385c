"""The one door: every write to mail happens between its opening and its flush, inside one database transaction.

A Door holds one Changing per mailspace, locked in id order (see `writer`, which opens and flushes doors).
`store` is what a delivery needs; the commands that people and mail programs know are in `folders`, `verbs`,
`mailops`, `drafts`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection

from mta.values import DRAFTS, INBOX, QUARANTINE, SCHEDULED, SENT, Appended, Cause, now_us

from . import arriving, converging, quarantine, sql
from .blobs import Prepared
from .changing import Changing
from .errors import NoSuchMailspace
from .keywords import checked, joined
from .live import Entry, Live, Stay, new_action, nowhere
from .models import Mailbox, Mailspace

__all__ = ["Changing", "Door", "Entry", "Live", "new_action", "nowhere"]


_COLUMNS = tuple(field.attname for field in Mailspace._meta.concrete_fields)


def _locked(mailspaces: set[int]) -> list[Mailspace]:
    """Mailspaces in id order, locked until the transaction ends (on SQLite it has the only lock already)."""
    where, ids = sql.among("id", mailspaces)
    lock = " FOR UPDATE" if connection.vendor == "postgresql" else ""
    found = sql.select(
        f"SELECT {', '.join(_COLUMNS)} FROM mailstore_mailspace WHERE {where} ORDER BY id{lock}", ids
    )
    return [Mailspace.from_db(DEFAULT_DB_ALIAS, _COLUMNS, row) for row in found]


def _may_answer(prepared: Prepared) -> bool:
    facts = prepared.facts
    return bool(facts.in_reply_to or facts.references or facts.is_reply)


class Door:
    """The locked mailspaces of one transaction."""

    def __init__(self, mailspaces: Iterable[int]) -> None:
        self.now = now_us()
        self.objects: dict[str, int] = {}  # large objects already named in this transaction
        self._changing = {
            row.id: Changing(row, now=self.now, objects=self.objects) for row in _locked(set(mailspaces))
        }

    def __getitem__(self, mailspace: int) -> Changing:
        try:
            return self._changing[mailspace]
        except KeyError:
            raise NoSuchMailspace("That mailspace is not here.") from None

    def __iter__(self) -> Iterator[int]:
        return iter(self._changing)

    def filters(self, mailspace: int) -> int:
        """Which version of its filters is in force, which `mta.filters` keeps; 0 or less: there is nothing to look at."""
        return self[mailspace].row.filters

    def set_filters(self, mailspace: int, version: int) -> None:
        self[mailspace].keep_filters(version)

    def flush(self) -> frozenset[int]:
        """Finish every mailspace; returns those that changed."""
        for changing in self._changing.values():
            if changing.forms:
                converging.follow(changing)
        return frozenset(id_ for id_, changing in self._changing.items() if changing.flush())

    def store(
        self,
        mailspace: int,
        prepared: Prepared,
        mailbox: int | str,
        *,
        cause: Cause,
        flags: int = 0,
        keywords: Sequence[str] = (),
        prefix: bytes = b"",
        internal_date: int | None = None,
        trace_id: str = "",
        reasons: dict[str, Any] | None = None,
        thread: int | None = None,
        when_muted: tuple[str, dict[str, Any]] | None = None,
        wake_at: int | None = None,
        filing: arriving.Filing | None = None,
    ) -> Appended:
        """Store a message into a mailbox given by id or role. Never fails for quota: it was accepted.

        In the Inbox an answer wakes its conversation; one to a muted conversation goes `when_muted` to the
        mailbox with that role instead, for those reasons as well, which undo takes back like any other filter's choice.
        With `filing` it lies, and looks, as filters want it instead; the journal has both.
        """
        changing = self[mailspace]
        if mailbox == QUARANTINE:
            target = quarantine.box(changing)
        else:
            target = changing.role(mailbox) if isinstance(mailbox, str) else changing.open_mailbox(mailbox)
        message = changing.insert(
            prepared,
            flags=flags if filing is None else flags | filing.flags,
            words=keywords if filing is None else [*keywords, *filing.keywords],
            prefix=prefix,
            internal_date=internal_date,
            trace_id=trace_id,
            reasons=reasons,
            thread=thread,
            own=target.role in (SENT, DRAFTS, SCHEDULED),
        )
        passed: tuple[Mailbox, Entry] | None = None
        if (target.role if filing is None else filing.role) == INBOX and _may_answer(prepared):
            muted = arriving.meet(changing, message.thread, cause, stay_asleep=when_muted is not None)
            if muted and when_muted is not None:
                inbox = changing.role(INBOX)
                passed = arriving.pass_by(
                    changing, message, inbox, when_muted[0], (reasons or {}) | when_muted[1]
                )
        if filing is not None:
            before = flags, joined(checked(keywords))
            target, uid = arriving.file(changing, message, target, filing, before=before, muted=passed)
            return Appended(target.id, target.uidvalidity, uid, message.message, message.thread)
        target, entry = passed or (target, None)
        stays = None if wake_at is None else [Stay(wake_at=wake_at)]
        uid = changing.place([message], target, entry, new=True, stays=stays)[0]
        return Appended(target.id, target.uidvalidity, uid, message.message, message.thread)
