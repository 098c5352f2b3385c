"""The machine under the benchmark: how busy it is, which processes there are, what they weigh. Linux."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")


def answers(port: int) -> bool:
    """True if somebody accepts connections on a loopback port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def alive(pid: int) -> bool:
    """True while a process runs; one that waits to be reaped does not."""
    try:
        return (PROC / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def descendants(roots: Iterable[int]) -> set[int]:
    """These processes, their children, and theirs."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            with suppress(OSError, IndexError, ValueError):
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    seen: set[int] = set()
    waiting = [pid for pid in roots if pid]
    while waiting:
        pid = waiting.pop()
        if pid not in seen:
            seen.add(pid)
            waiting += children.get(pid, [])
    return seen


def pss_kib(pids: Iterable[int]) -> int:
    """The proportional share of memory these processes hold, in KiB."""
    total = 0
    for pid in pids:
        with suppress(OSError):
            for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total


def cpu_seconds(pids: Iterable[int]) -> float:
    """Processor seconds these processes, and the children they have reaped, have used."""
    total = 0
    for pid in pids:
        with suppress(OSError):
            fields = (PROC / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()
            total += sum(int(field) for field in fields[11:15])
    return total / os.sysconf("SC_CLK_TCK")


class Busy:
    """The share of all processors that was busy since this was made."""

    def __init__(self) -> None:
        self._start = self._read()

    @staticmethod
    def _read() -> tuple[int, int]:
        values = [int(value) for value in (PROC / "stat").read_text().splitlines()[0].split()[1:9]]
        return sum(values), values[3] + values[4]

    def share(self) -> float:
        total, idle = (now - then for now, then in zip(self._read(), self._start, strict=True))
        return 1 - idle / total if total else 0.0


def wait_for_quiet(share: float, *, longest: float) -> float:
    """Wait until no more than `share` of the machine was busy for a moment; returns how busy it was then."""
    deadline = time.monotonic() + longest
    while True:
        busy = Busy()
        time.sleep(0.4)
        now = busy.share()
        if now <= share or time.monotonic() >= deadline:
            return round(now, 2)


def describe() -> dict[str, object]:
    """What figures depend on: processors, memory, kernel."""
    model = ""
    with suppress(OSError):
        lines = (PROC / "cpuinfo").read_text().splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "processors": os.cpu_count(),
        "model": model,
        "memory_gib": round(pages / 2**30, 1),
        "kernel": os.uname().release,
    }
