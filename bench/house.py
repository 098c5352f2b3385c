"""All servers of a benchmark: fills their folders, starts them, and leaves nothing running."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from bench import maildirs, names, sets
from bench.ours import Ours
from bench.peers import Peers, Unavailable
from bench.postgres import Cluster
from bench.servers import Server, address


class House:
    """Servers for one set of accounts at a time."""

    def __init__(self, cache: Path, *, databases: list[str], peers: bool) -> None:
        self._cache = cache
        self._databases = [name for name in databases if name]
        self._peers = peers
        self._running: list[Server] = []
        self._set = ""
        self._cluster: Cluster | None = None
        cache.mkdir(parents=True, exist_ok=True)

    def open(self, set_name: str, processes: int, checks: bool = False) -> list[Server]:
        """Every server with a set's accounts filled, and answering."""
        self._stop()
        if checks:
            names.serve()
        servers: list[Server] = [
            self._ours(database, set_name, processes, checks=checks) for database in self._databases
        ]
        if self._peers and set_name in {"people", "inbound"}:
            servers[1:1] = self._dovecot(set_name)
        for server in list(servers):
            self._running.append(server)
            try:
                server.start()
            except Unavailable as error:
                self._without_peers(error)
                servers.remove(server)
        return servers

    def fill(self, set_names: Iterable[str]) -> None:
        """Have the folders filled, without a server."""
        for set_name in set_names:
            for database in self._databases:
                self._ours(database, set_name, 1)

    def close(self) -> None:
        self._stop()
        if self._cluster is not None:
            self._cluster.stop()

    def _stop(self) -> None:
        for server in self._running:
            server.stop()
        self._running = []

    def _ours(self, database: str, set_name: str, processes: int, *, checks: bool = False) -> Ours:
        url = ""
        if database == "postgresql":
            if self._cluster is None:
                self._cluster = Cluster(self._cache / "postgresql")
                self._cluster.start()
            url = self._cluster.url(f"bench_{set_name}")
        server = Ours(
            self._cache / f"{database}-{set_name}",
            database=database,
            database_url=url,
            processes=processes,
            checks=checks,
        )
        sys.stdout.write(server.run("bench.seed", set_name))
        return server

    def _dovecot(self, set_name: str) -> list[Server]:
        """The peers, or nothing where they cannot be had."""
        accounts = sets.SETS[set_name]
        peers = Peers(self._cache / "peers", [address(user) for user in accounts])
        try:
            peers.prepare()
        except Unavailable as error:
            self._without_peers(error)
            return []
        for user, (count, kind) in accounts.items():
            maildirs.fill(peers.maildir(address(user)), count, kind)
        return [peers]

    def _without_peers(self, error: Unavailable) -> None:
        sys.stdout.write(f"Without Postfix and Dovecot: {error}\n")
        self._peers = False

    def versions(self) -> dict[str, str]:
        """What was measured."""
        commands = {
            "mailstead": ["git", "describe", "--always", "--dirty"],
            "dovecot": ["dovecot", "--version"],
            "postfix": ["postconf", "-h", "mail_version"],
        }
        found = {"python": sys.version.split()[0]}
        for name, command in commands.items():
            with suppress(OSError):
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                found[name] = done.stdout.strip()
        return found
