"""The doorbell between processes: "something changed in these mailspaces". It carries no data.

Losing a ring costs latency, never mail: whoever hears it reads state. Redis pub/sub when REDIS_URL is set; else
PostgreSQL NOTIFY; else, on SQLite, `bells` beside the database, a small ring of rings (see `bell_file`), with
`PRAGMA data_version` once a second for what nobody rang. Listeners of the ringing process hear it at once, and not a second time.
Never blocks the caller for long and never raises.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import select
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import psycopg
import redis
from django.conf import settings
from django.db import connection

from mta.bell_file import BellFile

log = logging.getLogger(__name__)

CHANNEL = "mailstead_bells"
# A ring that got lost (a process died between its commit and its ring) is found by this.
SQLITE_LOOK = 1.0  # seconds between looks at data_version
IN_MEMORY_INTERVAL = 0.010  # and where it is all there is: a database in memory, in tests
RETRY_DELAY = 1.0
LOST = 5.0  # seconds after which a line to PostgreSQL is looked at, although nobody rang

# What a listener is told: the mailspaces that changed, or None for "look yourself".
OnRing = Callable[[frozenset[int] | None], None]

_here: set[OnRing] = set()  # listeners of this process hear a ring without the way round


@cache
def _name() -> int:
    """Who rings: by this a process knows its own rings when they come back."""
    return secrets.randbits(63)


def ring(mailspaces: Iterable[int]) -> None:
    """Tell every process that these mailspaces changed. Call after the commit."""
    changed = frozenset(mailspaces)
    if not changed:
        return
    for listener in tuple(_here):
        listener(changed)
    try:
        if settings.REDIS_URL:
            _redis().publish(CHANNEL, _payload(changed))
        elif connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, _payload(changed)])
        elif (path := _bell_path()) is not None:
            _bell_file(path).ring(changed, by=_name())
    except Exception:  # the doorbell may be broken; mail is not
        log.warning("could not ring the bell", exc_info=True)


def _payload(changed: frozenset[int]) -> str:
    text = json.dumps([_name(), *sorted(changed)])
    return text if len(text) < 7000 else json.dumps([_name()])  # PostgreSQL's limit is 8,000 bytes


@cache
def _redis() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)


def _bell_path() -> Path | None:
    """Beside the database file; none for a database in memory, which has no other processes."""
    name = str(connection.settings_dict["NAME"])
    if name == ":memory:" or name.startswith("file:"):
        return None
    return Path(name).resolve().parent / "bells"


@cache
def _bell_file(path: Path) -> BellFile:
    return BellFile(path)


class Listener:
    """Somebody who wants to hear of rings: `on_ring` is called from whichever thread rings or listens."""

    def __init__(self, on_ring: OnRing) -> None:
        self._on_ring = on_ring

    def start(self) -> None:
        _here.add(self._on_ring)
        _line.join()

    def stop(self) -> None:
        _here.discard(self._on_ring)
        _line.leave()


class _Line:
    """The one thread of this process that waits for rings of others, as long as somebody listens.

    After a lost connection it tells everybody to look (None), because rings may have been missed.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listening = 0
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        # Whoever leaves writes to it, so that nobody who stops waits for the next look.
        self._wake, self._leaving = socket.socketpair()

    def join(self) -> None:
        with self._lock:
            self._listening += 1
            if self._thread is None:
                self._stopping.clear()
                self._thread = threading.Thread(target=self._run, name="bell-listener", daemon=True)
                self._thread.start()

    def leave(self) -> None:
        with self._lock:
            self._listening -= 1
            if self._listening or self._thread is None:
                return
            self._stopping.set()
            self._leaving.send(b"x")
            self._thread.join(timeout=5)
            self._wake.recv(1)
            self._thread = None

    @staticmethod
    def _on_ring(changed: frozenset[int] | None) -> None:
        for listener in tuple(_here):
            listener(changed)

    def _run(self) -> None:
        listen = self._pick()
        while not self._stopping.is_set():
            try:
                listen()
            except Exception:
                if self._stopping.is_set():
                    return
                log.warning("the bell line broke; trying again", exc_info=True)
                self._stopping.wait(RETRY_DELAY)
                self._on_ring(None)

    def _pick(self) -> Callable[[], None]:
        if settings.REDIS_URL:
            return self._listen_redis
        return self._listen_postgresql if connection.vendor == "postgresql" else self._listen_sqlite

    def _listen_redis(self) -> None:
        client = redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2)
        with client.pubsub(ignore_subscribe_messages=True) as line:
            line.subscribe(CHANNEL)
            while not self._stopping.is_set():
                message = line.get_message(timeout=0.5)
                if message is not None:
                    self._heard(message["data"])
        client.close()

    def _listen_postgresql(self) -> None:
        params = connection.get_connection_params()
        wanted = {
            key: params[key] for key in ("host", "port", "user", "password", "dbname") if params.get(key)
        }
        with psycopg.connect(**wanted, autocommit=True) as line:
            line.execute(f"LISTEN {CHANNEL}")
            while not self._stopping.is_set():
                for notice in line.notifies(timeout=0):
                    self._heard(notice.payload)
                select.select((line.fileno(), self._wake.fileno()), (), (), LOST)

    def _listen_sqlite(self) -> None:
        path = str(connection.settings_dict["NAME"])
        bells = _bell_path()
        file = BellFile(bells, listens=True) if bells is not None else None
        line = sqlite3.connect(path, uri=path.startswith("file:"), timeout=5)
        try:
            version, look_at = None, 0.0
            while not self._stopping.is_set():
                now = time.monotonic()
                if now >= look_at or file is None:
                    seen, look_at = version, now + SQLITE_LOOK
                    version = line.execute("PRAGMA data_version").fetchone()[0]
                    if version != seen and seen is not None:
                        self._on_ring(None)
                if file is None:
                    time.sleep(IN_MEMORY_INTERVAL)
                    continue
                rung = file.rung(but_by=_name())
                if rung is None or rung:
                    self._on_ring(rung)
                file.wait(min(SQLITE_LOOK, look_at - now), leaving=self._wake)
        finally:
            line.close()
            if file is not None:
                file.close()

    def _heard(self, payload: bytes | str) -> None:
        by, *mailspaces = json.loads(payload)
        if by != _name():
            self._on_ring(frozenset(mailspaces) or None)


_line = _Line()


def _forget() -> None:
    """After a fork: another process has another name, its own hold of the file (flock), and no threads."""
    global _line
    _line = _Line()
    _name.cache_clear()
    _bell_file.cache_clear()


os.register_at_fork(after_in_child=_forget)
