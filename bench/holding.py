"""Connections that idle, thousands of them: what each weighs."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Sequence

from bench import machine
from bench.cases import Figures
from bench.imap import Imap, opened
from bench.servers import Server
from bench.together import in_threads


def idle_memory(connections: int, users: Sequence[str], *, at_once: int = 20) -> Callable[[Server], Figures]:
    """The memory of connections that idle in a selected Inbox, all signed in and all still answering.

    They are opened by one process of the bench with a selector, and weighed when the server has been at rest.
    """

    def measure(server: Server) -> Figures:
        _many_files(connections)
        with opened(server, users[0]):  # what the first client of all makes the server load
            pass
        time.sleep(1)
        before = machine.pss_kib(server.imap_pids())
        start = time.perf_counter()
        held = [
            one
            for share in in_threads(at_once, lambda n: _hold(server, users, range(n, connections, at_once)))
            for one in share
        ]
        took = time.perf_counter() - start
        _rest(server)
        after = machine.pss_kib(server.imap_pids())
        cpu = machine.cpu_seconds(server.imap_pids())
        time.sleep(5)
        idle_share = (machine.cpu_seconds(server.imap_pids()) - cpu) / 5
        for client, tag in held:
            client.done(tag)
        for client, _ in held:
            client.socket.close()
        _rest(server)
        return {
            "kib": (after - before) / len(held),
            "total_mib": after / 1024,
            "opened_per_s": len(held) / took,
            "cpu_at_rest": idle_share,
        }

    return measure


def _hold(server: Server, users: Sequence[str], numbers: range) -> list[tuple[Imap, bytes]]:
    held = []
    for number in numbers:
        client = Imap(server, users[number % len(users)], timeout=120)
        client.select()
        held.append((client, client.idle()))
    return held


def _rest(server: Server, *, longest: float = 20) -> None:
    """Until the server has used next to no processor time for two seconds."""
    until = time.monotonic() + longest
    while time.monotonic() < until:
        cpu = machine.cpu_seconds(server.imap_pids())
        time.sleep(2)
        if machine.cpu_seconds(server.imap_pids()) - cpu < 0.2:
            return


def _many_files(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count + 500:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count + 2000, hard), hard))
