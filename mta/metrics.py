"""What this installation counts of itself, for Prometheus. All names are here; docs/metrics.md explains them.

Any room counts (`metrics.MESSAGES.labels("smtp", "accepted", "").inc()`, about a microsecond); `serve.metrics`
shows. With METRICS_LISTEN the settings name a folder in which every process keeps its counts, and `text()` adds them
up; without, a process counts in its own memory and nobody asks. Labels are words of ours, never what strangers
write: an address or a name as a label would fill the memory.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
# Containers share the folder, and in each of them somebody is process 7.
_HOST = re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname()) or "here"


def _who() -> str:
    return f"{_HOST}.{os.getpid()}"


if os.environ.get(_FOLDER):
    values.ValueClass = values.MultiProcessValue(process_identifier=_who)

REGISTRY = CollectorRegistry()


def _counter(name: str, what: str, *labels: str) -> Counter:
    return Counter(f"mailstead_{name}", what, labels, registry=REGISTRY)


# --- connections
CONNECTIONS = _counter("connections", "Connections that were let in.", "protocol")
OPEN = Gauge(
    "mailstead_connections_open",
    "Connections at this moment.",
    ("protocol",),
    registry=REGISTRY,
    multiprocess_mode="livesum",
)
TURNED_AWAY = _counter(
    "connections_turned_away", "Connections that were refused at the door.", "protocol", "limit"
)
SIGN_INS = _counter("sign_ins", "Attempts to sign in.", "protocol", "result")

# --- manners
LIMITED = _counter("limited", "How often a limit or a rule of manners made us refuse.", "limit")
SLOWED = _counter("slowed", "How often somebody was made to wait.", "limit")
LIMITS_ALONE = _counter(
    "limits_alone", "Exchanges of limits between processes that failed; each counted for itself."
)

# --- messages
MESSAGES = _counter("messages", "Messages at the end of DATA.", "protocol", "outcome", "reason")
MESSAGE_BYTES = _counter("message_bytes", "Bytes of accepted messages.", "protocol")
RECIPIENTS = _counter("recipients", "Recipients in RCPT.", "protocol", "outcome")
PLACED = _counter("placed", "Copies placed for recipients here.", "where")
VERDICTS = _counter("verdicts", "What each check of an incoming message found.", "method", "result")
DELIVERIES = _counter("deliveries", "Attempts to deliver to other hosts, per recipient.", "outcome")
STORED_IN = Histogram(
    "mailstead_message_seconds",
    "From the end of DATA to our answer.",
    ("protocol",),
    registry=REGISTRY,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15),
)


def text(*more: Collector) -> bytes:
    """Everything of all processes on this folder, in Prometheus's text format; `more` is asked, too. Blocking."""
    folder = os.environ.get(_FOLDER)
    if folder is None:
        shown = REGISTRY
        if more:
            shown = CollectorRegistry()
            shown.register(_Both(REGISTRY))
    else:
        forget_dead(Path(folder))
        shown = CollectorRegistry()
        MultiProcessCollector(shown, path=folder)
    for each in more:
        shown.register(each)
    return generate_latest(shown)


class _Both(Collector):
    """One registry inside another, so that what is asked for one answer stays out of the lasting one."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterable[Metric]:
        return self._registry.collect()


def forget_dead(folder: Path) -> None:
    """What processes of this host had open when they died is not open any more."""
    for path in folder.glob(f"gauge_live*_{_HOST}.*.db"):
        number = path.stem.rpartition(".")[2]
        if number.isdecimal() and not _lives(int(number)):
            with suppress(FileNotFoundError):
                path.unlink()


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def begin_anew(folder: Path) -> None:
    """Counters start at 0: called before an installation's processes start."""
    for path in folder.glob("*.db"):
        with suppress(FileNotFoundError):
            path.unlink()
