"""`manage.py test`: the whole suite, on both databases, and an honest list of what did not run.

Without arguments: everything on SQLite; beside it, what touches the database again on PostgreSQL, and then the
journeys on PostgreSQL with Redis (tests wait for browsers and for each other's processes: alone, they leave cores idle). With arguments: one pytest run with them, on SQLite or whatever
DATABASE_URL names. `REQUIRE_ALL=1` turns the list of what did not run into a failure.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tests import servers

BASE = Path(__file__).resolve().parent.parent
# Run on PostgreSQL, too. Browser tests see the same pages whatever is below them.
ON_POSTGRES = ("tests/mta", "tests/hosting", "tests/webmail")
WITH_REDIS = ("tests/journeys",)


@dataclass
class Phase:
    """One run of pytest and what came out of it."""

    name: str
    code: int = 0
    seconds: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)
    ran: set[str] = field(default_factory=set)
    skipped: dict[str, str] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    why_not: str = ""


def main(arguments: list[str]) -> int:
    if arguments:
        return subprocess.call([sys.executable, "-m", "pytest", *arguments], cwd=BASE)
    with ExitStack() as stack, ThreadPoolExecutor(1) as beside, tempfile.TemporaryFile() as said:
        others = beside.submit(lambda: list(_on_postgres(stack, said)))
        phases = [_run("SQLite", ["tests"], {})]
        phases += others.result()
        said.seek(0)
        print(said.read().decode(errors="replace"), flush=True)
    return _report(phases)


def _on_postgres(stack: ExitStack, said: IO[bytes]) -> Iterator[Phase]:
    try:
        database = stack.enter_context(servers.postgres())
    except servers.Unavailable as reason:
        yield Phase("PostgreSQL", why_not=str(reason))
        return
    folders = [folder for folder in ON_POSTGRES if (BASE / folder).is_dir()]
    wanted = "database and not browser and not product"
    yield _run("PostgreSQL", [*folders, "-m", wanted], {"DATABASE_URL": database}, said)
    try:
        bus = stack.enter_context(servers.redis())
    except servers.Unavailable as reason:
        yield Phase("PostgreSQL and Redis", why_not=str(reason))
        return
    folders = [folder for folder in WITH_REDIS if (BASE / folder).is_dir()]
    if folders:
        yield _run("PostgreSQL and Redis", folders, {"DATABASE_URL": database, "REDIS_URL": bus}, said)


def _run(
    name: str, arguments: list[str], environment: dict[str, str], said: IO[bytes] | None = None
) -> Phase:
    """Without `said` what pytest prints is seen at once."""
    phase = Phase(name)
    if said is None:
        print(f"\n=== {name} ===", flush=True)
    else:
        said.write(f"\n=== {name} ===\n".encode())
        said.flush()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        # Where nothing compiled is kept, each of a dozen processes compiles every module again.
        unwanted = {"DATABASE_URL", "REDIS_URL", "PYTHONDONTWRITEBYTECODE"}
        clean = {key: value for key, value in os.environ.items() if key not in unwanted}
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-n",
            str(_workers(beside=said is not None)),
            "-q",
            *arguments,
        ]
        started = time.monotonic()
        phase.code = subprocess.call(
            command, cwd=BASE, env=clean | environment | {"TEST_REPORT": str(report)}, stdout=said
        )
        phase.seconds = time.monotonic() - started
        if report.exists():
            told = json.loads(report.read_text())
            phase.counts, phase.failed = told["counts"], told["failed"]
            phase.ran, phase.skipped = set(told["ran"]), told["skipped"]
    if phase.code == 5:  # pytest: nothing was collected
        phase.code = 0
    return phase


def _workers(*, beside: bool) -> int:
    """A browser and an instance of the product run beside each worker; fewer than two gain nothing from waiting."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 2
    return max(1, cores // 2) if beside else max(2, cores)


def _report(phases: list[Phase]) -> int:
    missing = _not_run(phases)
    print("\n=== What did not run ===")
    print("\n".join(missing) if missing else "Everything ran.")
    failed = [f"FAILED ({phase.name}) {test}" for phase in phases for test in phase.failed]
    print("\n".join(["", *failed]) if failed else "")
    for phase in phases:
        if not phase.why_not:
            print(f"{phase.name:<24}{_counts(phase.counts)} in {phase.seconds:.2f}s")
    total: dict[str, int] = {}
    for phase in phases:
        for kind, count in phase.counts.items():
            total[kind] = total.get(kind, 0) + count
    broken = any(phase.code for phase in phases)
    required = bool(missing) and os.environ.get("REQUIRE_ALL") == "1"
    if required:
        print("REQUIRE_ALL=1: what did not run counts as a failure.")
    # SQLite runs beside the others.
    seconds = max(phases[0].seconds, sum(phase.seconds for phase in phases[1:]))
    line = f" {_counts(total)} in {seconds:.2f}s "
    print(line.center(100, "="), flush=True)
    return 1 if broken or required else 0


def _not_run(phases: list[Phase]) -> list[str]:
    """Tests that no phase ran (a test of SQLite's ticket is skipped on PostgreSQL, and that is right)."""
    ran: set[str] = set().union(*(phase.ran for phase in phases))
    reasons = {test: why for phase in phases for test, why in phase.skipped.items() if test not in ran}
    return [f"{phase.name}: {phase.why_not}" for phase in phases if phase.why_not] + [
        f"{test}: {why}" for test, why in sorted(reasons.items())
    ]


def _counts(counts: dict[str, int]) -> str:
    order = ("failed", "passed", "skipped", "deselected", "xfailed", "error")
    told = [f"{counts[kind]} {kind}" for kind in order if counts.get(kind)]
    return ", ".join(told) or "no tests ran"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
