"""Django's SQLite backend, with a ticket to write.

SQLite lets one connection write at a time and makes the others poll. With six busy processes that starves
somebody for seconds, so every write first takes an exclusive flock on `write.lock` beside the database
file, where the kernel queues fairly, and gives it back on commit, rollback or close. It covers `atomic`
blocks (always BEGIN IMMEDIATE here: a read that turns into a write cannot be refused half-way) and single
statements outside of them. Never used for reads outside a transaction.
"""

import fcntl
import os
import re
import threading
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.db.backends.sqlite3 import base
from django.db.utils import OperationalError

_WRITES = re.compile(
    r"\s*(?:(?:INSERT|UPDATE|DELETE|REPLACE|CREATE|DROP|ALTER|REINDEX|VACUUM)\b"
    # A common table expression reads unless one of these words comes after it.
    r"|WITH\b.*\b(?:INSERT|UPDATE|DELETE|REPLACE)\b)",
    re.IGNORECASE | re.DOTALL,
)

_turns: dict[str, threading.Lock] = {}
_turns_guard = threading.Lock()


def _forget_turns() -> None:
    """After a fork the threads that held these are not there to give them back."""
    global _turns, _turns_guard
    _turns, _turns_guard = {}, threading.Lock()


os.register_at_fork(after_in_child=_forget_turns)


def _turn(path: str) -> threading.Lock:
    with _turns_guard:
        return _turns.setdefault(path, threading.Lock())


class Ticket:
    """The right to write, for one connection. Taking it twice is an error in our code, not a wait.

    Threads of one process first take turns on a lock with a deadline, so that a thread that waits for
    itself is told so; then the one whose turn it is queues in the kernel among the processes.
    """

    def __init__(self, path: str, *, timeout: float) -> None:
        self._path = path
        self._timeout = timeout
        self._turn: threading.Lock | None = None
        self._descriptor: int | None = None
        self._owner = os.getpid()
        self.held = False

    def take(self) -> None:
        if self._owner != os.getpid():
            # The parent's descriptor shares the parent's lock (flock belongs to the open file).
            self.held, self._turn, self._descriptor, self._owner = False, None, None, os.getpid()
        turn = _turn(self._path)
        if not turn.acquire(timeout=self._timeout):
            raise OperationalError(
                "database is locked: another thread of this process keeps the write ticket"
            )
        try:
            if self._descriptor is None:
                self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        except BaseException:
            turn.release()
            raise
        self._turn = turn
        self.held = True

    def give_back(self) -> None:
        if not self.held or self._owner != os.getpid():
            return
        turn, self._turn, self.held = self._turn, None, False
        try:
            if self._descriptor is not None:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        finally:
            if turn is not None:
                turn.release()

    def close(self) -> None:
        self.give_back()
        if self._descriptor is not None and self._owner == os.getpid():
            os.close(self._descriptor)
        self._descriptor = None


@lru_cache(maxsize=1000)
def _with_marks(query: str) -> str:
    return base.FORMAT_QMARK_REGEX.sub("?", query).replace("%%", "%")


class Cursor(base.SQLiteCursorWrapper):
    """A cursor whose single writing statements, outside a transaction, hold the ticket while they run."""

    ticket: Ticket | None = None

    def convert_query(self, query: str, *, param_names: Any = None) -> str:
        """The same statements come again and again: their marks are turned into SQLite's once."""
        if param_names is None:
            return _with_marks(query)
        return str(super().convert_query(query, param_names=param_names))

    def execute(self, query: str, params: Any = None) -> Any:
        if not self._needs_ticket(query):
            return super().execute(query, params)
        assert self.ticket is not None  # noqa: S101 - _needs_ticket has looked
        self.ticket.take()
        try:
            return super().execute(query, params)
        finally:
            self.ticket.give_back()

    def executemany(self, query: str, param_list: Any) -> Any:
        if not self._needs_ticket(query):
            return super().executemany(query, param_list)
        assert self.ticket is not None  # noqa: S101 - _needs_ticket has looked
        self.ticket.take()
        try:
            return super().executemany(query, param_list)
        finally:
            self.ticket.give_back()

    def _needs_ticket(self, query: str) -> bool:
        return (
            self.ticket is not None
            and not self.ticket.held
            and not self.connection.in_transaction
            and _WRITES.match(query) is not None
        )


# The methods extended here are Django's own seams between backends, which its type stubs leave out.
_DjangoWrapper: Any = base.DatabaseWrapper


class DatabaseWrapper(_DjangoWrapper):
    """What `ENGINE = "mta.sqlite"` means."""

    ticket: Ticket | None = None

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        connection = super().get_new_connection(conn_params)
        self.ticket = self._new_ticket(conn_params)
        return connection

    def _new_ticket(self, conn_params: dict[str, Any]) -> Ticket | None:
        name = str(conn_params["database"])
        if self.is_in_memory_db() or name.startswith("file:"):
            return None
        lock = Path(name).resolve().parent / "write.lock"
        return Ticket(str(lock), timeout=float(conn_params.get("timeout", 20)))

    def create_cursor(self, name: str | None = None) -> Any:
        cursor = self.connection.cursor(factory=Cursor)
        cursor.ticket = self.ticket
        return cursor

    def _start_transaction_under_autocommit(self) -> None:
        if self.ticket is None:
            super()._start_transaction_under_autocommit()
            return
        self.ticket.take()
        try:
            super()._start_transaction_under_autocommit()
        except BaseException:
            self.ticket.give_back()
            raise

    def _commit(self) -> Any:
        try:
            return super()._commit()
        finally:
            self._settle()

    def _rollback(self) -> Any:
        try:
            return super()._rollback()
        finally:
            self._settle()

    def _close(self) -> Any:
        try:
            return super()._close()
        finally:
            if self.ticket is not None:
                self.ticket.close()

    def _settle(self) -> None:
        """Give the ticket back once SQLite itself is out of the transaction (a failed COMMIT stays inside)."""
        if self.ticket is None:
            return
        if self.connection is None or not self.connection.in_transaction:
            self.ticket.give_back()
