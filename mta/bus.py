"""The doorbell between processes: "something changed in these mailspaces". It carries no data.

Losing a ring costs latency, never mail: whoever hears it reads state. Redis pub/sub when REDIS_URL
is set; else PostgreSQL NOTIFY; else SQLite, where a listener watches `PRAGMA data_version` every
10 ms while somebody listens. Never blocks the caller for long and never raises.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from functools import cache

import psycopg
import redis
from django.conf import settings
from django.db import connection

log = logging.getLogger(__name__)

CHANNEL = "mailstead_bells"
SQLITE_INTERVAL = 0.010  # seconds between looks at data_version
RETRY_DELAY = 1.0

# What a listener is told: the mailspaces that changed, or None for "look yourself".
OnRing = Callable[[frozenset[int] | None], None]

_here: set[OnRing] = set()  # listeners of this process hear a ring without the way round


def ring(mailspaces: Iterable[int]) -> None:
    """Tell every process that these mailspaces changed. Call after the commit."""
    changed = frozenset(mailspaces)
    if not changed:
        return
    for listener in tuple(_here):
        listener(changed)
    try:
        if settings.REDIS_URL:
            _redis().publish(CHANNEL, json.dumps(sorted(changed)))
        elif connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, _payload(changed)])
    except Exception:  # the doorbell may be broken; mail is not
        log.warning("could not ring the bell", exc_info=True)


def _payload(changed: frozenset[int]) -> str:
    text = json.dumps(sorted(changed))
    return text if len(text) < 7000 else "null"  # PostgreSQL's limit is 8,000 bytes


@cache
def _redis() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)


class Listener:
    """A thread that waits for rings of other processes and calls `on_ring`.

    After a lost connection it calls `on_ring(None)`, because rings may have been missed.
    """

    def __init__(self, on_ring: OnRing) -> None:
        self._on_ring = on_ring
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bell-listener", daemon=True)

    def start(self) -> None:
        _here.add(self._on_ring)
        self._thread.start()

    def stop(self) -> None:
        _here.discard(self._on_ring)
        self._stopping.set()
        self._thread.join(timeout=5)

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
                for notice in line.notifies(timeout=0.5):
                    self._heard(notice.payload)

    def _listen_sqlite(self) -> None:
        path = str(connection.settings_dict["NAME"])
        line = sqlite3.connect(path, uri=path.startswith("file:"), timeout=5)
        try:
            seen = None
            while not self._stopping.is_set():
                version = line.execute("PRAGMA data_version").fetchone()[0]
                if version != seen:
                    if seen is not None:
                        self._on_ring(None)
                    seen = version
                time.sleep(SQLITE_INTERVAL)
        finally:
            line.close()

    def _heard(self, payload: bytes | str) -> None:
        mailspaces = json.loads(payload)
        self._on_ring(None if mailspaces is None else frozenset(mailspaces))
