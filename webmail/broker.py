"""A Celery broker that needs no server: a folder. Used when `REDIS_URL` is empty; named `fslease://`.

One file per message. Publishing writes a file aside and renames it into the queue's folder; a worker claims
it by renaming it into `claimed/`, where it stays until the task is done. While a worker lives it touches
what it has claimed; a claim that nobody touches for `lease` seconds belongs to a dead worker and goes back
into its queue. So a message may run twice and is never lost with a process (kombu's own file transport
deletes a message before its task has run). It may be lost with the machine: there is no fsync, because
messages are doorbells and the rows in the database are the truth.

Only direct routing, no fanout, no priorities: that is all our tasks use.
"""

import contextlib
import os
import threading
import time
import uuid
from collections import deque
from pathlib import Path
from queue import Empty
from typing import Any
from urllib.parse import quote, unquote

from kombu.transport import TRANSPORT_ALIASES, virtual
from kombu.utils.json import dumps, loads

#: Seconds without a touch after which a claim counts as abandoned. Touched four times as often.
LEASE = 20.0


class Spool:
    """The folder itself: `queue/NAME/*.json` waits, `claimed/` is being worked on, `new/` is being written."""

    def __init__(self, folder: Path, *, lease: float = LEASE) -> None:
        self._folder = folder
        self.lease = lease
        for name in ("new", "claimed", "queue"):
            (folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)

    def _queue(self, queue: str) -> Path:
        # The first dot ends the queue's name in a claim, so dots are written as %2E.
        folder = self._folder / "queue" / quote(queue, safe="").replace(".", "%2E")
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def put(self, queue: str, payload: bytes) -> None:
        name = f"{time.time_ns():020d}-{uuid.uuid4().hex}"
        draft = self._folder / "new" / name
        draft.write_bytes(payload)
        draft.rename(self._queue(queue) / name)

    def waiting(self, queue: str) -> list[str]:
        """Names of the messages of a queue, oldest first."""
        return sorted(os.listdir(self._queue(queue)))  # noqa: PTH208 - 20 times a second: names are enough

    def claim(self, queue: str, name: str) -> Path | None:
        """Make a waiting message ours; None if another worker was quicker."""
        waiting = self._queue(queue) / name
        claimed = (
            self._folder / "claimed" / f"{waiting.parent.name}.{name}.{os.getpid()}-{uuid.uuid4().hex[:8]}"
        )
        try:
            # A rename keeps the time of the file; without this a message that waited long would look abandoned.
            os.utime(waiting)
            waiting.rename(claimed)
        except FileNotFoundError:
            return None
        return claimed

    def done(self, claimed: Path) -> None:
        claimed.unlink(missing_ok=True)

    def put_back(self, claimed: Path) -> None:
        queue, name, _claim = claimed.name.split(".", 2)
        folder = self._queue(unquote(queue))
        with contextlib.suppress(FileNotFoundError):  # already put back by the others, who thought us dead
            claimed.rename(folder / name)

    def touch(self, claims: list[Path]) -> None:
        for claimed in claims:
            try:
                os.utime(claimed)
            except FileNotFoundError:
                continue

    def reap(self, *, now: float | None = None) -> int:
        """Put back what dead workers left; how many. Any number of processes may do this at once."""
        now = time.time() if now is None else now
        limit = now - self.lease
        count = 0
        self._sweep_drafts(now)
        with os.scandir(self._folder / "claimed") as entries:
            for entry in entries:
                try:
                    abandoned = entry.stat().st_mtime < limit
                except FileNotFoundError:
                    continue
                if abandoned:
                    self.put_back(Path(entry.path))
                    count += 1
        return count

    def _sweep_drafts(self, now: float) -> None:
        """Remove what a publisher that died while writing left behind."""
        with os.scandir(self._folder / "new") as entries:
            for entry in entries:
                try:
                    if entry.stat().st_mtime < now - 3600:
                        Path(entry.path).unlink()
                except FileNotFoundError:
                    continue


