"""Writing the journal: a Change for each entry of a command, and the command's one line for people.

Called by `changing` when a mailspace is done changing, within its transaction; `journal` reads what is written here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from . import sql
from .columns import ACTION_COLUMNS, CHANGE_COLUMNS
from .live import Entry

# The first row of a command writes its line, later ones are added to it. An import into many mailboxes names none.
_COUNTED = f"""
INSERT INTO mailstore_action ({", ".join(ACTION_COLUMNS)}) VALUES ({", ".join(["%s"] * len(ACTION_COLUMNS))})
ON CONFLICT (mailspace_id, action) DO UPDATE SET until = excluded.until, is_open = excluded.is_open,
   count = mailstore_action.count + excluded.count, changes = mailstore_action.changes + 1,
   conversations = mailstore_action.conversations + excluded.conversations,
   mailbox_id = CASE WHEN mailstore_action.verb = 'import' AND mailstore_action.mailbox_id <> excluded.mailbox_id
      THEN NULL ELSE mailstore_action.mailbox_id END
"""


def write(mailspace: int, entries: Iterable[Entry], *, modseq: Callable[[], int], now: int) -> None:
    """Write down the entries that changed something; only these ask for a modseq."""
    changes = []
    for entry in entries:
        if not (before := entry.before()):
            continue
        head = (entry.verb, entry.cause.kind, entry.cause.session[:255], entry.cause.actor[:255])
        count = len(entry.messages())
        changes.append(
            (
                *(mailspace, now, modseq(), entry.action, *head, entry.mailbox),
                *(count, sql.as_json(before), entry.is_open, "", entry.undoes),
            )
        )
        line = (
            *(mailspace, entry.action, now, now, *head, entry.source(), entry.target()),
            *(count, len(entry.threads), sql.as_json(entry.sample()), 1, 0),
            *(entry.undone_action, entry.is_open),
        )
        sql.execute(_COUNTED, line)
    sql.insert_many("mailstore_change", CHANGE_COLUMNS, changes, json_columns=("before",))
