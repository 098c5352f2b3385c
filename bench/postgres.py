"""A PostgreSQL of the benchmark's own, durable as in production, kept in the cache folder between runs.

Debian's programs when they are there; else those that the tests use. DATABASE_URL names a server to use instead.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

from tests.ports import reserved
from tests.servers import Unavailable, _copy_programs, _postgres_programs

_DEBIAN = Path("/usr/lib/postgresql")
# Nothing here trades safety for speed: fsync, full_page_writes and synchronous_commit stay on.
_OPTIONS = ("shared_buffers=512MB", "max_connections=200", "max_wal_size=4GB", "listen_addresses=127.0.0.1")


class Cluster:
    """One server; `url(name)` makes a database if it is not there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._given = os.environ.get("DATABASE_URL", "")
        self._given = self._given if self._given.startswith("postgres") else ""
        self._process: subprocess.Popen[bytes] | None = None
        self._url = self._given

    def start(self) -> None:
        if self._given:
            return
        programs, as_user = self._programs()
        data = self._folder / "data"
        if not (data / "PG_VERSION").exists():
            command = [
                programs / "initdb",
                "-D",
                data,
                "-U",
                "mailstead",
                "--auth=trust",
                "-E",
                "UTF8",
                "--locale=C",
            ]
            made = subprocess.run(
                command, cwd=self._folder, capture_output=True, text=True, check=False, **as_user
            )
            if made.returncode:
                raise Unavailable(f"initdb failed: {made.stderr[-1000:]}")
        port = reserved()
        options = [f"-c{one}" for one in (*_OPTIONS, f"unix_socket_directories={self._folder}")]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [programs / "postgres", "-D", data, "-p", str(port), *options],
                cwd=self._folder,
                stdout=log,
                stderr=log,
                **as_user,
            )
        self._url = f"postgres://mailstead@127.0.0.1:{port}/postgres"
        deadline = time.monotonic() + 60
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise Unavailable(f"PostgreSQL does not start; see {self._folder / 'log'}")
            time.sleep(0.1)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    @property
    def pid(self) -> int:
        return self._process.pid if self._process is not None else 0

    def url(self, name: str) -> str:
        with psycopg.connect(self._url, autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return urlunsplit(urlsplit(self._url)._replace(path=f"/{name}"))

    def _ready(self) -> bool:
        try:
            psycopg.connect(self._url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _programs(self) -> tuple[Path, dict[str, Any]]:
        """Where PostgreSQL's programs are, and as whom to run them: it refuses to be root."""
        self._folder.mkdir(parents=True, exist_ok=True)
        debian = sorted(_DEBIAN.glob("*/bin/postgres")) if _DEBIAN.is_dir() else []
        programs = debian[-1].parent if debian else _postgres_programs() / "bin"
        if os.geteuid():
            return programs, {}
        owner = pwd.getpwnam("postgres" if debian else "nobody")
        if not debian:
            kept = self._folder / "programs"
            shutil.rmtree(kept, ignore_errors=True)
            programs = _copy_programs(programs.parent, kept) / "bin"
        os.chown(self._folder, owner.pw_uid, owner.pw_gid)
        for folder in self._folder.parents:
            if folder.stat().st_uid == 0 and not folder.stat().st_mode & 0o001:
                folder.chmod(folder.stat().st_mode | 0o011)
        return programs, {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