class Keeper(threading.Thread):
    """Touches the claims of one channel and reaps those of dead workers, until it is told to stop."""

    def __init__(self, spool: Spool, claims: dict[str, Path]) -> None:
        super().__init__(name="broker-leases", daemon=True)
        self._spool = spool
        self._claims = claims
        self._stopping = threading.Event()

    def run(self) -> None:
        self._spool.reap()
        while not self._stopping.wait(self._spool.lease / 4):
            self._spool.touch(list(self._claims.values()))
            self._spool.reap()

    def stop(self) -> None:
        self._stopping.set()


class QoS(virtual.QoS):
    """Counts what is unacknowledged, and ends the claim when the task has ended."""

    def ack(self, delivery_tag: str) -> None:
        self.channel.finish(delivery_tag, again=False)
        super().ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        self.channel.finish(delivery_tag, again=requeue)
        super().reject(delivery_tag, requeue=False)


class Channel(virtual.Channel):
    """What kombu calls for each connection of a worker or a publisher."""

    QoS = QoS

    def __init__(self, connection: Any, **kwargs: Any) -> None:
        super().__init__(connection, **kwargs)
        options = connection.client.transport_options
        self._spool = Spool(Path(options["folder"]), lease=float(options.get("lease", LEASE)))
        self._claims: dict[str, Path] = {}
        self._seen: dict[str, deque[str]] = {}
        self._keeper: Keeper | None = None

    def finish(self, delivery_tag: str, *, again: bool) -> None:
        claimed = self._claims.pop(delivery_tag, None)
        if claimed is None:
            return
        if again:
            self._spool.put_back(claimed)
        else:
            self._spool.done(claimed)

    def _put(self, queue: str, message: dict[str, Any], **kwargs: Any) -> None:
        self._spool.put(queue, dumps(message).encode())

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        self._keep()
        names = self._seen.setdefault(queue, deque())
        if not names:
            names.extend(self._spool.waiting(queue))
        while names:
            claimed = self._spool.claim(queue, names.popleft())
            if claimed is None:
                continue
            try:
                message: dict[str, Any] = loads(claimed.read_bytes())
                tag: str = message["properties"]["delivery_tag"]
            except (FileNotFoundError, ValueError, KeyError, TypeError):
                self._spool.done(
                    claimed
                )  # not ours, or torn by a crash of the machine: the sweeps make up for it
                continue
            self._claims[tag] = claimed
            return message
        raise Empty

    def _keep(self) -> None:
        if self._keeper is None:
            self._keeper = Keeper(self._spool, self._claims)
            self._keeper.start()

    def basic_consume(self, queue: str, no_ack: bool, callback: Any, consumer_tag: str, **kwargs: Any) -> Any:
        if no_ack:
            raise NotImplementedError("this broker deletes a message only when it is acknowledged")
        return super().basic_consume(queue, no_ack, callback, consumer_tag, **kwargs)

    def _restore(self, message: Any) -> None:
        """The worker stops: its unfinished messages go back as they were, not as copies."""
        self.finish(message.delivery_tag, again=True)

    def _size(self, queue: str) -> int:
        return len(self._spool.waiting(queue))

    def _purge(self, queue: str) -> int:
        claims = [self._spool.claim(queue, name) for name in self._spool.waiting(queue)]
        for claimed in claims:
            if claimed is not None:
                self._spool.done(claimed)
        return sum(claimed is not None for claimed in claims)

    def _has_queue(self, queue: str, **kwargs: Any) -> bool:
        return True

    def close(self) -> None:
        super().close()
        if self._keeper is not None:
            self._keeper.stop()
            self._keeper = None


class Transport(virtual.Transport):
    """What `fslease://` means to kombu."""

    Channel = Channel
    driver_type = "filesystem"
    driver_name = "fslease"
    default_port = None
    polling_interval = 0.05
    implements = virtual.Transport.implements.extend(
        asynchronous=False, exchange_type=frozenset(["direct"]), heartbeats=False
    )

    def driver_version(self) -> str:
        return "1"


def register() -> None:
    """Make `fslease://` known; webmail/celery.py calls it before it names a broker."""
    TRANSPORT_ALIASES["fslease"] = f"{__name__}:Transport"
