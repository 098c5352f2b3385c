"""METRICS_LISTEN: `/metrics` for Prometheus and `/healthz` for whoever restarts what is ill.

A few lines of HTTP/1.1, one request per connection, nothing but GET and HEAD, nothing read but the first line. What
was counted is in `mta.metrics`; how long the queue is, is asked of the database when somebody looks, at most every
few seconds. `/healthz` is 200 while the database answers and this process is not about to end, else 503. There is
no password: it listens on this machine only unless an administrator says otherwise. A door of `serve.main`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable

from django.db import connection
from prometheus_client import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mta import metrics
from mta.queue import service as queue
from mta.serve.session import Context

log = logging.getLogger(__name__)

LONGEST_HEAD = 8_192
SECONDS = 10.0  # for the whole request
HEALTH_SECONDS = 5.0  # a database that takes longer than this is not well
KEEP_SECONDS = 5.0

_PLAIN = "text/plain; charset=utf-8"
_REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    503: "Service Unavailable",
}

FULL = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class QueueDepth(Collector):
    """How many recipients wait, by state, and how late the latest is. Kept for a moment, whoever asks."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: tuple[float, list[Metric]] | None = None

    def collect(self) -> Iterable[Metric]:
        if self._kept is None or self._clock() - self._kept[0] > KEEP_SECONDS:
            self._kept = self._clock(), self._look()
        return self._kept[1]

    def describe(self) -> Iterable[Metric]:
        return []

    def _look(self) -> list[Metric]:
        depth = queue.depth()
        waiting = GaugeMetricFamily(
            "mailstead_queue_recipients", "Recipients that are not finished.", labels=["state"]
        )
        for state, count in sorted(depth.states.items()):
            waiting.add_metric([state], count)
        late = GaugeMetricFamily(
            "mailstead_queue_late_seconds", "How long ago the next attempt that is due should have begun."
        )
        late.add_metric([], depth.late)
        return [waiting, late]


_depth = QueueDepth()


async def serve_metrics(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: Context) -> None:
    """One request, one answer."""
    try:
        async with asyncio.timeout(SECONDS):
            head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.LimitOverrunError, asyncio.IncompleteReadError):
        head = b""
    method, path = _read(head[:LONGEST_HEAD])
    if method not in {"GET", "HEAD"}:
        status, kind, body = (
            (405, _PLAIN, b"Only GET\n") if method else (400, _PLAIN, b"That is no request\n")
        )
    else:
        status, kind, body = await _answer(path, context)
    writer.write(_head(status, kind, len(body)) + (b"" if method == "HEAD" else body))
    await writer.drain()


def _read(head: bytes) -> tuple[str, str]:
    """Method and path of a request line (RFC 9112 §3); two empty words if it is none."""
    words = head.partition(b"\r\n")[0].split(b" ")
    if len(words) != 3 or not words[2].startswith(b"HTTP/1.") or not head.isascii():
        return "", ""
    return words[0].decode(), words[1].decode().partition("?")[0]


async def _answer(path: str, context: Context) -> tuple[int, str, bytes]:
    match path:
        case "/metrics":
            try:
                return 200, CONTENT_TYPE_LATEST, await context.bridge.run(metrics.text, _depth)
            except Exception:  # the counts are worth seeing most when the database is down
                log.warning("the queue could not be counted for /metrics", exc_info=True)
                return 200, CONTENT_TYPE_LATEST, await asyncio.to_thread(metrics.text)
        case "/healthz":
            trouble = await _trouble(context)
            return (503, _PLAIN, f"{trouble}\n".encode()) if trouble else (200, _PLAIN, b"ok\n")
    return 404, _PLAIN, b"There is /metrics and /healthz\n"


async def _trouble(context: Context) -> str:
    if context.stopping.is_set():
        return "stopping"
    try:
        async with asyncio.timeout(HEALTH_SECONDS):
            await context.bridge.run(_ask_database)
    except TimeoutError:
        return "the database does not answer in time"
    except Exception as error:
        log.warning("/healthz: the database does not answer (%s)", error)
        return "the database does not answer"
    return ""


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()


def _head(status: int, kind: str, length: int) -> bytes:
    return (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n"
        "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
    ).encode()
